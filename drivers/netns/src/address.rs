//! Addresses of links: what is there, and the requests that change it.

use std::{collections::BTreeSet, net::IpAddr};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
};
use nix::errno::Errno;

use crate::{
    failure::Failure,
    netlink::{Netlink, Request},
};

/// The addresses of a link, without those that the kernel makes itself (fe80::).
pub fn all(netlink: &mut Netlink, index: u32) -> Result<BTreeSet<(IpAddr, u8)>, Failure> {
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

pub fn add(index: u32, address: IpAddr, prefix_length: u8) -> Request {
    let message = RouteNetlinkMessage::NewAddress(message(index, address, prefix_length));
    Request::new(format!("add address {address}"), message).create().tolerate(Errno::EEXIST)
}

pub fn remove(index: u32, address: IpAddr, prefix_length: u8) -> Request {
    let message = RouteNetlinkMessage::DelAddress(message(index, address, prefix_length));
    Request::new(format!("remove address {address}"), message).tolerate(Errno::EADDRNOTAVAIL)
}

fn message(index: u32, address: IpAddr, prefix_length: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address);
    message.header.prefix_len = prefix_length;
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    if address.is_ipv6() {
        // Duplicate address detection takes one to two seconds, and nobody can bind it meanwhile.
        message.header.flags = AddressHeaderFlags::Nodad;
    }
    message
}

pub(crate) fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}
