//! The VIP and how it is plugged in.

use std::net::IpAddr;

use ballast_abi::{DriverError, limits};
use ballast_netns::attach::{Attachment, bridge::Bridge};

use super::{id, refuse};
use crate::{
    config::Config,
    validated::{Route, Vip},
};

/// The VIP, and what of it cannot be had: a gateway or a route that is left out.
pub(super) fn vip(asked: &ballast_abi::Vip, config: &Config) -> Result<(Vip, Vec<DriverError>), DriverError> {
    let wrong = |field: &str, why: &str| refuse("vip", &asked.address, field, why);
    let address: IpAddr = asked.address.parse().map_err(|_| wrong("address", "is no IP address"))?;
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(wrong("address", "is none that a host can have"));
    }
    let prefix_length =
        prefix_length(asked.prefix_length, address).ok_or_else(|| wrong("prefix_length", "is too long"))?;
    let mut errors = Vec::new();
    let gateway = Some(asked.gateway.as_str()).filter(|text| !text.is_empty());
    let gateway = gateway.map(|text| next_hop(text, (address, prefix_length)).map_err(|why| wrong("gateway", why)));
    let gateway = gateway.and_then(|made| made.map_err(|error| errors.push(error)).ok());
    let mut routes: Vec<Route> = Vec::new();
    for asked in &asked.routes {
        match route(asked, (address, prefix_length)) {
            Ok(route) => routes.extend(Some(route).filter(|route| is_of_use(route, (address, prefix_length), &routes))),
            Err(error) => errors.push(error),
        }
    }
    let vip = Vip {
        port: id("vip", "port_id", &asked.port_id)?,
        address,
        prefix_length,
        mac: mac(&asked.mac).ok_or_else(|| wrong("mac", "must be as in aa:bb:cc:dd:ee:ff, of one host"))?,
        gateway,
        routes,
        attachment: attachment(&asked.network.clone().unwrap_or_default(), config)?,
    };
    Ok((vip, errors))
}

fn route(asked: &ballast_abi::Route, vip: (IpAddr, u8)) -> Result<Route, DriverError> {
    let wrong = |field: &str, why: &str| refuse("route", &asked.destination, field, why);
    let (network, length) = asked.destination.split_once('/').ok_or_else(|| wrong("destination", "is no CIDR"))?;
    let destination: IpAddr = network.parse().map_err(|_| wrong("destination", "is no CIDR"))?;
    let length = length.parse().ok().and_then(|length| prefix_length(length, destination));
    let length = length.ok_or_else(|| wrong("destination", "is no CIDR"))?;
    let next_hop = next_hop(&asked.next_hop, vip).map_err(|why| wrong("next_hop", why))?;
    if next_hop.is_ipv4() != destination.is_ipv4() {
        return Err(wrong("next_hop", "is of another IP version"));
    }
    Ok(Route { destination: masked(destination, length), prefix_length: length, next_hop })
}

/// What Neutron takes and no host can use, or should not, is left out: the subnet's hosts are its neighbours whatever a
/// route says, and of several ways to one place the first is taken, as a host does that was given them one after the other.
fn is_of_use(route: &Route, (vip, length): (IpAddr, u8), before: &[Route]) -> bool {
    let to = |route: &Route| (route.destination, route.prefix_length);
    let unused = if route.next_hop == vip {
        // The others' way is the load balancer itself, which has none.
        "its next hop is the VIP itself"
    } else if to(route) == (masked(vip, length), length) {
        "the subnet itself is reached without it"
    } else if before.iter().any(|other| to(other) == to(route)) {
        "there is one before it"
    } else {
        return true;
    };
    let Route { destination, prefix_length, next_hop } = route;
    tracing::info!(vip = %vip, "the route to {destination}/{prefix_length} by {next_hop} is left out: {unused}");
    false
}

/// An address that the kernel takes as the way to somewhere.
fn next_hop(text: &str, (vip, length): (IpAddr, u8)) -> Result<IpAddr, &'static str> {
    let address: IpAddr = text.parse().map_err(|_| "is no IP address")?;
    if address.is_ipv4() != vip.is_ipv4() {
        return Err("is of another IP version");
    }
    let is_of_no_host = match limits::no_host(address) {
        Some("link-local") | None => false,
        Some(_) => true,
    };
    if is_of_no_host || is_networks(address, vip, length) {
        return Err("is none that a host can have");
    }
    Ok(address)
}

/// Whether it is the own or the broadcast address of the VIP's IPv4 network.
pub(crate) fn is_networks(address: IpAddr, vip: IpAddr, length: u8) -> bool {
    match (address, masked(vip, length)) {
        (IpAddr::V4(address), IpAddr::V4(network)) if length < 31 => {
            address == network || u32::from(address) == u32::from(network) | (u32::MAX >> length)
        }
        _ => false,
    }
}

/// The kernel refuses a destination with host bits, and shows routes without them.
pub(crate) fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & mask).into())
        }
    }
}

fn prefix_length(length: u32, address: IpAddr) -> Option<u8> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    u8::try_from(length).ok().filter(|length| *length <= longest)
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut octets = [0_u8; 6];
    let mut parts = text.split(':');
    for octet in &mut octets {
        *octet = parts.next().filter(|part| part.len() == 2).and_then(|part| u8::from_str_radix(part, 16).ok())?;
    }
    let of_one_host = octets[0] & 1 == 0 && octets != [0; 6];
    (parts.next().is_none() && of_one_host).then_some(octets)
}

fn attachment(asked: &ballast_abi::Network, config: &Config) -> Result<Attachment, DriverError> {
    match asked.network_type.as_str() {
        "" => {
            let network = id("network", "id", &asked.id)?;
            Ok(Attachment::Bridge(Bridge::of_network(network.as_str())))
        }
        "bridge" => match config.bridge_mappings.get(&asked.physical_network) {
            Some(name) => Ok(Attachment::Bridge(Bridge { name: name.clone(), own: false })),
            None => {
                let error = DriverError::unsupported("the host is not connected to this load balancer's network");
                Err(error.with_detail(format!(
                    "no bridge for physical network {:?}: add it to bridge_mappings of [drivers.haproxy-ns]",
                    asked.physical_network
                )))
            }
        },
        other => Err(DriverError::unsupported(format!(
            "network {}: networks of type {other:?} cannot be plugged yet; \"bridge\" and networks without a type can",
            id("network", "id", &asked.id)?.as_str()
        ))),
    }
}
