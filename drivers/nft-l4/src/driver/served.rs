//! What is declared. Pure.

use ballast_abi::features;
use ballast_namespace::host::Forwards;

/// What the kernel can, as far as this one can.
pub(super) fn features(forwards: Forwards) -> impl Iterator<Item = &'static str> {
    let sctp = SCTP.into_iter().filter(move |_| forwards.sctp);
    ALWAYS.into_iter().chain(features::SHAPES).chain(sctp)
}

const ALWAYS: [&str; 25] = [
    features::PROTOCOL_TCP,
    features::PROTOCOL_UDP,
    features::LB_METHOD_ROUND_ROBIN,
    features::LB_METHOD_LEAST_CONNECTIONS,
    features::LB_METHOD_SOURCE_IP,
    features::LB_METHOD_SOURCE_IP_PORT,
    features::PERSISTENCE_SOURCE_IP,
    features::PERSISTENCE_TIMEOUT,
    features::PERSISTENCE_GRANULARITY,
    features::MONITOR_PING,
    features::MONITOR_TCP,
    features::MONITOR_HTTP,
    features::MONITOR_HTTPS,
    features::MONITOR_TLS_HELLO,
    features::MONITOR_UDP_CONNECT,
    features::MONITOR_RISE,
    features::MONITOR_DOMAIN_NAME,
    features::MONITOR_HTTP_VERSION,
    features::LISTENER_TIMEOUTS,
    features::LISTENER_ALLOWED_CIDRS,
    features::MEMBER_BACKUP,
    features::MEMBER_MONITOR_ADDRESS,
    features::MEMBER_MONITOR_PORT,
    features::VIP_ADDITIONAL,
    features::IPV6,
];

/// Only where the kernel follows it.
const SCTP: [&str; 2] = [features::PROTOCOL_SCTP, features::MONITOR_SCTP];
