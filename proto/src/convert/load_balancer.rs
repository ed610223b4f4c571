//! What goes to an agent: the whole load balancer, with all that a driver needs.

use std::net::IpAddr;

use ballast_model::{
    features::used,
    health_monitor::HealthMonitor,
    listener::{Address, Listener, Timeouts, Vip},
    load_balancer::{HttpAnswer, LoadBalancer},
    network::Subnetwork,
    pool::Pool,
    status::OperatingStatus,
};

use super::{
    enums::{to_lb_method, to_monitor_type, to_persistence, to_protocol},
    layer7::to_policy,
    tls::{to_listener_tls, to_pool_tls},
};
use crate::driver;

/// The features that the load balancer uses, as they travel.
#[must_use]
pub fn features(load_balancer: &LoadBalancer) -> Vec<String> {
    used(load_balancer).into_iter().collect()
}

/// The load balancer for a driver; `subnetwork` is that of its vip, `additional` are those of its other addresses.
#[must_use]
pub fn to_driver(
    load_balancer: &LoadBalancer,
    subnetwork: Option<&Subnetwork>,
    additional: &[Subnetwork],
) -> driver::LoadBalancer {
    driver::LoadBalancer {
        id: load_balancer.id.to_string(),
        project_id: load_balancer.project_id.clone(),
        name: load_balancer.name.clone(),
        admin_state_up: load_balancer.admin_state_up,
        vip: load_balancer.vip.as_ref().zip(subnetwork).map(|(vip, found)| to_vip(vip, found)),
        listeners: load_balancer.listeners.iter().map(to_listener).collect(),
        pools: load_balancer.pools.iter().map(to_pool).collect(),
        features: features(load_balancer),
        known_health: Some(known_health(load_balancer)),
        additional_vips: load_balancer.vip.as_ref().map(|vip| to_additional(vip, additional)).unwrap_or_default(),
        flavor_data: load_balancer.flavor_data.clone(),
        http_answers: load_balancer.http_answers.iter().map(to_answer).collect(),
        unconfirmed: false,
        side: None,
        silent: false,
    }
}

fn to_answer(answer: &HttpAnswer) -> driver::HttpAnswer {
    driver::HttpAnswer { path: answer.path.clone(), content: answer.content.clone() }
}

fn known_health(load_balancer: &LoadBalancer) -> driver::KnownHealth {
    let monitored = load_balancer.pools.iter().filter(|pool| pool.is_monitored());
    let members = monitored.flat_map(|pool| {
        pool.members.iter().filter_map(|member| {
            let health = match member.operating_status {
                OperatingStatus::Online => driver::Health::Up,
                OperatingStatus::Offline => driver::Health::Down,
                OperatingStatus::Unknown => return None,
            };
            let (pool_id, member_id) = (pool.id.to_string(), member.id.to_string());
            Some(driver::MemberHealth { pool_id, member_id, health: health.into(), ..driver::MemberHealth::default() })
        })
    });
    driver::KnownHealth { members: members.collect() }
}

/// At the same port, and with the same MAC address.
fn to_additional(vip: &Vip, subnetworks: &[Subnetwork]) -> Vec<driver::Vip> {
    let of = |one: &Address| subnetworks.iter().find(|found| found.subnet.id == one.subnet_id);
    let addresses = vip.additional.iter().filter_map(|one| Some((one, of(one)?)));
    addresses.map(|(one, found)| driver::Vip { address: one.address.to_string(), ..to_vip(vip, found) }).collect()
}

fn to_vip(vip: &Vip, Subnetwork { network, subnet }: &Subnetwork) -> driver::Vip {
    // Where a subnet has no gateway, a host route for everything is as good.
    let is_default = |route: &&ballast_model::subnet::Route| route.destination.prefix_len() == 0;
    let default = subnet.host_routes.iter().find(is_default).map(|route| route.next_hop);
    let gateway: Option<IpAddr> = subnet.gateway_ip.or(default);
    driver::Vip {
        port_id: vip.port_id.to_string(),
        address: vip.address.to_string(),
        prefix_length: subnet.cidr.prefix_len().into(),
        mac: vip.mac.to_string(),
        gateway: gateway.map(|address| address.to_string()).unwrap_or_default(),
        routes: subnet
            .host_routes
            .iter()
            .filter(|route| !is_default(route))
            .map(|route| driver::Route {
                destination: route.destination.to_string(),
                next_hop: route.next_hop.to_string(),
            })
            .collect(),
        network: Some(driver::Network {
            id: network.id.to_string(),
            network_type: network.attachment.network_type.as_str().to_owned(),
            physical_network: network.attachment.physical_network.clone(),
            segmentation_id: network.attachment.segmentation_id,
            mtu: network.mtu,
        }),
    }
}

fn to_listener(listener: &Listener) -> driver::Listener {
    driver::Listener {
        id: listener.id.to_string(),
        name: listener.name.clone(),
        protocol: to_protocol(listener.protocol).into(),
        protocol_port: listener.protocol_port.into(),
        connection_limit: listener.connection_limit,
        default_pool_id: listener.default_pool_id.map(|id| id.to_string()).unwrap_or_default(),
        admin_state_up: listener.admin_state_up,
        timeouts: (listener.timeouts != Timeouts::DEFAULT).then_some(driver::Timeouts {
            client_data: listener.timeouts.client_data,
            member_connect: listener.timeouts.member_connect,
            member_data: listener.timeouts.member_data,
            tcp_inspect: listener.timeouts.tcp_inspect,
        }),
        insert_headers: listener
            .acting_headers()
            .map(|names| driver::InsertHeaders { names: names.into_iter().map(str::to_owned).collect() }),
        allowed_cidrs: listener.allowed_cidrs.iter().map(ToString::to_string).collect(),
        policies: listener.policies.iter().filter(|policy| policy.acts()).map(to_policy).collect(),
        tls: listener.ending_tls().map(to_listener_tls),
    }
}

fn to_pool(pool: &Pool) -> driver::Pool {
    driver::Pool {
        id: pool.id.to_string(),
        name: pool.name.clone(),
        protocol: to_protocol(pool.protocol).into(),
        lb_method: to_lb_method(pool.lb_method).into(),
        session_persistence: pool.session_persistence.as_ref().map(|persistence| driver::SessionPersistence {
            persistence_timeout: pool.memory.timeout.unwrap_or_default(),
            persistence_granularity: pool.memory.granularity.clone().unwrap_or_default(),
            ..to_persistence(persistence)
        }),
        tls: pool.tls.as_deref().filter(|tls| tls.enabled).map(to_pool_tls),
        admin_state_up: pool.admin_state_up,
        members: pool
            .members
            .iter()
            .map(|member| driver::Member {
                id: member.id.to_string(),
                address: member.address.to_string(),
                protocol_port: member.protocol_port.into(),
                weight: member.weight.into(),
                admin_state_up: member.admin_state_up,
                backup: member.backup,
                monitor_address: member.monitor_address.map(|address| address.to_string()).unwrap_or_default(),
                monitor_port: member.monitor_port.unwrap_or_default().into(),
                subnet_id: member.subnet_id.map(|id| id.to_string()).unwrap_or_default(),
            })
            .collect(),
        monitors: pool.monitors.iter().map(|association| to_monitor(&association.monitor)).collect(),
    }
}

fn to_monitor(monitor: &HealthMonitor) -> driver::HealthMonitor {
    driver::HealthMonitor {
        id: monitor.id.to_string(),
        r#type: to_monitor_type(monitor.kind).into(),
        delay: monitor.delay,
        timeout: monitor.timeout,
        max_retries: monitor.max_retries,
        http_method: monitor.http_method.clone(),
        url_path: monitor.url_path.clone(),
        expected_codes: monitor.expected_codes.clone(),
        admin_state_up: monitor.admin_state_up,
        rise: monitor.rise,
        domain_name: monitor.domain_name.clone().unwrap_or_default(),
        http_version: monitor.http_version.map(|version| version.as_str().to_owned()).unwrap_or_default(),
    }
}
