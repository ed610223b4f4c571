//! What a listener has besides what every driver gives it: headers, and policies that look into requests.

use std::{collections::BTreeSet, ops::Deref};

use ballast_abi::{L7CompareType, Protocol};
use ballast_namespace::validate::{self, Id};

pub(crate) type Validated = validate::Validated<Listener>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(super) whole: validate::Listener,
    /// `None`: as LBaaS v1 has it.
    pub(crate) headers: Option<BTreeSet<Header>>,
    pub(crate) policies: Vec<Policy>,
}

impl Deref for Listener {
    type Target = validate::Listener;

    fn deref(&self) -> &validate::Listener {
        &self.whole
    }
}

impl AsRef<validate::Listener> for Listener {
    fn as_ref(&self) -> &validate::Listener {
        &self.whole
    }
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
    // Of the client's certificate.
    ClientVerify,
    ClientHasCertificate,
    ClientName,
    ClientCommonName,
    Issuer,
    ClientSha1,
    NotBefore,
    NotAfter,
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
    /// Whether the client showed a certificate.
    HasCertificate,
    /// How its verification ended: the value is a number.
    VerifyResult,
    /// A field of its name, as in `CN`.
    NameField(String),
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
