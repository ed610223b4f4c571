//! What is to be on the host for a load balancer. Pure.

use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
};

use ballast_netns::{attach::Interface, identity::Identity, route::Hop};
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    page::Page,
    ping::Echoes,
    render::render,
    state::State,
    validate::{Pool, Validated, Vip, is_networks},
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
    /// Whether to announce a new address at all.
    pub(crate) announce: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plug {
    pub(crate) interface: Interface,
    pub(crate) mac: [u8; 6],
    pub(crate) address: IpAddr,
    pub(crate) prefix_length: u8,
    pub(crate) hops: BTreeSet<Hop>,
    /// Whom it sends to on its own network: members, and next hops. Notes of former releases lack it.
    #[serde(default)]
    pub(crate) neighbours: BTreeSet<IpAddr>,
}

impl Plug {
    pub(crate) fn of(vip: &Vip, pools: &[Pool]) -> Self {
        let hops = hops(vip);
        let members = pools.iter().flat_map(|pool| &pool.members).map(|member| member.address);
        let near = |address: &IpAddr| vip.net.contains(address) && !is_networks(*address, vip.net);
        let neighbours = members.filter(near).chain(hops.iter().map(|hop| hop.gateway));
        Self {
            neighbours: neighbours.filter(|address| *address != vip.net.addr()).collect(),
            interface: Interface::of_port(vip.port.as_str(), vip.attachment.clone()),
            mac: vip.mac,
            address: vip.net.addr(),
            prefix_length: vip.net.prefix_len(),
            hops,
        }
    }
}

impl Desired {
    /// What was asked for when it was last deployed, as far as it is noted: whatever the plan would change now was lost.
    /// `None`: it is not noted.
    pub(crate) fn noted(state: &State, config: Option<String>, page: Option<Page>) -> Option<Self> {
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
            announce: true,
        })
    }

    /// Members that are pinged, by pool and id.
    pub(crate) fn pinged(&self) -> HashSet<(String, String)> {
        self.echoes.iter().map(|echoes| (echoes.pool.clone(), echoes.member.clone())).collect()
    }

    /// # Errors
    /// The page cannot be rendered: a defect.
    pub(crate) fn of(validated: &Validated, page: Page, generation: u64) -> Result<Self, Failure> {
        let config = render(&page)?;
        let plug = validated.vip.as_ref().map(|vip| Plug::of(vip, &validated.pools));
        let echoes = if plug.is_some() { Echoes::of(validated) } else { Vec::new() };
        Ok(Self { generation, identity: None, plug, config, page: Some(page), echoes, announce: true })
    }
}

/// The routes that a VIP asks for.
fn hops(vip: &Vip) -> BTreeSet<Hop> {
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
