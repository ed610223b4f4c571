//! Subnets, and the choice of addresses from them.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

use crate::{
    Uuid, check,
    fault::{Code, Fault},
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
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub network_id: Uuid,
    pub cidr: IpNet,
    pub gateway_ip: Option<IpAddr>,
    pub allocation_pools: Vec<Range>,
    pub host_routes: Vec<Route>,
    pub dns_nameservers: Vec<IpAddr>,
    pub enable_dhcp: bool,
}

/// What a new subnet is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubnet {
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub network_id: Uuid,
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
}

impl Subnet {
    /// Checks a new subnet.
    ///
    /// # Errors
    /// [`Code::InvalidField`] or [`Code::InvalidInput`], which name what is wrong.
    pub fn new(new: NewSubnet) -> Result<Self, Fault> {
        let cidr = parse_cidr("cidr", &new.cidr)?;
        let version = if cidr.addr().is_ipv4() { 4 } else { 6 };
        if new.ip_version != 0 && new.ip_version != version {
            return Err(invalid_input(format!("ip_version {} does not match cidr {cidr}", new.ip_version)));
        }
        let gateway_ip = match new.gateway_ip.as_deref() {
            None => Some(first_host(cidr)),
            Some("") => None,
            Some(text) => Some(inside(cidr, "gateway_ip", text)?),
        };
        let mut allocation_pools = Vec::new();
        for (start, end) in &new.allocation_pools {
            let (start, end) = (inside(cidr, "allocation_pools", start)?, inside(cidr, "allocation_pools", end)?);
            if start > end {
                return Err(invalid_input(format!("allocation pool {start}-{end} ends before it starts")));
            }
            allocation_pools.push(Range { start, end });
        }
        if let Some(two) = overlap(&mut allocation_pools) {
            return Err(invalid_input(format!("allocation pools overlap at {two}")));
        }
        if let Some(gateway) = gateway_ip.filter(|gateway| allocation_pools.iter().any(|pool| pool.contains(*gateway)))
        {
            return Err(invalid_input(format!("gateway {gateway} is in an allocation pool")));
        }
        if new.allocation_pools.is_empty() {
            allocation_pools = all_but(cidr, gateway_ip);
        }
        let mut host_routes = Vec::new();
        for (destination, next_hop) in &new.host_routes {
            let destination = parse_cidr("host_routes", destination)?;
            host_routes.push(Route { destination, next_hop: check::address("host_routes", next_hop)? });
        }
        let dns_nameservers = new.dns_nameservers.iter().map(|text| check::address("dns_nameservers", text));
        let dns_nameservers = dns_nameservers.collect::<Result<_, _>>()?;
        Ok(Self {
            id: new.id,
            project_id: new.project_id,
            name: check::text("name", new.name, check::MAX_TEXT)?,
            network_id: new.network_id,
            cidr,
            gateway_ip,
            allocation_pools,
            host_routes,
            dns_nameservers,
            enable_dhcp: new.enable_dhcp,
        })
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

fn inside(cidr: IpNet, field: &str, text: &str) -> Result<IpAddr, Fault> {
    let address = check::address(field, text)?;
    if cidr.contains(&address) {
        return Ok(address);
    }
    Err(invalid_input(format!("{field} {address} is not in {cidr}")))
}

fn is_reserved(cidr: IpNet, address: IpAddr) -> bool {
    let wide = cidr.max_prefix_len() - cidr.prefix_len() > 1;
    wide && (address == cidr.network() || (cidr.addr().is_ipv4() && address == cidr.broadcast()))
}

fn first_host(cidr: IpNet) -> IpAddr {
    if is_reserved(cidr, cidr.network()) { successor(cidr.network()).unwrap_or(cidr.network()) } else { cidr.network() }
}

fn last_host(cidr: IpNet) -> IpAddr {
    if is_reserved(cidr, cidr.broadcast()) {
        predecessor(cidr.broadcast()).unwrap_or(cidr.broadcast())
    } else {
        cidr.broadcast()
    }
}

fn all_but(cidr: IpNet, gateway: Option<IpAddr>) -> Vec<Range> {
    let (start, end) = (first_host(cidr), last_host(cidr));
    let Some(gateway) = gateway else { return vec![Range { start, end }] };
    let below = predecessor(gateway).filter(|end| start <= *end).map(|end| Range { start, end });
    let above = successor(gateway).filter(|start| *start <= end).map(|start| Range { start, end });
    below.into_iter().chain(above).collect()
}

fn overlap(ranges: &mut [Range]) -> Option<IpAddr> {
    ranges.sort_by_key(|range| range.start);
    ranges.windows(2).find(|two| two[1].start <= two[0].end).map(|two| two[1].start)
}

fn successor(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_add(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

fn predecessor(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_sub(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(v6) => u128::from(v6).checked_sub(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn new(cidr: &str) -> NewSubnet {
        NewSubnet {
            id: Uuid::nil(),
            project_id: "p".to_owned(),
            name: String::new(),
            network_id: Uuid::nil(),
            cidr: cidr.to_owned(),
            ip_version: 0,
            gateway_ip: None,
            allocation_pools: Vec::new(),
            host_routes: Vec::new(),
            dns_nameservers: Vec::new(),
            enable_dhcp: true,
        }
    }

    #[test]
    fn by_default_the_first_address_is_the_gateway_and_the_rest_is_allocated() {
        let subnet = Subnet::new(new("10.0.0.0/29")).unwrap();
        assert_eq!(subnet.gateway_ip, Some("10.0.0.1".parse().unwrap()));
        let mut taken = BTreeSet::new();
        let mut chosen = Vec::new();
        while let Some(address) = subnet.choose_address(&taken) {
            chosen.push(address.to_string());
            taken.insert(address);
        }
        assert_eq!(chosen, ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
    }

    #[test]
    fn a_gateway_in_the_middle_splits_the_pool() {
        let subnet = Subnet::new(NewSubnet { gateway_ip: Some("10.0.0.3".to_owned()), ..new("10.0.0.0/29") }).unwrap();
        let shown: Vec<_> = subnet.allocation_pools.iter().map(|pool| format!("{}-{}", pool.start, pool.end)).collect();
        assert_eq!(shown, ["10.0.0.1-10.0.0.2", "10.0.0.4-10.0.0.6"]);
    }

    #[test]
    fn an_address_outside_or_the_gateways_is_refused() {
        let subnet = Subnet::new(new("10.0.0.0/24")).unwrap();
        for bad in ["10.0.1.1", "10.0.0.0", "10.0.0.1", "10.0.0.255", "fd00::1"] {
            let fault = subnet.check_address(bad.parse().unwrap()).unwrap_err();
            assert_eq!(fault.code(), Code::AddressNotInSubnet, "{bad}");
        }
        assert!(subnet.check_address("10.0.0.254".parse().unwrap()).is_ok());
    }

    #[test]
    fn contradictions_are_refused() {
        let pool = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        for bad in [
            NewSubnet { cidr: "10.0.0.0".to_owned(), ..new("") },
            NewSubnet { ip_version: 6, ..new("10.0.0.0/24") },
            NewSubnet { gateway_ip: Some("10.1.0.1".to_owned()), ..new("10.0.0.0/24") },
            NewSubnet { allocation_pools: vec![pool("10.0.0.9", "10.0.0.5")], ..new("10.0.0.0/24") },
            NewSubnet { allocation_pools: vec![pool("10.0.0.1", "10.0.0.5")], ..new("10.0.0.0/24") },
            NewSubnet {
                allocation_pools: vec![pool("10.0.0.5", "10.0.0.9"), pool("10.0.0.9", "10.0.0.12")],
                ..new("10.0.0.0/24")
            },
        ] {
            assert!(Subnet::new(bad.clone()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_chosen_address_is_free_and_in_a_pool(taken in proptest::collection::btree_set(0u32..=64, 0..64)) {
            let subnet = Subnet::new(new("10.0.0.0/26")).unwrap();
            let taken: BTreeSet<IpAddr> =
                taken.into_iter().map(|offset| Ipv4Addr::from(0x0a00_0000 + offset).into()).collect();
            match subnet.choose_address(&taken) {
                Some(address) => {
                    prop_assert!(!taken.contains(&address));
                    prop_assert!(subnet.check_address(address).is_ok());
                }
                None => prop_assert!((2..=62).all(|n| taken.contains(&IpAddr::from(Ipv4Addr::from(0x0a00_0000u32 + n))))),
            }
        }
    }
}
