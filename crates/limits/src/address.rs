//! Addresses that nobody can be reached at.

use std::net::IpAddr;

/// Why a member cannot have this address; nothing when it can, also where it is an IPv4 address in IPv6's form.
#[must_use]
pub fn no_member(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        // Routed where somebody serves there, as metadata services are.
        IpAddr::V4(v4) if v4.is_link_local() => None,
        canonical => no_host(canonical),
    }
}

/// Why no host of a network can have this address; nothing when one can.
#[must_use]
pub fn no_host(address: IpAddr) -> Option<&'static str> {
    let kinds = match address {
        IpAddr::V4(v4) => [
            (v4.octets()[0] == 0, "unspecified"),
            (v4.is_loopback(), "loopback"),
            (v4.is_link_local(), "link-local"),
            (v4.is_multicast(), "multicast"),
            (v4.is_broadcast(), "broadcast"),
        ],
        IpAddr::V6(v6) => [
            (v6.is_unspecified(), "unspecified"),
            (v6.is_loopback(), "loopback"),
            (v6.is_unicast_link_local(), "link-local"),
            (v6.is_multicast(), "multicast"),
            (v6.to_ipv4().is_some(), "IPv4-mapped"),
        ],
    };
    kinds.into_iter().find(|(is, _)| *is).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_be_reached_at_is_known() {
        for (text, kind) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("127.0.0.1", "loopback"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("fe80::1", "link-local"),
            ("ff02::1", "multicast"),
            ("::10.0.0.1", "IPv4-mapped"),
            ("::ffff:127.0.0.1", "loopback"),
        ] {
            assert_eq!(no_member(text.parse().unwrap()), Some(kind), "{text}");
        }
        for text in ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1", "2001:db8::1"] {
            assert_eq!(no_member(text.parse().unwrap()), None, "{text}");
        }
        assert_eq!(no_host("::ffff:10.0.0.1".parse().unwrap()), Some("IPv4-mapped"));
        assert_eq!(no_host("169.254.1.1".parse().unwrap()), Some("link-local"));
    }
}
