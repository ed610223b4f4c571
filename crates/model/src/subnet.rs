//! Subnets, and the choice of addresses from them.

mod arithmetic;
mod ipv6;
mod usable;

use std::{collections::BTreeSet, net::IpAddr};

use ballast_limits as limits;
use ipnet::IpNet;

use self::arithmetic::{all_but, first_host, is_reserved, overlap, successor};
pub use self::ipv6::{Ipv6Mode, Ipv6Modes};
use crate::{
    check,
    fault::{Code, Fault},
    ids::{NetworkId, SubnetId},
    set,
};

/// A range of addresses, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub start: IpAddr,
    pub end: IpAddr,
}

impl Range {
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.start <= address && address <= self.end
    }
}

/// A route that hosts of a subnet are to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub destination: IpNet,
    pub next_hop: IpAddr,
}

/// A subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    pub id: SubnetId,
    pub project_id: String,
    pub name: String,
    pub network_id: NetworkId,
    pub cidr: IpNet,
    pub gateway_ip: Option<IpAddr>,
    pub allocation_pools: Vec<Range>,
    pub host_routes: Vec<Route>,
    pub dns_nameservers: Vec<IpAddr>,
    pub enable_dhcp: bool,
    pub ipv6_modes: Ipv6Modes,
}

/// What a new subnet is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSubnet {
    pub id: SubnetId,
    pub project_id: String,
    pub name: String,
    pub network_id: NetworkId,
    pub cidr: String,
    /// 4, 6, or 0: the cidr's.
    pub ip_version: u32,
    /// Absent: the first address of the cidr. Empty: none.
    pub gateway_ip: Option<String>,
    /// Start and end; none: all of the cidr but its network, broadcast and gateway addresses.
    pub allocation_pools: Vec<(String, String)>,
    /// Destination and next hop.
    pub host_routes: Vec<(String, String)>,
    pub dns_nameservers: Vec<String>,
    pub enable_dhcp: bool,
    /// Empty: none.
    pub ipv6_ra_mode: String,
    /// Empty: none.
    pub ipv6_address_mode: String,
}

/// What changes of a subnet; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubnetChange {
    pub name: Option<String>,
    /// Empty: none from now on.
    pub gateway_ip: Option<String>,
    pub allocation_pools: Option<Vec<(String, String)>>,
    pub host_routes: Option<Vec<(String, String)>>,
    pub dns_nameservers: Option<Vec<String>>,
    pub enable_dhcp: Option<bool>,
}

impl Subnet {
    /// Checks a new subnet.
    ///
    /// # Errors
    /// [`Code::InvalidField`] or [`Code::InvalidInput`], which name what is wrong.
    pub fn new(new: NewSubnet) -> Result<Self, Fault> {
        let cidr = parse_cidr("cidr", &new.cidr)?;
        if let Some(kind) = usable::unusable(cidr) {
            return Err(invalid_input(format!("{kind} IP subnet is not supported: no host can live in {cidr}")));
        }
        let version = if cidr.addr().is_ipv4() { 4 } else { 6 };
        if new.ip_version != 0 && new.ip_version != version {
            return Err(invalid_input(format!("ip_version {} does not match cidr {cidr}", new.ip_version)));
        }
        let gateway_ip = match new.gateway_ip.as_deref() {
            None => Some(first_host(cidr)),
            Some(text) => gateway(cidr, text)?,
        };
        let mut allocation_pools = ranges(cidr, &new.allocation_pools)?;
        check_gateway(gateway_ip, &allocation_pools)?;
        if new.allocation_pools.is_empty() {
            allocation_pools = all_but(cidr, gateway_ip);
        }
        Ok(Self {
            id: new.id,
            project_id: new.project_id,
            name: check::text("name", new.name, check::MAX_TEXT)?,
            network_id: new.network_id,
            cidr,
            gateway_ip,
            allocation_pools,
            host_routes: routes(cidr, &new.host_routes)?,
            dns_nameservers: nameservers(&new.dns_nameservers)?,
            enable_dhcp: new.enable_dhcp,
            ipv6_modes: Ipv6Modes::new((&new.ipv6_ra_mode, &new.ipv6_address_mode), cidr, new.enable_dhcp)?,
        })
    }

    /// Changes what can be changed: neither the cidr nor the network.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn change(mut self, change: SubnetChange) -> Result<Self, Fault> {
        if let Some(name) = change.name {
            self.name = check::text("name", name, check::MAX_TEXT)?;
        }
        if let Some(text) = change.gateway_ip {
            self.gateway_ip = gateway(self.cidr, &text)?;
        }
        if let Some(pools) = change.allocation_pools {
            self.allocation_pools = ranges(self.cidr, &pools)?;
        }
        check_gateway(self.gateway_ip, &self.allocation_pools)?;
        set(&mut self.host_routes, change.host_routes.map(|pairs| routes(self.cidr, &pairs)).transpose()?);
        set(&mut self.dns_nameservers, change.dns_nameservers.map(|texts| nameservers(&texts)).transpose()?);
        set(&mut self.enable_dhcp, change.enable_dhcp);
        self.ipv6_modes.check(self.cidr, self.enable_dhcp)?;
        Ok(self)
    }

    /// Whether those who live in it must be told of the change from `before`: how they reach others is another.
    #[must_use]
    pub fn routes_differ(&self, before: &Self) -> bool {
        self.gateway_ip != before.gateway_ip || self.host_routes != before.host_routes
    }

    #[must_use]
    pub const fn is_ipv4(&self) -> bool {
        matches!(self.cidr, IpNet::V4(_))
    }

    /// Checks an address that a caller asks for.
    ///
    /// # Errors
    /// [`Code::AddressNotInSubnet`] when it is outside, or the network's, broadcast or gateway address.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Fault> {
        let usable =
            self.cidr.contains(&address) && Some(address) != self.gateway_ip && !is_reserved(self.cidr, address);
        if usable {
            return Ok(());
        }
        let message =
            format!("Invalid input for operation: IP address {address} is not a valid IP for the defined subnet.");
        Err(Fault::new(Code::AddressNotInSubnet, message))
    }

    /// Checks an address that somebody asks for whose network it is not: any other may be a host's that nobody told us of.
    ///
    /// # Errors
    /// [`Code::PolicyNotAuthorized`] when it is in none of the allocation pools.
    pub fn check_offered(&self, address: IpAddr) -> Result<(), Fault> {
        if self.allocation_pools.iter().any(|pool| pool.contains(address)) {
            return Ok(());
        }
        let message = format!(
            "Policy doesn't allow {address} to be chosen: it is in no allocation pool of subnet {}, whose network is \
             another project's. Leave the address out, or choose one of the allocation pools",
            self.id
        );
        Err(Fault::new(Code::PolicyNotAuthorized, message))
    }

    /// The first address of the allocation pools that is not taken.
    #[must_use]
    pub fn choose_address(&self, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
        for pool in &self.allocation_pools {
            let mut next = pool.start;
            for address in taken.range(pool.start..=pool.end) {
                if *address > next {
                    break;
                }
                // The last address of all has no next one.
                match successor(*address) {
                    Some(after) => next = after,
                    None => return None,
                }
            }
            if next <= pool.end {
                return Some(next);
            }
        }
        None
    }
}

/// There is no such subnet.
#[must_use]
pub fn subnet_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::SubnetNotFound, format!("Subnet {id} could not be found."))
}

fn invalid_input(reason: impl std::fmt::Display) -> Fault {
    Fault::new(Code::InvalidInput, format!("Invalid input for operation: {reason}."))
}

fn parse_cidr(field: &str, text: &str) -> Result<IpNet, Fault> {
    let refuse = || Fault::invalid_field(field, format!("'{text}' is not a valid IP subnet."));
    let net: IpNet = text.parse().map_err(|_| refuse())?;
    Ok(net.trunc())
}

fn gateway(cidr: IpNet, text: &str) -> Result<Option<IpAddr>, Fault> {
    if text.is_empty() { Ok(None) } else { inside(cidr, "gateway_ip", text).map(Some) }
}

fn check_gateway(gateway: Option<IpAddr>, pools: &[Range]) -> Result<(), Fault> {
    match gateway.filter(|gateway| pools.iter().any(|pool| pool.contains(*gateway))) {
        Some(gateway) => Err(invalid_input(format!("gateway {gateway} is in an allocation pool"))),
        None => Ok(()),
    }
}

/// Allocation pools, sorted.
fn ranges(cidr: IpNet, pools: &[(String, String)]) -> Result<Vec<Range>, Fault> {
    let mut ranges = Vec::with_capacity(pools.len());
    for (start, end) in pools {
        let (start, end) = (inside(cidr, "allocation_pools", start)?, inside(cidr, "allocation_pools", end)?);
        if start > end {
            return Err(invalid_input(format!("allocation pool {start}-{end} ends before it starts")));
        }
        ranges.push(Range { start, end });
    }
    match overlap(&mut ranges) {
        Some(two) => Err(invalid_input(format!("allocation pools overlap at {two}"))),
        None => Ok(ranges),
    }
}

fn routes(cidr: IpNet, pairs: &[(String, String)]) -> Result<Vec<Route>, Fault> {
    let is_ipv4 = cidr.addr().is_ipv4();
    let route = |(destination, next_hop): &(String, String)| {
        let destination = parse_cidr("host_routes", destination)?;
        let next_hop = check::address("host_routes", next_hop)?;
        if destination.addr().is_ipv4() != is_ipv4 || next_hop.is_ipv4() != is_ipv4 {
            return Err(invalid_input(format!("host_routes {destination} by {next_hop} is of another IP version")));
        }
        let reserved = cidr.contains(&next_hop) && is_reserved(cidr, next_hop);
        let kind = if reserved { Some("network's own or broadcast") } else { limits::no_host(next_hop) };
        if let Some(kind) = kind.filter(|kind| is_ipv4 || *kind != "link-local") {
            return Err(invalid_input(format!("host_routes next hop {next_hop} is no host's: {kind}")));
        }
        Ok(Route { destination, next_hop })
    };
    let routes = pairs.iter().map(route).collect::<Result<Vec<Route>, Fault>>()?;
    let again = routes.iter().enumerate().find(|(place, route)| routes[..*place].contains(route));
    match again {
        Some((_, Route { destination, next_hop })) => {
            let pair = format!("{{'destination': '{destination}', 'nexthop': '{next_hop}'}}");
            Err(Fault::invalid_field("host_routes", format!("Duplicate hostroute '{pair}'.")))
        }
        // One destination by several next hops is not refused: Neutron takes it.
        None => Ok(routes),
    }
}

fn nameservers(texts: &[String]) -> Result<Vec<IpAddr>, Fault> {
    texts.iter().map(|text| check::address("dns_nameservers", text)).collect()
}

fn inside(cidr: IpNet, field: &str, text: &str) -> Result<IpAddr, Fault> {
    let address = check::address(field, text)?;
    if !cidr.contains(&address) {
        return Err(invalid_input(format!("{field} {address} is not in {cidr}")));
    }
    if is_reserved(cidr, address) {
        return Err(invalid_input(format!("{field} {address} is no host's: it is {cidr}'s own or broadcast address")));
    }
    Ok(address)
}

#[cfg(test)]
mod tests;
