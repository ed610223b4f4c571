//! Links, addresses and routes: what is there, and the requests that change it.

use std::{collections::BTreeSet, net::IpAddr, os::fd::RawFd};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
    link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage},
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
    },
};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::netlink::{Netlink, Request};
use crate::{failure::Failure, validate::masked, validated::Vip};

/// A link as the kernel describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mac: Option<[u8; 6]>,
    pub(crate) up: bool,
    /// The bridge that it is a port of.
    pub(crate) master: Option<u32>,
}

/// A route that somebody has set, as opposed to those that the kernel derives from addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Hop {
    /// Address and prefix length; `None`: the default route.
    pub(crate) destination: Option<(IpAddr, u8)>,
    pub(crate) gateway: IpAddr,
    /// The gateway is on no network of the interface, and reached through it nevertheless.
    pub(crate) onlink: bool,
}

impl Hop {
    /// The routes that a VIP asks for.
    pub(crate) fn wanted(vip: &Vip) -> BTreeSet<Self> {
        let network = masked(vip.address, vip.prefix_length);
        let gateway = vip.gateway.filter(|gateway| *gateway != vip.address);
        let routes = vip.routes.iter().filter(|route| !(vip.gateway.is_some() && route.prefix_length == 0));
        // The kernel looks for the way to a gateway. One that another route leads to it would not take.
        let routed = |gateway| {
            let mut networks = routes.clone().filter(|route| route.prefix_length > vip.prefix_length);
            networks.any(|route| masked(gateway, route.prefix_length) == route.destination)
        };
        let onlink = |gateway| masked(gateway, vip.prefix_length) != network || routed(gateway);
        let default = gateway.map(|gateway| Self { destination: None, gateway, onlink: onlink(gateway) });
        let hops = routes.clone().map(|route| Self {
            destination: Some((route.destination, route.prefix_length)).filter(|(_, length)| *length > 0),
            gateway: route.next_hop,
            onlink: onlink(route.next_hop),
        });
        default.into_iter().chain(hops).collect()
    }
}

/// The routes of a namespace's main table.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// That somebody has set.
    pub(crate) hops: BTreeSet<Hop>,
    /// That the kernel has derived from addresses, by their destinations.
    pub(crate) connected: BTreeSet<(IpAddr, u8)>,
}

impl Routes {
    /// Whether neighbours of this address are reached as such.
    pub(crate) fn connect(&self, (address, length): (IpAddr, u8)) -> bool {
        let alone = length == if address.is_ipv4() { 32 } else { 128 };
        alone || self.connected.contains(&(masked(address, length), length))
    }
}

/// A link by its name. Asking for it also makes the kernel act on a change of its carrier that is waiting.
pub(crate) fn find(netlink: &mut Netlink, name: &str) -> Result<Option<Link>, Failure> {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(name.to_owned()), skip_statistics()];
    let found = netlink.get(&format!("look up link {name}"), RouteNetlinkMessage::GetLink(message))?;
    Ok(found.and_then(link))
}

/// All links of the socket's namespace.
pub(crate) fn all(netlink: &mut Netlink) -> Result<Vec<Link>, Failure> {
    let mut message = LinkMessage::default();
    message.attributes = vec![skip_statistics()];
    let found = netlink.dump("list links", RouteNetlinkMessage::GetLink(message))?;
    Ok(found.into_iter().filter_map(link).collect())
}

/// The addresses of a link, without those that the kernel makes itself (fe80::).
pub(crate) fn addresses(netlink: &mut Netlink, index: u32) -> Result<BTreeSet<(IpAddr, u8)>, Failure> {
    let found = netlink.dump("list addresses", RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
    let one = |message| match message {
        RouteNetlinkMessage::NewAddress(message) if message.header.index == index => {
            let address = message.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Address(address) => Some(*address),
                _ => None,
            });
            address.filter(|address| !is_link_local(*address)).map(|address| (address, message.header.prefix_len))
        }
        _ => None,
    };
    Ok(found.into_iter().filter_map(one).collect())
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// The routes of the main table.
pub(crate) fn routes(netlink: &mut Netlink) -> Result<Routes, Failure> {
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

fn link(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let up = message.header.flags.contains(LinkFlags::Up);
    let mut link = Link { index: message.header.index, up, ..Link::default() };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(mac) => link.mac = mac.try_into().ok(),
            LinkAttribute::Controller(index) => link.master = Some(index),
            _ => {}
        }
    }
    Some(link)
}

fn skip_statistics() -> LinkAttribute {
    LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])
}

/// What a veth pair is made from.
pub(crate) struct Pair<'a> {
    pub(crate) outside: &'a str,
    pub(crate) inside: &'a str,
    pub(crate) mac: [u8; 6],
    /// An open descriptor of the namespace of the inner end.
    pub(crate) namespace: RawFd,
}

/// The outer end's own. A bridge without an address of its own choice takes the lowest of its ports': that must not become one
/// of ours, or the host's neighbours lose it whenever a load balancer comes or goes.
fn outer(mac: [u8; 6]) -> [u8; 6] {
    let [_, a, b, c, d, e] = mac;
    [HIGHEST, a, b, c, d, e]
}

/// Of a link that is no hardware's.
const HIGHEST: u8 = 0xfe;

/// Makes the pair: the outer end up and on its bridge, the inner end in its namespace and down (up is refused here).
pub(crate) fn create_pair(pair: &Pair<'_>, bridge: u32) -> Request {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName(pair.inside.to_owned()),
        LinkAttribute::Address(pair.mac.to_vec()),
        LinkAttribute::NumTxQueues(1),
        LinkAttribute::NumRxQueues(1),
        LinkAttribute::NetNsFd(pair.namespace),
    ];
    let mut message = LinkMessage::default();
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes = vec![
        LinkAttribute::IfName(pair.outside.to_owned()),
        LinkAttribute::Address(outer(pair.mac).to_vec()),
        LinkAttribute::NumTxQueues(1),
        LinkAttribute::NumRxQueues(1),
        LinkAttribute::Controller(bridge),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    Request::new(format!("make link {}", pair.outside), RouteNetlinkMessage::NewLink(message)).create()
}

/// Down.
pub(crate) fn create_bridge(name: &str) -> Request {
    let mut message = LinkMessage::default();
    message.attributes =
        vec![LinkAttribute::IfName(name.to_owned()), LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)])];
    let request = Request::new(format!("make bridge {name}"), RouteNetlinkMessage::NewLink(message));
    request.create().tolerate(Errno::EEXIST)
}

pub(crate) fn set_up(index: u32, what: &str) -> Request {
    let mut message = up(index);
    message.header.flags = LinkFlags::Up;
    Request::new(format!("bring {what} up"), RouteNetlinkMessage::SetLink(message))
}

/// Up, and a port of this bridge.
pub(crate) fn attach(index: u32, bridge: u32, what: &str) -> Request {
    let mut message = up(index);
    message.header.flags = LinkFlags::Up;
    message.attributes = vec![LinkAttribute::Controller(bridge)];
    Request::new(format!("attach {what} to its bridge"), RouteNetlinkMessage::SetLink(message))
}

pub(crate) fn set_mac(index: u32, mac: [u8; 6]) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![LinkAttribute::Address(mac.to_vec())];
    Request::new("set the MAC", RouteNetlinkMessage::SetLink(message))
}

fn up(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.change_mask = LinkFlags::Up;
    message
}

pub(crate) fn delete(index: u32, what: &str) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    Request::new(format!("delete {what}"), RouteNetlinkMessage::DelLink(message)).tolerate(Errno::ENODEV)
}

pub(crate) fn add_address(index: u32, address: IpAddr, prefix_length: u8) -> Request {
    let message = RouteNetlinkMessage::NewAddress(address_message(index, address, prefix_length));
    Request::new(format!("add address {address}"), message).create().tolerate(Errno::EEXIST)
}

pub(crate) fn remove_address(index: u32, address: IpAddr, prefix_length: u8) -> Request {
    let message = RouteNetlinkMessage::DelAddress(address_message(index, address, prefix_length));
    Request::new(format!("remove address {address}"), message).tolerate(Errno::EADDRNOTAVAIL)
}

fn address_message(index: u32, address: IpAddr, prefix_length: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address);
    message.header.prefix_len = prefix_length;
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    if address.is_ipv6() {
        // Duplicate address detection takes one to two seconds, and haproxy cannot bind meanwhile.
        message.header.flags = AddressHeaderFlags::Nodad;
    }
    message
}

pub(crate) fn add_hop(index: u32, hop: &Hop) -> Request {
    Request::new(
        format!("add the route through {}", hop.gateway),
        RouteNetlinkMessage::NewRoute(hop_message(index, hop)),
    )
    .replace()
}

pub(crate) fn remove_hop(index: u32, hop: &Hop) -> Request {
    let message = RouteNetlinkMessage::DelRoute(hop_message(index, hop));
    Request::new(format!("remove the route through {}", hop.gateway), message).tolerate(Errno::ESRCH)
}

fn hop_message(index: u32, hop: &Hop) -> RouteMessage {
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

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}
