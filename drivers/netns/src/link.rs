//! Links: what is there, and the requests that change it.

use std::os::fd::RawFd;

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage},
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
    pub up: bool,
    /// The bridge that it is a port of.
    pub master: Option<u32>,
}

/// A link by its name. Asking for it also makes the kernel act on a change of its carrier that is waiting.
pub fn find(netlink: &mut Netlink, name: &str) -> Result<Option<Link>, Failure> {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(name.to_owned()), skip_statistics()];
    let found = netlink.get(&format!("look up link {name}"), RouteNetlinkMessage::GetLink(message))?;
    Ok(found.and_then(link))
}

/// All links of the socket's namespace.
pub fn all(netlink: &mut Netlink) -> Result<Vec<Link>, Failure> {
    let mut message = LinkMessage::default();
    message.attributes = vec![skip_statistics()];
    let found = netlink.dump("list links", RouteNetlinkMessage::GetLink(message))?;
    Ok(found.into_iter().filter_map(link).collect())
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
pub struct Pair<'a> {
    pub outside: &'a str,
    pub inside: &'a str,
    pub mac: [u8; 6],
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

/// Up, and a port of this bridge.
pub fn attach(index: u32, bridge: u32, what: &str) -> Request {
    let mut message = up(index);
    message.header.flags = LinkFlags::Up;
    message.attributes = vec![LinkAttribute::Controller(bridge)];
    Request::new(format!("attach {what} to its bridge"), RouteNetlinkMessage::SetLink(message))
}

pub fn set_mac(index: u32, mac: [u8; 6]) -> Request {
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

pub fn delete(index: u32, what: &str) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    Request::new(format!("delete {what}"), RouteNetlinkMessage::DelLink(message)).tolerate(Errno::ENODEV)
}
