//! Links: what is there, and the requests that change it.

use std::{net::IpAddr, os::fd::RawFd};

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{
        InfoData, InfoKind, InfoMacVlan, InfoVeth, InfoVlan, InfoVxlan, LinkAttribute, LinkExtentMask, LinkFlags,
        LinkInfo, LinkMessage, MacVlanMode,
    },
};
use nix::errno::Errno;

use crate::{
    failure::Failure,
    netlink::{Netlink, Request},
};

/// A link as the kernel describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: String,
    pub mac: Option<[u8; 6]>,
    /// 0: the kernel did not say.
    pub mtu: u32,
    pub up: bool,
    /// It is up, and so is what it leads to.
    pub carrier: bool,
    /// The bridge that it is a port of.
    pub master: Option<u32>,
    /// Of an 802.1Q link: the VLAN.
    pub vlan: Option<u16>,
    pub tunnel: Option<Tunnel>,
    /// Of a macvlan: the interface that it is on, as that is numbered where it was made.
    pub under: Option<u32>,
}

/// What a VXLAN link is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnel {
    pub id: u32,
    pub port: u16,
    pub local: Option<IpAddr>,
    pub group: Option<IpAddr>,
}

/// A link by its name. Asking for it also makes the kernel act on a change of its carrier that is waiting.
pub fn find(netlink: &mut Netlink, name: &str) -> Result<Option<Link>, Failure> {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(name.to_owned()), skip_statistics()];
    let found = netlink.get(&format!("look up link {name}"), RouteNetlinkMessage::GetLink(message))?;
    Ok(found.and_then(link))
}

/// The same, of one that must be there.
pub fn require(netlink: &mut Netlink, name: &str) -> Result<Link, Failure> {
    find(netlink, name)?.ok_or_else(|| Failure::io(format!("look up link {name}"), Errno::ENODEV))
}

/// All links of the socket's namespace.
pub fn all(netlink: &mut Netlink) -> Result<Vec<Link>, Failure> {
    let mut message = LinkMessage::default();
    message.attributes = vec![skip_statistics()];
    let found = netlink.dump("list links", RouteNetlinkMessage::GetLink(message))?;
    Ok(found.into_iter().filter_map(link).collect())
}

/// Whether one of the ports of a bridge is such.
pub fn any_port(netlink: Netlink, bridge: u32, is_such: impl Fn(&Link) -> bool) -> Result<bool, Failure> {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::Controller(bridge), skip_statistics()];
    // A kernel that does not look at the bridge tells of all links.
    let is_port = |link: &Link| link.master == Some(bridge) && is_such(link);
    let is_such = |found: &RouteNetlinkMessage| link(found.clone()).is_some_and(|link| is_port(&link));
    netlink.any("list ports", RouteNetlinkMessage::GetLink(message), is_such)
}

fn link(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let up = message.header.flags.contains(LinkFlags::Up);
    let carrier = message.header.flags.contains(LinkFlags::LowerUp);
    let mut link = Link { index: message.header.index, up, carrier, ..Link::default() };
    let mut is_macvlan = false;
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(mac) => link.mac = mac.try_into().ok(),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Controller(index) => link.master = Some(index),
            LinkAttribute::Link(index) => link.under = Some(index),
            LinkAttribute::LinkInfo(infos) => {
                is_macvlan = infos.contains(&LinkInfo::Kind(InfoKind::MacVlan));
                infos.iter().for_each(|info| note_info(&mut link, info));
            }
            _ => {}
        }
    }
    link.under = link.under.filter(|_| is_macvlan);
    Some(link)
}

fn note_info(link: &mut Link, info: &LinkInfo) {
    match info {
        LinkInfo::Data(InfoData::Vlan(facts)) => {
            link.vlan = facts.iter().find_map(|fact| if let InfoVlan::Id(id) = fact { Some(*id) } else { None });
        }
        LinkInfo::Data(InfoData::Vxlan(facts)) => {
            let mut tunnel = Tunnel::default();
            for fact in facts {
                match fact {
                    InfoVxlan::Id(id) => tunnel.id = *id,
                    InfoVxlan::Port(port) => tunnel.port = *port,
                    InfoVxlan::Local(v4) => tunnel.local = Some(IpAddr::V4(*v4)),
                    InfoVxlan::Local6(v6) => tunnel.local = Some(IpAddr::V6(*v6)),
                    InfoVxlan::Group(v4) => tunnel.group = Some(IpAddr::V4(*v4)),
                    InfoVxlan::Group6(v6) => tunnel.group = Some(IpAddr::V6(*v6)),
                    _ => {}
                }
            }
            link.tunnel = Some(tunnel);
        }
        _ => {}
    }
}

fn skip_statistics() -> LinkAttribute {
    LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])
}

/// What the inner end is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    pub mac: [u8; 6],
    /// Of both ends.
    pub mtu: u32,
}

/// What a veth pair is made from.
pub struct Pair<'a> {
    pub outside: &'a str,
    pub inside: &'a str,
    pub card: Card,
    /// An open descriptor of the namespace of the inner end.
    pub namespace: RawFd,
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
pub fn create_pair(pair: &Pair<'_>, bridge: u32) -> Request {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName(pair.inside.to_owned()),
        LinkAttribute::Address(pair.card.mac.to_vec()),
        LinkAttribute::Mtu(pair.card.mtu),
        LinkAttribute::NumTxQueues(1),
        LinkAttribute::NumRxQueues(1),
        LinkAttribute::NetNsFd(pair.namespace),
    ];
    let mut message = LinkMessage::default();
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes = vec![
        LinkAttribute::IfName(pair.outside.to_owned()),
        LinkAttribute::Address(outer(pair.card.mac).to_vec()),
        LinkAttribute::Mtu(pair.card.mtu),
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

/// An 802.1Q link, down.
pub fn create_vlan(name: &str, parent: u32, id: u16) -> Request {
    let data = InfoData::Vlan(vec![InfoVlan::Id(id)]);
    create(name, InfoKind::Vlan, data, vec![LinkAttribute::Link(parent)])
}

/// Down. `parent`: by which a group is reached.
pub fn create_vxlan(name: &str, tunnel: &Tunnel, parent: Option<u32>, mtu: u32) -> Request {
    let mut facts = vec![InfoVxlan::Id(tunnel.id), InfoVxlan::Port(tunnel.port), InfoVxlan::Learning(true)];
    facts.extend(tunnel.local.map(|address| match address {
        IpAddr::V4(v4) => InfoVxlan::Local(v4),
        IpAddr::V6(v6) => InfoVxlan::Local6(v6),
    }));
    facts.extend(tunnel.group.map(|address| match address {
        IpAddr::V4(v4) => InfoVxlan::Group(v4),
        IpAddr::V6(v6) => InfoVxlan::Group6(v6),
    }));
    facts.extend(parent.map(InfoVxlan::Link));
    create(name, InfoKind::Vxlan, InfoData::Vxlan(facts), vec![LinkAttribute::Mtu(mtu)])
}

/// In its namespace, and down.
pub fn create_macvlan(name: &str, parent: u32, card: Card, namespace: RawFd) -> Request {
    let data = InfoData::MacVlan(vec![InfoMacVlan::Mode(MacVlanMode::Bridge)]);
    let attributes = vec![
        LinkAttribute::Link(parent),
        LinkAttribute::Address(card.mac.to_vec()),
        LinkAttribute::Mtu(card.mtu),
        LinkAttribute::NetNsFd(namespace),
    ];
    create(name, InfoKind::MacVlan, data, attributes)
}

fn create(name: &str, kind: InfoKind, data: InfoData, attributes: Vec<LinkAttribute>) -> Request {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(name.to_owned())];
    message.attributes.extend(attributes);
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind), LinkInfo::Data(data)]));
    Request::new(format!("make link {name}"), RouteNetlinkMessage::NewLink(message)).create()
}

/// Down.
pub fn create_bridge(name: &str) -> Request {
    let mut message = LinkMessage::default();
    message.attributes =
        vec![LinkAttribute::IfName(name.to_owned()), LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)])];
    let request = Request::new(format!("make bridge {name}"), RouteNetlinkMessage::NewLink(message));
    request.create().tolerate(Errno::EEXIST)
}

pub fn set_up(index: u32, what: &str) -> Request {
    let mut message = up(index);
    message.header.flags = LinkFlags::Up;
    Request::new(format!("bring {what} up"), RouteNetlinkMessage::SetLink(message))
}

pub fn set_down(index: u32, what: &str) -> Request {
    Request::new(format!("take {what} down"), RouteNetlinkMessage::SetLink(up(index)))
}

/// Up, with this MTU, and a port of this bridge.
pub fn attach(index: u32, mtu: u32, bridge: u32, what: &str) -> Request {
    let mut message = up(index);
    message.header.flags = LinkFlags::Up;
    // First: a bridge takes the least MTU of its ports.
    message.attributes = vec![LinkAttribute::Mtu(mtu), LinkAttribute::Controller(bridge)];
    Request::new(format!("attach {what} to its bridge"), RouteNetlinkMessage::SetLink(message))
}

pub fn set_mac(index: u32, mac: [u8; 6]) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![LinkAttribute::Address(mac.to_vec())];
    Request::new("set the MAC", RouteNetlinkMessage::SetLink(message))
}

pub fn set_mtu(index: u32, mtu: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![LinkAttribute::Mtu(mtu)];
    Request::new(format!("set the MTU to {mtu}"), RouteNetlinkMessage::SetLink(message))
}

/// Moves a link of the host into a namespace, where it is down.
pub fn move_into(index: u32, card: Card, namespace: RawFd, what: &str) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![
        LinkAttribute::Address(card.mac.to_vec()),
        LinkAttribute::Mtu(card.mtu),
        LinkAttribute::NetNsFd(namespace),
    ];
    Request::new(format!("move {what} into its namespace"), RouteNetlinkMessage::SetLink(message))
}

fn up(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.change_mask = LinkFlags::Up;
    message
}

pub fn delete(index: u32, what: &str) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    Request::new(format!("delete {what}"), RouteNetlinkMessage::DelLink(message)).tolerate(Errno::ENODEV)
}
