//! PING monitors: real ICMP echoes, because a TCP check is not a ping and an external command costs 1,500 times as much.
//!
//! One datagram ICMP socket in each namespace (and IP version), all served by one thread. A member that stops answering
//! is put into maintenance through the runtime API of its haproxy, and taken out again when it answers. haproxy's own
//! checks go on beside this: a member serves when both are content.
//!
//! A socket holds its namespace; undeploy therefore calls [`Pinger::remove`].

mod echo;
mod member;
mod service;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub(crate) use service::{Pinger, Sockets};

use crate::{
    page::Page,
    validate::{Check, Monitor, Pool, Validated},
};

/// A member to be pinged, and how. Several PING monitors of a pool become one with the shortest times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Echoes {
    pub(crate) pool: String,
    pub(crate) member: String,
    pub(crate) address: IpAddr,
    /// Seconds between two echoes.
    pub(crate) delay: u32,
    /// Seconds until an echo counts as lost.
    pub(crate) timeout: u32,
    /// Lost echoes until the member is down.
    pub(crate) max_retries: u32,
    /// Answers until it is up again. Notes of former releases lack it.
    #[serde(default = "usual")]
    pub(crate) rise: u32,
    /// haproxy checks it as well. Notes of former releases lack it.
    #[serde(default)]
    pub(crate) checked: bool,
    /// Backends beside the one with the pool's id in which it is to be told; those that haproxy checks go by that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) also: Vec<String>,
}

/// As haproxy's.
const fn usual() -> u32 {
    2
}

impl Echoes {
    pub(crate) fn of(validated: &Validated, page: &Page) -> Vec<Self> {
        let pinged = |pool: &&Pool| pool.admin_state_up && !pool.forwarded;
        validated.pools.iter().filter(pinged).flat_map(|pool| Self::of_pool(pool, page)).collect()
    }

    /// Those in which it is to be told.
    pub(crate) fn backends(&self) -> impl Iterator<Item = &str> {
        [&self.pool].into_iter().chain(&self.also).map(String::as_str)
    }

    fn of_pool(pool: &Pool, page: &Page) -> Vec<Self> {
        let pings: Vec<&Monitor> =
            pool.monitors.iter().filter(|monitor| matches!(monitor.check, Check::Ping)).collect();
        let least = |value: fn(&Monitor) -> u32| pings.iter().map(|monitor| value(monitor)).min();
        let times = (least(|ping| ping.delay), least(|ping| ping.timeout), least(|ping| ping.max_retries));
        let (Some(delay), Some(timeout), Some(max_retries)) = times else { return Vec::new() };
        let rise = pings.iter().map(|ping| ping.rise).max().filter(|rise| *rise > 0).unwrap_or(usual());
        let also: Vec<String> = page.unchecked(pool.id.as_str()).map(str::to_owned).collect();
        let up = pool.members.iter().filter(|member| member.admin_state_up);
        up.map(|member| Self {
            pool: pool.id.as_str().to_owned(),
            member: member.id.as_str().to_owned(),
            address: member.monitor_address.unwrap_or(member.address),
            delay,
            timeout: timeout.min(delay),
            max_retries,
            rise,
            checked: pings.len() < pool.monitors.len(),
            also: also.clone(),
        })
        .collect()
    }
}
