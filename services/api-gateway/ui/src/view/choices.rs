//! What can be chosen in forms: each as REST spells it, and as a person reads it.

use ballast_proto::driver::{LbMethod, MonitorType, PersistenceType, Protocol};

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

/// Of listeners that need no certificate.
const PROTOCOLS: [(&str, &str, Protocol); 5] = [
    ("HTTP", "HTTP", Protocol::Http),
    ("HTTPS", "HTTPS", Protocol::Https),
    ("TCP", "TCP", Protocol::Tcp),
    ("UDP", "UDP", Protocol::Udp),
    ("SCTP", "SCTP", Protocol::Sctp),
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

pub(crate) fn protocols() -> Choices {
    choices(&PROTOCOLS)
}

pub(crate) fn protocol(value: Protocol) -> &'static str {
    name_of(&PROTOCOLS, &value)
}

pub(crate) fn protocol_named(name: &str) -> Protocol {
    named(&PROTOCOLS, name)
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
    fn every_value_of_the_wire_can_be_chosen_but_protocols_that_need_more() {
        for value in (0..=7).filter_map(|number| MonitorType::try_from(number).ok()) {
            assert_eq!(monitor_named(monitor(value)), value);
        }
        for value in (1..=4).filter_map(|number| LbMethod::try_from(number).ok()) {
            assert_eq!(method_named(method(value)), value);
        }
        for value in (0..=3).filter_map(|number| PersistenceType::try_from(number).ok()) {
            assert_eq!(persistence_named(persistence(value)), value);
        }
        assert_eq!(protocol_named("HTTP"), Protocol::Http);
        assert_eq!(protocol_named("nosuch"), Protocol::Unspecified);
    }
}
