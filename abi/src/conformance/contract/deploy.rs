//! The life of one load balancer.

use crate::{
    DriverError, ErrorCode,
    conformance::{
        Bench,
        machine::Machine,
        samples,
        stage::{Stage, on_stage},
        subject::Copy,
        verdict::{Stop, Verdict, ensure, shown},
    },
    host::Method,
};

pub(in crate::conformance) fn deploy(bench: &Bench) -> Verdict {
    on_stage(bench, 2, |stage| {
        stage.expect_deployed(&[], "before any deploy")?;
        strangers(stage)?;
        let one = stage.samples.load_balancer(1);
        stage.deploy(&one, 7)?;
        stage.expect_deployed(&[(&one.id, 7)], "after a deploy")?;
        Stage::expect_reported(&stage.observe(&one.id)?, 7)?;
        if stage.at_once(2) < 2 {
            return Ok("it takes one load balancer only".to_owned());
        }
        let two = stage.samples.load_balancer(2);
        stage.deploy(&two, 40_000_000_000)?;
        stage.expect_deployed(&[(&one.id, 7), (&two.id, 40_000_000_000)], "after a deploy of another")?;
        let reply = stage.subject().observe(&[])?;
        let all = reply.map_err(|error| Stop::failed(format!("observe of all: {}", shown(&error))))?.observations;
        for id in [&one.id, &two.id] {
            let times = all.iter().filter(|observation| observation.load_balancer_id == *id).count();
            ensure(times == 1, || format!("observe of all has {id} {times} times"))?;
        }
        Ok(String::new())
    })
}

/// What else the device runs must at least be known to `observe`.
fn strangers(stage: &Stage<'_>) -> Result<(), Stop> {
    let reply = stage.subject().deployed_of(Copy::First)?;
    let all = reply.map_err(|error| Stop::failed(format!("deployed: {}", shown(&error))))?.deployed;
    for id in all.iter().map(|one| one.load_balancer_id.as_str()).filter(|id| !samples::is_ours(id)) {
        if let Err(error) = stage.subject().observe(&[id])?
            && error.code == ErrorCode::NOT_FOUND
        {
            return Err(Stop::failed(format!("deployed has {id}, of which observe says {}", shown(&error))));
        }
    }
    Ok(())
}

pub(in crate::conformance) fn again(bench: &Bench) -> Verdict {
    on_stage(bench, 3, |stage| {
        let one = stage.samples.whole(1);
        stage.deploy(&one, 1)?;
        let before = Machine::now(bench);
        for generation in [1, 1, 2] {
            stage.deploy(&one, generation)?;
            stage.expect_deployed(&[(&one.id, generation)], "after the same deploy again")?;
        }
        let changes = Machine::now(bench).since(&before);
        let gone = before.since(&Machine::now(bench));
        ensure(changes.is_empty() && gone.is_empty(), || {
            format!("deploying the same again made {} and ended {}", list(&changes), list(&gone))
        })?;
        Ok(String::new())
    })
}

fn list(things: &[String]) -> String {
    if things.is_empty() { "nothing".to_owned() } else { things.join(", ") }
}

pub(in crate::conformance) fn undeploy(bench: &Bench) -> Verdict {
    on_stage(bench, 4, |stage| {
        let (one, two) = (stage.samples.load_balancer(1), stage.samples.load_balancer(2));
        stage.undeploy(&one.id)?;
        stage.deploy(&one, 3)?;
        let both = stage.at_once(2) > 1;
        if both {
            stage.deploy(&two, 4)?;
        }
        let other: Vec<(&str, u64)> = both.then_some((two.id.as_str(), 4)).into_iter().collect();
        for when in ["after its undeploy", "after its second undeploy"] {
            stage.undeploy(&one.id)?;
            stage.expect_deployed(&other, when)?;
        }
        stage.deploy(&one, 5)?;
        let all = [&[(one.id.as_str(), 5)], other.as_slice()].concat();
        stage.expect_deployed(&all, "after it was deployed once more")?;
        Ok(String::new())
    })
}

pub(in crate::conformance) fn unknown(bench: &Bench) -> Verdict {
    on_stage(bench, 5, |stage| {
        let one = stage.samples.load_balancer(1);
        let wants = |code: ErrorCode, what: &str, answer: Result<(), DriverError>| match answer {
            Err(error) if error.code == code => Ok(()),
            Err(error) => Err(Stop::failed(format!("{what} must be {code}, and is {}", shown(&error)))),
            Ok(()) => Err(Stop::failed(format!("{what} must be {code}, and is Ok"))),
        };
        let observe = |ids: &[&str]| stage.subject().observe(ids).map(|answer| answer.map(drop));
        wants(ErrorCode::NOT_FOUND, "observe of what was never deployed", observe(&[&one.id])?)?;
        stage.deploy(&one, 1)?;
        let never = stage.samples.id(9);
        wants(
            ErrorCode::NOT_FOUND,
            "observe of one that is deployed and one that is not",
            observe(&[&one.id, &never])?,
        )?;
        stage.undeploy(&one.id)?;
        wants(ErrorCode::NOT_FOUND, "observe after the undeploy", observe(&[&one.id])?)?;
        for id in ["", "../escape", "a b", "semi;colon"] {
            wants(ErrorCode::INVALID_ARGUMENT, &format!("observe of the id {id:?}"), observe(&[id])?)?;
            let gone = stage.subject().undeploy(id)?.map(drop);
            wants(ErrorCode::INVALID_ARGUMENT, &format!("undeploy of the id {id:?}"), gone)?;
        }
        Ok(String::new())
    })
}

pub(in crate::conformance) fn restart(bench: &Bench) -> Verdict {
    on_stage(bench, 6, |stage| {
        let one = stage.samples.whole(1);
        stage.deploy(&one, 11)?;
        let before = Machine::now(bench);
        stage.restart()?;
        stage.expect_deployed(&[(&one.id, 11)], "after its process was killed and started again")?;
        let ended = before.since(&Machine::now(bench));
        ensure(ended.is_empty(), || format!("with its process ended {}: traffic must go on", ended.join(", ")))?;
        stage.observe(&one.id)?;
        stage.deploy(&one, 11)?;
        stage.undeploy(&one.id)?;
        stage.expect_deployed(&[], "after an undeploy by the new process")?;
        Ok(String::new())
    })
}

pub(in crate::conformance) fn shutdown(bench: &Bench) -> Verdict {
    on_stage(bench, 22, |stage| {
        let one = stage.samples.load_balancer(1);
        stage.deploy(&one, 5)?;
        let before = Machine::now(bench);
        let answer = stage.subject().send(Method::Shutdown, Vec::new())?;
        answer.map_err(|error| Stop::failed(format!("shutdown: {}", shown(&error))))?;
        stage.restart()?;
        let ended = before.since(&Machine::now(bench));
        ensure(ended.is_empty(), || format!("shutdown has ended {}: traffic must go on", ended.join(", ")))?;
        stage.expect_deployed(&[(&one.id, 5)], "after a shutdown, in another process")?;
        Ok(String::new())
    })
}
