//! Ports: addresses of a network that somebody has.
//!
//! What a port's addresses are to be is decided here, as far as it can be without knowing which are taken: that is the
//! store's to say.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    fault::{Addressing, Fault, InUse, Kind, Misfit},
    ids::{NetworkId, PortId, SubnetId},
    listener::Mac,
    subnet::Subnet,
};

/// The owner of a vip's port.
pub const LOAD_BALANCER: &str = "neutron:LOADBALANCER";
/// How many addresses a port can have.
const MAX_ADDRESSES: u32 = 5;

/// An address of a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FixedIp {
    pub subnet_id: SubnetId,
    pub address: IpAddr,
}

/// A port of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub id: PortId,
    pub project_id: String,
    pub name: String,
    pub network_id: NetworkId,
    pub mac: Mac,
    pub fixed_ips: Vec<FixedIp>,
    pub device_owner: String,
    pub device_id: String,
    /// Where it is plugged in; empty: nowhere.
    pub host: String,
    pub admin_state_up: bool,
}

/// An address as a caller asks for it: of this subnet, this one, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WantedIp {
    pub subnet_id: Option<SubnetId>,
    pub address: Option<IpAddr>,
}

/// What changes of a port; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortChange {
    pub name: Option<String>,
    pub admin_state_up: Option<bool>,
    pub device_id: Option<String>,
    pub device_owner: Option<String>,
    pub fixed_ips: Option<Vec<WantedIp>>,
    pub mac: Option<Mac>,
}

impl PortChange {
    /// Whether it would take the port from its device.
    #[must_use]
    pub const fn is_of_the_device(&self) -> bool {
        self.device_id.is_some() || self.device_owner.is_some() || self.fixed_ips.is_some() || self.mac.is_some()
    }
}

/// One address that a port is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The first one of these that has an address left.
    pub subnets: Vec<&'a Subnet>,
    /// This one; absent: any.
    pub address: Option<IpAddr>,
}

/// What addresses a port of the network with these subnets is to get. Without a wish it is one of each IP version.
///
/// # Errors
/// [`Misfit`] and [`Addressing`], which name the wish.
pub fn slots<'a>(
    network_id: NetworkId,
    subnets: &'a [Subnet],
    wanted: Option<&[WantedIp]>,
) -> Result<Vec<Slot<'a>>, Fault> {
    let Some(wanted) = wanted else {
        let of_version = |four: bool| subnets.iter().filter(|subnet| subnet.is_ipv4() == four).collect::<Vec<_>>();
        let versions = [of_version(true), of_version(false)].into_iter().filter(|subnets| !subnets.is_empty());
        return Ok(versions.map(|subnets| Slot { subnets, address: None }).collect());
    };
    if wanted.len() > MAX_ADDRESSES as usize {
        return Err(Misfit::TooManyAddresses { most: MAX_ADDRESSES }.into());
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = wanted.iter().filter_map(|one| one.address).find(|address| !seen.insert(*address)) {
        return Err(Misfit::DuplicateAddress { address: twice }.into());
    }
    wanted.iter().map(|one| slot(network_id, subnets, *one)).collect()
}

fn slot(network_id: NetworkId, subnets: &[Subnet], wanted: WantedIp) -> Result<Slot<'_>, Fault> {
    let subnet = match (wanted.subnet_id, wanted.address) {
        (Some(id), _) => subnets
            .iter()
            .find(|subnet| subnet.id == id)
            .ok_or(Misfit::SubnetOfOtherNetwork { network_id, subnet_id: id })?,
        (None, Some(address)) => subnets
            .iter()
            .find(|subnet| subnet.cidr.contains(&address))
            .ok_or(Addressing::NotInNetwork { address, network_id })?,
        (None, None) => return Err(Misfit::EmptyWish.into()),
    };
    if let Some(address) = wanted.address {
        subnet.check_address(address)?;
    }
    Ok(Slot { subnets: vec![subnet], address: wanted.address })
}

/// Which of its addresses a port keeps when it is to have `slots`, and which slots are left to fill.
#[must_use]
pub fn kept<'a>(current: &[FixedIp], slots: Vec<Slot<'a>>) -> (Vec<FixedIp>, Vec<Slot<'a>>) {
    let mut free: Vec<FixedIp> = current.to_vec();
    let (mut kept, mut open) = (BTreeMap::new(), BTreeMap::new());
    let (exact, any): (Vec<_>, Vec<_>) = slots.into_iter().enumerate().partition(|(_, slot)| slot.address.is_some());
    for (order, slot) in exact.into_iter().chain(any) {
        let fits = |one: &FixedIp| {
            slot.subnets.iter().any(|subnet| subnet.id == one.subnet_id)
                && slot.address.is_none_or(|address| address == one.address)
        };
        match free.iter().position(fits) {
            Some(at) => kept.insert(order, free.remove(at)).map(|_| ()).unwrap_or_default(),
            None => open.insert(order, slot).map(|_| ()).unwrap_or_default(),
        }
    }
    (kept.into_values().collect(), open.into_values().collect())
}

/// There is no such port.
#[must_use]
pub fn port_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::not_found(Kind::Port, id)
}

/// The address is another port's.
#[must_use]
pub fn address_in_use(network_id: NetworkId, address: IpAddr) -> Fault {
    InUse::Address { address, network_id }.into()
}

/// The network's subnets have no address left.
#[must_use]
pub fn no_address_left(network_id: NetworkId) -> Fault {
    Addressing::Full { network_id }.into()
}

/// The port is a vip's, which alone changes and deletes it.
#[must_use]
pub fn is_a_vips(id: PortId) -> Fault {
    InUse::ServicePort { port_id: id }.into()
}

#[cfg(test)]
mod tests;
