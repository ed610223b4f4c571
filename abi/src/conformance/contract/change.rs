//! What a tenant may change, one thing after another.

use crate::{
    ErrorCode, HealthMonitor, LoadBalancer, MonitorType, ObjectFault, PersistenceType, SessionPersistence,
    conformance::{
        Bench,
        samples::{self, Samples},
        stage::{Stage, on_stage},
        traffic::{Answers, Wire},
        verdict::{Stop, Verdict, ensure, shown},
    },
    features,
};

pub(super) type Change = (&'static str, fn(&mut LoadBalancer, &Samples));

pub(super) const CHANGES: [Change; 16] = [
    ("another name", |one, _| one.name = "another".to_owned()),
    ("another weight", |one, _| members(one).iter_mut().take(1).for_each(|member| member.weight = 7)),
    ("a weight of 0", |one, _| members(one).iter_mut().rev().take(1).for_each(|member| member.weight = 0)),
    ("a member down", |one, _| members(one).iter_mut().rev().take(1).for_each(|member| member.admin_state_up = false)),
    ("the last member gone", |one, _| drop(members(one).pop())),
    ("another member", |one, samples| members(one).push(samples.member(1, 7))),
    ("the same member at another port", |one, _| members(one).iter_mut().for_each(|member| member.protocol_port += 1)),
    ("the member back", |one, samples| *members(one) = samples.load_balancer(1).pools.remove(0).members),
    ("a connection limit", |one, _| one.listeners.iter_mut().for_each(|listener| listener.connection_limit = 100)),
    ("no connection limit", |one, _| one.listeners.iter_mut().for_each(|listener| listener.connection_limit = -1)),
    ("another port of the listener", |one, _| {
        one.listeners.iter_mut().for_each(|listener| listener.protocol_port = 81)
    }),
    ("persistence", |one, _| {
        let kind = SessionPersistence { r#type: PersistenceType::SourceIp.into(), ..SessionPersistence::default() };
        one.pools.iter_mut().for_each(|pool| pool.session_persistence = Some(kind.clone()));
    }),
    ("no persistence", |one, _| one.pools.iter_mut().for_each(|pool| pool.session_persistence = None)),
    ("two monitors", |one, samples| {
        let monitors: [HealthMonitor; 2] =
            [samples.monitor(1, MonitorType::Tcp), HealthMonitor { delay: 9, ..samples.monitor(2, MonitorType::Tcp) }];
        one.pools.iter_mut().for_each(|pool| pool.monitors = monitors.to_vec());
    }),
    ("no monitor", |one, _| one.pools.iter_mut().for_each(|pool| pool.monitors.clear())),
    ("another address", |one, samples| one.vip = Some(samples.vip(3))),
];

fn members(one: &mut LoadBalancer) -> &mut Vec<crate::Member> {
    &mut one.pools[0].members
}

pub(in crate::conformance) fn change(bench: &Bench) -> Verdict {
    on_stage(bench, 7, |stage| {
        let wire = Wire::open();
        let mut one = stage.samples.load_balancer(1);
        let mut generation = 1;
        stage.deploy(&one, generation)?;
        let reached = wire.wait_for(&one, Answers::Yes)?;
        let (mut left_out, mut in_part) = (Vec::new(), Vec::new());
        for (what, change) in CHANGES {
            let mut changed = one.clone();
            change(&mut changed, &stage.samples);
            let changed = samples::finished(changed);
            if features::check(&changed, &stage.capabilities).is_err() {
                left_out.push(what);
                continue;
            }
            one = changed;
            generation += 1;
            if step(stage, &one, generation, what)? > 0 {
                in_part.push(what);
            }
            if reached == Answers::Yes {
                served(&wire, &one, what)?;
            }
        }
        generation += 1;
        without_vip(stage, &mut one, generation, &wire)?;
        let traffic = if reached == Answers::Yes { "traffic followed each change" } else { "no traffic could be sent" };
        let list = |what: &str, words: &[&str]| {
            if words.is_empty() { String::new() } else { format!("; {what}: {}", words.join(", ")) }
        };
        Ok(format!("{traffic}{}{}", list("not declared", &left_out), list("UNSUPPORTED in part", &in_part)))
    })
}

/// What no feature names, as a limit of connections, a device may lack, if it says so: the number of objects is answered.
fn step(stage: &Stage<'_>, one: &LoadBalancer, generation: u64, what: &str) -> Result<usize, Stop> {
    let with = |stop| match stop {
        Stop::Failed(why) => Stop::Failed(format!("{what}: {why}")),
        skipped @ Stop::Skipped(_) => skipped,
    };
    let faults = stage.deploy_in_part(one, generation).map_err(with)?.faults;
    let unsupported =
        |fault: &&ObjectFault| fault.fault.as_ref().is_some_and(|why| why.code == ErrorCode::UNSUPPORTED.0);
    if let Some(other) = faults.iter().find(|fault| !unsupported(fault)) {
        let why = other.fault.clone().unwrap_or_default();
        return Err(Stop::failed(format!("{what}: object {}: {}", other.object_id, shown(&why.into()))));
    }
    stage.expect_deployed(&[(&one.id, generation)], "after the change").map_err(with)?;
    let seen = stage.observe(&one.id).map_err(with)?;
    Stage::expect_reported(&seen, generation).map_err(with)?;
    let strange = seen.members.iter().find(|seen| {
        let is_it = |member: &crate::Member| member.id == seen.member_id;
        !one.pools.iter().any(|pool| pool.id == seen.pool_id && pool.members.iter().any(is_it))
    });
    ensure(strange.is_none(), || {
        let id = strange.map(|seen| seen.member_id.as_str()).unwrap_or_default();
        format!("{what}: observe tells of member {id}, which is none any more")
    })?;
    Ok(faults.len())
}

/// With a member that answers: the suite's own.
fn served(wire: &Wire, one: &LoadBalancer, what: &str) -> Result<(), Stop> {
    let answers = wire.wait_for(one, Answers::Yes)?;
    ensure(answers == Answers::Yes, || format!("{what}: it answers at its VIP no longer"))
}

fn without_vip(stage: &Stage<'_>, one: &mut LoadBalancer, generation: u64, wire: &Wire) -> Result<(), Stop> {
    let before = one.clone();
    let mut without = LoadBalancer { vip: None, listeners: Vec::new(), ..before.clone() };
    without = samples::finished(without);
    step(stage, &without, generation, "no VIP")?;
    let answers = wire.wait_for(&before, Answers::No)?;
    ensure(answers == Answers::No, || "no VIP: it still answers at the VIP that it had".to_owned())?;
    *one = without;
    Ok(())
}
