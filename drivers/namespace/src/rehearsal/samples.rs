//! Load balancers to ask for.

use ballast_abi::{HealthMonitor, LbMethod, Listener, LoadBalancer, Member, MonitorType, Network, Pool, Protocol, Vip};

pub const ID: &str = "4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07";

/// A pool of two members behind a VIP.
#[must_use]
pub fn load_balancer(protocol: Protocol) -> LoadBalancer {
    LoadBalancer {
        id: ID.into(),
        project_id: "demo".into(),
        name: "web\n    bind :1".into(),
        admin_state_up: true,
        vip: Some(vip("10.0.0.4")),
        listeners: vec![Listener {
            id: "7d2a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b4".into(),
            protocol: protocol.into(),
            protocol_port: 80,
            connection_limit: -1,
            default_pool_id: ID.into(),
            admin_state_up: true,
            ..Listener::default()
        }],
        pools: vec![Pool {
            id: ID.into(),
            protocol: protocol.into(),
            lb_method: LbMethod::RoundRobin.into(),
            admin_state_up: true,
            members: vec![member(1), member(2)],
            ..Pool::default()
        }],
        ..LoadBalancer::default()
    }
}

#[must_use]
pub fn vip(address: &str) -> Vip {
    Vip {
        port_id: "9f1b7c52-aaaa-4bbb-8ccc-0123456789ab".into(),
        address: address.into(),
        prefix_length: 24,
        mac: "fa:16:3e:00:00:04".into(),
        gateway: if address.contains(':') { "fd00::1" } else { "10.0.0.1" }.into(),
        routes: Vec::new(),
        network: Some(Network { id: "c0ffee00-1111-4222-8333-444444444444".into(), ..Network::default() }),
    }
}

#[must_use]
pub fn member(number: u32) -> Member {
    Member {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        address: format!("10.0.0.{}", 10 + number),
        protocol_port: 8080,
        weight: number,
        admin_state_up: true,
        ..Member::default()
    }
}

#[must_use]
pub fn monitor(kind: MonitorType) -> HealthMonitor {
    HealthMonitor {
        id: "11111111-2222-4333-8444-555555555555".into(),
        r#type: kind.into(),
        delay: 5,
        timeout: 3,
        max_retries: 4,
        http_method: "GET".into(),
        url_path: "/health?full=1".into(),
        expected_codes: "200-204".into(),
        admin_state_up: true,
        ..HealthMonitor::default()
    }
}
