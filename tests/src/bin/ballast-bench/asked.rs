//! Load balancers as a driver is asked for them.

use std::net::Ipv4Addr;

use ballast_abi::{LbMethod, Listener, LoadBalancer, Member, Network, Pool, Protocol, Timeouts, Vip, features};

use crate::topology::{GATEWAY, PREFIX_LENGTH, vip};

/// Milliseconds: the API's usual ones.
const USUAL: Timeouts = Timeouts { client_data: 50_000, member_connect: 5_000, member_data: 50_000, tcp_inspect: 0 };

/// The nth load balancer, at the nth address: a listener at `port` for a pool of these members.
pub(crate) fn load_balancer(n: usize, protocol: Protocol, port: u16, members: &[(Ipv4Addr, u16)]) -> LoadBalancer {
    let pool_id = object(n, 2, 0);
    let listener = Listener {
        id: object(n, 1, 0),
        protocol: protocol.into(),
        protocol_port: port.into(),
        connection_limit: -1,
        default_pool_id: pool_id.clone(),
        admin_state_up: true,
        ..Listener::default()
    };
    let pool = Pool {
        id: pool_id,
        protocol: protocol.into(),
        lb_method: LbMethod::RoundRobin.into(),
        admin_state_up: true,
        members: members.iter().enumerate().map(|(number, at)| member(n, number, *at)).collect(),
        ..Pool::default()
    };
    let load_balancer = LoadBalancer {
        id: id(n),
        project_id: "bench".to_owned(),
        name: "bench".to_owned(),
        admin_state_up: true,
        vip: Some(address(n)),
        listeners: vec![listener],
        pools: vec![pool],
        ..LoadBalancer::default()
    };
    finished(load_balancer)
}

/// Of the nth load balancer.
pub(crate) fn id(n: usize) -> String {
    object(n, 0, 0)
}

/// Names of links are made of the first eleven characters of a port's id.
fn object(n: usize, kind: u8, number: usize) -> String {
    format!("{n:08x}-{kind:02x}00-4000-8000-{number:012}")
}

fn address(n: usize) -> Vip {
    let [.., high, low] = n.to_be_bytes();
    Vip {
        port_id: object(n, 3, 0),
        address: vip(n).to_string(),
        prefix_length: PREFIX_LENGTH.into(),
        mac: format!("fa:16:3e:fd:{high:02x}:{low:02x}"),
        gateway: GATEWAY.to_string(),
        network: Some(Network {
            id: "be9c0000-0000-4000-8000-000000000000".to_owned(),
            network_type: "bridge".to_owned(),
            physical_network: "physnet1".to_owned(),
            ..Network::default()
        }),
        ..Vip::default()
    }
}

fn member(n: usize, number: usize, (address, port): (Ipv4Addr, u16)) -> Member {
    Member {
        id: object(n, 4, number),
        address: address.to_string(),
        protocol_port: port.into(),
        weight: 1,
        admin_state_up: true,
        ..Member::default()
    }
}

/// The same with other weights: what serves is told.
pub(crate) fn with_weight(mut load_balancer: LoadBalancer, weight: u32) -> LoadBalancer {
    load_balancer.pools[0].members[0].weight = weight;
    load_balancer
}

/// The same with other timeouts: another haproxy takes the place of the one that serves.
pub(crate) fn with_timeout(mut load_balancer: LoadBalancer, client_data: u32) -> LoadBalancer {
    load_balancer.listeners[0].timeouts = Some(Timeouts { client_data, ..USUAL });
    finished(load_balancer)
}

fn finished(mut load_balancer: LoadBalancer) -> LoadBalancer {
    load_balancer.features = features::used_by(&load_balancer).into_iter().collect();
    load_balancer
}
