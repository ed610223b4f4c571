//! What is there afterwards.

use std::{collections::BTreeSet, path::PathBuf};

use super::kills::wait_for_nothing;
use crate::conformance::{
    Bench, Files,
    bench::files_below,
    machine::Machine,
    samples,
    stage::{Stage, on_stage},
    subject::Copy,
    verdict::{Stop, Verdict, ensure},
};

pub(in crate::conformance) fn remains(bench: &Bench) -> Verdict {
    on_stage(bench, 19, |stage| {
        let before = Machine::now(bench);
        let state = bench.state_dir(Copy::First)?;
        cycle(stage, 1)?;
        let left = wait_for_nothing(bench, &before);
        ensure(left.is_empty(), || format!("there is left: {}", left.join(", ")))?;
        // What a driver keeps of itself is its business; what it keeps of a load balancer is not.
        let first: BTreeSet<PathBuf> = files_below(&state).into_iter().collect();
        (2..=4).try_for_each(|number| cycle(stage, number))?;
        let last = files_below(&state);
        let named = last.iter().find(|path| path.to_string_lossy().contains(&stage.samples.id(1)));
        ensure(named.is_none(), || {
            format!("its state directory keeps {}", named.cloned().unwrap_or_default().display())
        })?;
        let more: Vec<_> =
            last.iter().filter(|path| !first.contains(*path)).map(|path| path.display().to_string()).collect();
        ensure(more.is_empty(), || {
            format!("with each load balancer its state directory keeps more: {}", more.join(", "))
        })?;
        let left = wait_for_nothing(bench, &before);
        ensure(left.is_empty(), || format!("there is left: {}", left.join(", ")))?;
        Ok(String::new())
    })
}

fn cycle(stage: &Stage<'_>, number: u8) -> Result<(), Stop> {
    let one = stage.samples.whole(number);
    stage.deploy(&one, 1)?;
    let mut changed = one.clone();
    changed.listeners.iter_mut().for_each(|listener| listener.protocol_port += 8000);
    stage.deploy(&samples::finished(changed), 2)?;
    stage.observe(&one.id)?;
    stage.undeploy(&one.id)
}

pub(in crate::conformance) fn files(bench: &Bench) -> Verdict {
    let written = match &bench.files {
        Files::Watched(written) => written,
        Files::Unwatched(why) => return Err(Stop::Skipped(why.clone())),
    };
    let elsewhere = |when: &str| {
        let files = written();
        ensure(files.is_empty(), || {
            let names: Vec<_> = files.iter().take(5).map(|path| path.display().to_string()).collect();
            format!("{when}, it has written {}", names.join(", "))
        })
    };
    on_stage(bench, 20, |stage| {
        elsewhere("when it started")?;
        let one = stage.samples.load_balancer(1);
        stage.deploy(&one, 1)?;
        stage.observe(&one.id)?;
        elsewhere("with a load balancer")?;
        stage.restart()?;
        stage.undeploy(&one.id)?;
        elsewhere("after the undeploy")?;
        let state = bench.state_dir(Copy::First)?;
        let own: BTreeSet<PathBuf> = ["state", "stderr", "driver.so"].iter().map(PathBuf::from).collect();
        let beside = files_below(&bench.scratch)
            .into_iter()
            .find(|path| !path.starts_with("state") && !own.contains(path) && path.components().count() == 1);
        ensure(beside.is_none(), || {
            format!("it has written beside {}: {}", state.display(), beside.clone().unwrap_or_default().display())
        })?;
        Ok(String::new())
    })
}
