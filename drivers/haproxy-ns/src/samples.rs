//! Load balancers for tests.

use ballast_abi::{
    HealthMonitor, L7Action, L7CompareType, L7Policy, L7Rule, L7RuleType, LoadBalancer, MonitorType, PersistenceType,
    Protocol, SessionPersistence,
};
pub(crate) use ballast_namespace::rehearsal::samples::{ID, load_balancer, member, monitor, vip};
use ballast_namespace::{host::Forwards, l4::knowledge::Knowledge};

use crate::{
    config::Config,
    desired::Desired,
    page::Page,
    validate::{Validated, validate},
};

/// Of secrets.
pub(crate) const FOLDER: &str = "/run/ballast-haproxy-ns/0/lb";

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
    Page::of(&validated(load_balancer), &config(), true, FOLDER)
}

pub(crate) fn validated(load_balancer: &LoadBalancer) -> Validated {
    validate(load_balancer, &config(), Forwards::default()).unwrap().0
}

/// All that a kernel can.
pub(crate) const KERNEL: Forwards = Forwards { udp: true, sctp: true, idle: true };

/// On a host whose kernel says who may connect, and serves what it is asked to.
pub(crate) fn desired(load_balancer: &LoadBalancer, generation: u64) -> Desired {
    let validated = validate(load_balancer, &config(), KERNEL).unwrap().0;
    let page = Page::of(&validated, &config(), true, FOLDER);
    let mut desired = Desired::of(&validated, page, generation).unwrap();
    desired.service = desired.forwarded.as_ref().map(|asked| asked.service(&Knowledge::default()));
    desired
}
