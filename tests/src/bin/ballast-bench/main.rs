//! `ballast-bench`: how fast Ballast is, measured against what the machine could do. `make bench` runs it.
//!
//! Each bench runs in a lab, so that nothing but loopback of the lab's own is touched, with the services as the
//! separate processes that they are in production. What counts is the ratio of two sides that take turns in one run:
//! figures of a machine that others use too mean little alone. A bench measures and says; it does not judge.
//!
//! The results are tables on stdout and one JSON file per bench in `target/bench/`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what is measured is printed")]

mod api;
mod asked;
mod bring_up;
mod caller;
mod crowd;
mod datagrams;
mod driver;
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
mod parts;
mod pgbench;
mod postgres;
mod probe;
mod reconfigure;
mod report;
mod rest;
mod rotation;
mod samples;
mod shell;
mod stack;
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

  driver bring-up many crowd throughput layer-4 reconfigure rotation api flat fleet parts metrics      none: all

  --quick    a tenth of the work: to see that it runs, not to quote
  --steps    driver and bring-up: shows the driver's steps; bring-up logs at debug for that, and its times grow
  --count N  crowd: so many load balancers
";

/// A bench of the data plane, and one that needs none.
type OnGround = fn(&Lab, &Ground, &Options) -> Outcome<Value>;
type Alone = fn(&Lab, &Options) -> Outcome<Value>;

const ON_GROUND: [(&str, OnGround); 8] = [
    ("driver", driver::run),
    ("bring-up", bring_up::run),
    ("many", many::run),
    ("crowd", crowd::run),
    ("throughput", throughput::run),
    ("layer-4", layer_4::run),
    ("reconfigure", reconfigure::run),
    ("rotation", rotation::run),
];
const ALONE: [(&str, Alone); 5] =
    [("api", api::run), ("flat", flat::run), ("fleet", fleet::run), ("parts", parts::run), ("metrics", metrics::run)];

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
        let known =
            |word: &str| ON_GROUND.iter().any(|(name, _)| *name == word) || ALONE.iter().any(|(name, _)| *name == word);
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
    let Some(lab) = Lab::current() else {
        let status = run_again_in_lab(words)?;
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
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
    for (bench, run) in ALONE {
        if options.wants(bench) {
            report::save(bench, &machine, &run(&lab, &options)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
