//! What is plugged into a load balancer's network, and how that is set up. Pure. It is noted, in a form that older releases
//! read as well.

use std::{collections::BTreeSet, net::IpAddr};

use ballast_l4::desired::Service;
use ballast_netns::{attach::Interface, link::Card, route::Hop, sysctl::Purpose};
use serde::{Deserialize, Serialize};

use crate::{
    l4::Forwarded,
    validate::{Address, ETHERNET, Pool, Vip, is_networks},
};

/// What is to be on the host for a load balancer that has an address.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub plug: &'a Plug,
    /// What the kernel is to forward, and whom it is to keep out. `None`: neither.
    pub forwarded: Option<&'a Forwarded>,
    /// The same with what is known of its members. `None`: as it was when it was done.
    pub service: Option<&'a Service>,
    /// Whether to announce a new address at all.
    pub announce: bool,
    /// Nobody has said of late that it still is to answer here: before it does, the network is asked who has its addresses.
    pub probe: bool,
}

impl Wanted<'_> {
    /// What its namespace is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        Purpose { ipv6: self.plug.speaks_ipv6(), forwards: self.forwarded.is_some_and(Forwarded::forwards) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plug {
    pub interface: Interface,
    pub mac: [u8; 6],
    /// Notes of former releases lack it.
    #[serde(default = "ethernet", skip_serializing_if = "is_ethernet")]
    pub mtu: u32,
    pub address: IpAddr,
    pub prefix_length: u8,
    /// More of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub additional: BTreeSet<(IpAddr, u8)>,
    pub hops: BTreeSet<Hop>,
    /// Whom it sends to on its own network: members, and next hops. Notes of former releases lack it.
    #[serde(default)]
    pub neighbours: BTreeSet<IpAddr>,
    /// Addresses that may be on its link as well, and are nobody's business here: the VIP's, of one of two sides.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub floating: BTreeSet<IpAddr>,
}

const fn ethernet() -> u32 {
    ETHERNET
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_ethernet(mtu: &u32) -> bool {
    *mtu == ETHERNET
}

impl Plug {
    #[must_use]
    pub fn of(vip: &Vip, pools: &[Pool]) -> Self {
        let hops = hops(vip);
        let members = pools.iter().flat_map(|pool| &pool.members).map(|member| member.address);
        let near = |address: &IpAddr| vip.nets().any(|net| net.contains(address) && !is_networks(*address, net));
        let neighbours = members.filter(near).chain(hops.iter().map(|hop| hop.gateway));
        let own = vip.own_nets();
        let is_own = |address: &IpAddr| own.iter().copied().chain(vip.nets()).any(|net| net.addr() == *address);
        let first = own.first().copied().unwrap_or(vip.net);
        Self {
            neighbours: neighbours.filter(|address| !is_own(address)).collect(),
            interface: Interface::of_port(vip.port.as_str(), vip.attachment.clone()),
            mac: vip.mac,
            mtu: vip.mtu,
            address: first.addr(),
            prefix_length: first.prefix_len(),
            additional: own.iter().skip(1).map(|net| (net.addr(), net.prefix_len())).collect(),
            floating: if vip.side.is_some() { vip.nets().map(|net| net.addr()).collect() } else { BTreeSet::new() },
            hops,
        }
    }

    #[must_use]
    pub const fn card(&self) -> Card {
        Card { mac: self.mac, mtu: self.mtu }
    }

    /// All of them, with the lengths of their networks' prefixes.
    #[must_use]
    pub fn addresses(&self) -> BTreeSet<(IpAddr, u8)> {
        self.additional.iter().copied().chain([(self.address, self.prefix_length)]).collect()
    }

    /// What is on its link and is to be there or not to be, by what is planned here.
    #[must_use]
    pub fn concerns(&self, address: &(IpAddr, u8)) -> bool {
        !self.floating.contains(&address.0)
    }

    #[must_use]
    pub fn speaks_ipv6(&self) -> bool {
        self.addresses().iter().any(|(address, _)| address.is_ipv6())
    }
}

/// The routes that a VIP asks for. Of those to one place the first address's are taken: a host has one way to it.
fn hops(vip: &Vip) -> BTreeSet<Hop> {
    let own = Address { net: vip.net, gateway: vip.gateway, routes: vip.routes.clone() };
    let mut hops: Vec<Hop> = Vec::new();
    for hop in std::iter::once(&own).chain(&vip.additional).flat_map(of_address) {
        let same =
            |other: &Hop| other.destination == hop.destination && other.gateway.is_ipv4() == hop.gateway.is_ipv4();
        let connected = hop.destination.is_some_and(|(address, length)| {
            vip.nets().any(|net| (net.network(), net.prefix_len()) == (address, length))
        });
        if !connected && !hops.iter().any(same) {
            hops.push(hop);
        }
    }
    hops.into_iter().collect()
}

/// The routes that one of its addresses asks for.
fn of_address(vip: &Address) -> Vec<Hop> {
    let gateway = vip.gateway.filter(|gateway| *gateway != vip.net.addr());
    let routes = vip.routes.iter().filter(|route| !(vip.gateway.is_some() && route.destination.prefix_len() == 0));
    // The kernel looks for the way to a gateway. One that another route leads to it would not take.
    let routed = |gateway: &IpAddr| {
        let networks = routes.clone().map(|route| route.destination);
        networks.filter(|network| network.prefix_len() > vip.net.prefix_len()).any(|network| network.contains(gateway))
    };
    let onlink = |gateway: IpAddr| !vip.net.contains(&gateway) || routed(&gateway);
    let default = gateway.map(|gateway| Hop { destination: None, gateway, onlink: onlink(gateway) });
    let hops = routes.clone().map(|route| Hop {
        destination: Some((route.destination.addr(), route.destination.prefix_len())).filter(|(_, length)| *length > 0),
        gateway: route.next_hop,
        onlink: onlink(route.next_hop),
    });
    default.into_iter().chain(hops).collect()
}
