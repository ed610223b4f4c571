//! The conformance suite: what a driver's file must hold before an agent should trust it. `ballast driver check` runs it.
//!
//! A check drives the driver over the real boundary, in a process of its own (a [`subject`]), so that one that crashes or
//! hangs fails its check and nothing else. The suite looks at what a driver leaves on the machine, so each check wants a
//! lab to itself: to make one is the caller's business, and so are the options and the report. The suite must not know
//! what any driver is about, and checks a feature only where the driver declares it; elsewhere it wants UNSUPPORTED.

mod bench;
mod chance;
mod contract;
mod elf;
mod load;
mod machine;

mod robustness;
mod samples;
mod stage;
pub mod subject;
mod traffic;
mod verdict;

pub use bench::{Bench, Files, Patience};
pub use verdict::{Stop, Verdict};

/// One thing that must hold.
#[derive(Clone, Copy)]
pub struct Check {
    /// As in `contract.deploy`; stays the same over versions.
    pub name: &'static str,
    /// What holds when it passes.
    pub title: &'static str,
    /// The check without which this one says nothing.
    pub after: Option<&'static str>,
    /// Whether it runs the driver's code, and so wants a lab.
    pub runs_code: bool,
    run: fn(&Bench) -> Verdict,
}

impl Check {
    /// Runs it. A driver that misbehaves is no more than an error.
    ///
    /// # Errors
    /// What does not hold, or why nothing can be said.
    pub fn run(&self, bench: &Bench) -> Verdict {
        (self.run)(bench)
    }
}

/// A check's name, its title, and its code.
type Line = (&'static str, &'static str, fn(&Bench) -> Verdict);

const FIRST: Line = ("static.elf", "it is a driver for this machine, and whole", elf::sane);
/// After it, without a lab.
const STATIC: [Line; 3] = [
    ("static.exports", "it exports the driver's entry and nothing else", elf::exports),
    ("static.rpath", "it looks for libraries where the system does", elf::paths),
    ("static.glibc", "it needs no newer glibc than the baseline", elf::glibc),
];
const OPEN: Line = ("load.open", "it loads with every symbol bound", load::open);
const LOAD: [Line; 3] = [
    ("load.note", "its note says what its code says", load::note),
    ("load.types", "its frozen types are those of this ABI, seen from both sides", load::types),
    ("load.quiet", "loading it starts no thread and no program, and opens no file or socket", load::quiet),
];
const START: Line = ("contract.start", "it starts with its configuration", contract::start::starts);
const STARTED: [Line; 2] = [
    ("contract.stable", "its name, version and capabilities are the same at each start", contract::start::stable),
    ("contract.config", "a wrong configuration is INVALID_CONFIG", contract::start::configuration),
];
/// Without these two nothing else can be looked at, and each check would find the same again.
const DEPLOY: Line = ("contract.deploy", "a deploy shows in deployed, with its generation", contract::deploy::deploy);
const UNDEPLOY: Line = (
    "contract.undeploy",
    "an undeploy takes away what it names, and is Ok when there is nothing",
    contract::deploy::undeploy,
);
const REST: [Line; 25] = [
    ("load.twice", "two copies in one process do not meet", load::twice),
    ("contract.again", "deploying the same again changes nothing", contract::deploy::again),
    ("contract.change", "a changed deploy changes what is deployed", contract::change::change),
    (
        "contract.preview",
        "what it says of a deploy before is what happens, and saying it changes nothing",
        contract::preview::preview,
    ),
    ("contract.unknown", "what is not deployed is NOT_FOUND", contract::deploy::unknown),
    ("contract.restart", "another process of it finds what is deployed", contract::deploy::restart),
    (
        "contract.shutdown",
        "told that its process ends, it lets go and leaves what is deployed",
        contract::deploy::shutdown,
    ),
    ("contract.features", "what it declares can be deployed, all else is UNSUPPORTED", contract::features::features),
    (
        "contract.shapes",
        "several, none and a shared one, by their ids, as far as it declares them",
        contract::shapes::shapes,
    ),
    ("contract.tls", "TLS ends with what was told, and with what is told next from then on", contract::tls::tls),
    ("contract.ids", "ids of every form that may come", contract::ids::ids),
    ("contract.members", "no member, and 1,000", contract::sizes::members),
    ("contract.ipv6", "addresses of IPv6", contract::features::ipv6),
    ("contract.admin", "what is administratively down", contract::admin::admin),
    ("contract.text", "odd texts harm nothing", contract::text::text),
    ("contract.counters", "counters never go back", contract::counters::counters),
    (
        "contract.handover",
        "what it hands over counts on, and what it cannot use of that is no reason to fail",
        contract::handover::handover,
    ),
    ("contract.observe", "members are known by the ids that were given", contract::counters::members),
    ("robust.threads", "eight threads at once", robustness::threads::threads),
    ("robust.bytes", "requests that are none", robustness::bytes::bytes),
    ("robust.panic", "a panic is an error, and the next call works", robustness::panics::panics),
    ("robust.kill", "killed at any moment, it finds its way back", robustness::kills::kills),
    ("robust.remains", "an undeploy leaves no process, namespace, link, socket or file", robustness::remains::remains),
    ("robust.files", "it writes to its state directory and nowhere else", robustness::remains::files),
    ("robust.leaks", "many rounds leave no descriptor, thread or memory behind", robustness::leaks::leaks),
];

/// Every check, in the order in which they make sense.
#[must_use]
pub fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    let mut add = |lines: &[Line], after: Option<Line>, runs_code| {
        let of = |&(name, title, run): &Line| Check { name, title, after: after.map(|after| after.0), runs_code, run };
        checks.extend(lines.iter().map(of));
    };
    add(&[FIRST], None, false);
    add(&STATIC, Some(FIRST), false);
    add(&[OPEN], Some(FIRST), true);
    add(&LOAD, Some(OPEN), true);
    add(&[START], Some(OPEN), true);
    add(&STARTED, Some(START), true);
    add(&[DEPLOY], Some(START), true);
    add(&[UNDEPLOY], Some(DEPLOY), true);
    add(&REST, Some(UNDEPLOY), true);
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_comes_after_the_one_that_it_depends_on_and_no_name_is_there_twice() {
        let mut seen: Vec<&str> = Vec::new();
        for check in checks() {
            assert!(!seen.contains(&check.name), "{} is there twice", check.name);
            assert!(check.after.is_none_or(|after| seen.contains(&after)), "{} comes too early", check.name);
            seen.push(check.name);
        }
        assert!(seen.len() > 25);
    }
}
