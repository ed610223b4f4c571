//! A listener: where clients connect. v1's vip is a listener and the load balancer's address.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use macaddr::MacAddr6;

use crate::{
    counters::Generation,
    ids::{L7PolicyId, ListenerId, NetworkId, PoolId, PortId, SubnetId},
    l7::L7Policy,
    labels::Labels,
    parts::Parts,
    pool::SessionPersistence,
    status::Progress,
    tls::ListenerTls,
};

/// What a listener or a pool speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Http,
    /// TLS that is passed on.
    Https,
    /// Listeners only: TLS that ends here, and HTTP in it.
    TerminatedHttps,
    Udp,
    Sctp,
    /// Listeners only: the load balancer's own metrics.
    Prometheus,
    /// Pools only: what the listener speaks, behind the PROXY protocol's header.
    Proxy,
    ProxyV2,
}

impl Protocol {
    pub const ALL: [Self; 9] = [
        Self::Tcp,
        Self::Http,
        Self::Https,
        Self::TerminatedHttps,
        Self::Udp,
        Self::Sctp,
        Self::Prometheus,
        Self::Proxy,
        Self::ProxyV2,
    ];
    /// Those that LBaaS v1 has.
    pub const V1: [Self; 3] = [Self::Tcp, Self::Http, Self::Https];
    pub const OF_LISTENERS: [Self; 7] =
        [Self::Tcp, Self::Http, Self::Https, Self::TerminatedHttps, Self::Udp, Self::Sctp, Self::Prometheus];
    pub const OF_POOLS: [Self; 7] =
        [Self::Http, Self::Https, Self::Tcp, Self::Proxy, Self::ProxyV2, Self::Udp, Self::Sctp];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::TerminatedHttps => "TERMINATED_HTTPS",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Prometheus => "PROMETHEUS",
            Self::Proxy => "PROXY",
            Self::ProxyV2 => "PROXYV2",
        }
    }

    /// What of a listener can share a port number with another: each has ports of its own.
    #[must_use]
    pub const fn layer4(self) -> Self {
        match self {
            Self::Udp | Self::Sctp => self,
            _ => Self::Tcp,
        }
    }

    /// Whether the listener looks at requests.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::TerminatedHttps)
    }

    /// Whether a listener of this protocol can send something to a pool of that one.
    #[must_use]
    pub const fn fits(self, pool: Self) -> bool {
        match self {
            Self::Http | Self::TerminatedHttps => matches!(pool, Self::Http | Self::Proxy | Self::ProxyV2),
            Self::Https => matches!(pool, Self::Https | Self::Tcp | Self::Proxy | Self::ProxyV2),
            Self::Tcp => matches!(pool, Self::Http | Self::Https | Self::Tcp | Self::Proxy | Self::ProxyV2),
            Self::Udp => matches!(pool, Self::Udp),
            Self::Sctp => matches!(pool, Self::Sctp),
            Self::Prometheus | Self::Proxy | Self::ProxyV2 => false,
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
    /// Nil: not known, of one that was made before it was kept.
    pub network_id: NetworkId,
    pub port_id: PortId,
    pub address: IpAddr,
    pub mac: Mac,
    /// In other subnets of the network, at the same port.
    pub additional: Vec<Address>,
}

/// An address of a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Address {
    pub subnet_id: SubnetId,
    pub address: IpAddr,
}

impl Vip {
    /// All its addresses, its own first.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        let own = Address { subnet_id: self.subnet_id, address: self.address };
        std::iter::once(own).chain(self.additional.iter().copied())
    }
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
    pub default_pool_id: Option<PoolId>,
    pub admin_state_up: bool,
    pub timeouts: Timeouts,
    /// As they were given; none: as v1 has it, X-Forwarded-For on HTTP and nothing else.
    pub insert_headers: Option<BTreeMap<String, String>>,
    /// Who may connect; empty: everybody.
    pub allowed_cidrs: Vec<IpNet>,
    pub tls: Option<Box<ListenerTls>>,
    /// In the order in which they are asked.
    pub policies: Parts<L7Policy>,
    pub labels: Labels,
    pub progress: Progress,
    pub answering: Answering,
}

impl Listener {
    /// One with the defaults of everything else.
    #[must_use]
    pub fn new(id: ListenerId, project_id: String, protocol: Protocol, protocol_port: u16) -> Self {
        Self {
            id,
            project_id,
            name: String::new(),
            description: String::new(),
            protocol,
            protocol_port,
            connection_limit: -1,
            default_pool_id: None,
            admin_state_up: true,
            timeouts: Timeouts::DEFAULT,
            insert_headers: None,
            allowed_cidrs: Vec::new(),
            tls: None,
            policies: Parts::default(),
            labels: Labels::default(),
            progress: Progress::created(Generation::FIRST),
            answering: Answering::No,
        }
    }

    /// One of its policies.
    #[must_use]
    pub fn policy(&self, id: L7PolicyId) -> Option<&L7Policy> {
        self.policies.iter().find(|policy| policy.id == id)
    }

    /// The pools that it sends something to: its default pool, and those of policies that act. Each once.
    #[must_use]
    pub fn pool_ids(&self) -> Vec<PoolId> {
        let mut ids = Vec::new();
        for id in self.targets() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The same, those that are named several times as often.
    pub fn targets(&self) -> impl Iterator<Item = PoolId> {
        let acting = self.policies.iter().filter(|policy| policy.acts());
        self.default_pool_id.into_iter().chain(acting.filter_map(|policy| policy.action.pool_id()))
    }

    /// The headers that are set in requests to members.
    #[must_use]
    pub fn acting_headers(&self) -> Option<Vec<&str>> {
        let given = self.insert_headers.as_ref()?;
        let acts = |(_, value): &(&String, &String)| value.eq_ignore_ascii_case("true");
        Some(given.iter().filter(acts).map(|(name, _)| name.as_str()).collect())
    }
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub client_data: u32,
    pub member_connect: u32,
    pub member_data: u32,
    pub tcp_inspect: u32,
}

impl Timeouts {
    pub const DEFAULT: Self = Self { client_data: 50_000, member_connect: 5_000, member_data: 50_000, tcp_inspect: 0 };
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What its agent observes of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Answering {
    /// It does not answer, or nothing has been heard of it.
    #[default]
    No,
    Yes,
    /// It has as many connections as it may.
    Full,
}

impl Answering {
    pub const ALL: [Self; 3] = [Self::No, Self::Yes, Self::Full];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "NO",
            Self::Yes => "YES",
            Self::Full => "FULL",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
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
