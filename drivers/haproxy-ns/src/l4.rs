//! Listeners of UDP and SCTP: haproxy speaks neither, so the kernel forwards them by rules of `ballast-l4`, in the same
//! namespace and on the same addresses.
//!
//! What is asked for is a [`Forwarded`], with what is known of its members ([`knowledge`]) it is a service of `ballast-l4`.
//! What was done is noted beside the state ([`kept`]), and believed as far as the table says the same ([`seen`]). Members are
//! checked by one thread of this driver, and whatever it finds out changes the rules without a deploy ([`watch`]).
//!
//! What admin-down means here: a load balancer, a listener or a pool that is down has no flows, and its clients are refused; a
//! member that is down gets no new ones, and those that it has go on.

mod asked;
pub(crate) mod counts;
pub(crate) mod kept;
pub(crate) mod knowledge;
mod loads;
mod probes;
pub(crate) mod rules;
pub(crate) mod seen;
pub(crate) mod watch;
mod worker;

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use ballast_l4::desired::{Method, Persistence, Protocol, Sources};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::validate::Check;

/// All that is forwarded for a load balancer, as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Forwarded {
    pub(crate) sources: Sources,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) probes: Vec<Probe>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listener {
    pub(crate) id: String,
    /// None: it is down, or has no pool that is up.
    pub(crate) addresses: BTreeSet<IpAddr>,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) method: Method,
    pub(crate) persistence: Option<Persistence>,
    pub(crate) most: Option<u32>,
    pub(crate) allowed: Vec<IpNet>,
    /// Empty: it has none.
    pub(crate) pool: String,
    pub(crate) members: Vec<Member>,
}

impl Listener {
    pub(crate) fn is_on(&self) -> bool {
        !self.addresses.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    pub(crate) weight: u16,
    pub(crate) backup: bool,
    pub(crate) admin_state_up: bool,
}

/// A check of a member by one of its pool's monitors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Probe {
    pub(crate) pool: String,
    pub(crate) member: String,
    /// Of the pool's monitors.
    pub(crate) monitor: usize,
    pub(crate) check: Check,
    pub(crate) address: SocketAddr,
    /// Seconds, as the next.
    pub(crate) delay: u32,
    pub(crate) timeout: u32,
    pub(crate) rise: u32,
    pub(crate) fall: u32,
}

/// A pool and a member of it, by their ids.
pub(crate) type Key = (String, String);

impl Probe {
    pub(crate) fn of(&self) -> Key {
        (self.pool.clone(), self.member.clone())
    }

    /// No id has a stroke.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}/{}", self.pool, self.member, self.monitor)
    }
}

#[cfg(test)]
mod tests;
