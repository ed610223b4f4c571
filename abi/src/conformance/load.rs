//! What happens when the file is loaded, before anything is asked of it.

use super::{
    Bench, Files,
    samples::Samples,
    subject::{Copy, Opened, Subject},
    verdict::{Stop, Verdict, ensure, shown},
};
use crate::{Capabilities, host};

fn opened(bench: &Bench) -> Result<(Subject, Opened), Stop> {
    let subject = bench.process()?;
    let opened = subject.open(Copy::First, &bench.file)?;
    Ok((subject, opened))
}

pub(super) fn open(bench: &Bench) -> Verdict {
    opened(bench).map(|_| String::new())
}

pub(super) fn note(bench: &Bench) -> Verdict {
    let note = host::preflight(&bench.file).map_err(|error| Stop::failed(error.to_string()))?;
    let (_, opened) = opened(bench)?;
    let (said, says) = ((&note.name, &note.version), (&opened.name, &opened.version));
    ensure(said == says, || format!("its note says {} {}, its code says {} {}", said.0, said.1, says.0, says.1))?;
    Ok(format!("{} {}", note.name, note.version))
}

pub(super) fn types(bench: &Bench) -> Verdict {
    let (_, opened) = opened(bench)?;
    match (opened.stock, opened.swapped) {
        (None, None) => Ok(String::new()),
        (None, Some(_)) => Ok("it is newer than this ABI".to_owned()),
        (Some(_), None) => Ok("it is older than this ABI".to_owned()),
        (Some(why), Some(_)) => Err(Stop::Failed(why)),
    }
}

pub(super) fn quiet(bench: &Bench) -> Verdict {
    let (_subject, opened) = opened(bench)?;
    let made = opened.after.since(&opened.before);
    ensure(made.is_empty(), || format!("loading it made: {}", made.join("; ")))?;
    match &bench.files {
        Files::Unwatched(why) => Ok(format!("files were not looked at: {why}")),
        Files::Watched(written) => {
            let files = written();
            ensure(files.is_empty(), || format!("loading it wrote {}", files[0].display()))?;
            Ok(String::new())
        }
    }
}

/// As an upgrade has it: the old file and the new one, each with a directory of its own.
pub(super) fn twice(bench: &Bench) -> Verdict {
    let (subject, opened) = opened(bench)?;
    subject.open(Copy::Second, &bench.copied()?)?;
    ensure(opened.refused.is_none(), || "it was refused".to_owned())?;
    let mut capabilities = Vec::new();
    for copy in [Copy::First, Copy::Second] {
        let started = subject.start_driver(copy, &bench.section(), &bench.state_dir(copy)?)?;
        capabilities.push(started.map_err(|error| Stop::failed(format!("{}: {}", ordinal(copy), shown(&error))))?);
    }
    ensure(capabilities[0] == capabilities[1], || "its copies declare different capabilities".to_owned())?;
    let verdict = apart(&subject, &capabilities[0]);
    for copy in [Copy::First, Copy::Second] {
        for number in [1, 2] {
            // What is deployed is taken away, whatever came of it.
            let id = Samples::of(TAG, &capabilities[0]).map(|samples| samples.id(number)).unwrap_or_default();
            let _ = subject.undeploy_from(copy, &id);
        }
    }
    verdict
}

const TAG: u8 = 1;

fn apart(subject: &Subject, capabilities: &Capabilities) -> Verdict {
    let Some(samples) = Samples::of(TAG, capabilities) else { return Ok(String::new()) };
    let failed = |copy, what: &str, error: &crate::DriverError| {
        Stop::failed(format!("{what} by the {}: {}", ordinal(copy), shown(error)))
    };
    for (copy, number) in [(Copy::First, 1), (Copy::Second, 2)] {
        let deployed = subject.deploy_to(copy, &samples.load_balancer(number), 1)?;
        deployed.map_err(|error| failed(copy, "deploy", &error))?;
    }
    for (copy, number) in [(Copy::First, 1), (Copy::Second, 2)] {
        let reply = subject.deployed_of(copy)?.map_err(|error| failed(copy, "deployed", &error))?;
        let id = samples.id(number);
        let found = reply.deployed.iter().any(|one| one.load_balancer_id == id && one.generation == 1);
        ensure(found, || format!("what the {} has deployed is not in its deployed", ordinal(copy)))?;
        subject.undeploy_from(copy, &id)?.map_err(|error| failed(copy, "undeploy", &error))?;
    }
    Ok(String::new())
}

fn ordinal(copy: Copy) -> &'static str {
    match copy {
        Copy::First => "first copy",
        Copy::Second => "second copy",
    }
}
