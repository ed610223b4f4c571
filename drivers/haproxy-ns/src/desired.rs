//! What is to be on the host for a load balancer. Pure.

use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use crate::{
    identity::Identity,
    net::link::Hop,
    ping::Echoes,
    state::{Interface, State},
    validated::{Validated, Vip},
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
}

impl Plug {
    pub(crate) fn of(vip: &Vip) -> Self {
        Self {
            interface: Interface::of_port(vip.port.as_str(), &vip.bridge.name, vip.bridge.own),
            mac: vip.mac,
            address: vip.address,
            prefix_length: vip.prefix_length,
            hops: Hop::wanted(vip),
        }
    }
}

impl Desired {
    /// What was asked for when it was last deployed, as far as it is noted: whatever the plan would change now was lost.
    /// `None`: it is not noted.
    pub(crate) fn noted(state: &State, config: Option<String>) -> Option<Self> {
        if state.interface.is_some() && state.plug.is_none() {
            return None;
        }
        Some(Self {
            generation: state.generation,
            identity: state.identity,
            plug: state.plug.clone(),
            // Without one there is nothing to compare the process with, and the plan says so.
            config: config.unwrap_or_default(),
            echoes: state.echoes.clone(),
            announce: true,
        })
    }

    /// Members that are pinged, by pool and id.
    pub(crate) fn pinged(&self) -> HashSet<(String, String)> {
        self.echoes.iter().map(|echoes| (echoes.pool.clone(), echoes.member.clone())).collect()
    }

    pub(crate) fn of(validated: &Validated, config: String, generation: u64) -> Self {
        let plug = validated.vip.as_ref().map(Plug::of);
        let echoes = if plug.is_some() { Echoes::of(validated) } else { Vec::new() };
        Self { generation, identity: None, plug, config, echoes, announce: true }
    }
}
