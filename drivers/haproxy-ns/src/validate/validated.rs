//! A load balancer that was checked: every value has the type of what it means, and every string in it consists of
//! characters that are harmless in haproxy.cfg (a monitor's path: once it is quoted), in paths and in interface names. Only
//! [`validate`](crate::validate) can make one or change it: others read its parts.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    ops::Deref,
};

use ballast_abi::{L7CompareType, LbMethod, Protocol};
use ballast_netns::attach::Attachment;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Letters, digits, `-` and `_`; 1 to 64 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Id(pub(super) String);

impl Id {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validated(pub(super) Parts);

impl Deref for Validated {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) id: Id,
    /// For a comment only: characters that could end it are replaced.
    pub(crate) project: String,
    pub(crate) admin_state_up: bool,
    pub(crate) vip: Option<Vip>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) pools: Vec<Pool>,
    /// The last known health of members, by pool and id: whether they were up. `None`: who asks does not say.
    pub(crate) known: Option<HashMap<(String, String), bool>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vip {
    pub(crate) port: Id,
    /// Its address, and how long the prefix of its network is.
    pub(crate) net: IpNet,
    pub(crate) mac: [u8; 6],
    pub(crate) mtu: u32,
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) routes: Vec<Route>,
    pub(crate) attachment: Attachment,
    /// More addresses of the same port.
    pub(crate) additional: Vec<Address>,
}

/// An address that everything listens at, and what its network is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) net: IpNet,
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) routes: Vec<Route>,
}

impl Vip {
    /// Of all addresses, its own first.
    pub(crate) fn nets(&self) -> impl Iterator<Item = IpNet> + Clone {
        std::iter::once(self.net).chain(self.additional.iter().map(|address| address.net))
    }

    /// Whether it has an address of this version.
    pub(crate) fn speaks(&self, ipv4: bool) -> bool {
        self.nets().any(|net| net.addr().is_ipv4() == ipv4)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// Without host bits.
    pub(crate) destination: IpNet,
    pub(crate) next_hop: IpAddr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) id: Id,
    pub(crate) protocol: Protocol,
    /// Not 0.
    pub(crate) port: u16,
    /// `None`: no limit.
    pub(crate) connection_limit: Option<u32>,
    pub(crate) default_pool: Option<Id>,
    pub(crate) admin_state_up: bool,
    pub(crate) timeouts: Option<Timeouts>,
    /// `None`: as LBaaS v1 has it.
    pub(crate) headers: Option<BTreeSet<Header>>,
    /// Empty: everybody may connect.
    pub(crate) allowed: Vec<IpNet>,
    pub(crate) policies: Vec<Policy>,
}

/// Milliseconds, none of them 0 but the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    pub(crate) client: u32,
    pub(crate) connect: u32,
    pub(crate) server: u32,
    /// 0: not at all.
    pub(crate) inspect: u32,
}

/// What requests to members get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Header {
    ForwardedFor,
    ForwardedPort,
    ForwardedProto,
    ForwardedIp,
    ClientIp,
    RealIp,
}

/// One that acts: it has rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) action: Action,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Reject,
    RedirectToUrl {
        url: String,
        code: u16,
    },
    RedirectPrefix {
        prefix: String,
        code: u16,
    },
    /// One of the load balancer's.
    RedirectToPool(Id),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// No other one of its listener has it.
    pub(crate) id: Id,
    pub(crate) subject: Subject,
    pub(crate) comparison: L7CompareType,
    /// One line.
    pub(crate) value: String,
    pub(crate) invert: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Host,
    Path,
    FileType,
    /// A token.
    Header(String),
    /// A token.
    Cookie(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) id: Id,
    pub(crate) protocol: Protocol,
    pub(crate) method: LbMethod,
    /// Cookies are seen in HTTP only.
    pub(crate) persistence: Option<Persistence>,
    pub(crate) admin_state_up: bool,
    pub(crate) members: Vec<Member>,
    /// Those that are admin-up.
    pub(crate) monitors: Vec<Monitor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    SourceIp(Clients),
    HttpCookie,
    AppCookie { name: String },
}

/// Who is taken for one client, and for how long. Only of UDP and SCTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clients {
    /// Since its last new flow; 0: the driver's own.
    pub(crate) seconds: u32,
    /// How many bits of an address count.
    pub(crate) prefix4: u8,
    pub(crate) prefix6: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: Id,
    pub(crate) address: IpAddr,
    /// 0: the port that the client connected to.
    pub(crate) port: u16,
    pub(crate) weight: u16,
    pub(crate) admin_state_up: bool,
    pub(crate) backup: bool,
    /// Where checks go, if elsewhere.
    pub(crate) monitor_address: Option<IpAddr>,
    /// 0: to the member's own port.
    pub(crate) monitor_port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Monitor {
    pub(crate) check: Check,
    /// Seconds, at least 1.
    pub(crate) delay: u32,
    /// Seconds, at least 1.
    pub(crate) timeout: u32,
    /// Failed checks until a member is down.
    pub(crate) max_retries: u32,
    /// Passed checks until it is up again; 0: who checks says how many.
    pub(crate) rise: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Check {
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
pub(crate) enum HttpVersion {
    Old,
    /// With the name of a host, if one was asked for.
    New {
        host: Option<String>,
    },
}

/// haproxy's two modes.
pub(crate) fn is_http(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Http | Protocol::TerminatedHttps | Protocol::Prometheus => true,
        Protocol::Tcp
        | Protocol::Https
        | Protocol::Udp
        | Protocol::Sctp
        | Protocol::Proxy
        | Protocol::Proxyv2
        | Protocol::Unspecified => false,
    }
}

/// Whether the kernel forwards it: haproxy speaks neither UDP nor SCTP.
pub(crate) fn is_forwarded(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Udp | Protocol::Sctp => true,
        Protocol::Http
        | Protocol::TerminatedHttps
        | Protocol::Prometheus
        | Protocol::Tcp
        | Protocol::Https
        | Protocol::Proxy
        | Protocol::Proxyv2
        | Protocol::Unspecified => false,
    }
}
