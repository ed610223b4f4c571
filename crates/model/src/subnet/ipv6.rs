//! How hosts of an IPv6 subnet get their addresses. Ballast announces nothing and hands nothing out: the modes are kept
//! for those who do, and checked as Neutron checks them.

use ipnet::IpNet;

use crate::{
    check,
    fault::{Fault, Misfit},
};

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ipv6Mode {
    Slaac,
    DhcpStateful,
    DhcpStateless,
}

impl Ipv6Mode {
    /// In the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::DhcpStateful, Self::DhcpStateless, Self::Slaac];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slaac => "slaac",
            Self::DhcpStateful => "dhcpv6-stateful",
            Self::DhcpStateless => "dhcpv6-stateless",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// From text; empty is none.
    fn read(field: &str, text: &str) -> Result<Option<Self>, Fault> {
        if text.is_empty() {
            return Ok(None);
        }
        Self::parse(text).map(Some).ok_or_else(|| check::not_one_of(field, text, Self::ALL.map(Self::as_str)))
    }
}

/// Those of a subnet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ipv6Modes {
    /// How routers announce it.
    pub ra: Option<Ipv6Mode>,
    /// How hosts get their addresses.
    pub address: Option<Ipv6Mode>,
}

impl Ipv6Modes {
    pub(super) fn new(ra: &str, address: &str, cidr: IpNet, dhcp: bool) -> Result<Self, Fault> {
        let (ra, address) = (Ipv6Mode::read("ipv6_ra_mode", ra)?, Ipv6Mode::read("ipv6_address_mode", address)?);
        let modes = Self { ra, address };
        modes.check(cidr, dhcp)?;
        Ok(modes)
    }

    pub(super) fn check(self, cidr: IpNet, dhcp: bool) -> Result<(), Fault> {
        let Some(mode) = self.address.or(self.ra) else { return Ok(()) };
        if cidr.addr().is_ipv4() {
            let field = if self.ra.is_some() { "ipv6_ra_mode" } else { "ipv6_address_mode" };
            return Err(Misfit::Ipv6ModeOnIpv4 { field: field.to_owned() }.into());
        }
        if !dhcp {
            return Err(Misfit::Ipv6ModeWithoutDhcp.into());
        }
        if let (Some(ra), Some(address)) = (self.ra, self.address)
            && ra != address
        {
            return Err(Misfit::Ipv6ModesDiffer { ra_mode: ra, address_mode: address }.into());
        }
        if mode != Ipv6Mode::DhcpStateful && cidr.prefix_len() != 64 {
            return Err(Misfit::Ipv6PrefixNot64 { cidr }.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(ra: &str, address: &str, cidr: &str, dhcp: bool) -> Result<Ipv6Modes, Fault> {
        Ipv6Modes::new(ra, address, cidr.parse().unwrap(), dhcp)
    }

    #[test]
    fn modes_fit_the_subnet_and_each_other() {
        for (ra, address, cidr) in [
            ("", "", "10.0.0.0/24"),
            ("slaac", "slaac", "fd00::/64"),
            ("", "dhcpv6-stateless", "fd00::/64"),
            ("dhcpv6-stateful", "", "fd00::/80"),
        ] {
            assert!(modes(ra, address, cidr, true).is_ok(), "{ra} {address} {cidr}");
        }
        let (ra_mode, address_mode) = (Ipv6Mode::Slaac, Ipv6Mode::DhcpStateful);
        for (ra, address, cidr, dhcp, fault) in [
            ("slaac", "", "10.0.0.0/24", true, Misfit::Ipv6ModeOnIpv4 { field: "ipv6_ra_mode".to_owned() }.into()),
            ("slaac", "dhcpv6-stateful", "fd00::/64", true, Misfit::Ipv6ModesDiffer { ra_mode, address_mode }.into()),
            ("slaac", "", "fd00::/64", false, Misfit::Ipv6ModeWithoutDhcp.into()),
            ("slaac", "", "fd00::/80", true, Misfit::Ipv6PrefixNot64 { cidr: "fd00::/80".parse().unwrap() }.into()),
            (
                "x",
                "",
                "fd00::/64",
                true,
                check::not_one_of("ipv6_ra_mode", "x", ["dhcpv6-stateful", "dhcpv6-stateless", "slaac"]),
            ),
        ] {
            assert_eq!(modes(ra, address, cidr, dhcp), Err(fault), "{ra} {address} {cidr}");
        }
    }
}
