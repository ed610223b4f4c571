//! Addresses of links: what is there, and the requests that change it.

use std::{collections::BTreeSet, net::IpAddr};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage, CacheInfo},
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

/// How long the kernel keeps an address by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Forever,
    Seconds(u32),
}

/// An address that comes and goes: with its whole length as prefix, so that it is no way to anywhere, and never the one that is
/// spoken from by oneself. It may be there with another life.
pub fn float(index: u32, address: IpAddr, life: Life) -> Request {
    let mut message = message(index, address, whole(address));
    let mut lives = CacheInfo::default();
    lives.ifa_valid = match life {
        Life::Forever => u32::MAX,
        Life::Seconds(seconds) => seconds,
    };
    message.attributes.push(AddressAttribute::CacheInfo(lives));
    Request::new(format!("add address {address}"), RouteNetlinkMessage::NewAddress(message)).replace()
}

/// Takes away what [`float`] has made.
pub fn sink(index: u32, address: IpAddr) -> Request {
    remove(index, address, whole(address))
}

fn whole(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
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
