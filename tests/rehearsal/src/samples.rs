//! Load balancers to deploy.

use ballast_abi::{
    HealthMonitor, LbMethod, Listener, LoadBalancer, Member, MonitorType, PersistenceType, Pool, Protocol,
    SessionPersistence, Vip,
};
use ballast_device::Listed;
use proptest::prelude::*;

pub const ID: &str = "4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07";

/// A pool of two members behind a VIP.
#[must_use]
pub fn load_balancer(protocol: Protocol) -> LoadBalancer {
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

/// The same with HTTP, and checked.
#[must_use]
pub fn checked() -> LoadBalancer {
    let mut checked = load_balancer(Protocol::Http);
    checked.pools[0].monitors = vec![monitor(MonitorType::Http)];
    checked
}

/// Another load balancer, with the same members.
#[must_use]
pub fn another(id: &str, project: &str) -> LoadBalancer {
    let mut another = checked();
    another.pools[0].id = id.to_owned();
    another.listeners[0].default_pool_id = id.to_owned();
    another.vip.as_mut().unwrap().address = "192.0.2.20".into();
    LoadBalancer { id: id.to_owned(), project_id: project.to_owned(), ..another }
}

#[must_use]
pub fn member(number: u32) -> Member {
    Member {
        id: format!("member-{number}"),
        address: format!("10.0.0.{number}"),
        protocol_port: 8080,
        weight: 1,
        admin_state_up: true,
        ..Member::default()
    }
}

/// A member of the group `g`, with the server `s` and port 80.
#[must_use]
pub fn listed() -> Listed {
    Listed { pool: "p".into(), member: "m".into(), group: "g".into(), server: "s".into(), port: 80, checked: true }
}

#[must_use]
pub fn monitor(kind: MonitorType) -> HealthMonitor {
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
        ..HealthMonitor::default()
    }
}

#[must_use]
pub fn persistence(kind: PersistenceType, cookie_name: &str) -> SessionPersistence {
    SessionPersistence { r#type: kind.into(), cookie_name: cookie_name.to_owned(), ..SessionPersistence::default() }
}

/// Paths of everything that the API takes in one.
pub const ODD_PATHS: [&str; 5] =
    ["/odata/$metadata", "/f?filter[name]=x", "/it's", "/a''b'", "/-._~!$&'()*+,;=:@/?%20[]"];

/// What v1 can ask at its limits and beyond a device's: long texts, long times, large numbers.
pub fn any_extreme() -> impl Strategy<Value = LoadBalancer> {
    let number = || prop::sample::select(vec![0_u32, 1, 2, 180, 181, 20_939, 20_940, i32::MAX.unsigned_abs()]);
    let length = || prop::sample::select(vec![0_usize, 1, 31, 63, 64, 250, 255, 256, 500, 1024]);
    let limit = prop::sample::select(vec![-1, 0, 1, 8_000_000, 8_000_001, i32::MAX]);
    let port = prop::sample::select(vec![1_u32, 80, 65_534, 65_535]);
    let method = prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "OPTIONS", "get"]);
    let monitored = (number(), number(), length(), length(), method);
    (any_load_balancer(), monitored, (length(), limit, port)).prop_map(|(mut made, monitored, sizes)| {
        let (delay, timeout, path, codes, method) = monitored;
        let (cookie, limit, port) = sizes;
        made.listeners[0].connection_limit = limit;
        made.listeners[0].protocol_port = port;
        let pool = &mut made.pools[0];
        for monitor in &mut pool.monitors {
            (monitor.delay, monitor.timeout) = (delay, timeout);
            monitor.http_method = method.into();
            monitor.url_path = format!("/{}", "$x[é]'".chars().cycle().take(path).collect::<String>());
            monitor.expected_codes = (200..).take(codes / 4).map(|code| code.to_string()).collect::<Vec<_>>().join(",");
        }
        if let Some(persistence) = &mut pool.session_persistence {
            persistence.cookie_name = "s".repeat(cookie);
        }
        for member in &mut pool.members {
            member.protocol_port = port;
        }
        made
    })
}

/// Anything that v1 can ask.
pub fn any_load_balancer() -> impl Strategy<Value = LoadBalancer> {
    let members = prop::collection::vec((1_u32..6, 0_u32..=256, any::<bool>()), 0..5);
    let kinds = (1_i32..=3, 0_i32..=3, 0_i32..=4);
    let switches = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (members, kinds, switches, -1_i32..9).prop_map(|(members, (method, keep, check), (up, vip, http, six), limit)| {
        let mut made = load_balancer(if http { Protocol::Http } else { Protocol::Tcp });
        made.admin_state_up = up;
        made.listeners[0].connection_limit = limit;
        made.listeners[0].protocol_port = if up { 80 } else { 81 };
        if six {
            made.vip = made.vip.map(|vip| Vip { address: "2001:db8::1".into(), ..vip });
        }
        if !vip {
            made.vip = None;
        }
        let pool = &mut made.pools[0];
        pool.lb_method = LbMethod::try_from(method).unwrap().into();
        pool.session_persistence = PersistenceType::try_from(keep)
            .ok()
            .filter(|kind| *kind != PersistenceType::Unspecified)
            .map(|kind| persistence(kind, "SID"));
        pool.monitors = MonitorType::try_from(check)
            .ok()
            .filter(|kind| *kind != MonitorType::Unspecified)
            .map(|kind| HealthMonitor { delay: 200, ..monitor(kind) })
            .into_iter()
            .collect();
        pool.members = members
            .into_iter()
            .map(|(number, weight, up)| Member { weight, admin_state_up: up, ..member(number) })
            .collect();
        made
    })
}
