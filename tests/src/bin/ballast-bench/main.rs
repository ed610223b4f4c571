//! `ballast-bench`: how fast Ballast is, measured against what the machine could do. `make bench` runs it.
//!
//! Each bench runs in a lab, so that nothing but loopback of the lab's own is touched, with the services as the separate
//! processes that they are in production. What counts is the ratio of two sides that take turns in one run: figures of
//! a machine that others use too mean little alone. A bench measures and says; it does not judge.
//!
//! The results are tables on stdout and one JSON file per bench in `target/bench/`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what is measured is printed")]

mod api;
mod bring_up;
mod crowd;
mod flat;
mod fleet;
mod floor;
mod machine;
mod many;
mod netlink;
mod octavia;
mod parts;
mod pgbench;
mod postgres;
mod probe;
mod report;
mod rest;
mod samples;
mod stack;
mod throughput;
mod topology;
mod trace;

use std::{env, error::Error, process::ExitCode};

use ballast_lab::{Lab, require_tool, run_again_in_lab};

/// Whatever stops a bench: it is told to a person, and nothing reacts to its kind.
type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

const USAGE: &str =
    "usage: ballast-bench [--quick] [--steps] [bring-up] [many] [crowd] [throughput] [api] [flat] [fleet] [parts]

  --quick   a tenth of the work: to see that it runs, not to quote
  --steps   bring-up: logs at debug and shows the driver's steps (the times of the whole grow by that)
";

/// What is asked for on the command line.
#[derive(Debug, Clone, Default)]
struct Options {
    quick: bool,
    steps: bool,
    benches: Vec<String>,
}

impl Options {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        for word in words {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--steps" => options.steps = true,
                "bring-up" | "many" | "crowd" | "throughput" | "api" | "flat" | "fleet" | "parts" => {
                    options.benches.push(word);
                }
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
        Some((first, rest)) if first == floor::COMMAND => floor::serve(&rest.concat()),
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
    let traffic = ["bring-up", "many", "crowd", "throughput"].into_iter().any(|bench| options.wants(bench));
    if traffic && require_tool("haproxy", "bring-up, many, crowd and throughput") {
        let ground = topology::Ground::build(&lab)?;
        if options.wants("bring-up") {
            report::save("bring-up", &machine, &bring_up::run(&lab, &ground, &options)?)?;
        }
        if options.wants("many") {
            report::save("many", &machine, &many::run(&lab, &ground, &options)?)?;
        }
        if options.wants("crowd") {
            report::save("crowd", &machine, &crowd::run(&lab, &ground, &options)?)?;
        }
        if options.wants("throughput") {
            report::save("throughput", &machine, &throughput::run(&lab, &ground, &options)?)?;
        }
    }
    if options.wants("api") {
        report::save("api", &machine, &api::run(&lab, &options)?)?;
    }
    if options.wants("flat") {
        report::save("flat", &machine, &flat::run(&lab, &options)?)?;
    }
    if options.wants("fleet") {
        report::save("fleet", &machine, &fleet::run(&lab, &options)?)?;
    }
    if options.wants("parts") {
        report::save("parts", &machine, &parts::run(&lab, &options)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
