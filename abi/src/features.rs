//! Features: the words in which a load balancer says what it needs and a driver what it can do.
//!
//! A feature that a driver does not know must never be silently ignored. Therefore the check here runs in front of
//! every deploy, on what the request says it uses **and** on what it is seen to use; an enum value from a newer schema
//! counts as a feature that nobody declared.

mod used;

use std::collections::BTreeSet;

pub use ballast_limits::features::{
    ALL_V1, ALL_V2, DEPLOY_SILENT, HEADERS, HTTP_ANSWERS, IPV6, L7_ACTIONS, L7_RULES, LB_METHOD_LEAST_CONNECTIONS,
    LB_METHOD_ROUND_ROBIN, LB_METHOD_SOURCE_IP, LB_METHOD_SOURCE_IP_PORT, LISTENER_ALLOWED_CIDRS,
    LISTENER_CLIENT_AUTHENTICATION, LISTENER_HSTS, LISTENER_TIMEOUTS, LISTENERS_MANY, LISTENERS_NONE, MEMBER_BACKUP,
    MEMBER_MONITOR_ADDRESS, MEMBER_MONITOR_PORT, MONITOR_DOMAIN_NAME, MONITOR_HTTP, MONITOR_HTTP_VERSION,
    MONITOR_HTTPS, MONITOR_PING, MONITOR_RISE, MONITOR_SCTP, MONITOR_TCP, MONITOR_TLS_HELLO, MONITOR_UDP_CONNECT,
    PERSISTENCE_APP_COOKIE, PERSISTENCE_GRANULARITY, PERSISTENCE_HTTP_COOKIE, PERSISTENCE_SOURCE_IP,
    PERSISTENCE_TIMEOUT, POOL_NONE, POOL_OTHER_PROTOCOL, POOL_SHARED, POOL_TLS, POOLS_MANY, POOLS_NONE, PROTOCOL_HTTP,
    PROTOCOL_HTTPS, PROTOCOL_PROMETHEUS, PROTOCOL_PROXY, PROTOCOL_PROXYV2, PROTOCOL_SCTP, PROTOCOL_TCP,
    PROTOCOL_TERMINATED_HTTPS, PROTOCOL_UDP, SHAPES, TOPOLOGY_ACTIVE_STANDBY, VIP_ADDITIONAL, WAYS, all, header,
};
pub use used::used_by;

use crate::{Capabilities, DriverError, LoadBalancer};

/// Capabilities with these features and no limits.
pub fn capabilities<'a>(features: impl IntoIterator<Item = &'a str>) -> Capabilities {
    Capabilities { features: features.into_iter().map(str::to_owned).collect(), ..Capabilities::default() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, LbMethod, Listener, Member, PersistenceType, Pool, Protocol, SessionPersistence, Vip};

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
                    ..SessionPersistence::default()
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
