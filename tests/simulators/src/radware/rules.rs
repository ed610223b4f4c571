//! The vendor's rules: addresses, applications and their ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    checks::{SERVERS, VIRTS},
    configuration::View,
};

pub(super) const HTTP: i64 = 6;
pub(super) const HTTPS: i64 = 7;
pub(super) const BY_COOKIE: i64 = 5;
const UDP: i64 = 2;
const BOTH: i64 = 5;
/// Ports of other applications, which take no HTTP.
const TAKEN: [i64; 26] = [
    20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 79, 109, 110, 119, 123, 143, 144, 161, 162, 179, 194, 389, 520, 554, 1812,
    1813,
];
const ALSO_TAKEN: [i64; 2] = [1985, 5060];

/// Why an application cannot be at this port.
pub(super) fn refused_port(port: i64, application: i64) -> Option<&'static str> {
    match (port, application) {
        (0, _) => Some("it has no port"),
        (2..=8, _) => Some("a port from 2 to 8 cannot be used"),
        (80, HTTPS) => Some("port 80 takes no HTTPS"),
        (443, HTTP) => Some("port 443 takes no HTTP"),
        (port, HTTP | HTTPS) if TAKEN.contains(&port) || ALSO_TAKEN.contains(&port) => {
            Some("the port is that of another application")
        }
        _ => None,
    }
}

/// What a service listens to.
pub(super) fn protocols(balance: i64) -> &'static [&'static str] {
    match balance {
        UDP => &["udp"],
        BOTH => &["tcp", "udp"],
        _ => &["tcp"],
    }
}

pub(super) fn server_address(view: View<'_>, id: &str) -> Option<IpAddr> {
    address(view, (SERVERS, id), ["IpVer", "IpAddr", "Ipv6Addr"])
}

pub(super) fn virtual_address(view: View<'_>, id: &str) -> Option<IpAddr> {
    address(view, (VIRTS, id), ["VirtServerIpVer", "VirtServerIpAddress", "VirtServerIpv6Addr"])
}

fn address(view: View<'_>, (table, id): (&str, &str), [version, four, six]: [&str; 3]) -> Option<IpAddr> {
    let address = if view.number(table, id, version) == 2 {
        IpAddr::V6(view.text(table, id, six).parse::<Ipv6Addr>().ok()?)
    } else {
        IpAddr::V4(view.text(table, id, four).parse::<Ipv4Addr>().ok()?)
    };
    (!address.is_unspecified()).then_some(address)
}

/// The table that has this health check.
pub(super) fn check_table<'a>(view: View<'a>, id: &str) -> Option<&'a str> {
    let checks = view.schema.tables.keys().filter(|name| name.starts_with("SlbNewAdvhc"));
    checks.map(String::as_str).find(|table| view.has(table, id))
}
