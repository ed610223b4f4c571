//! Networks in which no host can live.

use ipnet::IpNet;

/// What no host has an address of, and what it is called.
const NOWHERE: [(&str, &str); 11] = [
    ("0.0.0.0/8", "Unspecified"),
    ("127.0.0.0/8", "Loopback"),
    ("169.254.0.0/16", "Link-local"),
    ("224.0.0.0/4", "Multicast"),
    ("255.255.255.255/32", "Broadcast"),
    ("::/128", "Unspecified"),
    ("::1/128", "Loopback"),
    ("::/96", "IPv4-compatible"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("fe80::/10", "Link-local"),
    ("ff00::/8", "Multicast"),
];

/// Why a subnet of this cidr cannot work; nothing when it can. Any address in it may be chosen, so one that reaches into
/// such a network, or is all there is, cannot either.
pub(super) fn unusable(cidr: IpNet) -> Option<&'static str> {
    if cidr.prefix_len() == 0 {
        return Some("Unspecified");
    }
    NOWHERE.into_iter().find(|(net, _)| touches(cidr, net)).map(|(_, name)| name)
}

fn touches(cidr: IpNet, net: &str) -> bool {
    net.parse::<IpNet>().is_ok_and(|net| net.contains(&cidr) || cidr.contains(&net))
}
