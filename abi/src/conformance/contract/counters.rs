//! What is observed.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Health, LoadBalancer, MonitorType, PoolStatistics, Statistics,
    conformance::{
        Bench, samples,
        stage::{Stage, on_stage},
        traffic::{Answers, Wire},
        verdict::{Stop, Verdict, ensure},
    },
    features,
};

const REQUESTS: usize = 20;
/// A member's health is to be known after this.
const SOON: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

pub(in crate::conformance) fn counters(bench: &Bench) -> Verdict {
    on_stage(bench, 13, |stage| {
        let wire = Wire::open();
        let one = stage.samples.load_balancer(1);
        let mut last = Seen::default();
        stage.deploy(&one, 1)?;
        let reached = wire.wait_for(&one, Answers::Yes)? == Answers::Yes;
        grown(stage, &one, &mut last, "after the first deploy")?;
        let mut sent = wire.send(&one, REQUESTS);
        grown(stage, &one, &mut last, "after requests")?;
        let mut changed = one.clone();
        changed.listeners.iter_mut().for_each(|listener| listener.protocol_port = 81);
        stage.deploy(&changed, 2)?;
        grown(stage, &one, &mut last, "after a change of the listener's port")?;
        sent += wire.send(&changed, REQUESTS);
        grown(stage, &one, &mut last, "after more requests")?;
        let mut fewer = changed.clone();
        fewer.pools.iter_mut().for_each(|pool| pool.members.truncate(1));
        stage.deploy(&fewer, 3)?;
        grown(stage, &fewer, &mut last, "after a member was removed")?;
        stage.restart()?;
        grown(stage, &fewer, &mut last, "after its process was started again")?;
        let without = samples::finished(LoadBalancer { vip: None, listeners: Vec::new(), ..one.clone() });
        stage.deploy(&without, 4)?;
        grown(stage, &one, &mut last, "after the VIP was removed")?;
        stage.deploy(&one, 5)?;
        grown(stage, &one, &mut last, "after the VIP came back")?;
        if !reached {
            return Ok("no traffic could be sent".to_owned());
        }
        let counted = last.whole.total_connections;
        ensure(counted >= sent as u64 && last.whole.bytes_in > 0 && last.whole.bytes_out > 0, || {
            format!("of {sent} connections it has counted {counted}: {:?}", last.whole)
        })?;
        let by_part = if last.parts.is_empty() { "; it does not count by pool and member" } else { "" };
        Ok(format!("{sent} connections, {counted} counted with those that were not answered{by_part}"))
    })
}

/// What was seen last, of all together and by pool and member.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) whole: Statistics,
    /// By pool and member; of a pool itself the member is empty.
    parts: BTreeMap<(String, String), Statistics>,
}

/// Nothing has gone back since it was last seen, and what is counted by pool and member is of those that `one` has.
pub(super) fn grown(stage: &Stage<'_>, one: &LoadBalancer, last: &mut Seen, when: &str) -> Result<(), Stop> {
    let now = stage.observe(&one.id)?;
    let whole = now.statistics.unwrap_or_default();
    not_less("", &last.whole, &whole, when)?;
    last.whole = whole;
    let is_given = |pool: &str, member: &str| {
        let given = one.pools.iter().find(|given| given.id == pool);
        given.is_some_and(|given| member.is_empty() || given.members.iter().any(|one| one.id == member))
    };
    // One that is taken away and comes back may begin again.
    last.parts.retain(|(pool, member), _| is_given(pool, member));
    let mut told = BTreeSet::new();
    for PoolStatistics { pool_id, statistics, members } in now.pools {
        let members = members.into_iter().map(|one| (one.member_id, one.statistics));
        for (member, statistics) in std::iter::once((String::new(), statistics)).chain(members) {
            let of = match member.is_empty() {
                true => format!("pool {pool_id}"),
                false => format!("member {member} of pool {pool_id}"),
            };
            ensure(is_given(&pool_id, &member), || format!("{when}, it counts for {of}, which was not given"))?;
            let key = (pool_id.clone(), member);
            ensure(told.insert(key.clone()), || format!("{when}, {of} is there twice"))?;
            let Some(now) = statistics else { continue };
            let before = last.parts.insert(key, now).unwrap_or_default();
            not_less(&format!(" of {of}"), &before, &now, when)?;
        }
    }
    Ok(())
}

pub(super) fn not_less(of: &str, last: &Statistics, now: &Statistics, when: &str) -> Result<(), Stop> {
    for (what, before, after) in [
        ("bytes_in", last.bytes_in, now.bytes_in),
        ("bytes_out", last.bytes_out, now.bytes_out),
        ("total_connections", last.total_connections, now.total_connections),
    ] {
        ensure(after >= before, || format!("{when}, {what}{of} went back from {before} to {after}"))?;
    }
    Ok(())
}

pub(in crate::conformance) fn members(bench: &Bench) -> Verdict {
    on_stage(bench, 14, |stage| {
        let wire = Wire::open();
        let mut one = stage.samples.whole(1);
        // Devices may want a check to be over before the next one.
        let monitor =
            crate::HealthMonitor { delay: 2, timeout: 1, max_retries: 1, ..stage.samples.monitor(1, MonitorType::Tcp) };
        let mut dead = Vec::new();
        for (pool, number) in one.pools.iter_mut().zip(50..) {
            // The last one is at an address where nobody answers.
            pool.members.truncate(1);
            pool.members.push(stage.samples.member(1, number));
            pool.monitors = vec![crate::HealthMonitor { id: format!("{}-{number}", monitor.id), ..monitor.clone() }];
            dead.extend(pool.members.last().map(|member| member.id.clone()));
        }
        let one = samples::finished(one);
        if features::check(&one, &stage.capabilities).is_err() {
            let one = stage.samples.whole(1);
            stage.deploy(&one, 1)?;
            told_of_each_pool(stage, &one)?;
            return Ok("it declares no monitor of TCP: health was not looked at".to_owned());
        }
        stage.deploy(&one, 1)?;
        let reached = reaches(&wire, &one)?;
        let found = told_of_each_pool(stage, &one)?;
        let all = one.pools.iter().map(|pool| pool.members.len()).sum::<usize>();
        if !reached {
            return Ok(format!("the health of {} of {all} members is known; no traffic could be sent", found.len()));
        }
        let end = Instant::now() + SOON;
        loop {
            let found = known(stage, &one)?;
            let of = |id: &str| found.iter().find(|(member, _)| member == id).map(|(_, health)| *health);
            let expected = |id: &String| if dead.contains(id) { Health::Down } else { Health::Up };
            let ids = one.pools.iter().flat_map(|pool| &pool.members).map(|member| &member.id);
            let Some(other) = { ids }.find(|id| of(id) != Some(expected(id))) else {
                let of_pools = if one.pools.len() > 1 { ", in each pool" } else { "" };
                return Ok(format!("one that answers is UP, one that does not is DOWN{of_pools}"));
            };
            ensure(Instant::now() < end, || {
                format!("member {other} must be {:?} and is {:?}, after {SOON:?}", expected(other), of(other))
            })?;
            thread::sleep(PAUSE);
        }
    })
}

/// Whether a listener that has a pool can be reached.
fn reaches(wire: &Wire, one: &LoadBalancer) -> Result<bool, Stop> {
    let mut served = one.clone();
    served.listeners.retain(|listener| one.pools.iter().any(|pool| pool.id == listener.default_pool_id));
    Ok(wire.wait_for(&served, Answers::Yes)? == Answers::Yes)
}

/// Waits until something is known of each pool that has members, if anything is known of any: all are checked alike.
pub(super) fn told_of_each_pool(stage: &Stage<'_>, one: &LoadBalancer) -> Result<Vec<(String, Health)>, Stop> {
    let end = Instant::now() + SOON;
    loop {
        let found = known(stage, one)?;
        let is_told = |pool: &&crate::Pool| {
            pool.members.is_empty() || pool.members.iter().any(|member| found.iter().any(|(id, _)| *id == member.id))
        };
        let Some(silent) = one.pools.iter().find(|pool| !is_told(pool)) else { return Ok(found) };
        if found.is_empty() {
            return Ok(found);
        }
        ensure(Instant::now() < end, || {
            format!("it tells of members of other pools, and of none of pool {}, after {SOON:?}", silent.id)
        })?;
        thread::sleep(PAUSE);
    }
}

/// Member ids and what is known; fails for what was not given, or is there twice.
fn known(stage: &Stage<'_>, one: &LoadBalancer) -> Result<Vec<(String, Health)>, Stop> {
    let mut known: Vec<(String, Health)> = Vec::new();
    for seen in stage.observe(&one.id)?.members {
        let given = one.pools.iter().filter(|pool| pool.id == seen.pool_id).flat_map(|pool| &pool.members);
        ensure(given.clone().any(|member| member.id == seen.member_id), || {
            format!("it tells of member {} of pool {}, which were not given", seen.member_id, seen.pool_id)
        })?;
        ensure(known.iter().all(|(id, _)| *id != seen.member_id), || {
            format!("member {} is there twice", seen.member_id)
        })?;
        ensure(seen.health() != Health::Unspecified, || {
            format!("the health of member {} is not known, so it must be left out", seen.member_id)
        })?;
        let health = seen.health();
        known.push((seen.member_id, health));
    }
    Ok(known)
}
