//! What is told upwards of one load balancer. Pure.

use std::collections::BTreeMap;

use ballast_abi::{ListenerObservation, MemberHealth, MemberStatistics, Observation, PoolStatistics, Statistics};

use crate::{
    counters::{Counted, Served, Totals},
    l4::counts::Counts,
};

/// With what the kernel forwards, beside what was observed of the rest.
#[must_use]
pub fn with_forwarded(mut observation: Observation, counts: Option<Counts>) -> Observation {
    let Some(Counts { counted, listeners, served, health, mut answers, as_noted }) = counts else { return observation };
    if !as_noted {
        observation.generation = 0;
    }
    let active = listeners.values().map(|listened| listened.active).sum();
    let before = observation.statistics.take().unwrap_or_default();
    let forwarded = statistics(counted.totals, active);
    observation.statistics = Some(Statistics {
        bytes_in: before.bytes_in.saturating_add(forwarded.bytes_in),
        bytes_out: before.bytes_out.saturating_add(forwarded.bytes_out),
        active_connections: before.active_connections.saturating_add(forwarded.active_connections),
        total_connections: before.total_connections.saturating_add(forwarded.total_connections),
        request_errors: before.request_errors,
    });
    observation.listeners.extend(listeners.into_iter().map(|(listener_id, seen)| ListenerObservation {
        listener_id,
        statistics: Some(statistics(seen.totals, seen.active)),
        full: seen.full,
    }));
    let members = health.into_iter().map(|(key, health)| {
        let (for_milliseconds, answer) = answers.remove(&key).unzip();
        let for_milliseconds = for_milliseconds.unwrap_or(0);
        MemberHealth { pool_id: key.0, member_id: key.1, health: health.into(), for_milliseconds, answer }
    });
    observation.members.extend(members);
    // A pool has one protocol, so either the kernel sends to it or something else does.
    observation.pools.extend(pools(&counted, &served));
    observation
}

/// What was counted of the pools and members that are there.
#[must_use]
pub fn pools(counted: &Counted, served: &BTreeMap<String, Served>) -> Vec<PoolStatistics> {
    let of = |(id, served): (&String, &Served)| {
        let counted = counted.pools.get(id).cloned().unwrap_or_default();
        let members = served.members.iter().map(|(member_id, active)| MemberStatistics {
            member_id: member_id.clone(),
            statistics: Some(statistics(counted.member(member_id), *active)),
        });
        PoolStatistics {
            pool_id: id.clone(),
            statistics: Some(statistics(counted.totals, served.active)),
            members: members.collect(),
        }
    };
    served.iter().map(of).collect()
}

#[must_use]
pub fn statistics(totals: Totals, active_connections: u64) -> Statistics {
    Statistics {
        bytes_in: totals.bytes_in,
        bytes_out: totals.bytes_out,
        active_connections,
        total_connections: totals.connections,
        request_errors: totals.errors,
    }
}
