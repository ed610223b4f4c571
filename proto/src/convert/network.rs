//! Networks, subnets, ports, quotas.

use ballast_model::{
    ids::SubnetId,
    network::Network,
    port::Port,
    quota::{Limits, Resource},
    subnet::{Ipv6Mode, Subnet},
};

use crate::v1;

/// The network as clients see it.
#[must_use]
pub fn to_network(network: &Network, subnets: &[SubnetId]) -> v1::Network {
    v1::Network {
        id: network.id.to_string(),
        project_id: network.project_id.clone(),
        name: network.name.clone(),
        shared: network.shared,
        admin_state_up: Some(network.admin_state_up),
        network_type: network.attachment.network_type.as_str().to_owned(),
        physical_network: network.attachment.physical_network.clone(),
        segmentation_id: network.attachment.segmentation_id,
        subnet_ids: subnets.iter().map(SubnetId::to_string).collect(),
        mtu: network.mtu,
    }
}

/// The subnet as clients see it.
#[must_use]
pub fn to_subnet(subnet: &Subnet) -> v1::Subnet {
    let pools = subnet.allocation_pools.iter();
    let routes = subnet.host_routes.iter();
    v1::Subnet {
        id: subnet.id.to_string(),
        project_id: subnet.project_id.clone(),
        name: subnet.name.clone(),
        network_id: subnet.network_id.to_string(),
        ip_version: if subnet.cidr.addr().is_ipv4() { 4 } else { 6 },
        cidr: subnet.cidr.to_string(),
        gateway_ip: Some(subnet.gateway_ip.map(|address| address.to_string()).unwrap_or_default()),
        allocation_pools: pools
            .map(|pool| v1::AllocationPool { start: pool.start.to_string(), end: pool.end.to_string() })
            .collect(),
        host_routes: routes
            .map(|route| v1::HostRoute {
                destination: route.destination.to_string(),
                next_hop: route.next_hop.to_string(),
            })
            .collect(),
        dns_nameservers: subnet.dns_nameservers.iter().map(ToString::to_string).collect(),
        enable_dhcp: Some(subnet.enable_dhcp),
        ipv6_ra_mode: subnet.ipv6_modes.ra.map_or("", Ipv6Mode::as_str).to_owned(),
        ipv6_address_mode: subnet.ipv6_modes.address.map_or("", Ipv6Mode::as_str).to_owned(),
    }
}

/// The port as clients see it.
#[must_use]
pub fn to_port(port: &Port) -> v1::Port {
    let fixed_ips = port.fixed_ips.iter();
    let fixed_ips = fixed_ips
        .map(|one| v1::FixedIp { subnet_id: one.subnet_id.to_string(), address: one.address.to_string() })
        .collect();
    v1::Port {
        id: port.id.to_string(),
        project_id: port.project_id.clone(),
        name: port.name.clone(),
        network_id: port.network_id.to_string(),
        mac_address: port.mac.to_string(),
        fixed_ips: Some(v1::FixedIps { fixed_ips }),
        device_id: port.device_id.clone(),
        device_owner: port.device_owner.clone(),
        admin_state_up: Some(port.admin_state_up),
        host_id: port.host.clone(),
    }
}

/// A project's limits as clients see them.
#[must_use]
pub fn to_quota(project_id: &str, limits: &Limits) -> v1::Quota {
    let of = |resource| Some(limits.of(resource).get());
    v1::Quota {
        project_id: project_id.to_owned(),
        network: of(Resource::Network),
        subnet: of(Resource::Subnet),
        port: of(Resource::Port),
        vip: of(Resource::Listener),
        pool: of(Resource::LoadBalancer),
        member: of(Resource::Member),
        health_monitor: of(Resource::HealthMonitor),
    }
}
