//! Which steps were struck: every one that the code has.

use std::{collections::BTreeSet, fs, path::Path};

use crate::driver::Kind;

/// The places that were passed.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeSet<String>);

impl Seen {
    pub(crate) fn note(&mut self, passed: &[String]) {
        self.0.extend(passed.iter().cloned());
    }

    /// # Panics
    /// A driver has a step that no change takes: it needs one in `changes.rs`.
    pub(crate) fn must_have_every_step(&self, kind: Kind, groups: bool) {
        let steps = steps_of(kind);
        assert!(steps.len() > 10, "{steps:?}");
        let is_struck =
            |step: &str| ["bring up", "take away"].iter().any(|plan| self.0.contains(&format!("{plan}: {step}")));
        // Where there are no control groups there is nothing to put anybody into; who has a haproxy alone shares none.
        let is_possible = |step: &str| match step {
            "Confine" | "RemoveGroup" => groups,
            "Share" | "Leave" | "Host Unplug" => kind == Kind::PerProject,
            _ => true,
        };
        let missed: Vec<&String> = steps.iter().filter(|step| is_possible(step) && !is_struck(step)).collect();
        assert!(missed.is_empty(), "no change takes these steps of {}: {missed:?}", kind.name());
    }
}

/// As a place is called that is before the step.
fn steps_of(kind: Kind) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: String| fs::read_to_string(root.join(path)).unwrap();
    let own = variants(&read(format!("drivers/{}/src/plan.rs", kind.name())));
    let of_host = variants(&read("drivers/namespace/src/plan.rs".to_owned()));
    let own = own.into_iter().filter(|step| step != "Host");
    own.chain(of_host.into_iter().map(|step| format!("Host {step}"))).collect()
}

/// The variants of the enum `Step` in a source.
fn variants(source: &str) -> Vec<String> {
    let body = source.split_once("enum Step {").unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    names.map(|line| line.split(|other: char| !other.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

#[test]
fn the_steps_are_those_of_the_code() {
    let steps = steps_of(Kind::HaproxyNs);
    for step in ["NoteIntent", "StartHaproxy", "Tell", "EndProcesses", "RemoveDirectory", "Host MakeLink"] {
        assert!(steps.iter().any(|found| found == step), "{step} is not in {steps:?}");
    }
    assert_eq!(
        variants("enum Step {\n    /// One.\n    One,\n    Two {\n        a: B,\n    },\n    Three(C),\n}\n"),
        ["One", "Two", "Three"]
    );
}
