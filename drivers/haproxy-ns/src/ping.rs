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

use crate::validate::{Check, Monitor, Pool, Validated};

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
    /// haproxy checks it as well. Notes of former releases lack it.
    #[serde(default)]
    pub(crate) checked: bool,
}

impl Echoes {
    pub(crate) fn of(validated: &Validated) -> Vec<Self> {
        validated.pools.iter().filter(|pool| pool.admin_state_up).flat_map(Self::of_pool).collect()
    }

    fn of_pool(pool: &Pool) -> Vec<Self> {
        let pings: Vec<&Monitor> =
            pool.monitors.iter().filter(|monitor| matches!(monitor.check, Check::Ping)).collect();
        let least = |value: fn(&Monitor) -> u32| pings.iter().map(|monitor| value(monitor)).min();
        let times = (least(|ping| ping.delay), least(|ping| ping.timeout), least(|ping| ping.max_retries));
        let (Some(delay), Some(timeout), Some(max_retries)) = times else { return Vec::new() };
        let up = pool.members.iter().filter(|member| member.admin_state_up);
        up.map(|member| Self {
            pool: pool.id.as_str().to_owned(),
            member: member.id.as_str().to_owned(),
            address: member.address,
            delay,
            timeout: timeout.min(delay),
            max_retries,
            checked: pings.len() < pool.monitors.len(),
        })
        .collect()
    }
}
