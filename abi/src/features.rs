//! Features: the words in which a load balancer says what it needs and a driver what it can do.
//!
//! A feature that a driver does not know must never be silently ignored. Therefore the check here runs in front of
//! every deploy, on what the request says it uses **and** on what it is seen to use; an enum value from a newer schema
//! counts as a feature that nobody declared.

use std::{collections::BTreeSet, net::Ipv6Addr};

use ballast_limits::shapes::Outline;
pub use ballast_limits::shapes::{
    LISTENERS_MANY, LISTENERS_NONE, POOL_NONE, POOL_SHARED, POOLS_MANY, POOLS_NONE, SHAPES,
};

use crate::{Capabilities, DriverError, LbMethod, LoadBalancer, MonitorType, PersistenceType, Protocol};

pub const PROTOCOL_TCP: &str = "protocol:TCP";
pub const PROTOCOL_HTTP: &str = "protocol:HTTP";
pub const PROTOCOL_HTTPS: &str = "protocol:HTTPS";
pub const LB_METHOD_ROUND_ROBIN: &str = "lb_method:ROUND_ROBIN";
pub const LB_METHOD_LEAST_CONNECTIONS: &str = "lb_method:LEAST_CONNECTIONS";
pub const LB_METHOD_SOURCE_IP: &str = "lb_method:SOURCE_IP";
pub const PERSISTENCE_SOURCE_IP: &str = "persistence:SOURCE_IP";
pub const PERSISTENCE_HTTP_COOKIE: &str = "persistence:HTTP_COOKIE";
pub const PERSISTENCE_APP_COOKIE: &str = "persistence:APP_COOKIE";
pub const MONITOR_PING: &str = "monitor:PING";
pub const MONITOR_TCP: &str = "monitor:TCP";
pub const MONITOR_HTTP: &str = "monitor:HTTP";
pub const MONITOR_HTTPS: &str = "monitor:HTTPS";
/// The VIP or a member has an IPv6 address.
pub const IPV6: &str = "ipv6";

/// All that the LBaaS v1 API can ask for. Of the [`SHAPES`] it knows none: one pool, and at most one listener, with that pool.
pub const ALL_V1: [&str; 14] = [
    PROTOCOL_TCP,
    PROTOCOL_HTTP,
    PROTOCOL_HTTPS,
    LB_METHOD_ROUND_ROBIN,
    LB_METHOD_LEAST_CONNECTIONS,
    LB_METHOD_SOURCE_IP,
    PERSISTENCE_SOURCE_IP,
    PERSISTENCE_HTTP_COOKIE,
    PERSISTENCE_APP_COOKIE,
    MONITOR_PING,
    MONITOR_TCP,
    MONITOR_HTTP,
    MONITOR_HTTPS,
    IPV6,
];

/// All words of this version: [`ALL_V1`], and the [`SHAPES`].
pub fn all() -> impl Iterator<Item = &'static str> {
    ALL_V1.into_iter().chain(SHAPES)
}

/// Capabilities with these features and no limits.
pub fn capabilities<'a>(features: impl IntoIterator<Item = &'a str>) -> Capabilities {
    Capabilities { features: features.into_iter().map(str::to_owned).collect(), ..Capabilities::default() }
}

/// The features that a load balancer is seen to use. A value that this version does not know is named by its number,
/// as in `lb_method:7`, so that no driver can have declared it.
#[must_use]
pub fn used_by(load_balancer: &LoadBalancer) -> BTreeSet<String> {
    let mut used: BTreeSet<String> = outline(load_balancer).shapes().into_iter().map(str::to_owned).collect();
    for listener in &load_balancer.listeners {
        used.insert(protocol(listener.protocol));
    }
    for pool in &load_balancer.pools {
        used.insert(protocol(pool.protocol));
        used.insert(lb_method(pool.lb_method));
        used.extend(pool.session_persistence.iter().map(|persistence| persistence_type(persistence.r#type)));
        used.extend(pool.monitors.iter().map(|monitor| monitor_type(monitor.r#type)));
    }
    let members = load_balancer.pools.iter().flat_map(|pool| &pool.members).map(|member| &member.address);
    if load_balancer.vip.iter().map(|vip| &vip.address).chain(members).any(|address| is_ipv6(address)) {
        used.insert(IPV6.to_owned());
    }
    used
}

fn outline(load_balancer: &LoadBalancer) -> Outline<&str> {
    Outline {
        has_address: load_balancer.vip.is_some(),
        listeners: load_balancer.listeners.iter().map(|listener| listener.default_pool_id.as_str()).collect(),
        pools: load_balancer.pools.iter().map(|pool| pool.id.as_str()).collect(),
    }
}

/// Refuses a load balancer that uses what the driver did not declare, or has more members than it declared to take.
///
/// # Errors
/// UNSUPPORTED, naming every such feature.
pub fn check(load_balancer: &LoadBalancer, capabilities: &Capabilities) -> Result<(), DriverError> {
    let declared: BTreeSet<&str> = capabilities.features.iter().map(String::as_str).collect();
    let mut used = used_by(load_balancer);
    used.extend(load_balancer.features.iter().cloned());
    let missing: Vec<String> = used.into_iter().filter(|feature| !declared.contains(feature.as_str())).collect();
    if !missing.is_empty() {
        return Err(DriverError::unsupported(format!("the driver does not support {}", missing.join(", "))));
    }
    let members: usize = load_balancer.pools.iter().map(|pool| pool.members.len()).sum();
    let limit = capabilities.max_members;
    if limit > 0 && members > limit as usize {
        return Err(DriverError::unsupported(format!(
            "the driver takes at most {limit} members in a load balancer, and this one has {members}"
        )));
    }
    Ok(())
}

fn protocol(value: i32) -> String {
    match Protocol::try_from(value) {
        Ok(Protocol::Tcp) => PROTOCOL_TCP.to_owned(),
        Ok(Protocol::Http) => PROTOCOL_HTTP.to_owned(),
        Ok(Protocol::Https) => PROTOCOL_HTTPS.to_owned(),
        Ok(Protocol::Unspecified) | Err(_) => format!("protocol:{value}"),
    }
}

fn lb_method(value: i32) -> String {
    match LbMethod::try_from(value) {
        Ok(LbMethod::RoundRobin) => LB_METHOD_ROUND_ROBIN.to_owned(),
        Ok(LbMethod::LeastConnections) => LB_METHOD_LEAST_CONNECTIONS.to_owned(),
        Ok(LbMethod::SourceIp) => LB_METHOD_SOURCE_IP.to_owned(),
        Ok(LbMethod::Unspecified) | Err(_) => format!("lb_method:{value}"),
    }
}

fn persistence_type(value: i32) -> String {
    match PersistenceType::try_from(value) {
        Ok(PersistenceType::SourceIp) => PERSISTENCE_SOURCE_IP.to_owned(),
        Ok(PersistenceType::HttpCookie) => PERSISTENCE_HTTP_COOKIE.to_owned(),
        Ok(PersistenceType::AppCookie) => PERSISTENCE_APP_COOKIE.to_owned(),
        Ok(PersistenceType::Unspecified) | Err(_) => format!("persistence:{value}"),
    }
}

fn monitor_type(value: i32) -> String {
    match MonitorType::try_from(value) {
        Ok(MonitorType::Ping) => MONITOR_PING.to_owned(),
        Ok(MonitorType::Tcp) => MONITOR_TCP.to_owned(),
        Ok(MonitorType::Http) => MONITOR_HTTP.to_owned(),
        Ok(MonitorType::Https) => MONITOR_HTTPS.to_owned(),
        Ok(MonitorType::Unspecified) | Err(_) => format!("monitor:{value}"),
    }
}

fn is_ipv6(address: &str) -> bool {
    address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, Listener, Member, Pool, SessionPersistence, Vip};

    fn load_balancer() -> LoadBalancer {
        LoadBalancer {
            vip: Some(Vip { address: "10.0.0.1".into(), ..Vip::default() }),
            listeners: vec![Listener { protocol: Protocol::Http.into(), ..Listener::default() }],
            pools: vec![Pool {
                protocol: Protocol::Http.into(),
                lb_method: LbMethod::SourceIp.into(),
                session_persistence: Some(SessionPersistence {
                    r#type: PersistenceType::AppCookie.into(),
                    cookie_name: "SID".into(),
                }),
                members: vec![Member { address: "fd00::1".into(), ..Member::default() }],
                ..Pool::default()
            }],
            ..LoadBalancer::default()
        }
    }

    #[test]
    fn features_are_seen_in_the_content() {
        let used: Vec<String> = used_by(&load_balancer()).into_iter().collect();
        assert_eq!(used, [IPV6, LB_METHOD_SOURCE_IP, PERSISTENCE_APP_COOKIE, PROTOCOL_HTTP]);
    }

    #[test]
    fn a_shape_that_was_not_declared_is_refused_though_nobody_lists_it() {
        let mut asked = load_balancer();
        asked.listeners.push(asked.listeners[0].clone());
        let error = check(&asked, &capabilities(ALL_V1)).unwrap_err();
        assert_eq!(error.message, "the driver does not support listeners:many, pool:shared");
        assert_eq!(check(&asked, &capabilities(all())), Ok(()));
        let nothing = LoadBalancer::default();
        assert_eq!(
            check(&nothing, &capabilities(ALL_V1)).unwrap_err().message,
            "the driver does not support pools:none"
        );
    }

    #[test]
    fn the_words_in_the_document_are_all_there_are() {
        let document = include_str!("../../drivers/README.md");
        let table = document.split("## What a driver can declare").nth(1).unwrap().split("\n\n").nth(2).unwrap();
        let words = table.lines().skip(2).filter_map(|line| line.split(" | ").next());
        let words: Vec<&str> = words.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        assert_eq!(words, all().collect::<Vec<_>>());
    }

    #[test]
    fn what_all_v1_declares_is_accepted() {
        assert_eq!(check(&load_balancer(), &capabilities(ALL_V1)), Ok(()));
    }

    #[test]
    fn a_listed_feature_that_was_not_declared_is_refused_by_name() {
        let mut asked = load_balancer();
        asked.features = vec!["tls:1.3".into()];
        let error = check(&asked, &capabilities(ALL_V1)).unwrap_err();
        assert_eq!(error.code, ErrorCode::UNSUPPORTED);
        assert_eq!(error.message, "the driver does not support tls:1.3");
    }

    #[test]
    fn more_members_than_were_declared_are_refused() {
        let mut declared = Capabilities { max_members: 1, ..capabilities(ALL_V1) };
        let mut asked = load_balancer();
        assert_eq!(check(&asked, &declared), Ok(()));
        asked.pools[0].members.push(Member::default());
        let error = check(&asked, &declared).unwrap_err();
        assert_eq!(error.message, "the driver takes at most 1 members in a load balancer, and this one has 2");
        declared.max_members = 0;
        assert_eq!(check(&asked, &declared), Ok(()));
    }

    #[test]
    fn an_unlisted_feature_is_refused_when_it_is_used() {
        let declared = capabilities(ALL_V1.into_iter().filter(|feature| *feature != IPV6));
        assert_eq!(check(&load_balancer(), &declared).unwrap_err().message, "the driver does not support ipv6");
    }

    #[test]
    fn an_enum_value_of_a_newer_schema_is_refused() {
        let mut asked = load_balancer();
        asked.pools[0].lb_method = 7;
        let error = check(&asked, &capabilities(ALL_V1)).unwrap_err();
        assert_eq!(error.message, "the driver does not support lb_method:7");
    }

    #[test]
    fn an_enum_value_that_was_not_set_is_refused() {
        let mut asked = load_balancer();
        asked.listeners[0].protocol = 0;
        assert_eq!(check(&asked, &capabilities(ALL_V1)).unwrap_err().message, "the driver does not support protocol:0");
    }
}
