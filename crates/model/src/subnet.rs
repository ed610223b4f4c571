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
    fault::{Addressing, Fault, Forbidden, Form, Kind, Misfit, Reason},
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
    /// [`Reason`]s or [`Misfit`]s, which name what is wrong.
    pub fn new(new: NewSubnet) -> Result<Self, Fault> {
        let cidr = parse_cidr("cidr", &new.cidr)?;
        if let Some(kind) = usable::unusable(cidr) {
            return Err(Misfit::UnusableSubnet { cidr, kind: kind.to_owned() }.into());
        }
        let version = if cidr.addr().is_ipv4() { 4 } else { 6 };
        if new.ip_version != 0 && new.ip_version != version {
            return Err(Misfit::IpVersionMismatch { ip_version: new.ip_version, cidr }.into());
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
            ipv6_modes: Ipv6Modes::new(&new.ipv6_ra_mode, &new.ipv6_address_mode, cidr, new.enable_dhcp)?,
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
    /// [`Addressing::NotInSubnet`] when it is outside, or the network's, broadcast or gateway address.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Fault> {
        let usable =
            self.cidr.contains(&address) && Some(address) != self.gateway_ip && !is_reserved(self.cidr, address);
        if usable {
            return Ok(());
        }
        Err(Addressing::NotInSubnet { address, subnet_id: self.id }.into())
    }

    /// Checks an address that somebody asks for whose network it is not: any other may be a host's that nobody told us of.
    ///
    /// # Errors
    /// [`Forbidden::AddressNotOffered`] when it is in none of the allocation pools.
    pub fn check_offered(&self, address: IpAddr) -> Result<(), Fault> {
        if self.allocation_pools.iter().any(|pool| pool.contains(address)) {
            return Ok(());
        }
        Err(Forbidden::AddressNotOffered { address, subnet_id: self.id }.into())
    }

    /// The address of the allocation pools that follows this one of theirs.
    #[must_use]
    pub fn address_after(&self, last: IpAddr) -> Option<IpAddr> {
        let at = self.allocation_pools.iter().position(|pool| pool.start <= last && last <= pool.end)?;
        match successor(last) {
            Some(next) if next <= self.allocation_pools[at].end => Some(next),
            _ => self.allocation_pools.get(at + 1).map(|pool| pool.start),
        }
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
    Fault::not_found(Kind::Subnet, id)
}

fn parse_cidr(field: &str, text: &str) -> Result<IpNet, Fault> {
    let net: IpNet = text.parse().map_err(|_| check::malformed(field, text, Form::Cidr))?;
    Ok(net.trunc())
}

fn gateway(cidr: IpNet, text: &str) -> Result<Option<IpAddr>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    // The network's own address is that of all its routers (RFC 4291, 2.6.1), and where Neutron says nothing else, the gateway's.
    let routers = Some(cidr.network()).filter(IpAddr::is_ipv6);
    match routers.filter(|routers| check::address("gateway_ip", text).as_ref() == Ok(routers)) {
        Some(routers) => Ok(Some(routers)),
        None => inside(cidr, "gateway_ip", text).map(Some),
    }
}

fn check_gateway(gateway: Option<IpAddr>, pools: &[Range]) -> Result<(), Fault> {
    match gateway.filter(|gateway| pools.iter().any(|pool| pool.contains(*gateway))) {
        Some(address) => Err(Misfit::GatewayInRange { address }.into()),
        None => Ok(()),
    }
}

/// Allocation pools, sorted.
fn ranges(cidr: IpNet, pools: &[(String, String)]) -> Result<Vec<Range>, Fault> {
    let mut ranges = Vec::with_capacity(pools.len());
    for (start, end) in pools {
        let (start, end) = (inside(cidr, "allocation_pools", start)?, inside(cidr, "allocation_pools", end)?);
        if start > end {
            return Err(Misfit::RangeBackwards { start, end }.into());
        }
        ranges.push(Range { start, end });
    }
    match overlap(&mut ranges) {
        Some(address) => Err(Misfit::RangesOverlap { address }.into()),
        None => Ok(ranges),
    }
}

fn routes(cidr: IpNet, pairs: &[(String, String)]) -> Result<Vec<Route>, Fault> {
    let is_ipv4 = cidr.addr().is_ipv4();
    let route = |(destination, next_hop): &(String, String)| {
        let destination = parse_cidr("host_routes", destination)?;
        let next_hop = check::address("host_routes", next_hop)?;
        if destination.addr().is_ipv4() != is_ipv4 || next_hop.is_ipv4() != is_ipv4 {
            return Err(Misfit::RouteOfOtherIpVersion { destination, next_hop }.into());
        }
        let reserved = cidr.contains(&next_hop) && is_reserved(cidr, next_hop);
        let kind = if reserved { Some("network's own or broadcast") } else { limits::no_host(next_hop) };
        if let Some(kind) = kind.filter(|kind| is_ipv4 || *kind != "link-local") {
            return Err(Misfit::NextHopNoHost { next_hop, kind: kind.to_owned() }.into());
        }
        Ok(Route { destination, next_hop })
    };
    let routes = pairs.iter().map(route).collect::<Result<Vec<Route>, Fault>>()?;
    let again = routes.iter().enumerate().find(|(place, route)| routes[..*place].contains(route));
    match again {
        Some((_, Route { destination, next_hop })) => {
            let reason = Reason::DuplicateRoute { destination: *destination, next_hop: *next_hop };
            Err(Fault::invalid_field("host_routes", reason))
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
        return Err(Misfit::OutsideCidr { field: field.to_owned(), address, cidr }.into());
    }
    if is_reserved(cidr, address) {
        return Err(Misfit::ReservedAddress { field: field.to_owned(), address, cidr }.into());
    }
    Ok(address)
}

#[cfg(test)]
mod tests;
