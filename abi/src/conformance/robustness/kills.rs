//! SIGKILL in the middle of a call: what an agent does with a driver that hangs, and the kernel with one that crashes.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    LoadBalancer,
    conformance::{
        Bench,
        chance::Chance,
        machine::Machine,
        stage::{Stage, on_stage},
        verdict::{Stop, Verdict, ensure},
    },
};

const ROUNDS: u64 = 12;
/// No new round after this.
const TIME: Duration = Duration::from_secs(40);
const SOON: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

pub(in crate::conformance) fn kills(bench: &Bench) -> Verdict {
    on_stage(bench, 18, |stage| {
        let before = Machine::now(bench);
        let mut chance = Chance::new(bench.seed);
        let one = stage.samples.whole(1);
        let begun = Instant::now();
        stage.deploy(&one, 1)?;
        let usual = begun.elapsed();
        stage.undeploy(&one.id)?;
        let mut rounds = 0;
        let end = Instant::now() + TIME;
        while rounds < ROUNDS && Instant::now() < end {
            rounds += 1;
            let moment = usual.mul_f64(f64::from(chance.byte()) / 200.0);
            let named = |stop| match stop {
                Stop::Failed(why) => {
                    let (round, moment) = (rounds, moment.as_secs_f64() * 1e3);
                    Stop::Failed(format!(
                        "round {round}, killed after {moment:.1} ms with --seed {}: {why}",
                        bench.seed
                    ))
                }
                skipped @ Stop::Skipped(_) => skipped,
            };
            round(stage, &one, rounds * 10, moment).map_err(named)?;
        }
        let left = wait_for_nothing(bench, &before);
        ensure(left.is_empty(), || {
            format!("after {rounds} rounds and an undeploy, there is left: {}", left.join(", "))
        })?;
        Ok(format!("{rounds} times"))
    })
}

/// A deploy is cut short, then a change, then an undeploy; what was interrupted is asked for again each time.
fn round(stage: &Stage<'_>, one: &LoadBalancer, generation: u64, moment: Duration) -> Result<(), Stop> {
    let mut changed = one.clone();
    changed.listeners.iter_mut().for_each(|listener| listener.protocol_port += 8000);
    for (asked, generation) in [(one, generation), (&changed, generation + 1)] {
        cut_short(stage, moment, || drop(stage.subject().deploy(asked, generation)))?;
        possible(stage, &one.id, generation)?;
        stage.deploy(asked, generation)?;
        stage.expect_deployed(&[(&one.id, generation)], "when the deploy was asked for again")?;
        stage.observe(&one.id)?;
    }
    cut_short(stage, moment, || drop(stage.subject().undeploy(&one.id)))?;
    possible(stage, &one.id, generation + 1)?;
    stage.undeploy(&one.id)?;
    stage.expect_deployed(&[], "when the undeploy was asked for again")
}

/// What may be there after a call that was cut short: nothing, something unknown, or a generation that was asked for.
fn possible(stage: &Stage<'_>, id: &str, newest: u64) -> Result<(), Stop> {
    let found = stage.deployed()?;
    let fine = |(found, generation): &(String, u64)| found == id && *generation <= newest;
    ensure(found.len() <= 1 && found.iter().all(fine), || format!("deployed says {found:?} after a call was cut short"))
}

fn cut_short(stage: &Stage<'_>, moment: Duration, call: impl FnOnce()) -> Result<(), Stop> {
    let pid = stage.subject().pid();
    let killer = thread::spawn(move || {
        thread::sleep(moment);
        kill(pid);
    });
    // The answer is that the process has ended, or what was done before.
    call();
    // It ends by itself.
    let _ = killer.join();
    stage.restart()
}

fn kill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
    // It has not been waited for, so the number is still its own.
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
}

/// What is on the machine and was not before; a process that is ending is given its time.
pub(super) fn wait_for_nothing(bench: &Bench, before: &Machine) -> Vec<String> {
    let end = Instant::now() + SOON;
    loop {
        let left = Machine::now(bench).since(before);
        if left.is_empty() || Instant::now() > end {
            return left;
        }
        thread::sleep(PAUSE);
    }
}
