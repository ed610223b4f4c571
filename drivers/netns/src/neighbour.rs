//! Entries of the kernel's neighbour tables that do not count against their limit.
//!
//! All namespaces of a machine share one table for each IP version, of 1024 entries by default; a load balancer needs an entry
//! for each of its members and its gateway, and where the table is full, it reaches none of them. An entry that is said to be
//! learned elsewhere (`NTF_EXT_LEARNED`) does not count, and the kernel does not clear it. Without a MAC address and a state
//! it is otherwise as any: the kernel asks for the address at first use, notices that it has grown old, and asks again. So
//! none is stale because of us, which one with a MAC of our choice (`NUD_PERMANENT`) would be when a member moves.

use std::{collections::BTreeSet, net::IpAddr};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
};
use nix::errno::Errno;

use crate::failure::Failure;
use crate::netlink::{Netlink, Request};

/// Those of these addresses that are noted for this link. They are asked for one by one: a list of them would take the kernel
/// through the tables of all namespaces.
pub fn known(
    netlink: &mut Netlink,
    index: u32,
    addresses: impl IntoIterator<Item = IpAddr>,
) -> Result<BTreeSet<IpAddr>, Failure> {
    let mut known = BTreeSet::new();
    for address in addresses {
        let mut asked = message(index, address);
        asked.header.flags = NeighbourFlags::empty();
        let what = format!("look up neighbour {address}");
        let found = netlink.get(&what, RouteNetlinkMessage::GetNeighbour(asked))?;
        let is_noted = |message: &NeighbourMessage| message.header.flags.contains(NeighbourFlags::ExtLearned);
        if matches!(&found, Some(RouteNetlinkMessage::NewNeighbour(message)) if is_noted(message)) {
            known.insert(address);
        }
    }
    Ok(known)
}

pub fn add(index: u32, address: IpAddr) -> Request {
    let message = RouteNetlinkMessage::NewNeighbour(message(index, address));
    Request::new(format!("note neighbour {address}"), message).replace()
}

pub fn remove(index: u32, address: IpAddr) -> Request {
    let message = RouteNetlinkMessage::DelNeighbour(message(index, address));
    Request::new(format!("forget neighbour {address}"), message).tolerate(Errno::ENOENT)
}

/// Where the tunnel sends frames for this MAC address.
pub fn forwarded(netlink: &mut Netlink, index: u32, mac: [u8; 6]) -> Result<BTreeSet<IpAddr>, Failure> {
    let mut asked = NeighbourMessage::default();
    asked.header.family = AddressFamily::Bridge;
    let found = netlink.dump("list where a tunnel leads", RouteNetlinkMessage::GetNeighbour(asked))?;
    let mut places = BTreeSet::new();
    for message in found {
        let RouteNetlinkMessage::NewNeighbour(message) = message else { continue };
        let is_its = |attribute: &NeighbourAttribute| matches!(attribute, NeighbourAttribute::LinkLayerAddress(bytes) if *bytes == mac);
        if message.header.ifindex == index && message.attributes.iter().any(is_its) {
            places.extend(message.attributes.iter().find_map(destination));
        }
    }
    Ok(places)
}

/// Frames for this MAC address go there as well.
pub fn forward(index: u32, mac: [u8; 6], place: IpAddr) -> Request {
    let message = RouteNetlinkMessage::NewNeighbour(forwarding(index, mac, place));
    Request::new(format!("lead a tunnel to {place}"), message).append().tolerate(Errno::EEXIST)
}

pub fn forward_no_more(index: u32, mac: [u8; 6], place: IpAddr) -> Request {
    let message = RouteNetlinkMessage::DelNeighbour(forwarding(index, mac, place));
    Request::new(format!("lead a tunnel to {place} no more"), message).tolerate(Errno::ENOENT)
}

fn forwarding(index: u32, mac: [u8; 6], place: IpAddr) -> NeighbourMessage {
    let mut message = message(index, place);
    message.header.family = AddressFamily::Bridge;
    message.header.state = NeighbourState::Permanent;
    message.header.flags = NeighbourFlags::Own;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
    message
}

fn destination(attribute: &NeighbourAttribute) -> Option<IpAddr> {
    match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => Some(IpAddr::V4(*v4)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => Some(IpAddr::V6(*v6)),
        // Of a tunnel: the message is of the bridge's family, which says nothing of the address.
        NeighbourAttribute::Destination(NeighbourAddress::Other(bytes)) => match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes.as_slice()).ok().map(IpAddr::from),
            _ => <[u8; 16]>::try_from(bytes.as_slice()).ok().map(IpAddr::from),
        },
        _ => None,
    }
}

fn message(index: u32, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    let (family, destination) = match address {
        IpAddr::V4(v4) => (AddressFamily::Inet, NeighbourAddress::Inet(v4)),
        IpAddr::V6(v6) => (AddressFamily::Inet6, NeighbourAddress::Inet6(v6)),
    };
    message.header.family = family;
    message.header.ifindex = index;
    message.header.state = NeighbourState::None;
    message.header.flags = NeighbourFlags::ExtLearned;
    message.attributes = vec![NeighbourAttribute::Destination(destination)];
    message
}
