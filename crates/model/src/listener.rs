//! A listener: where clients connect. v1's vip is a listener and the load balancer's address.

use std::net::IpAddr;

use macaddr::MacAddr6;

use crate::{
    ids::{ListenerId, PoolId, PortId, SubnetId},
    pool::SessionPersistence,
    status::Progress,
};

/// What a listener or a pool speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Http,
    Https,
}

impl Protocol {
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Http, Self::Https];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == text)
    }
}

/// The address that a load balancer answers at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vip {
    pub subnet_id: SubnetId,
    pub port_id: PortId,
    pub address: IpAddr,
    pub mac: Mac,
}

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// One of Neutron's range (fa:16:3e) from random bits.
    #[must_use]
    pub const fn from_random(random: u64) -> Self {
        let [.., a, b, c] = random.to_be_bytes();
        Self([0xfa, 0x16, 0x3e, a, b, c])
    }

    /// From `aa:bb:cc:dd:ee:ff`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mac = text.parse::<MacAddr6>().ok()?;
        // Of the forms that are in use, one is taken.
        mac.to_string().eq_ignore_ascii_case(text).then(|| Self(mac.into_array()))
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A listener of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub id: ListenerId,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub protocol: Protocol,
    pub protocol_port: u16,
    /// Concurrent connections; negative: no limit.
    pub connection_limit: i32,
    pub default_pool_id: PoolId,
    pub admin_state_up: bool,
    pub progress: Progress,
}

/// What a new vip is to be; its address is found by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVip {
    pub id: ListenerId,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub vip: Vip,
    pub protocol: Protocol,
    pub protocol_port: u16,
    pub session_persistence: Option<SessionPersistence>,
    pub connection_limit: i32,
    pub admin_state_up: bool,
}

/// What is to change; absent: as it is. Moving to another pool is a transition of both load balancers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VipChange {
    pub name: Option<String>,
    pub description: Option<String>,
    /// `Some(None)`: no persistence any more.
    pub session_persistence: Option<Option<SessionPersistence>>,
    pub connection_limit: Option<i32>,
    pub admin_state_up: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ethernet_address_is_read_as_it_is_written() {
        let mac = Mac::from_random(0x0001_02ff);
        assert_eq!(mac.to_string(), "fa:16:3e:01:02:ff");
        assert_eq!(Mac::parse("fa:16:3e:01:02:ff"), Some(mac));
        assert_eq!(Mac::parse("fa:16:3e:01:02"), None);
        assert_eq!(Mac::parse("fa:16:3e:01:02:ff:00"), None);
    }
}
