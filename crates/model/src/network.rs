//! Networks: how an agent plugs a load balancer in.

use std::fmt;

use crate::{
    check,
    fault::{Fault, InUse, Kind, Reason},
    ids::NetworkId,
    set,
    subnet::Subnet,
};

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub id: NetworkId,
    pub project_id: String,
    pub name: String,
    pub shared: bool,
    pub admin_state_up: bool,
    pub attachment: Attachment,
    /// Bytes of the largest packet, from its IP header on.
    pub mtu: u32,
}

/// A subnet, and the network that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnetwork {
    pub network: Network,
    pub subnet: Subnet,
}

impl Subnetwork {
    /// Whether those who live in it must be told of the change from `before`: how they are plugged in, or how they reach
    /// others.
    #[must_use]
    pub fn plugs_differ(&self, before: &Self) -> bool {
        self.network.mtu != before.network.mtu || self.subnet.routes_differ(&before.subnet)
    }
}

/// What changes of a network; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkChange {
    pub name: Option<String>,
    pub admin_state_up: Option<bool>,
    pub shared: Option<bool>,
    pub mtu: Option<u32>,
}

impl Network {
    /// Changes what can be changed: not how agents plug in, for they have done so.
    ///
    /// # Errors
    /// [`Code::InvalidField`](crate::fault::Code::InvalidField)
    pub fn change(mut self, change: NetworkChange) -> Result<Self, Fault> {
        if let Some(name) = change.name {
            self.name = check::text("name", name, check::MAX_TEXT)?;
        }
        set(&mut self.admin_state_up, change.admin_state_up);
        set(&mut self.shared, change.shared);
        if let Some(mtu) = change.mtu {
            self.mtu = self.attachment.mtu(mtu)?;
        }
        Ok(self)
    }
}

/// What agents plug into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkType {
    /// A bridge of the network's own, on each host: it was given no type.
    #[default]
    Own,
    Bridge,
    Vlan,
    Vxlan,
    /// Tunnels that only another service's agents wire.
    Geneve,
    Gre,
}

impl NetworkType {
    pub const ALL: [Self; 6] = [Self::Own, Self::Bridge, Self::Vlan, Self::Vxlan, Self::Geneve, Self::Gre];

    /// As users and rows spell it: that of a network without a type is empty.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "",
            Self::Bridge => "bridge",
            Self::Vlan => "vlan",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How agents plug into a network: its provider attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attachment {
    pub network_type: NetworkType,
    pub physical_network: String,
    pub segmentation_id: u32,
}

/// What each host of IPv4 takes (RFC 791), and the most that a packet can be.
const MTU: std::ops::RangeInclusive<u32> = 68..=65_535;
/// Ethernet's.
const ETHERNET: u32 = 1500;
/// What a VXLAN segment adds to a packet, over IPv4 (RFC 7348).
const VXLAN: u32 = 50;
/// The same of a Geneve segment without options (RFC 8926).
const GENEVE: u32 = 50;
/// The same of Ethernet in GRE with a key (RFC 2784, RFC 2890).
const GRE: u32 = 42;

impl Attachment {
    /// The MTU that is asked for; 0: the most that a network of this kind has on Ethernet.
    ///
    /// # Errors
    /// [`Code::InvalidField`](crate::fault::Code::InvalidField)
    pub fn mtu(&self, asked: u32) -> Result<u32, Fault> {
        match (asked, self.network_type) {
            (0, NetworkType::Vxlan) => Ok(ETHERNET - VXLAN),
            (0, NetworkType::Geneve) => Ok(ETHERNET - GENEVE),
            (0, NetworkType::Gre) => Ok(ETHERNET - GRE),
            (0, _) => Ok(ETHERNET),
            (asked, _) if MTU.contains(&asked) => Ok(asked),
            (value, _) => {
                let (least, most) = MTU.into_inner();
                Err(Fault::invalid_field("mtu", Reason::NotBetween { value, least, most }))
            }
        }
    }

    /// What is asked for; it must make sense together, and be of a type that our own agents can wire.
    ///
    /// # Errors
    /// [`Code::InvalidField`](crate::fault::Code::InvalidField)
    pub fn asked(network_type: &str, physical_network: String, segmentation_id: u32) -> Result<Self, Fault> {
        match NetworkType::parse(network_type) {
            Some(NetworkType::Geneve | NetworkType::Gre) | None => {
                Err(check::not_one_of("network_type", network_type, ["bridge", "vlan", "vxlan"]))
            }
            Some(known) => Self::new(known, physical_network, segmentation_id),
        }
    }

    /// Checks that the attributes make sense together.
    ///
    /// # Errors
    /// [`Code::InvalidField`](crate::fault::Code::InvalidField)
    pub fn new(network_type: NetworkType, physical_network: String, segmentation_id: u32) -> Result<Self, Fault> {
        let (physical, segment) = ("physical_network", "segmentation_id");
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if physical_network.len() > 64 || !physical_network.bytes().all(safe) {
            return Err(check::not_valid(physical, &physical_network));
        }
        let (needs_physical, segments) = match network_type {
            NetworkType::Own => (false, 0..=0),
            NetworkType::Bridge => (true, 0..=0),
            NetworkType::Vlan => (true, 1..=4094),
            NetworkType::Vxlan | NetworkType::Geneve => (false, 1..=16_777_215),
            NetworkType::Gre => (false, 1..=u32::MAX),
        };
        if needs_physical == physical_network.is_empty() {
            let network_type = network_type.as_str().to_owned();
            let reason = if needs_physical {
                Reason::PhysicalNetworkMissing { network_type }
            } else {
                Reason::PhysicalNetworkSuperfluous { network_type }
            };
            return Err(Fault::invalid_field(physical, reason));
        }
        if !segments.contains(&segmentation_id) {
            let (least, most) = segments.into_inner();
            return Err(Fault::invalid_field(segment, Reason::NotBetween { value: segmentation_id, least, most }));
        }
        Ok(Self { network_type, physical_network, segmentation_id })
    }
}

/// What of it an agent has to be able to plug into.
impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network_type {
            NetworkType::Own => f.write_str("a network without a type")?,
            typed => write!(f, "a network of type {}", typed.as_str())?,
        }
        if self.physical_network.is_empty() {
            return Ok(());
        }
        write!(f, " on physical network {}", self.physical_network)
    }
}

/// There is no such network.
#[must_use]
pub fn network_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::not_found(Kind::Network, id)
}

/// Others use the network: it stays shared.
#[must_use]
pub fn stays_shared(id: NetworkId) -> Fault {
    InUse::Shared { network_id: id }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let before = Network {
            id: NetworkId::default(),
            project_id: "p".to_owned(),
            name: "n".to_owned(),
            shared: true,
            admin_state_up: true,
            attachment: Attachment::default(),
            mtu: 1500,
        };
        assert_eq!(before.clone().change(NetworkChange::default()).unwrap(), before);
        let after = before.clone().change(NetworkChange { shared: Some(false), ..NetworkChange::default() }).unwrap();
        assert_eq!(after, Network { shared: false, ..before.clone() });
        let long = NetworkChange { name: Some("x".repeat(256)), ..NetworkChange::default() };
        assert_eq!(before.change(long).unwrap_err().code(), Code::InvalidField);
    }

    #[test]
    fn an_mtu_that_is_not_said_is_what_ethernet_leaves_and_one_that_is_said_is_a_packets() {
        let [own, vxlan] = [attachment("", "", 0), attachment("vxlan", "", 7)].map(Result::unwrap);
        assert_eq!([own.mtu(0), vxlan.mtu(0), vxlan.mtu(9000)].map(Result::unwrap), [1500, 1450, 9000]);
        for wrong in [67, 65_536] {
            assert_eq!(own.mtu(wrong).unwrap_err().code(), Code::InvalidField, "{wrong}");
        }
    }

    fn attachment(kind: &str, physical: &str, segment: u32) -> Result<Attachment, Fault> {
        Attachment::asked(kind, physical.to_owned(), segment)
    }

    #[test]
    fn attributes_must_make_sense_together() {
        for (kind, physical, segment) in
            [("", "", 0), ("bridge", "physnet1", 0), ("vlan", "physnet1", 4094), ("vxlan", "", 1)]
        {
            assert!(attachment(kind, physical, segment).is_ok(), "{kind}");
        }
        for (kind, physical, segment) in [
            ("gre", "", 1),
            ("geneve", "", 1),
            ("ipip", "", 1),
            ("", "physnet1", 0),
            ("", "", 5),
            ("bridge", "", 0),
            ("bridge", "a b", 0),
            ("vlan", "physnet1", 0),
            ("vlan", "physnet1", 4095),
            ("vxlan", "physnet1", 7),
        ] {
            assert!(attachment(kind, physical, segment).is_err(), "{kind} {physical} {segment}");
        }
    }
}
