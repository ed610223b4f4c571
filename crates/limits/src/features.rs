//! Features: the words in which a load balancer says what it needs and a driver what it can do. This is the one list; who
//! finds them in a load balancer has to find each of them.

pub use crate::shapes::{LISTENERS_MANY, LISTENERS_NONE, POOL_NONE, POOL_SHARED, POOLS_MANY, POOLS_NONE, SHAPES};

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
/// An address of the load balancer, of a member or for its checks is one of IPv6.
pub const IPV6: &str = "ipv6";

pub const PROTOCOL_TERMINATED_HTTPS: &str = "protocol:TERMINATED_HTTPS";
pub const PROTOCOL_UDP: &str = "protocol:UDP";
pub const PROTOCOL_SCTP: &str = "protocol:SCTP";
pub const PROTOCOL_PROMETHEUS: &str = "protocol:PROMETHEUS";
pub const PROTOCOL_PROXY: &str = "protocol:PROXY";
pub const PROTOCOL_PROXYV2: &str = "protocol:PROXYV2";
pub const LB_METHOD_SOURCE_IP_PORT: &str = "lb_method:SOURCE_IP_PORT";
/// Of UDP and SCTP: how long a client is remembered.
pub const PERSISTENCE_TIMEOUT: &str = "persistence:timeout";
/// Of UDP and SCTP: how much of a client's address counts.
pub const PERSISTENCE_GRANULARITY: &str = "persistence:granularity";
pub const MONITOR_TLS_HELLO: &str = "monitor:TLS-HELLO";
pub const MONITOR_UDP_CONNECT: &str = "monitor:UDP-CONNECT";
pub const MONITOR_SCTP: &str = "monitor:SCTP";
/// A member that was down comes back after more than one passed check.
pub const MONITOR_RISE: &str = "monitor:rise";
/// HTTP checks have a Host.
pub const MONITOR_DOMAIN_NAME: &str = "monitor:domain_name";
/// HTTP checks are of a version that was asked for.
pub const MONITOR_HTTP_VERSION: &str = "monitor:http_version";
/// A listener's timeouts are not the usual ones.
pub const LISTENER_TIMEOUTS: &str = "listener:timeouts";
pub const LISTENER_ALLOWED_CIDRS: &str = "listener:allowed_cidrs";
pub const LISTENER_HSTS: &str = "listener:hsts";
pub const LISTENER_CLIENT_AUTHENTICATION: &str = "listener:client_authentication";
pub const MEMBER_BACKUP: &str = "member:backup";
pub const MEMBER_MONITOR_ADDRESS: &str = "member:monitor_address";
pub const MEMBER_MONITOR_PORT: &str = "member:monitor_port";
/// The load balancer answers some requests itself.
pub const HTTP_ANSWERS: &str = "http:answers";
/// It has a standby: it is on two hosts, and one of the two answers.
pub const TOPOLOGY_ACTIVE_STANDBY: &str = "topology:ACTIVE_STANDBY";
/// More addresses than one.
pub const VIP_ADDITIONAL: &str = "vip:additional";
/// TLS to members.
pub const POOL_TLS: &str = "pool:tls";
/// A pool behind a listener of another protocol, as [`is_other_protocol`] says.
pub const POOL_OTHER_PROTOCOL: &str = "pool:other_protocol";

/// It can be made ready before it answers, and finishes what is under way before it goes.
pub const DEPLOY_SILENT: &str = "deploy:silent";

/// What no load balancer asks for by itself: how it moves.
pub const WAYS: [&str; 1] = [DEPLOY_SILENT];

/// All that LBaaS v1 can ask for. Of the [`SHAPES`] it knows none: one pool, and at most one listener, with that pool.
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

/// What LBaaS v2 can ask for besides, a flavor among it, without that which has a list of its own: [`HEADERS`], [`L7_ACTIONS`] and [`L7_RULES`].
pub const ALL_V2: [&str; 27] = [
    PROTOCOL_TERMINATED_HTTPS,
    PROTOCOL_UDP,
    PROTOCOL_SCTP,
    PROTOCOL_PROMETHEUS,
    PROTOCOL_PROXY,
    PROTOCOL_PROXYV2,
    LB_METHOD_SOURCE_IP_PORT,
    PERSISTENCE_TIMEOUT,
    PERSISTENCE_GRANULARITY,
    MONITOR_TLS_HELLO,
    MONITOR_UDP_CONNECT,
    MONITOR_SCTP,
    MONITOR_RISE,
    MONITOR_DOMAIN_NAME,
    MONITOR_HTTP_VERSION,
    LISTENER_TIMEOUTS,
    LISTENER_ALLOWED_CIDRS,
    LISTENER_HSTS,
    LISTENER_CLIENT_AUTHENTICATION,
    MEMBER_BACKUP,
    MEMBER_MONITOR_ADDRESS,
    MEMBER_MONITOR_PORT,
    HTTP_ANSWERS,
    VIP_ADDITIONAL,
    POOL_TLS,
    POOL_OTHER_PROTOCOL,
    TOPOLOGY_ACTIVE_STANDBY,
];

/// Headers that requests to members can get: as [`header`] says it.
pub const HEADERS: [&str; 14] = [
    "header:X-Forwarded-For",
    "header:X-Forwarded-Port",
    "header:X-Forwarded-Proto",
    "header:X-Forwarded-IP",
    "header:X-Client-IP",
    "header:X-Real-IP",
    "header:X-SSL-Client-Verify",
    "header:X-SSL-Client-Has-Cert",
    "header:X-SSL-Client-DN",
    "header:X-SSL-Client-CN",
    "header:X-SSL-Issuer",
    "header:X-SSL-Client-SHA1",
    "header:X-SSL-Client-Not-Before",
    "header:X-SSL-Client-Not-After",
];

/// What policies can do: as [`l7_action`] says it.
pub const L7_ACTIONS: [&str; 4] =
    ["l7:action:REJECT", "l7:action:REDIRECT_TO_URL", "l7:action:REDIRECT_TO_POOL", "l7:action:REDIRECT_PREFIX"];

/// What rules can compare, and how: as [`l7_rule`] says it.
pub const L7_RULES: [&str; 29] = [
    "l7:rule:HOST_NAME:REGEX",
    "l7:rule:HOST_NAME:STARTS_WITH",
    "l7:rule:HOST_NAME:ENDS_WITH",
    "l7:rule:HOST_NAME:CONTAINS",
    "l7:rule:HOST_NAME:EQUAL_TO",
    "l7:rule:PATH:REGEX",
    "l7:rule:PATH:STARTS_WITH",
    "l7:rule:PATH:ENDS_WITH",
    "l7:rule:PATH:CONTAINS",
    "l7:rule:PATH:EQUAL_TO",
    "l7:rule:FILE_TYPE:REGEX",
    "l7:rule:FILE_TYPE:EQUAL_TO",
    "l7:rule:HEADER:REGEX",
    "l7:rule:HEADER:STARTS_WITH",
    "l7:rule:HEADER:ENDS_WITH",
    "l7:rule:HEADER:CONTAINS",
    "l7:rule:HEADER:EQUAL_TO",
    "l7:rule:COOKIE:REGEX",
    "l7:rule:COOKIE:STARTS_WITH",
    "l7:rule:COOKIE:ENDS_WITH",
    "l7:rule:COOKIE:CONTAINS",
    "l7:rule:COOKIE:EQUAL_TO",
    "l7:rule:SSL_CONN_HAS_CERT:EQUAL_TO",
    "l7:rule:SSL_VERIFY_RESULT:EQUAL_TO",
    "l7:rule:SSL_DN_FIELD:REGEX",
    "l7:rule:SSL_DN_FIELD:STARTS_WITH",
    "l7:rule:SSL_DN_FIELD:ENDS_WITH",
    "l7:rule:SSL_DN_FIELD:CONTAINS",
    "l7:rule:SSL_DN_FIELD:EQUAL_TO",
];

/// All words of this version.
pub fn all() -> impl Iterator<Item = &'static str> {
    ALL_V1.into_iter().chain(SHAPES).chain(ALL_V2).chain(HEADERS).chain(L7_ACTIONS).chain(L7_RULES).chain(WAYS)
}

/// The word of a header's name.
#[must_use]
pub fn header(name: &str) -> String {
    format!("header:{name}")
}

/// The word of a policy's action.
#[must_use]
pub fn l7_action(action: &str) -> String {
    format!("l7:action:{action}")
}

/// The word of a rule's type and comparison.
#[must_use]
pub fn l7_rule(kind: &str, comparison: &str) -> String {
    format!("l7:rule:{kind}:{comparison}")
}

/// Whether a pool of this protocol behind a listener of that one is [`POOL_OTHER_PROTOCOL`]. Within TLS that ends at the
/// listener is HTTP.
#[must_use]
pub fn is_other_protocol(listener: &str, pool: &str) -> bool {
    let inside = if listener == "TERMINATED_HTTPS" { "HTTP" } else { listener };
    inside != pool
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_word_is_there_twice_and_lists_are_of_their_words() {
        assert_eq!(all().count(), all().collect::<BTreeSet<_>>().len());
        assert!(HEADERS.contains(&header("X-Real-IP").as_str()));
        assert!(L7_ACTIONS.contains(&l7_action("REJECT").as_str()));
        assert!(L7_RULES.contains(&l7_rule("FILE_TYPE", "EQUAL_TO").as_str()));
    }

    #[test]
    fn what_ends_tls_is_http_inside() {
        assert!(!is_other_protocol("HTTP", "HTTP"));
        assert!(!is_other_protocol("TERMINATED_HTTPS", "HTTP"));
        assert!(is_other_protocol("TCP", "HTTP"));
        assert!(is_other_protocol("HTTP", "PROXY"));
    }
}
