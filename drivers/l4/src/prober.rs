//! Health checks of members: one thread and one poll loop for all namespaces. A socket is born in the namespace of its
//! member's load balancer, so a check goes the way that clients' packets go.
//!
//! Probes are tracked as any flow is. The namespace's `ip_local_port_range` is to begin above the ports of the source NAT
//! (61000), so that an answer to one never meets a client's flow; PING needs its `ping_group_range`, and SCTP `CAP_NET_RAW`.

mod attempt;
mod http;
mod judge;
mod run;
mod service;
mod tls;

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

pub use service::Prober;

/// What is checked, where and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub check: Check,
    /// PING does not mind the port.
    pub address: SocketAddr,
    pub timing: Timing,
    /// How the member was when it was last known. Who was up or is not known is up with the first check that passes, and who
    /// was down with `rise` of them.
    pub known: Option<bool>,
}

impl Probe {
    /// Whether what is known by the one holds for the other.
    fn is_about_the_same(&self, other: &Probe) -> bool {
        self.check == other.check && self.address == other.address
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From one check to the next.
    pub delay: Duration,
    /// That a check may take.
    pub timeout: Duration,
    /// Passed checks until one that was down is up.
    pub rise: u32,
    /// Failed checks until one is down.
    pub fall: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// An ICMP echo.
    Ping,
    /// A connection is taken.
    Tcp,
    Http(Request),
    /// No certificate is verified.
    Https(Request),
    /// A TLS handshake. The name is for servers that have several certificates.
    TlsHello {
        name: Option<String>,
    },
    /// An empty datagram: silence is good, "port unreachable" is not.
    UdpConnect,
    /// An INIT is answered.
    Sctp,
}

/// What is asked by HTTP, and which codes are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// For HTTP 1.1 it is the address, where there is none.
    pub host: Option<String>,
    pub version: Version,
    pub expected: Vec<RangeInclusive<u16>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V10,
    V11,
}

/// How a member is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// `None`: not known yet.
    pub up: Option<bool>,
    /// When it became so. `None`: it is not known, or was so before the first check.
    pub since: Option<Instant>,
    /// `None`: no check has ended yet.
    pub last: Option<Outcome>,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub reason: Reason,
    /// Of HTTP.
    pub code: Option<u16>,
    /// What the member or the system said, as far as it says more than the reason.
    pub text: String,
    pub milliseconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Passed,
    /// Of UDP: nobody said that the port is closed.
    Silent,
    Refused,
    TimedOut,
    /// There is no way to it.
    Unreachable,
    /// The connection ended before the answer.
    Closed,
    WrongCode,
    NotHttp,
    NoTls,
    /// The check could not be made here. It says nothing of the member.
    NotTried,
}

impl Reason {
    /// Whether the member has passed; `None`: that is not known.
    #[must_use]
    pub const fn passed(self) -> Option<bool> {
        match self {
            Self::Passed | Self::Silent => Some(true),
            Self::Refused
            | Self::TimedOut
            | Self::Unreachable
            | Self::Closed
            | Self::WrongCode
            | Self::NotHttp
            | Self::NoTls => Some(false),
            Self::NotTried => None,
        }
    }
}
