//! What can be chosen in forms: each as REST spells it, and as a person reads it.

use ballast_proto::driver::{
    ClientAuthentication, L7Action, L7CompareType, L7RuleType, LbMethod, MonitorType, PersistenceType, Protocol,
};

type Choices = Vec<(String, String)>;

fn choices<T>(all: &[(&str, &str, T)]) -> Choices {
    all.iter().map(|(name, text, _)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// What is not known has no name.
fn name_of<T: PartialEq>(all: &[(&'static str, &str, T)], value: &T) -> &'static str {
    all.iter().find(|(.., known)| known == value).map_or("", |(name, ..)| *name)
}

/// What is not known is unspecified, which the scheduler refuses by name.
fn named<T: Copy + Default>(all: &[(&str, &str, T)], name: &str) -> T {
    all.iter().find(|(known, ..)| *known == name).map(|(.., value)| *value).unwrap_or_default()
}

/// Of listeners, and of their pools.
const PROTOCOLS: [(&str, &str, Protocol); 5] = [
    ("HTTP", "HTTP", Protocol::Http),
    ("HTTPS", "HTTPS", Protocol::Https),
    ("TCP", "TCP", Protocol::Tcp),
    ("UDP", "UDP", Protocol::Udp),
    ("SCTP", "SCTP", Protocol::Sctp),
];

/// Of listeners alone: TLS ends there, and their pools speak HTTP.
const TERMINATED: [(&str, &str, Protocol); 1] =
    [("TERMINATED_HTTPS", "TERMINATED_HTTPS: TLS ends here", Protocol::TerminatedHttps)];

/// The same.
const OF_LISTENERS: [(&str, &str, Protocol); 1] = [("PROMETHEUS", "PROMETHEUS: its own metrics", Protocol::Prometheus)];

const CLIENTS: [(&str, &str, ClientAuthentication); 3] = [
    ("NONE", "no", ClientAuthentication::None),
    ("OPTIONAL", "if they have one", ClientAuthentication::Optional),
    ("MANDATORY", "or they are refused", ClientAuthentication::Mandatory),
];

/// Of pools alone.
const OF_POOLS: [(&str, &str, Protocol); 2] =
    [("PROXY", "PROXY", Protocol::Proxy), ("PROXYV2", "PROXYV2", Protocol::Proxyv2)];

const ACTIONS: [(&str, &str, L7Action); 4] = [
    ("REJECT", "refuse (403)", L7Action::Reject),
    ("REDIRECT_TO_POOL", "send to a pool", L7Action::RedirectToPool),
    ("REDIRECT_TO_URL", "redirect to a URL", L7Action::RedirectToUrl),
    ("REDIRECT_PREFIX", "redirect to a prefix", L7Action::RedirectPrefix),
];

const RULE_TYPES: [(&str, &str, L7RuleType); 8] = [
    ("PATH", "path", L7RuleType::Path),
    ("HOST_NAME", "host name", L7RuleType::HostName),
    ("HEADER", "header", L7RuleType::Header),
    ("COOKIE", "cookie", L7RuleType::Cookie),
    ("FILE_TYPE", "file type", L7RuleType::FileType),
    ("SSL_CONN_HAS_CERT", "whether a certificate was shown", L7RuleType::SslConnHasCert),
    ("SSL_VERIFY_RESULT", "result of its verification", L7RuleType::SslVerifyResult),
    ("SSL_DN_FIELD", "field of its name", L7RuleType::SslDnField),
];

const COMPARES: [(&str, &str, L7CompareType); 5] = [
    ("EQUAL_TO", "is", L7CompareType::EqualTo),
    ("STARTS_WITH", "begins with", L7CompareType::StartsWith),
    ("ENDS_WITH", "ends with", L7CompareType::EndsWith),
    ("CONTAINS", "contains", L7CompareType::Contains),
    ("REGEX", "fits the regular expression", L7CompareType::Regex),
];

const METHODS: [(&str, &str, LbMethod); 4] = [
    ("ROUND_ROBIN", "round robin", LbMethod::RoundRobin),
    ("LEAST_CONNECTIONS", "least connections", LbMethod::LeastConnections),
    ("SOURCE_IP", "by the client's address", LbMethod::SourceIp),
    ("SOURCE_IP_PORT", "by the client's address and port", LbMethod::SourceIpPort),
];

const PERSISTENCES: [(&str, &str, PersistenceType); 4] = [
    ("", "no", PersistenceType::Unspecified),
    ("SOURCE_IP", "by their address", PersistenceType::SourceIp),
    ("HTTP_COOKIE", "by a cookie of the load balancer", PersistenceType::HttpCookie),
    ("APP_COOKIE", "by a cookie of the application", PersistenceType::AppCookie),
];

const MONITORS: [(&str, &str, MonitorType); 8] = [
    ("", "none", MonitorType::Unspecified),
    ("HTTP", "HTTP", MonitorType::Http),
    ("HTTPS", "HTTPS", MonitorType::Https),
    ("TCP", "TCP", MonitorType::Tcp),
    ("PING", "PING", MonitorType::Ping),
    ("TLS-HELLO", "TLS-HELLO", MonitorType::TlsHello),
    ("UDP-CONNECT", "UDP-CONNECT", MonitorType::UdpConnect),
    ("SCTP", "SCTP", MonitorType::Sctp),
];

/// Of something whole, with a listener and its pool.
pub(crate) fn protocols() -> Choices {
    [choices(&PROTOCOLS[..1]), choices(&TERMINATED), choices(&PROTOCOLS[1..])].concat()
}

pub(crate) fn listener_protocols() -> Choices {
    [protocols(), choices(&OF_LISTENERS)].concat()
}

/// Whether clients show certificates.
pub(crate) fn clients() -> Choices {
    choices(&CLIENTS)
}

pub(crate) fn client(value: ClientAuthentication) -> &'static str {
    if value == ClientAuthentication::Unspecified { "NONE" } else { name_of(&CLIENTS, &value) }
}

pub(crate) fn client_named(name: &str) -> ClientAuthentication {
    named(&CLIENTS, name)
}

pub(crate) fn pool_protocols() -> Choices {
    [choices(&PROTOCOLS), choices(&OF_POOLS)].concat()
}

pub(crate) fn protocol(value: Protocol) -> &'static str {
    let all = [&PROTOCOLS[..], &TERMINATED, &OF_LISTENERS, &OF_POOLS].map(|some| name_of(some, &value));
    all.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

pub(crate) fn protocol_named(name: &str) -> Protocol {
    let all = [&PROTOCOLS[..], &TERMINATED, &OF_LISTENERS, &OF_POOLS].map(|some| named(some, name));
    all.into_iter().find(|one| *one != Protocol::Unspecified).unwrap_or_default()
}

pub(crate) fn actions() -> Choices {
    choices(&ACTIONS)
}

pub(crate) fn action(value: L7Action) -> &'static str {
    name_of(&ACTIONS, &value)
}

pub(crate) fn action_named(name: &str) -> L7Action {
    named(&ACTIONS, name)
}

pub(crate) fn rule_types() -> Choices {
    choices(&RULE_TYPES)
}

pub(crate) fn rule_type(value: L7RuleType) -> &'static str {
    name_of(&RULE_TYPES, &value)
}

pub(crate) fn rule_type_named(name: &str) -> L7RuleType {
    named(&RULE_TYPES, name)
}

pub(crate) fn compare_types() -> Choices {
    choices(&COMPARES)
}

pub(crate) fn compare_type(value: L7CompareType) -> &'static str {
    name_of(&COMPARES, &value)
}

pub(crate) fn compare_type_named(name: &str) -> L7CompareType {
    named(&COMPARES, name)
}

/// All of them, for who has written none.
pub(crate) fn compare_words() -> String {
    COMPARES.map(|(name, ..)| name).join(", ")
}

/// Statuses of redirects; empty: the usual one.
pub(crate) fn redirect_codes() -> Choices {
    let usual = (String::new(), "302, the usual one".to_owned());
    let codes = ["301", "302", "303", "307", "308"].map(|code| (code.to_owned(), code.to_owned()));
    std::iter::once(usual).chain(codes).collect()
}

pub(crate) fn yes_or_no() -> Choices {
    vec![(String::new(), "no".to_owned()), ("yes".to_owned(), "yes".to_owned())]
}

pub(crate) fn methods() -> Choices {
    choices(&METHODS)
}

pub(crate) fn method(value: LbMethod) -> &'static str {
    name_of(&METHODS, &value)
}

pub(crate) fn method_named(name: &str) -> LbMethod {
    named(&METHODS, name)
}

pub(crate) fn persistences() -> Choices {
    choices(&PERSISTENCES)
}

pub(crate) fn persistence(value: PersistenceType) -> &'static str {
    name_of(&PERSISTENCES, &value)
}

pub(crate) fn persistence_named(name: &str) -> PersistenceType {
    named(&PERSISTENCES, name)
}

pub(crate) fn monitors() -> Choices {
    choices(&MONITORS)
}

/// Of a monitor that is made: it has one.
pub(crate) fn monitor_types() -> Choices {
    choices(&MONITORS[1..])
}

pub(crate) fn monitor(value: MonitorType) -> &'static str {
    name_of(&MONITORS, &value)
}

pub(crate) fn monitor_named(name: &str) -> MonitorType {
    named(&MONITORS, name)
}

/// An admin state.
pub(crate) fn states() -> Choices {
    vec![("up".to_owned(), "up".to_owned()), ("down".to_owned(), "down".to_owned())]
}

pub(crate) const fn state(is_up: bool) -> &'static str {
    if is_up { "up" } else { "down" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_wire_can_be_chosen() {
        for value in (0..=7).filter_map(|number| MonitorType::try_from(number).ok()) {
            assert_eq!(monitor_named(monitor(value)), value);
        }
        for value in (1..=4).filter_map(|number| LbMethod::try_from(number).ok()) {
            assert_eq!(method_named(method(value)), value);
        }
        for value in (0..=3).filter_map(|number| PersistenceType::try_from(number).ok()) {
            assert_eq!(persistence_named(persistence(value)), value);
        }
        for value in (0..=4).filter_map(|number| L7Action::try_from(number).ok()) {
            assert_eq!(action_named(action(value)), value);
        }
        for value in (0..=8).filter_map(|number| L7RuleType::try_from(number).ok()) {
            assert_eq!(rule_type_named(rule_type(value)), value);
        }
        for value in (0..=5).filter_map(|number| L7CompareType::try_from(number).ok()) {
            assert_eq!(compare_type_named(compare_type(value)), value);
        }
        for value in (1..=9).filter_map(|number| Protocol::try_from(number).ok()) {
            assert_eq!(protocol_named(protocol(value)), value);
        }
        for value in (1..=3).filter_map(|number| ClientAuthentication::try_from(number).ok()) {
            assert_eq!(client_named(client(value)), value);
        }
        assert_eq!(protocol_named("HTTP"), Protocol::Http);
        assert_eq!(protocol_named("nosuch"), Protocol::Unspecified);
    }
}
