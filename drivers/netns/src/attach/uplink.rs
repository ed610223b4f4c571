//! What joins a network's bridge on this host with those on others: a VLAN of a physical network's interface, or a VXLAN
//! segment (RFC 7348). It is made and removed with the bridge.

use std::{collections::BTreeSet, net::IpAddr};

use ballast_failpoint as failpoint;
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    link::{self, Link, Tunnel},
    neighbour,
    netlink::{Netlink, Request},
};

/// The other end of a bridge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uplink {
    Vlan(Vlan),
    Vxlan(Vxlan),
}

/// An 802.1Q VLAN of an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vlan {
    pub interface: String,
    pub id: u16,
}

/// A segment, and the hosts that are in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vxlan {
    pub id: u32,
    /// Of this host.
    pub local: IpAddr,
    pub hosts: Hosts,
    pub port: u16,
}

/// To whom a frame goes whose place is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hosts {
    /// To each of these.
    Peers(BTreeSet<IpAddr>),
    /// To this group, by the interface that is named.
    Group { address: IpAddr, interface: String },
}

/// An Ethernet frame that goes to everybody, or whose receiver nobody knows, in the table of a tunnel.
const ANYONE: [u8; 6] = [0; 6];

impl Uplink {
    /// As Neutron's agents name it, where that fits.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Vxlan(vxlan) => format!("vxlan-{}", vxlan.id),
            Self::Vlan(Vlan { interface, id }) => {
                let name = format!("{interface}.{id}");
                if name.len() <= 15 { name } else { format!("v{:08x}.{id}", digest(interface)) }
            }
        }
    }

    /// It is there, as it should be, on this bridge, and up.
    pub(super) fn ensure(&self, host: &mut Netlink, bridge: &Link, mtu: u32) -> Result<(), Failure> {
        let name = self.name();
        let mut found = link::find(host, &name)?;
        if let Some(other) = found.take_if(|link| !self.is(link)) {
            host.batch(vec![link::delete(other.index, &name)])?;
        }
        let link = match found {
            Some(link) => link,
            None => {
                self.make(host, &name, mtu)?;
                failpoint::at("uplink: made");
                link::require(host, &name)?
            }
        };
        let mut batch = vec![link::attach(link.index, mtu, bridge.index, &name)];
        batch.extend(self.tell(host, &link)?);
        host.batch(batch)
    }

    pub(super) fn remove(&self, host: &mut Netlink) -> Result<(), Failure> {
        let name = self.name();
        match link::find(host, &name)? {
            Some(link) => host.batch(vec![link::delete(link.index, &name)]),
            None => Ok(()),
        }
    }

    /// Whether [`Self::ensure`] would change anything.
    pub(super) fn is_ready(&self, host: &mut Netlink, bridge: &Link) -> Result<bool, Failure> {
        let Some(link) = link::find(host, &self.name())? else { return Ok(false) };
        Ok(self.is(&link) && link.up && link.master == Some(bridge.index) && self.tell(host, &link)?.is_empty())
    }

    fn make(&self, host: &mut Netlink, name: &str, mtu: u32) -> Result<(), Failure> {
        let parent = match self {
            Self::Vlan(Vlan { interface, .. }) | Self::Vxlan(Vxlan { hosts: Hosts::Group { interface, .. }, .. }) => {
                Some(interface)
            }
            Self::Vxlan(_) => None,
        };
        let parent = match parent {
            Some(parent) => {
                let missing = || Failure::InterfaceMissing { interface: parent.clone() };
                Some(link::find(host, parent)?.ok_or_else(missing)?.index)
            }
            None => None,
        };
        let request = match self {
            Self::Vlan(vlan) => link::create_vlan(name, parent.unwrap_or_default(), vlan.id),
            Self::Vxlan(_) => link::create_vxlan(name, &self.tunnel(), parent, mtu),
        };
        host.batch(vec![request])
    }

    /// What the table of a tunnel to peers has too little or too much.
    fn tell(&self, host: &mut Netlink, link: &Link) -> Result<Vec<Request>, Failure> {
        let Self::Vxlan(Vxlan { hosts: Hosts::Peers(peers), local, .. }) = self else { return Ok(Vec::new()) };
        let known = neighbour::forwarded(host, link.index, ANYONE)?;
        let others: BTreeSet<IpAddr> = peers.iter().copied().filter(|peer| peer != local).collect();
        let add = others.difference(&known).map(|peer| neighbour::forward(link.index, ANYONE, *peer));
        let remove = known.difference(&others).map(|peer| neighbour::forward_no_more(link.index, ANYONE, *peer));
        Ok(add.chain(remove).collect())
    }

    fn tunnel(&self) -> Tunnel {
        match self {
            Self::Vxlan(vxlan) => Tunnel {
                id: vxlan.id,
                port: vxlan.port,
                local: Some(vxlan.local),
                group: match &vxlan.hosts {
                    Hosts::Group { address, .. } => Some(*address),
                    Hosts::Peers(_) => None,
                },
            },
            Self::Vlan(_) => Tunnel::default(),
        }
    }

    /// Whether the link is what it would make, and not another of this name.
    fn is(&self, link: &Link) -> bool {
        match self {
            Self::Vlan(vlan) => link.vlan == Some(vlan.id),
            Self::Vxlan(_) => link.tunnel == Some(self.tunnel()),
        }
    }
}

/// FNV-1a.
fn digest(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_tell_interfaces_apart() {
        let vlan = |interface: &str, id| Uplink::Vlan(Vlan { interface: interface.to_owned(), id }).name();
        assert_eq!(vlan("eth1", 100), "eth1.100");
        let long = ["enp175s0f1np1", "enp175s0f0np1"].map(|interface| vlan(interface, 4094));
        assert_ne!(long[0], long[1]);
        assert!(long.iter().all(|name| name.len() <= 15), "{long:?}");
    }
}
