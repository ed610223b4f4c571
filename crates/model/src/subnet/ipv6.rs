//! How hosts of an IPv6 subnet get their addresses. Ballast announces nothing and hands nothing out: the modes are kept
//! for those who do, and checked as Neutron checks them.

use ipnet::IpNet;

use super::invalid_input;
use crate::fault::Fault;

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
        let refuse = || {
            let all = Self::ALL.map(|mode| format!("'{}'", mode.as_str())).join(", ");
            Fault::invalid_field(field, format!("'{text}' is not in [{all}]."))
        };
        Self::parse(text).map(Some).ok_or_else(refuse)
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
    pub(super) fn new((ra, address): (&str, &str), cidr: IpNet, dhcp: bool) -> Result<Self, Fault> {
        let (ra, address) = (Ipv6Mode::read("ipv6_ra_mode", ra)?, Ipv6Mode::read("ipv6_address_mode", address)?);
        let modes = Self { ra, address };
        modes.check(cidr, dhcp)?;
        Ok(modes)
    }

    pub(super) fn check(self, cidr: IpNet, dhcp: bool) -> Result<(), Fault> {
        let Some(mode) = self.address.or(self.ra) else { return Ok(()) };
        if cidr.addr().is_ipv4() {
            let field = if self.ra.is_some() { "ipv6_ra_mode" } else { "ipv6_address_mode" };
            return Err(invalid_input(format_args!("{field} is not valid when ip_version is 4")));
        }
        if !dhcp {
            return Err(invalid_input(
                "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False",
            ));
        }
        if let (Some(ra), Some(address)) = (self.ra, self.address)
            && ra != address
        {
            return Err(invalid_input(format_args!(
                "ipv6_ra_mode set to '{}' with ipv6_address_mode set to '{}' is not valid. If both attributes are set, \
                 they must be the same value",
                ra.as_str(),
                address.as_str()
            )));
        }
        if mode != Ipv6Mode::DhcpStateful && cidr.prefix_len() != 64 {
            return Err(invalid_input(format_args!(
                "Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the \
                 prefix to be /64"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(ra: &str, address: &str, cidr: &str, dhcp: bool) -> Result<Ipv6Modes, Fault> {
        Ipv6Modes::new((ra, address), cidr.parse().unwrap(), dhcp)
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
        for (ra, address, cidr, dhcp, text) in [
            ("slaac", "", "10.0.0.0/24", true, "ipv6_ra_mode is not valid when ip_version is 4"),
            ("slaac", "dhcpv6-stateful", "fd00::/64", true, "must be the same value"),
            ("slaac", "", "fd00::/64", false, "enable_dhcp is set to False"),
            ("slaac", "", "fd00::/80", true, "Invalid CIDR fd00::/80"),
            ("x", "", "fd00::/64", true, "'x' is not in ['dhcpv6-stateful', 'dhcpv6-stateless', 'slaac']"),
        ] {
            let fault = modes(ra, address, cidr, dhcp).unwrap_err();
            assert!(fault.message().contains(text), "{fault}");
        }
    }
}
