//! What a driver says that a deploy would do, before it is done. A driver need not say anything.

use super::change::CHANGES;
use crate::{
    DeployReply, Effect, LoadBalancer, ObjectFault, Preview,
    conformance::{
        Bench,
        machine::Machine,
        samples,
        stage::{Stage, on_stage},
        verdict::{Stop, Verdict, ensure, shown},
    },
    features,
};

pub(in crate::conformance) fn preview(bench: &Bench) -> Verdict {
    on_stage(bench, 25, |stage| {
        let mut one = stage.samples.load_balancer(1);
        let mut said = vec![step(stage, &one, 1, "the first deploy")?];
        let mut generation = 1;
        for (what, change) in CHANGES {
            let mut changed = one.clone();
            change(&mut changed, &stage.samples);
            let changed = samples::finished(changed);
            if features::check(&changed, &stage.capabilities).is_err() {
                continue;
            }
            one = changed;
            generation += 1;
            said.push(step(stage, &one, generation, what)?);
        }
        Ok(remark(&said))
    })
}

fn remark(said: &[Effect]) -> String {
    let known = said.iter().filter(|effect| **effect != Effect::Unspecified).count();
    match known {
        0 => "it has no preview: not known".to_owned(),
        _ => format!("{known} of {} changes were as it had said", said.len()),
    }
}

/// Asks, deploys, and compares.
fn step(stage: &Stage<'_>, one: &LoadBalancer, generation: u64, what: &str) -> Result<Effect, Stop> {
    let named = |stop| match stop {
        Stop::Failed(why) => Stop::Failed(format!("{what}: {why}")),
        skipped @ Stop::Skipped(_) => skipped,
    };
    let before = Machine::now(stage.bench);
    let deployed = stage.deployed()?;
    let said = ask(stage, one, generation).map_err(named)?;
    let again = ask(stage, one, generation).map_err(named)?;
    ensure(said == again, || format!("{what}: asked twice, preview says {said:?} and {again:?}"))?;
    let begun = Machine::now(stage.bench).since(&before);
    ensure(begun.is_empty(), || format!("{what}: preview has made {}", begun.join(", ")))?;
    let now = stage.deployed()?;
    ensure(now == deployed, || format!("{what}: preview has changed what is deployed: {deployed:?} is {now:?}"))?;
    let reply = stage.deploy_in_part(one, generation).map_err(named)?;
    if said.effect() != Effect::Unspecified {
        as_said(stage, &said, &reply, &before).map_err(named)?;
        settled(stage, one, generation, &said).map_err(named)?;
    }
    Ok(said.effect())
}

fn ask(stage: &Stage<'_>, one: &LoadBalancer, generation: u64) -> Result<Preview, Stop> {
    stage.subject().preview(one, generation)?.map_err(|error| Stop::failed(format!("preview: {}", shown(&error))))
}

fn as_said(stage: &Stage<'_>, said: &Preview, reply: &DeployReply, before: &Machine) -> Result<(), Stop> {
    ensure(said.effect() != Effect::Move, || "preview says that it moves, which is not a driver's to say".to_owned())?;
    let ids = |faults: &[ObjectFault]| {
        let mut ids: Vec<String> = faults.iter().map(|fault| fault.object_id.clone()).collect();
        ids.sort_unstable();
        ids
    };
    ensure(ids(&said.faults) == ids(&reply.faults), || {
        format!("preview names the faults of {:?}, and the deploy those of {:?}", ids(&said.faults), ids(&reply.faults))
    })?;
    ensure([Effect::Unspecified, said.effect()].contains(&reply.effect()), || {
        format!("preview says {}, and the deploy {}", said.effect().as_str_name(), reply.effect().as_str_name())
    })?;
    if matches!(said.effect(), Effect::None | Effect::Runtime) {
        let mut begun = Machine::now(stage.bench).since(before);
        begun.retain(|what| what.starts_with("process "));
        ensure(begun.is_empty(), || {
            format!("preview says {}, and the deploy has started {}", said.effect().as_str_name(), begun.join(", "))
        })?;
    }
    Ok(())
}

/// Once it is deployed nothing more is to be done, and what is configured is what was said.
fn settled(stage: &Stage<'_>, one: &LoadBalancer, generation: u64, said: &Preview) -> Result<(), Stop> {
    let now = ask(stage, one, generation)?;
    ensure(now.effect() == Effect::None && now.steps.is_empty(), || {
        let (effect, steps) = (now.effect().as_str_name(), now.steps.join(", "));
        format!("deployed, there must be nothing to do, and preview says {effect} ({steps})")
    })?;
    ensure(now.configuration == said.configuration, || {
        "the configuration is another one than preview has said".to_owned()
    })
}
