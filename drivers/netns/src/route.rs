//! Routes: what is there, and the requests that change it.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use netlink_packet_route::{
    RouteNetlinkMessage,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
    },
};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::{
    address::family,
    failure::Failure,
    netlink::{Netlink, Request},
};

/// A route that somebody has set, as opposed to those that the kernel derives from addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hop {
    /// Address and prefix length; `None`: the default route.
    pub destination: Option<(IpAddr, u8)>,
    pub gateway: IpAddr,
    /// The gateway is on no network of the interface, and reached through it nevertheless.
    pub onlink: bool,
}

/// The routes of a namespace's main table.
#[derive(Debug, Default)]
pub struct Routes {
    /// That somebody has set.
    pub hops: BTreeSet<Hop>,
    /// That the kernel has derived from addresses, by their destinations.
    pub connected: BTreeSet<(IpAddr, u8)>,
}

impl Routes {
    /// Whether neighbours of this address are reached as such.
    pub fn connect(&self, (address, length): (IpAddr, u8)) -> bool {
        let alone = length == if address.is_ipv4() { 32 } else { 128 };
        let network = IpNet::new(address, length).map(|network| network.trunc().addr());
        alone || network.is_ok_and(|network| self.connected.contains(&(network, length)))
    }
}

/// The routes of the main table.
pub fn all(netlink: &mut Netlink) -> Result<Routes, Failure> {
    let found = netlink.dump("list routes", RouteNetlinkMessage::GetRoute(RouteMessage::default()))?;
    let mut routes = Routes::default();
    for message in found {
        let RouteNetlinkMessage::NewRoute(route) = message else { continue };
        if route.header.table == RouteHeader::RT_TABLE_MAIN {
            routes.note(&route);
        }
    }
    Ok(routes)
}

impl Routes {
    fn note(&mut self, route: &RouteMessage) {
        let header = &route.header;
        let address = |value: &RouteAddress| match value {
            RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
            RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
            _ => None,
        };
        let (mut destination, mut gateway) = (None, None);
        for attribute in &route.attributes {
            match attribute {
                RouteAttribute::Destination(value) => destination = address(value),
                RouteAttribute::Gateway(value) => gateway = address(value),
                _ => {}
            }
        }
        let destination = destination.map(|address| (address, header.destination_prefix_length));
        match (header.protocol, gateway) {
            (RouteProtocol::Static, Some(gateway)) => {
                let onlink = header.flags.contains(RouteFlags::Onlink);
                self.hops.insert(Hop { destination, gateway, onlink });
            }
            (RouteProtocol::Kernel, None) => self.connected.extend(destination),
            _ => {}
        }
    }
}

pub fn add(index: u32, hop: &Hop) -> Request {
    Request::new(format!("add the route through {}", hop.gateway), RouteNetlinkMessage::NewRoute(message(index, hop)))
        .replace()
}

pub fn remove(index: u32, hop: &Hop) -> Request {
    let message = RouteNetlinkMessage::DelRoute(message(index, hop));
    Request::new(format!("remove the route through {}", hop.gateway), message).tolerate(Errno::ESRCH)
}

fn message(index: u32, hop: &Hop) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(hop.gateway);
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    if hop.onlink {
        message.header.flags = RouteFlags::Onlink;
    }
    if let Some((destination, length)) = hop.destination {
        message.header.destination_prefix_length = length;
        message.attributes.push(RouteAttribute::Destination(destination.into()));
    }
    message.attributes.push(RouteAttribute::Gateway(hop.gateway.into()));
    message.attributes.push(RouteAttribute::Oif(index));
    message
}
