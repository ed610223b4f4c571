//! A load balancer that was checked: every value has the type of what it means, and every string in it consists of
//! characters that are harmless in a line of a configuration file (a monitor's path: once it is quoted), in paths and in
//! interface names. Only [`validate`](super::validate) can make one or change it: others read its parts.

use std::{collections::HashMap, net::IpAddr, ops::Deref};

use ballast_abi::{LbMethod, Protocol};
use ballast_netns::attach::Attachment;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::tls::{ListenerTls, PoolTls};

/// Letters, digits, `-` and `_`; 1 to 64 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Id(pub(super) String);

impl Id {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// With listeners as the driver has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated<L = Listener>(pub(super) Parts<L>);

impl<L> Deref for Validated<L> {
    type Target = Parts<L>;

    fn deref(&self) -> &Parts<L> {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts<L = Listener> {
    pub id: Id,
    /// For a comment only: characters that could end it are replaced.
    pub project: String,
    pub admin_state_up: bool,
    pub vip: Option<Vip>,
    pub listeners: Vec<L>,
    pub pools: Vec<Pool>,
    /// Requests that are answered without anybody behind it.
    pub answers: Vec<Answer>,
    /// The kernel says who may connect to listeners that it does not serve as well.
    pub filters: bool,
    /// The last known health of members, by pool and id: whether they were up. `None`: who asks does not say.
    pub known: Option<HashMap<(String, String), bool>>,
    /// Nobody has said of late that it still is to answer here.
    pub unconfirmed: bool,
}

/// To a GET of a path, at port 80. Both are words of letters that no configuration file takes for anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub path: String,
    pub content: String,
}

/// Where requests come that are answered.
pub const ANSWERING: u16 = 80;

impl<L: AsRef<Listener>> Parts<L> {
    /// Whether requests that are answered come to this listener: it sees requests, and all may ask.
    pub fn is_answering(&self, listener: &Listener) -> bool {
        !self.answers.is_empty() && listener.has_answering_port() && listener.sees_requests()
    }

    /// Whether something has the port that does not see requests: then nothing is answered.
    pub fn is_speechless(&self) -> bool {
        let mut there = self.listeners.iter().map(AsRef::as_ref);
        there.any(|listener| listener.has_answering_port() && !listener.sees_requests())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    pub port: Id,
    /// Its address, and how long the prefix of its network is.
    pub net: IpNet,
    pub mac: [u8; 6],
    pub mtu: u32,
    pub gateway: Option<IpAddr>,
    pub routes: Vec<Route>,
    pub attachment: Attachment,
    /// More addresses of the same port.
    pub additional: Vec<Address>,
    /// It is one of two, and port and MAC address are its own. `None`: it is alone.
    pub side: Option<Side>,
}

/// One of two sides, of which one answers at the VIP's addresses. The agent's warden puts those on the link and takes them off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// 1 or 2.
    pub number: u8,
    /// Its own addresses, one for each of the VIP's.
    pub nets: Vec<IpNet>,
    /// The other side's, in the same order. Empty: there is none yet.
    pub peers: Vec<IpAddr>,
}

/// An address that everything listens at, and what its network is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub net: IpNet,
    pub gateway: Option<IpAddr>,
    pub routes: Vec<Route>,
}

impl Vip {
    /// What is on its link for as long as it is there: the addresses that all listen at, or its own where it is one of two.
    pub fn own_nets(&self) -> Vec<IpNet> {
        self.side.as_ref().map_or_else(|| self.nets().collect(), |side| side.nets.clone())
    }

    /// Of all addresses that listeners listen at, the VIP's first.
    pub fn nets(&self) -> impl Iterator<Item = IpNet> + Clone {
        std::iter::once(self.net).chain(self.additional.iter().map(|address| address.net))
    }

    /// Whether it has an address of this version.
    #[must_use]
    pub fn speaks(&self, ipv4: bool) -> bool {
        self.nets().any(|net| net.addr().is_ipv4() == ipv4)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Without host bits.
    pub destination: IpNet,
    pub next_hop: IpAddr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub id: Id,
    pub protocol: Protocol,
    /// The kernel serves it.
    pub forwarded: bool,
    /// Not 0.
    pub port: u16,
    /// `None`: no limit.
    pub connection_limit: Option<u32>,
    pub default_pool: Option<Id>,
    pub admin_state_up: bool,
    pub timeouts: Option<Timeouts>,
    /// Empty: everybody may connect.
    pub allowed: Vec<IpNet>,
    /// `None`: it does not end here.
    pub tls: Option<ListenerTls>,
}

impl Listener {
    /// UDP and SCTP have ports of their own.
    fn has_answering_port(&self) -> bool {
        let has_tcp = !matches!(self.protocol, Protocol::Udp | Protocol::Sctp);
        self.admin_state_up && self.port == ANSWERING && has_tcp
    }

    fn sees_requests(&self) -> bool {
        !self.forwarded && matches!(self.protocol, Protocol::Http | Protocol::Prometheus)
    }
}

/// Milliseconds, none of them 0 but the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub client: u32,
    pub connect: u32,
    pub server: u32,
    /// 0: not at all.
    pub inspect: u32,
}

impl AsRef<Listener> for Listener {
    fn as_ref(&self) -> &Listener {
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    pub id: Id,
    pub protocol: Protocol,
    /// The kernel serves it, and nobody else.
    pub forwarded: bool,
    pub method: LbMethod,
    /// Cookies are seen in HTTP only.
    pub persistence: Option<Persistence>,
    pub admin_state_up: bool,
    pub members: Vec<Member>,
    /// Those that are admin-up.
    pub monitors: Vec<Monitor>,
    /// `None`: members are spoken to without.
    pub tls: Option<PoolTls>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Persistence {
    SourceIp(Clients),
    HttpCookie,
    AppCookie { name: String },
}

/// Who is taken for one client, and for how long. Only of UDP and SCTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Since its last new flow; 0: the driver's own.
    pub seconds: u32,
    /// How many bits of an address count.
    pub prefix4: u8,
    pub prefix6: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: Id,
    pub address: IpAddr,
    /// 0: the port that the client connected to.
    pub port: u16,
    pub weight: u16,
    pub admin_state_up: bool,
    pub backup: bool,
    /// Where checks go, if elsewhere.
    pub monitor_address: Option<IpAddr>,
    /// 0: to the member's own port.
    pub monitor_port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// As it was asked for; to be said, and not to be written.
    pub id: String,
    pub check: Check,
    /// Seconds, at least 1.
    pub delay: u32,
    /// Seconds, at least 1.
    pub timeout: u32,
    /// Failed checks until a member is down.
    pub max_retries: u32,
    /// Passed checks until it is up again; 0: who checks says how many.
    pub rise: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    Ping,
    Tcp,
    TlsHello,
    /// Of forwarded pools only, as the next.
    UdpConnect,
    Sctp,
    Http {
        tls: bool,
        method: String,
        path: String,
        codes: Vec<(u16, u16)>,
        version: Option<HttpVersion>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    Old,
    /// With the name of a host, if one was asked for.
    New {
        host: Option<String>,
    },
}
