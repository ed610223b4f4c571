//! What is declared. Pure.

use ballast_abi::features;
use ballast_namespace::host::Forwards;

/// haproxy does it, or the kernel.
pub(super) fn is_served(forwards: Forwards, feature: &str) -> bool {
    let of_tls = feature.starts_with("header:X-SSL-") || feature.starts_with("l7:rule:SSL_");
    let lacks = |can: bool, of: &[&str]| !can && of.contains(&feature);
    !(of_tls
        || NOT_SERVED.contains(&feature)
        || lacks(forwards.udp, &FORWARDED)
        || lacks(forwards.sctp, &FORWARDED_SCTP))
}

/// TLS does not end here yet.
const NOT_SERVED: [&str; 4] = [
    features::PROTOCOL_TERMINATED_HTTPS,
    features::LISTENER_HSTS,
    features::LISTENER_CLIENT_AUTHENTICATION,
    features::POOL_TLS,
];

/// Only where the kernel forwards UDP.
const FORWARDED: [&str; 4] = [
    features::PROTOCOL_UDP,
    features::PERSISTENCE_TIMEOUT,
    features::PERSISTENCE_GRANULARITY,
    features::MONITOR_UDP_CONNECT,
];

/// Only where it forwards SCTP as well.
const FORWARDED_SCTP: [&str; 2] = [features::PROTOCOL_SCTP, features::MONITOR_SCTP];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_cannot_do_is_not_declared() {
        let declared = |udp, sctp| -> Vec<&str> {
            features::all().filter(|feature| is_served(Forwards { udp, sctp, idle: true }, feature)).collect()
        };
        let all = declared(true, true);
        let without = |lacking: &[&str]| all.iter().copied().filter(|one| !lacking.contains(one)).collect::<Vec<_>>();
        assert_eq!(declared(true, false), without(&FORWARDED_SCTP));
        assert_eq!(declared(false, false), without(&[FORWARDED.as_slice(), &FORWARDED_SCTP].concat()));
        assert_eq!(
            all.len(),
            features::all().filter(|one| !one.contains("SSL_") && !one.contains("X-SSL-")).count() - 4
        );
    }
}
