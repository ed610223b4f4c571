//! The VIP and how it is plugged in.

use std::net::IpAddr;

use ballast_abi::{DriverError, limits};
use ballast_netns::attach::{Attachment, bridge::Bridge};
use ipnet::IpNet;
use macaddr::MacAddr6;

use super::{Route, Vip, id, refuse};
use crate::config::Config;

/// The VIP, and what of it cannot be had: a gateway or a route that is left out.
pub(super) fn vip(asked: &ballast_abi::Vip, config: &Config) -> Result<(Vip, Vec<DriverError>), DriverError> {
    let wrong = |field: &str, why: &str| refuse("vip", &asked.address, field, why);
    let address: IpAddr = asked.address.parse().map_err(|_| wrong("address", "is no IP address"))?;
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(wrong("address", "is none that a host can have"));
    }
    let length = u8::try_from(asked.prefix_length).ok();
    let net = length.and_then(|length| IpNet::new(address, length).ok());
    let net = net.ok_or_else(|| wrong("prefix_length", "is too long"))?;
    let mut errors = Vec::new();
    let gateway = Some(asked.gateway.as_str()).filter(|text| !text.is_empty());
    let gateway = gateway.map(|text| next_hop(text, net).map_err(|why| wrong("gateway", why)));
    let gateway = gateway.and_then(|made| made.map_err(|error| errors.push(error)).ok());
    let mut routes: Vec<Route> = Vec::new();
    for asked in &asked.routes {
        match route(asked, net) {
            Ok(route) => routes.extend(Some(route).filter(|route| is_of_use(route, net, &routes))),
            Err(error) => errors.push(error),
        }
    }
    let vip = Vip {
        port: id("vip", "port_id", &asked.port_id)?,
        net,
        mac: mac(&asked.mac).ok_or_else(|| wrong("mac", "must be as in aa:bb:cc:dd:ee:ff, of one host"))?,
        gateway,
        routes,
        attachment: attachment(&asked.network.clone().unwrap_or_default(), config)?,
    };
    Ok((vip, errors))
}

fn route(asked: &ballast_abi::Route, vip: IpNet) -> Result<Route, DriverError> {
    let wrong = |field: &str, why: &str| refuse("route", &asked.destination, field, why);
    let destination: IpNet = asked.destination.parse().map_err(|_| wrong("destination", "is no CIDR"))?;
    let next_hop = next_hop(&asked.next_hop, vip).map_err(|why| wrong("next_hop", why))?;
    if next_hop.is_ipv4() != destination.addr().is_ipv4() {
        return Err(wrong("next_hop", "is of another IP version"));
    }
    // The kernel refuses a destination with host bits, and shows routes without them.
    Ok(Route { destination: destination.trunc(), next_hop })
}

/// What Neutron takes and no host can use, or should not, is left out: the subnet's hosts are its neighbours whatever a
/// route says, and of several ways to one place the first is taken, as a host does that was given them one after the other.
fn is_of_use(route: &Route, vip: IpNet, before: &[Route]) -> bool {
    let unused = if route.next_hop == vip.addr() {
        // The others' way is the load balancer itself, which has none.
        "its next hop is the VIP itself"
    } else if route.destination == vip.trunc() {
        "the subnet itself is reached without it"
    } else if before.iter().any(|other| other.destination == route.destination) {
        "there is one before it"
    } else {
        return true;
    };
    let Route { destination, next_hop } = route;
    tracing::info!(vip = %vip.addr(), "the route to {destination} by {next_hop} is left out: {unused}");
    false
}

/// An address that the kernel takes as the way to somewhere.
fn next_hop(text: &str, vip: IpNet) -> Result<IpAddr, &'static str> {
    let address: IpAddr = text.parse().map_err(|_| "is no IP address")?;
    if address.is_ipv4() != vip.addr().is_ipv4() {
        return Err("is of another IP version");
    }
    let is_of_no_host = match limits::no_host(address) {
        Some("link-local") | None => false,
        Some(_) => true,
    };
    if is_of_no_host || is_networks(address, vip) {
        return Err("is none that a host can have");
    }
    Ok(address)
}

/// Whether it is the own or the broadcast address of the VIP's IPv4 network.
pub(crate) fn is_networks(address: IpAddr, vip: IpNet) -> bool {
    match vip {
        IpNet::V4(net) => net.prefix_len() < 31 && (address == net.network() || address == net.broadcast()),
        IpNet::V6(_) => false,
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    // Of the forms that are in use, one is taken.
    let mac = text.parse::<MacAddr6>().ok().filter(|mac| mac.to_string().eq_ignore_ascii_case(text))?;
    (mac.is_unicast() && !mac.is_nil()).then(|| mac.into_array())
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
