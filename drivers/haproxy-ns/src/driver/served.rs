//! What is declared. Pure.

use ballast_abi::features;
use ballast_namespace::host::Forwards;

/// haproxy does it, or the kernel. `tls`: there is a place for certificates, and haproxy is built with it.
pub(super) fn is_served(forwards: Forwards, tls: bool, feature: &str) -> bool {
    let of_tls = feature.starts_with("header:X-SSL-") || feature.starts_with("l7:rule:SSL_");
    let lacks = |can: bool, of: &[&str]| !can && of.contains(&feature);
    !(!tls && (of_tls || OF_TLS.contains(&feature))
        || lacks(forwards.udp, &FORWARDED)
        || lacks(forwards.sctp, &FORWARDED_SCTP))
}

/// Beside those whose words say so.
const OF_TLS: [&str; 4] = [
    features::PROTOCOL_TERMINATED_HTTPS,
    features::LISTENER_HSTS,
    features::LISTENER_CLIENT_AUTHENTICATION,
    features::POOL_TLS,
];

/// Only where the kernel forwards UDP, and says who may connect.
const FORWARDED: [&str; 5] = [
    features::TOPOLOGY_ACTIVE_STANDBY,
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
        let declared = |udp, sctp, tls| -> Vec<&str> {
            let kernel = Forwards { udp, sctp, idle: true };
            features::all().filter(|feature| is_served(kernel, tls, feature)).collect()
        };
        let all = declared(true, true, true);
        assert_eq!(all, features::all().collect::<Vec<_>>());
        let without = |lacking: &[&str]| all.iter().copied().filter(|one| !lacking.contains(one)).collect::<Vec<_>>();
        assert_eq!(declared(true, false, true), without(&FORWARDED_SCTP));
        assert_eq!(declared(false, false, true), without(&[FORWARDED.as_slice(), &FORWARDED_SCTP].concat()));
        let of_tls = |one: &str| one.contains("SSL_") || one.contains("X-SSL-") || OF_TLS.contains(&one);
        assert!(declared(true, true, false).into_iter().eq(all.iter().copied().filter(|one| !of_tls(one))));
    }
}
