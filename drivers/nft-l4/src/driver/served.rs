//! What is declared. Pure.

use ballast_abi::features;
use ballast_namespace::host::Forwards;

/// What the kernel can, as far as this one can.
pub(super) fn features(forwards: Forwards) -> impl Iterator<Item = &'static str> {
    let sctp = SCTP.into_iter().filter(move |_| forwards.sctp);
    let idle = [features::LISTENER_TIMEOUTS].into_iter().filter(move |_| forwards.idle);
    ALWAYS.into_iter().chain(features::SHAPES).chain(sctp).chain(idle)
}

const ALWAYS: [&str; 25] = [
    features::TOPOLOGY_ACTIVE_STANDBY,
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
    features::LISTENER_ALLOWED_CIDRS,
    features::MEMBER_BACKUP,
    features::MEMBER_MONITOR_ADDRESS,
    features::MEMBER_MONITOR_PORT,
    features::VIP_ADDITIONAL,
    features::IPV6,
];

/// Only where the kernel follows it.
const SCTP: [&str; 2] = [features::PROTOCOL_SCTP, features::MONITOR_SCTP];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_cannot_do_and_what_looks_into_connections_is_not_declared() {
        let declared = |sctp, idle| features(Forwards { udp: true, sctp, idle }).collect::<Vec<_>>();
        let all = declared(true, true);
        let without = |lacking: &[&str]| all.iter().copied().filter(|one| !lacking.contains(one)).collect::<Vec<_>>();
        assert_eq!(declared(false, true), without(&SCTP));
        assert_eq!(declared(true, false), without(&[features::LISTENER_TIMEOUTS]));
        assert!(all.iter().all(|one| features::all().any(|known| known == *one)), "{all:?}");
        let of_http = ["HTTP_COOKIE", "APP_COOKIE", "PROXY", "TERMINATED", "header:", "l7:", "pool:tls", "hsts"];
        assert_eq!(all.iter().find(|one| of_http.iter().any(|word| one.contains(word))), None);
        for protocol in features::all().filter(|one| one.starts_with("protocol:")) {
            let is_ours = ["protocol:TCP", "protocol:UDP", "protocol:SCTP"].contains(&protocol);
            assert_eq!(all.contains(&protocol), is_ours, "{protocol}");
        }
    }
}
