//! Which networks this host reaches, and by what: from an operator's words to what a load balancer is plugged into.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
};

use serde::Deserialize;
use thiserror::Error;

use crate::attach::{
    Attachment,
    bridge::Bridge,
    macvlan::Macvlan,
    ovs::{Ovs, Tag},
    uplink::{Hosts, Uplink, Vlan, Vxlan},
};

/// What an operator says of this host's networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Physical network -> bridge.
    pub bridges: BTreeMap<String, String>,
    /// Physical network -> interface: networks without a VLAN get a link of their own on it.
    pub macvlans: BTreeMap<String, String>,
    /// Physical network -> interface: each VLAN of it gets a bridge.
    pub vlans: BTreeMap<String, String>,
    pub vxlan: Option<Underlay>,
    pub ovs: Option<Switch>,
}

/// The network that carries VXLAN segments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Underlay {
    /// This host's address in it.
    pub local: IpAddr,
    /// The other hosts' addresses; this host's own may be among them.
    #[serde(default)]
    pub peers: BTreeSet<IpAddr>,
    /// A multicast group instead of `peers`, and the interface by which it is reached.
    pub group: Option<IpAddr>,
    pub interface: Option<String>,
    #[serde(default = "vxlan_port")]
    pub port: u16,
}

/// IANA's.
const fn vxlan_port() -> u16 {
    4789
}

/// An Open vSwitch on this host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switch {
    /// The bridge on which ports are made.
    pub bridge: String,
    /// Who says to which VLAN of the bridge a port belongs.
    pub tag: Tagger,
    /// The database's socket.
    pub database: PathBuf,
    /// With `tag = "network"`: the physical networks that the bridge leads to; empty: all.
    pub physical_networks: BTreeSet<String>,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            bridge: "br-int".to_owned(),
            tag: Tagger::Neutron,
            database: "/run/openvswitch/db.sock".into(),
            physical_networks: BTreeSet::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tagger {
    /// The Neutron agent on this host, which wires all kinds of networks.
    Neutron,
    /// We, by the network's `segmentation_id`.
    Network,
}

/// A network as those see it who plug into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network<'a> {
    pub id: &'a str,
    /// "own", "bridge", "vlan", "vxlan", "geneve" or "gre".
    pub kind: &'a str,
    pub physical_network: &'a str,
    pub segmentation_id: u32,
}

/// Why this host cannot plug into a network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreachable {
    #[error("nothing is configured for networks of type {kind:?}")]
    Kind { kind: String },
    #[error("physical network {physical_network:?} is in none of {keys}")]
    Physical { physical_network: String, keys: &'static str },
    #[error("{segment} is no VLAN")]
    Segment { segment: u32 },
}

impl Networks {
    /// What a port of the network is plugged into.
    ///
    /// # Errors
    /// Why it is not reached.
    pub fn attachment(&self, network: Network<'_>, port: &str) -> Result<Attachment, Unreachable> {
        if let Some(switch) = &self.ovs
            && let Some(tag) = switch.tag_of(network)?
        {
            let (bridge, database) = (switch.bridge.clone(), switch.database.clone());
            return Ok(Attachment::Ovs(Ovs { bridge, database, port: port.to_owned(), tag }));
        }
        let of_network = |uplink| Attachment::Bridge(Bridge { uplink, ..Bridge::of_network(network.id) });
        let physical = network.physical_network;
        let nowhere = |keys| Err(Unreachable::Physical { physical_network: physical.to_owned(), keys });
        match network.kind {
            "own" => Ok(of_network(None)),
            "bridge" => match (self.bridges.get(physical), self.macvlans.get(physical)) {
                (Some(name), _) => Ok(Attachment::Bridge(Bridge { name: name.clone(), own: false, uplink: None })),
                (None, Some(interface)) => Ok(Attachment::Macvlan(Macvlan { interface: interface.clone() })),
                (None, None) => nowhere("bridge_mappings and macvlan_mappings"),
            },
            "vlan" => match self.vlans.get(physical) {
                Some(interface) => {
                    let (interface, id) = (interface.clone(), vlan(network.segmentation_id)?);
                    Ok(of_network(Some(Uplink::Vlan(Vlan { interface, id }))))
                }
                None => nowhere("vlan_mappings and ovs.physical_networks"),
            },
            "vxlan" if let Some(underlay) = &self.vxlan => {
                Ok(of_network(Some(Uplink::Vxlan(underlay.segment(network.segmentation_id)))))
            }
            other => Err(Unreachable::Kind { kind: other.to_owned() }),
        }
    }

    /// The types of networks of which some can be plugged into.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<&'static str> {
        let neutron = self.ovs.as_ref().is_some_and(|switch| switch.tag == Tagger::Neutron);
        let mut kinds = BTreeSet::from(["own"]);
        kinds.extend(Some("bridge").filter(|_| neutron || !self.bridges.is_empty() || !self.macvlans.is_empty()));
        kinds.extend(Some("vlan").filter(|_| self.ovs.is_some() || !self.vlans.is_empty()));
        kinds.extend(Some("vxlan").filter(|_| neutron || self.vxlan.is_some()));
        kinds.extend(["geneve", "gre"].into_iter().filter(|_| neutron));
        kinds
    }

    /// The physical networks that are reached; none: all.
    #[must_use]
    pub fn physical_networks(&self) -> Option<BTreeSet<String>> {
        let mapped = [&self.bridges, &self.macvlans, &self.vlans].into_iter().flat_map(BTreeMap::keys).cloned();
        match &self.ovs {
            Some(switch) if switch.tag == Tagger::Neutron || switch.physical_networks.is_empty() => None,
            Some(switch) => Some(mapped.chain(switch.physical_networks.iter().cloned()).collect()),
            None => Some(mapped.collect()),
        }
    }

    /// What makes no sense.
    ///
    /// # Errors
    /// The key, and what is wrong with it.
    pub fn check(&self) -> Result<(), (String, String)> {
        let mappings =
            [("bridge_mappings", &self.bridges), ("macvlan_mappings", &self.macvlans), ("vlan_mappings", &self.vlans)];
        for (key, mapping) in mappings {
            for (network, name) in mapping {
                if !is_interface_name(name) {
                    return Err((key.to_owned(), format!("{network:?}: {name:?} is no interface name")));
                }
            }
        }
        if let Some(switch) = &self.ovs {
            if !is_interface_name(&switch.bridge) {
                return Err(("ovs.bridge".to_owned(), format!("{:?} is no interface name", switch.bridge)));
            }
            if !switch.database.is_absolute() {
                return Err(("ovs.database".to_owned(), "must be an absolute path".to_owned()));
            }
        }
        self.vxlan.as_ref().map_or(Ok(()), Underlay::check)
    }
}

impl Switch {
    /// `None`: it is not by this switch that the network is reached.
    fn tag_of(&self, network: Network<'_>) -> Result<Option<Tag>, Unreachable> {
        match self.tag {
            Tagger::Neutron => Ok(Some(Tag::Neutron)),
            Tagger::Network if network.kind == "vlan" && self.leads_to(network.physical_network) => {
                vlan(network.segmentation_id).map(|id| Some(Tag::Network(id)))
            }
            Tagger::Network => Ok(None),
        }
    }

    fn leads_to(&self, physical_network: &str) -> bool {
        self.physical_networks.is_empty() || self.physical_networks.contains(physical_network)
    }
}

impl Underlay {
    fn segment(&self, id: u32) -> Vxlan {
        let hosts = match (&self.group, &self.interface) {
            (Some(address), Some(interface)) => Hosts::Group { address: *address, interface: interface.clone() },
            _ => Hosts::Peers(self.peers.clone()),
        };
        Vxlan { id, local: self.local, hosts, port: self.port }
    }

    fn check(&self) -> Result<(), (String, String)> {
        let wrong = |key: &str, what: &str| Err((format!("vxlan.{key}"), what.to_owned()));
        if self.group.is_some() != self.interface.is_some() {
            return wrong("interface", "group and interface are given together");
        }
        if self.group.is_some() && !self.peers.is_empty() {
            return wrong("group", "either group or peers");
        }
        if self.group.is_some_and(|group| !group.is_multicast()) {
            return wrong("group", "must be a multicast address");
        }
        if self.peers.iter().chain(&self.group).any(|address| address.is_ipv4() != self.local.is_ipv4()) {
            return wrong("local", "must be of the IP version of peers and group");
        }
        match &self.interface {
            Some(name) if !is_interface_name(name) => wrong("interface", "is no interface name"),
            _ if self.port == 0 => wrong("port", "must not be 0"),
            _ => Ok(()),
        }
    }
}

fn vlan(segment: u32) -> Result<u16, Unreachable> {
    u16::try_from(segment).ok().filter(|id| (1..=4094).contains(id)).ok_or(Unreachable::Segment { segment })
}

/// Whether Linux takes it for the name of a link.
#[must_use]
pub fn is_interface_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b':';
    (1..=15).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(plain)
}
