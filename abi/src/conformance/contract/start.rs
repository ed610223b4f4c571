//! Making the driver.

use serde_json::{Map, Value, json};

use crate::{
    ErrorCode,
    conformance::{
        Bench,
        subject::{Copy, Subject},
        verdict::{Stop, Verdict, ensure, shown},
    },
};

/// No driver's configuration has a key of this name.
const UNKNOWN: &str = "ballast-conformance-unknown-key";

fn opened(bench: &Bench) -> Result<Subject, Stop> {
    let subject = bench.process()?;
    subject.open(Copy::First, &bench.file)?;
    Ok(subject)
}

pub(in crate::conformance) fn starts(bench: &Bench) -> Verdict {
    let subject = opened(bench)?;
    let capabilities = subject.start_driver(Copy::First, &bench.section(), &bench.state_dir(Copy::First)?)?;
    match capabilities {
        Ok(capabilities) => Ok(format!("it declares {} features", capabilities.features.len())),
        Err(error) if error.code == ErrorCode::INVALID_CONFIG && bench.config.is_none() => Err(Stop::Skipped(format!(
            "it needs a configuration ({}): give one with --config, that names a device or a simulator of one",
            error.message
        ))),
        Err(error) => Err(Stop::Failed(shown(&error))),
    }
}

pub(in crate::conformance) fn stable(bench: &Bench) -> Verdict {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let subject = bench.process()?;
        let opened = subject.open(Copy::First, &bench.file)?;
        let started = subject.start_driver(Copy::First, &bench.section(), &bench.state_dir(Copy::First)?)?;
        let capabilities = started.map_err(|error| Stop::failed(format!("it did not start: {}", shown(&error))))?;
        seen.push((opened.name, opened.version, capabilities));
    }
    ensure(seen.windows(2).all(|pair| pair[0] == pair[1]), || {
        format!(
            "three starts said three things: {}",
            seen.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join("; ")
        )
    })?;
    let mut features = seen[0].2.features.clone();
    let count = features.len();
    features.sort();
    features.dedup();
    ensure(count == features.len(), || "it declares a feature twice".to_owned())?;
    Ok(String::new())
}

pub(in crate::conformance) fn configuration(bench: &Bench) -> Verdict {
    let given = bench.section().as_object().cloned().unwrap_or_default();
    let unknown = || {
        let mut section = given.clone();
        section.insert(UNKNOWN.to_owned(), json!(true));
        section
    };
    refused(bench, &Value::Object(unknown()), "a key that it does not know")?;
    refused(bench, &json!("text"), "a text in place of a section")?;
    for key in given.keys() {
        let mut section: Map<String, Value> = given.clone();
        section.insert(key.clone(), json!({ UNKNOWN: [UNKNOWN] }));
        refused(bench, &Value::Object(section), &format!("a section as the value of {key}"))?;
    }
    Ok(String::new())
}

fn refused(bench: &Bench, section: &Value, what: &str) -> Result<(), Stop> {
    let subject = opened(bench)?;
    match subject.start_driver(Copy::First, section, &bench.state_dir(Copy::First)?)? {
        Err(error) if error.code == ErrorCode::INVALID_CONFIG => {
            ensure(!error.message.trim().is_empty() && !error.message.contains('\n'), || {
                format!("{what} is refused, but not in one line that says why: {:?}", error.message)
            })
        }
        Err(error) => Err(Stop::failed(format!("{what} must be INVALID_CONFIG, and is {}", shown(&error)))),
        Ok(_) => Err(Stop::failed(format!("it starts with {what}, and an operator's mistake is never found"))),
    }
}
