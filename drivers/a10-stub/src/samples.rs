//! Load balancers for tests.

use ballast_abi::{HealthMonitor, LbMethod, Listener, LoadBalancer, Member, MonitorType, Pool, Protocol, Vip};

pub(crate) const ID: &str = "4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07";

/// A pool of two members behind a VIP.
pub(crate) fn load_balancer(protocol: Protocol) -> LoadBalancer {
    LoadBalancer {
        id: ID.into(),
        project_id: "demo".into(),
        name: "web".into(),
        admin_state_up: true,
        vip: Some(Vip { address: "192.0.2.10".into(), prefix_length: 24, ..Vip::default() }),
        listeners: vec![Listener {
            id: "listener".into(),
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

pub(crate) fn member(number: u32) -> Member {
    Member {
        id: format!("member-{number}"),
        address: format!("10.0.0.{number}"),
        protocol_port: 8080,
        weight: 1,
        admin_state_up: true,
    }
}

pub(crate) fn monitor(kind: MonitorType) -> HealthMonitor {
    HealthMonitor {
        id: "monitor".into(),
        r#type: kind.into(),
        delay: 5,
        timeout: 3,
        max_retries: 4,
        http_method: "GET".into(),
        url_path: "/health".into(),
        expected_codes: "200, 202-204".into(),
        admin_state_up: true,
    }
}
