//! What is declared must work; nothing else may seem to.

use crate::{
    ErrorCode, LoadBalancer, ObjectFault,
    conformance::{
        Bench,
        samples::{self, using},
        stage::{Stage, on_stage},
        verdict::{Stop, Verdict, ensure, shown},
    },
    features::{IPV6, SHAPES, TOPOLOGY_ACTIVE_STANDBY, all},
};

pub(in crate::conformance) fn features(bench: &Bench) -> Verdict {
    on_stage(bench, 8, |stage| {
        let mut generation = 0;
        for feature in of_one() {
            generation += 1;
            let Some(asked) = using(feature, &stage.samples, 1) else { continue };
            // One that is alone never becomes one of two sides, nor the other way round.
            let is_apart = feature == TOPOLOGY_ACTIVE_STANDBY && stage.declares(feature);
            if is_apart {
                stage.undeploy(&asked.id)?;
            }
            declared_or_refused(stage, &asked, feature, generation)?;
            if is_apart {
                stage.undeploy(&asked.id)?;
            }
        }
        stage.undeploy(&stage.samples.id(1))?;
        let sound = stage.samples.load_balancer(1);
        let listed = LoadBalancer { features: vec!["conformance:unknown".to_owned()], ..sound.clone() };
        refused(stage, &listed, "a feature that nobody knows")?;
        for (what, change) in NEWER {
            let mut newer = sound.clone();
            change(&mut newer);
            refused(stage, &newer, what)?;
        }
        stage.expect_deployed(&[], "after deploys that were refused")?;
        let undeclared = of_one().filter(|feature| !stage.declares(feature)).count();
        Ok(format!("{} declared, {undeclared} refused", of_one().count() - undeclared))
    })
}

/// Those that other checks do not look at.
fn of_one() -> impl Iterator<Item = &'static str> {
    all().filter(|feature| *feature != IPV6 && !SHAPES.contains(feature))
}

type Newer = (&'static str, fn(&mut LoadBalancer));

/// Values of a schema that is newer than any driver.
const NEWER: [Newer; 4] = [
    ("a protocol of a newer schema", |one| one.listeners.iter_mut().for_each(|listener| listener.protocol = 99)),
    ("a pool's protocol of a newer schema", |one| one.pools.iter_mut().for_each(|pool| pool.protocol = 99)),
    ("an lb_method of a newer schema", |one| one.pools.iter_mut().for_each(|pool| pool.lb_method = 99)),
    ("an lb_method that was not set", |one| one.pools.iter_mut().for_each(|pool| pool.lb_method = 0)),
];

/// Addresses of the other version.
pub(in crate::conformance) fn ipv6(bench: &Bench) -> Verdict {
    on_stage(bench, 9, |stage| {
        let Some(asked) = using(IPV6, &stage.samples, 1) else { return Ok(String::new()) };
        declared_or_refused(stage, &asked, IPV6, 1)?;
        if !stage.declares(IPV6) {
            return Ok("not declared, and UNSUPPORTED".to_owned());
        }
        let mut mixed = asked.clone();
        let members = stage.samples.load_balancer(1).pools.remove(0).members;
        mixed.pools.iter_mut().for_each(|pool| pool.members = members.clone());
        let mixed = samples::finished(mixed);
        // Who cannot serve such a member says so of each, and serves the rest.
        let faults = stage.deploy_in_part(&mixed, 2)?.faults;
        let of_a_member = |fault: &ObjectFault| {
            mixed.pools.iter().flat_map(|pool| &pool.members).any(|one| one.id == fault.object_id)
        };
        ensure(faults.iter().all(of_a_member), || format!("IPv4 members are a fault of something else: {faults:?}"))?;
        stage.expect_deployed(&[(&mixed.id, 2)], "with an IPv6 VIP and IPv4 members")?;
        Ok(String::new())
    })
}

pub(super) fn declared_or_refused(
    stage: &Stage<'_>,
    asked: &LoadBalancer,
    feature: &str,
    generation: u64,
) -> Result<(), Stop> {
    let missing: Vec<_> = asked.features.iter().filter(|used| !stage.declares(used)).collect();
    if missing.iter().any(|missing| *missing == feature) {
        return refused(stage, asked, feature);
    }
    if !missing.is_empty() {
        return Ok(());
    }
    stage.deploy(asked, generation).map_err(|stop| match stop {
        Stop::Failed(why) => Stop::Failed(format!("{feature} is declared, but {why}")),
        skipped @ Stop::Skipped(_) => skipped,
    })?;
    stage.expect_deployed(&[(&asked.id, generation)], &format!("with {feature}"))
}

fn refused(stage: &Stage<'_>, asked: &LoadBalancer, what: &str) -> Result<(), Stop> {
    match stage.subject().deploy(asked, 1)? {
        Err(error) => ensure(error.code == ErrorCode::UNSUPPORTED, || {
            format!("{what} must be UNSUPPORTED, and is {}", shown(&error))
        }),
        Ok(_) => Err(Stop::failed(format!("{what} must be UNSUPPORTED, and was taken as if it were understood"))),
    }
}
