//! What is to be on the host for a load balancer. Pure.

use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
};

use ballast_l4::desired::Service;
use ballast_netns::{attach::Interface, identity::Identity, link::Card, route::Hop, sysctl::Purpose};
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    l4::{Forwarded, kept::Kept},
    page::Page,
    ping::Echoes,
    render::render,
    state::State,
    validate::{Address, ETHERNET, Pool, Validated, Vip, is_networks},
};

/// What is to be on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Desired {
    pub(crate) generation: u64,
    pub(crate) identity: Option<Identity>,
    /// `None`: no VIP, so nothing.
    pub(crate) plug: Option<Plug>,
    /// The text of haproxy.cfg.
    pub(crate) config: String,
    /// What the text says; `None`: it is not known.
    pub(crate) page: Option<Page>,
    pub(crate) echoes: Vec<Echoes>,
    /// What the kernel is to forward. `None`: nothing.
    pub(crate) forwarded: Option<Forwarded>,
    /// The same with what is known of its members. `None`: as it was when it was done.
    pub(crate) service: Option<Service>,
    /// Whether to announce a new address at all.
    pub(crate) announce: bool,
    /// How many old processes may finish their connections.
    pub(crate) old_processes: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plug {
    pub(crate) interface: Interface,
    pub(crate) mac: [u8; 6],
    /// Notes of former releases lack it.
    #[serde(default = "ethernet", skip_serializing_if = "is_ethernet")]
    pub(crate) mtu: u32,
    pub(crate) address: IpAddr,
    pub(crate) prefix_length: u8,
    /// More of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) additional: BTreeSet<(IpAddr, u8)>,
    pub(crate) hops: BTreeSet<Hop>,
    /// Whom it sends to on its own network: members, and next hops. Notes of former releases lack it.
    #[serde(default)]
    pub(crate) neighbours: BTreeSet<IpAddr>,
}

const fn ethernet() -> u32 {
    ETHERNET
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_ethernet(mtu: &u32) -> bool {
    *mtu == ETHERNET
}

impl Plug {
    pub(crate) fn of(vip: &Vip, pools: &[Pool]) -> Self {
        let hops = hops(vip);
        let members = pools.iter().flat_map(|pool| &pool.members).map(|member| member.address);
        let near = |address: &IpAddr| vip.nets().any(|net| net.contains(address) && !is_networks(*address, net));
        let neighbours = members.filter(near).chain(hops.iter().map(|hop| hop.gateway));
        let is_own = |address: &IpAddr| vip.nets().any(|net| net.addr() == *address);
        Self {
            neighbours: neighbours.filter(|address| !is_own(address)).collect(),
            interface: Interface::of_port(vip.port.as_str(), vip.attachment.clone()),
            mac: vip.mac,
            mtu: vip.mtu,
            address: vip.net.addr(),
            prefix_length: vip.net.prefix_len(),
            additional: vip.nets().skip(1).map(|net| (net.addr(), net.prefix_len())).collect(),
            hops,
        }
    }

    pub(crate) const fn card(&self) -> Card {
        Card { mac: self.mac, mtu: self.mtu }
    }

    /// All of them, with the lengths of their networks' prefixes.
    pub(crate) fn addresses(&self) -> BTreeSet<(IpAddr, u8)> {
        self.additional.iter().copied().chain([(self.address, self.prefix_length)]).collect()
    }

    pub(crate) fn speaks_ipv6(&self) -> bool {
        self.addresses().iter().any(|(address, _)| address.is_ipv6())
    }
}

impl Desired {
    /// What was asked for when it was last deployed, as far as it is noted: whatever the plan would change now was lost.
    /// `None`: it is not noted.
    pub(crate) fn noted(
        state: &State,
        config: Option<String>,
        page: Option<Page>,
        kept: Option<&Kept>,
    ) -> Option<Self> {
        let unknown = state.plug.is_none() || (config.is_some() && page.is_none());
        if state.interface.is_some() && unknown {
            return None;
        }
        Some(Self {
            generation: state.generation,
            identity: state.identity,
            plug: state.plug.clone(),
            // Without one there is nothing to compare the process with, and the plan says so.
            config: config.unwrap_or_default(),
            page,
            echoes: state.echoes.clone(),
            forwarded: kept.and_then(|kept| kept.asked.clone()),
            service: None,
            announce: true,
            old_processes: u32::MAX,
        })
    }

    /// Members that are pinged, by pool and id.
    pub(crate) fn pinged(&self) -> HashSet<(String, String)> {
        let of = |echoes: &Echoes| {
            echoes.backends().map(|backend| (backend.to_owned(), echoes.member.clone())).collect::<Vec<_>>()
        };
        self.echoes.iter().flat_map(of).collect()
    }

    /// What its namespace is for.
    pub(crate) fn purpose(&self) -> Purpose {
        Purpose { ipv6: self.plug.as_ref().is_some_and(Plug::speaks_ipv6), forwards: self.forwarded.is_some() }
    }

    /// # Errors
    /// The page cannot be rendered: a defect.
    pub(crate) fn of(validated: &Validated, page: Page, generation: u64) -> Result<Self, Failure> {
        let config = render(&page)?;
        let plug = validated.vip.as_ref().map(|vip| Plug::of(vip, &validated.pools));
        let echoes = if plug.is_some() { Echoes::of(validated, &page) } else { Vec::new() };
        let page = Some(page);
        Ok(Self {
            generation,
            identity: None,
            plug,
            config,
            page,
            echoes,
            forwarded: Forwarded::of(validated),
            service: None,
            announce: true,
            old_processes: u32::MAX,
        })
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
