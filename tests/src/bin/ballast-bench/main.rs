//! `ballast-bench`: how fast Ballast is, measured against what the machine could do. `make bench` runs it.
//!
//! Each bench runs in a lab, so that nothing but loopback of the lab's own is touched, with the services as the
//! separate processes that they are in production. What counts is the ratio of two sides that take turns in one run:
//! figures of a machine that others use too mean little alone. A bench measures and says; it does not judge.
//!
//! The results are tables on stdout and one JSON file per bench in `target/bench/`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what is measured is printed")]

mod agents;
mod api;
mod asked;
mod bring_up;
mod caller;
mod crowd;
mod datagrams;
mod driver;
mod failover;
mod fill;
mod flat;
mod fleet;
mod floor;
mod layer_4;
mod load;
mod machine;
mod many;
mod metrics;
mod netlink;
mod octavia;
mod orders;
mod outage;
mod parts;
mod pgbench;
mod plant;
mod players;
mod postgres;
mod probe;
mod reconfigure;
mod report;
mod rest;
mod resync;
mod rotation;
mod samples;
mod schedulers;
mod shell;
mod stack;
mod standby;
mod start;
mod throughput;
mod topology;
mod trace;

use std::{env, error::Error, process::ExitCode};

use ballast_lab::{Lab, require_tool, run_again_in_lab};
use serde_json::Value;
use topology::Ground;

/// Whatever stops a bench: it is told to a person, and nothing reacts to its kind.
type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

const USAGE: &str = "usage: ballast-bench [--quick] [--steps] [--count N] [BENCH]...

  driver bring-up many crowd throughput layer-4 reconfigure rotation resync
  api flat fleet parts metrics start schedulers agents failover standby             none: all

  --quick    a tenth of the work: to see that it runs, not to quote
  --steps    driver and bring-up: shows the driver's steps; bring-up logs at debug for that, and its times grow
  --count N  crowd: so many load balancers
";

/// A bench of the data plane, and one that needs none.
type OnGround = fn(&Lab, &Ground, &Options) -> Outcome<Value>;
type Alone = fn(&Lab, &Options) -> Outcome<Value>;

const ON_GROUND: [(&str, OnGround); 9] = [
    ("driver", driver::run),
    ("bring-up", bring_up::run),
    ("many", many::run),
    ("crowd", crowd::run),
    ("throughput", throughput::run),
    ("layer-4", layer_4::run),
    ("reconfigure", reconfigure::run),
    ("rotation", rotation::run),
    ("resync", resync::run),
];
const ALONE: [(&str, Alone); 8] = [
    ("api", api::run),
    ("flat", flat::run),
    ("fleet", fleet::run),
    ("parts", parts::run),
    ("metrics", metrics::run),
    ("start", start::run),
    ("schedulers", schedulers::run),
    ("agents", agents::run),
];
/// Those that make hosts of their own, of the same names as the ground's: each has a lab of its own.
const APART: [(&str, Alone); 2] = [("failover", failover::run), ("standby", standby::run)];

fn names() -> impl Iterator<Item = &'static str> {
    let alone = ALONE.iter().chain(&APART).map(|(name, _)| *name);
    ON_GROUND.iter().map(|(name, _)| *name).chain(alone)
}

/// What is asked for on the command line.
#[derive(Debug, Clone, Default)]
struct Options {
    quick: bool,
    steps: bool,
    /// Of load balancers in the crowd.
    crowd: Option<usize>,
    benches: Vec<String>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let known = |word: &str| names().any(|name| name == word);
        let mut options = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--steps" => options.steps = true,
                "--count" => {
                    let number = words.next().and_then(|number| number.parse().ok());
                    options.crowd = Some(number.ok_or_else(|| format!("--count wants a number\n{USAGE}"))?);
                }
                bench if known(bench) => options.benches.push(word),
                other => return Err(format!("unknown: {other}\n{USAGE}")),
            }
        }
        Ok(options)
    }

    fn wants(&self, bench: &str) -> bool {
        self.benches.is_empty() || self.benches.iter().any(|wanted| wanted == bench)
    }

    /// This many, or a tenth.
    fn count(&self, full: usize) -> usize {
        if self.quick { (full / 10).max(3) } else { full }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = match words.split_first() {
        Some((first, rest)) if first == floor::COMMAND => floor::serve(rest),
        Some((first, _)) if first == caller::COMMAND => caller::serve(),
        Some((first, _)) if first == "--help" => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => start(&words),
    };
    result.unwrap_or_else(|error| {
        eprintln!("ballast-bench: {error}");
        ExitCode::FAILURE
    })
}

fn start(words: &[String]) -> Outcome<ExitCode> {
    let options = Options::parse(words.iter().cloned())?;
    let Some(lab) = Lab::current() else { return in_labs(words, &options) };
    let machine = machine::describe();
    println!("{}", machine.text);
    if ON_GROUND.iter().any(|(bench, _)| options.wants(bench)) && require_tool("haproxy", "what sends traffic") {
        let ground = Ground::build(&lab)?;
        for (bench, run) in ON_GROUND {
            if options.wants(bench) {
                report::save(bench, &machine, &run(&lab, &ground, &options)?)?;
            }
        }
    }
    for (bench, run) in ALONE.into_iter().chain(APART) {
        if options.wants(bench) {
            report::save(bench, &machine, &run(&lab, &options)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Those that are wanted, most of them in one lab.
fn in_labs(words: &[String], options: &Options) -> Outcome<ExitCode> {
    let wanted = |name: &&'static str| options.wants(name);
    let (apart, together): (Vec<&str>, Vec<&str>) =
        names().filter(wanted).partition(|name| APART.iter().any(|(own, _)| own == name));
    let flags: Vec<&str> = words.iter().map(String::as_str).filter(|word| names().all(|name| name != *word)).collect();
    let labs = apart.chunks(1).chain([together.as_slice()]).filter(|benches| !benches.is_empty());
    for benches in labs {
        if !run_again_in_lab(flags.iter().chain(benches))?.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
