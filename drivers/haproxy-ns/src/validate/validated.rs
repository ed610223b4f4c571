//! A load balancer that was checked: every value has the type of what it means, and every string in it consists of
//! characters that are harmless in haproxy.cfg (a monitor's path: once it is quoted), in paths and in interface names. Only
//! [`validate`](crate::validate) can make one or change it: others read its parts.

use std::{collections::HashMap, net::IpAddr, ops::Deref};

use ballast_abi::{LbMethod, Protocol};
use ballast_netns::attach::Attachment;
use ipnet::IpNet;
use serde::Serialize;

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
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) routes: Vec<Route>,
    pub(crate) attachment: Attachment,
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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) id: Id,
    pub(crate) protocol: Protocol,
    pub(crate) method: LbMethod,
    pub(crate) persistence: Option<Persistence>,
    pub(crate) admin_state_up: bool,
    pub(crate) members: Vec<Member>,
    /// Those that are admin-up.
    pub(crate) monitors: Vec<Monitor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    SourceIp,
    HttpCookie,
    AppCookie { name: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: Id,
    pub(crate) address: IpAddr,
    /// 0: the port that the client connected to.
    pub(crate) port: u16,
    pub(crate) weight: u16,
    pub(crate) admin_state_up: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Monitor {
    pub(crate) check: Check,
    /// Seconds, at least 1.
    pub(crate) delay: u32,
    /// Seconds, at least 1.
    pub(crate) timeout: u32,
    pub(crate) max_retries: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Ping,
    Tcp,
    Http { tls: bool, method: String, path: String, codes: Vec<(u16, u16)> },
}

/// haproxy's two modes.
pub(crate) fn is_http(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Http => true,
        Protocol::Tcp | Protocol::Https | Protocol::Unspecified => false,
    }
}
