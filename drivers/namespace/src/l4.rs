//! Listeners that the kernel serves, by rules of `ballast-l4`, in the load balancer's namespace and on its addresses;
//! and who may connect to those that somebody else serves there.
//!
//! What is asked for is a [`Forwarded`], with what is known of its members ([`knowledge`]) it is a service of `ballast-l4`.
//! What was done is noted beside the state ([`kept`]), and believed as far as the table says the same ([`seen`]). Members are
//! checked by one thread of this driver, and whatever it finds out changes the rules without a deploy ([`watch`]).
//!
//! What admin-down means here: a load balancer, a listener or a pool that is down has no flows, and its clients are refused; a
//! member that is down gets no new ones, and those that it has go on.

mod answers;
mod asked;
pub mod counts;
pub mod kept;
pub mod knowledge;
mod loads;
mod probes;
pub mod remembered;
pub mod rules;
pub mod seen;
pub mod watch;
mod worker;

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use ballast_l4::desired::{Filter, Method, Persistence, Protocol, Sources};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::validate::Check;

/// All that the kernel does for a load balancer, as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    pub sources: Sources,
    pub listeners: Vec<Listener>,
    pub probes: Vec<Probe>,
    /// Members that nobody checks, also of pools without a listener: they are taken to be up. Notes of 0.4.0 lack it.
    #[serde(default)]
    pub unchecked: Vec<Key>,
    /// Of listeners that others serve. Notes of 0.4.0 lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub id: String,
    /// None: it is down, or has no pool that is up.
    pub addresses: BTreeSet<IpAddr>,
    pub protocol: Protocol,
    pub port: u16,
    pub method: Method,
    pub persistence: Option<Persistence>,
    pub most: Option<u32>,
    pub allowed: Vec<IpNet>,
    /// Seconds without a packet after which a flow is forgotten; `None`: the namespace's. Notes of 0.4.0 lack it.
    #[serde(default)]
    pub idle: Option<u32>,
    /// Empty: it has none.
    pub pool: String,
    pub members: Vec<Member>,
}

impl Listener {
    pub fn is_on(&self) -> bool {
        !self.addresses.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub id: String,
    pub address: SocketAddr,
    pub weight: u16,
    pub backup: bool,
    pub admin_state_up: bool,
}

/// A check of a member by one of its pool's monitors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    pub pool: String,
    pub member: String,
    /// Of the pool's monitors.
    pub monitor: usize,
    pub check: Check,
    pub address: SocketAddr,
    /// Seconds, as the next.
    pub delay: u32,
    pub timeout: u32,
    pub rise: u32,
    pub fall: u32,
}

/// A pool and a member of it, by their ids.
pub type Key = (String, String);

impl Probe {
    pub fn of(&self) -> Key {
        (self.pool.clone(), self.member.clone())
    }

    /// No id has a stroke.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.pool, self.member, self.monitor)
    }
}

#[cfg(test)]
mod tests;
