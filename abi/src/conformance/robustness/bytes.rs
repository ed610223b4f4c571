//! Requests that no agent would send: cut off, changed, or nothing but noise.

use std::time::{Duration, Instant};

use prost::Message;

use crate::{
    ErrorCode,
    conformance::{
        Bench,
        chance::Chance,
        stage::{Stage, on_stage},
        verdict::{Stop, Verdict, ensure, shown},
    },
    host::Method,
    proto::{DeployRequest, ObserveRequest, UndeployRequest},
};

/// As many as this, or as are answered in this time.
const REQUESTS: usize = 600;
const TIME: Duration = Duration::from_secs(10);
/// Requests between two that must work.
const STRETCH: usize = 100;

pub(in crate::conformance) fn bytes(bench: &Bench) -> Verdict {
    on_stage(bench, 16, |stage| {
        let mut chance = Chance::new(bench.seed);
        let end = Instant::now() + TIME;
        let mut sent = 0;
        while sent < REQUESTS && Instant::now() < end {
            let (method, request) = request(stage, &mut chance, sent);
            sent += 1;
            noise(stage, method, request)
                .map_err(|stop| named(stop, &format!("request {sent} with --seed {}", bench.seed)))?;
            if sent % STRETCH == 0 {
                works(stage, sent as u64)?;
            }
        }
        works(stage, u64::MAX / 2)?;
        Ok(format!("{sent} requests"))
    })
}

/// In turn: a part of a request, a request with some bytes changed, and noise.
fn request(stage: &Stage<'_>, chance: &mut Chance, turn: usize) -> (Method, Vec<u8>) {
    let one = stage.samples.load_balancer(1);
    let (method, mut bytes) = match turn % 5 {
        0 | 1 => (
            Method::Deploy,
            DeployRequest { load_balancer: Some(one), generation: 1, reads_fault: true, ..Default::default() }
                .encode_to_vec(),
        ),
        2 => (
            Method::Undeploy,
            UndeployRequest { load_balancer_id: one.id, ..UndeployRequest::default() }.encode_to_vec(),
        ),
        3 => (
            Method::Preview,
            DeployRequest { load_balancer: Some(one), generation: 1, reads_fault: true, ..Default::default() }
                .encode_to_vec(),
        ),
        _ => (Method::Observe, ObserveRequest { load_balancer_ids: vec![one.id] }.encode_to_vec()),
    };
    match chance.below(3) {
        0 => bytes.truncate(chance.below(bytes.len())),
        1 => {
            for _ in 0..=chance.below(8) {
                let at = chance.below(bytes.len());
                bytes[at] = chance.byte();
            }
        }
        _ => bytes = (0..chance.below(300)).map(|_| chance.byte()).collect(),
    }
    (method, bytes)
}

fn noise(stage: &Stage<'_>, method: Method, request: Vec<u8>) -> Result<(), Stop> {
    match stage.subject().send(method, request)? {
        Err(error) if error.code == ErrorCode::PANIC => Err(Stop::failed(shown(&error))),
        // Some are requests still, and what they ask for may even be possible.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn works(stage: &Stage<'_>, generation: u64) -> Result<(), Stop> {
    let sound = stage.samples.load_balancer(2);
    stage.deploy(&sound, generation)?;
    let found = stage.deployed()?;
    ensure(found.contains(&(sound.id.clone(), generation)), || {
        format!("after requests that are none, {} is not deployed at generation {generation}", sound.id)
    })
}

fn named(stop: Stop, what: &str) -> Stop {
    match stop {
        Stop::Failed(why) => Stop::Failed(format!("{what}: {why}")),
        skipped @ Stop::Skipped(_) => skipped,
    }
}
