//! Load balancers for tests.

use ballast_abi::{
    HealthMonitor, L7Action, L7CompareType, L7Policy, L7Rule, L7RuleType, LbMethod, Listener, LoadBalancer, Member,
    MonitorType, Network, PersistenceType, Pool, Protocol, SessionPersistence, Vip,
};

use crate::{
    config::Config,
    page::Page,
    validate::{Validated, validate},
};

pub(crate) const ID: &str = "4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07";

/// A pool of two members behind an HTTP or other VIP.
pub(crate) fn load_balancer(protocol: Protocol) -> LoadBalancer {
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

pub(crate) fn vip(address: &str) -> Vip {
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

pub(crate) fn member(number: u32) -> Member {
    Member {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        address: format!("10.0.0.{}", 10 + number),
        protocol_port: 8080,
        weight: number,
        admin_state_up: true,
        ..Member::default()
    }
}

pub(crate) fn monitor(kind: MonitorType) -> HealthMonitor {
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

pub(crate) fn app_cookie(name: &str) -> SessionPersistence {
    let r#type = PersistenceType::AppCookie.into();
    SessionPersistence { r#type, cookie_name: name.into(), ..SessionPersistence::default() }
}

/// A policy of one rule, which compares with `value`, of the key `X-Key` where there is one.
pub(crate) fn policy(id: &str, action: L7Action, kind: L7RuleType, compare_type: L7CompareType) -> L7Policy {
    let with_key = matches!(kind, L7RuleType::Header | L7RuleType::Cookie);
    let to = |is: L7Action, what: &str| if action == is { what.to_owned() } else { String::new() };
    L7Policy {
        id: id.into(),
        name: "policy".into(),
        action: action.into(),
        redirect_pool_id: to(L7Action::RedirectToPool, ID),
        redirect_url: to(L7Action::RedirectToUrl, "https://example.org/gone?a=%20#b"),
        redirect_prefix: to(L7Action::RedirectPrefix, "https://example.org"),
        redirect_http_code: 301,
        rules: vec![L7Rule {
            id: format!("{id}-rule"),
            r#type: kind.into(),
            compare_type: compare_type.into(),
            key: if with_key { "X-Key".into() } else { String::new() },
            value: "value".into(),
            invert: false,
        }],
    }
}

/// With something in each text that a tenant can write.
pub(crate) fn with_texts() -> LoadBalancer {
    let mut asked = load_balancer(Protocol::Http);
    let monitor = monitor(MonitorType::Http);
    let (http_version, domain_name) = ("1.1".into(), "example.org".into());
    asked.pools[0].monitors = vec![HealthMonitor { http_version, domain_name, ..monitor }];
    asked.pools[0].session_persistence = Some(app_cookie("SID"));
    asked.pools[0].monitors[0].url_path = "/health".into();
    let listener = &mut asked.listeners[0];
    listener.allowed_cidrs = vec!["10.0.0.0/8".into()];
    listener.policies = vec![
        policy("url", L7Action::RedirectToUrl, L7RuleType::HostName, L7CompareType::EqualTo),
        policy("prefix", L7Action::RedirectPrefix, L7RuleType::FileType, L7CompareType::EqualTo),
        policy("regex", L7Action::Reject, L7RuleType::Path, L7CompareType::Regex),
        policy("header", L7Action::RedirectToPool, L7RuleType::Header, L7CompareType::Contains),
    ];
    listener.policies[0].redirect_url = "https://example.org/gone".into();
    asked
}

pub(crate) fn config() -> Config {
    let bridge_mappings = [("physnet1".to_owned(), "br-phys".to_owned())].into();
    Config { bridge_mappings, ..Config::default() }
}

pub(crate) fn page(load_balancer: &LoadBalancer) -> Page {
    Page::of(&validated(load_balancer), &config(), true)
}

pub(crate) fn validated(load_balancer: &LoadBalancer) -> Validated {
    validate(load_balancer, &config()).unwrap().0
}
