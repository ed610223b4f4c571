//! What grows.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::conformance::{
    Bench,
    stage::{Stage, on_stage},
    verdict::{Stop, Verdict, ensure},
};

/// Rounds before the first count: pools of threads and of connections fill up.
const WARM_UP: u32 = 5;
const ROUNDS: u32 = 60;
/// No new round after this.
const TIME: Duration = Duration::from_secs(20);
/// Fewer rounds than this say nothing.
const LEAST: u32 = 10;
/// What may be there more in the end, whatever the rounds.
const SLACK: u64 = 8;
/// Kilobytes a round that cannot be an allocator's.
const MEMORY: u64 = 256;
const MEMORY_SLACK: u64 = 8 * 1024;

pub(in crate::conformance) fn leaks(bench: &Bench) -> Verdict {
    on_stage(bench, 21, |stage| {
        (0..WARM_UP).try_for_each(|_| round(stage))?;
        let before = Size::of(stage)?;
        let end = Instant::now() + TIME;
        let mut rounds = 0;
        while rounds < ROUNDS && Instant::now() < end {
            round(stage)?;
            rounds += 1;
        }
        let after = Size::of(stage)?;
        if rounds < LEAST {
            return Err(Stop::Skipped(format!("{rounds} rounds took {} s: too few to see a leak", TIME.as_secs())));
        }
        let rounds = u64::from(rounds);
        for (what, before, after) in
            [("open files", before.open, after.open), ("threads", before.threads, after.threads)]
        {
            ensure(after <= before + SLACK.min(rounds / 2), || {
                format!("in {rounds} rounds of deploy, observe and undeploy, {what} went from {before} to {after}")
            })?;
        }
        let grown = after.memory.saturating_sub(before.memory);
        ensure(grown <= MEMORY_SLACK + MEMORY * rounds, || {
            format!("in {rounds} rounds of deploy, observe and undeploy, its memory grew by {grown} kB")
        })?;
        Ok(format!("{rounds} rounds"))
    })
}

fn round(stage: &Stage<'_>) -> Result<(), Stop> {
    let one = stage.samples.load_balancer(1);
    stage.deploy(&one, 1)?;
    stage.observe(&one.id)?;
    stage.deployed()?;
    stage.undeploy(&one.id)
}

/// Of the process with the driver.
struct Size {
    open: u64,
    threads: u64,
    /// Kilobytes.
    memory: u64,
}

impl Size {
    fn of(stage: &Stage<'_>) -> Result<Self, Stop> {
        let pid = stage.subject().pid();
        let gone = |error: std::io::Error| Stop::failed(format!("its process cannot be looked at: {error}"));
        let count = |what: &str| Ok(fs::read_dir(format!("/proc/{pid}/{what}")).map_err(gone)?.count() as u64);
        let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(gone)?;
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        Ok(Self { open: count("fd")?, threads: count("task")?, memory: resident.unwrap_or_default() })
    }
}
