//! Calls from several threads, as an agent makes them: load balancers in parallel, each in order.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    ErrorCode,
    conformance::{
        Bench,
        chance::Chance,
        samples::Samples,
        stage::on_stage,
        subject::{Copy, Subject},
        verdict::{Stop, Verdict, shown},
    },
};

const THREADS: u8 = 8;
const TIME: Duration = Duration::from_secs(4);
/// A device may be busy, but not for ever.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(50);

pub(in crate::conformance) fn threads(bench: &Bench) -> Verdict {
    on_stage(bench, 17, |stage| {
        let threads = stage.at_once(THREADS);
        let subject = stage.subject();
        let (subject, samples): (&Subject, &Samples) = (&subject, &stage.samples);
        let end = Instant::now() + TIME;
        let ends = thread::scope(|scope| {
            let worker = |number: u8| {
                let chance = Chance::new(bench.seed.wrapping_add(number.into()));
                scope.spawn(move || work(subject, samples, number, chance, end))
            };
            let workers: Vec<_> = (1..=threads).map(worker).collect();
            let joined = workers.into_iter().map(|worker| worker.join());
            joined.map(|end| end.unwrap_or_else(|_| Err(Stop::failed("the suite panicked")))).collect::<Vec<_>>()
        });
        let mut expected = Vec::new();
        let mut calls = 0;
        for (number, end) in (1..=threads).zip(ends) {
            let Worked { deployed, calls: made } = end?;
            calls += made;
            expected.extend(deployed.map(|generation| (stage.samples.id(number), generation)));
        }
        let expected: Vec<(&str, u64)> = expected.iter().map(|(id, generation)| (id.as_str(), *generation)).collect();
        stage.expect_deployed(&expected, "with others at work: after all threads have ended")?;
        Ok(format!("{calls} calls of {threads} threads"))
    })
}

struct Worked {
    deployed: Option<u64>,
    calls: u64,
}

fn work(subject: &Subject, samples: &Samples, number: u8, mut chance: Chance, end: Instant) -> Result<Worked, Stop> {
    let mut worked = Worked { deployed: None, calls: 0 };
    let one = samples.load_balancer(number);
    let mut generation = 0;
    while Instant::now() < end {
        worked.calls += 1;
        match chance.below(8) {
            0..=2 => {
                generation += 1;
                let mut changed = one.clone();
                changed
                    .listeners
                    .iter_mut()
                    .for_each(|listener| listener.connection_limit = 100 + i32::from(chance.byte()));
                insist("deploy", || Ok(subject.deploy(&changed, generation)?.map(drop)))?;
                worked.deployed = Some(generation);
            }
            3 => {
                insist("undeploy", || Ok(subject.undeploy(&one.id)?.map(drop)))?;
                worked.deployed = None;
            }
            4 | 5 => match (worked.deployed, subject.observe(&[&one.id])?) {
                (Some(_), Err(error)) if !error.retryable => return Err(refused("observe", &error)),
                (None, Ok(_)) => {
                    return Err(Stop::failed(
                        "with others at work: observe of what the same thread has undeployed is Ok",
                    ));
                }
                _ => {}
            },
            6 => insist("observe of all", || Ok(subject.observe(&[])?.map(drop)))?,
            _ => insist("deployed", || Ok(subject.deployed_of(Copy::First)?.map(drop)))?,
        }
    }
    Ok(worked)
}

/// As an agent does: again, when the driver says that it may help.
fn insist(what: &str, call: impl Fn() -> Result<Result<(), crate::DriverError>, Stop>) -> Result<(), Stop> {
    let mut tries = 1;
    loop {
        match call()? {
            Ok(()) => return Ok(()),
            Err(error) if error.retryable && error.code != ErrorCode::PANIC && tries < TRIES => tries += 1,
            Err(error) => return Err(refused(what, &error)),
        }
        thread::sleep(PAUSE);
    }
}

fn refused(what: &str, error: &crate::DriverError) -> Stop {
    Stop::failed(format!("{what}, with others at work: {}", shown(error)))
}
