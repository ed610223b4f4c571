//! A driver at work: calls that must succeed, and what is to be taken away in the end.

use std::cell::{Ref, RefCell};

use super::{
    Bench,
    samples::{self, Samples},
    subject::{Copy, Subject},
    verdict::{Stop, Verdict, ensure, shown},
};
use crate::{Capabilities, DeployReply, LoadBalancer, Observation, UndeployReply};

pub(super) struct Stage<'a> {
    pub(super) bench: &'a Bench,
    pub(super) capabilities: Capabilities,
    pub(super) samples: Samples,
    subject: RefCell<Subject>,
}

/// Runs a check on a driver that has been started, and takes away what it has deployed. `tag` is the check's own.
pub(super) fn on_stage(bench: &Bench, tag: u8, check: impl FnOnce(&Stage<'_>) -> Verdict) -> Verdict {
    let (subject, capabilities) = started(bench)?;
    let samples = Samples::of(tag, &capabilities).ok_or_else(|| {
        Stop::failed("it declares no protocol, or no lb_method, of LBaaS v1: nothing can ever be placed on it")
    })?;
    let stage = Stage { bench, capabilities, samples, subject: RefCell::new(subject) };
    stage.clear();
    let verdict = check(&stage);
    stage.clear();
    verdict
}

fn started(bench: &Bench) -> Result<(Subject, Capabilities), Stop> {
    let subject = bench.process()?;
    subject.open(Copy::First, &bench.file)?;
    let capabilities = subject.start_driver(Copy::First, &bench.section(), &bench.state_dir(Copy::First)?)?;
    let capabilities = capabilities.map_err(|error| Stop::failed(format!("it did not start: {}", shown(&error))))?;
    Ok((subject, capabilities))
}

impl Stage<'_> {
    pub(super) fn subject(&self) -> Ref<'_, Subject> {
        self.subject.borrow()
    }

    /// SIGKILL, and another process with the same state.
    pub(super) fn restart(&self) -> Result<(), Stop> {
        self.subject().kill();
        let (subject, capabilities) = started(self.bench)?;
        ensure(capabilities == self.capabilities, || {
            "its capabilities differ from those of its last start".to_owned()
        })?;
        self.subject.replace(subject);
        Ok(())
    }

    pub(super) fn declares(&self, feature: &str) -> bool {
        self.capabilities.features.iter().any(|declared| declared == feature)
    }

    /// As many load balancers at once as are wanted, or as it takes.
    pub(super) fn at_once(&self, wanted: u8) -> u8 {
        match self.capabilities.max_load_balancers {
            0 => wanted,
            limit => wanted.min(u8::try_from(limit).unwrap_or(u8::MAX)),
        }
    }

    /// Deploys, and is content with nothing less than all of it.
    pub(super) fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<(), Stop> {
        whole(&self.deploy_in_part(load_balancer, generation)?, generation)
    }

    /// Deploys with what was handed over, as [`Stage::deploy`] does.
    pub(super) fn take_over(&self, load_balancer: &LoadBalancer, generation: u64, left: &[u8]) -> Result<(), Stop> {
        let reply = self.subject().take_over(load_balancer, generation, left)?;
        let reply = reply.map_err(|error| format!("deploy of generation {generation}: {}", shown(&error)));
        whole(&reply.map_err(Stop::Failed)?, generation)
    }

    /// Deploys; objects that could not be made are in the reply.
    pub(super) fn deploy_in_part(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<DeployReply, Stop> {
        let reply = self.subject().deploy(load_balancer, generation)?;
        reply.map_err(|error| Stop::Failed(format!("deploy of generation {generation}: {}", shown(&error))))
    }

    pub(super) fn undeploy(&self, id: &str) -> Result<(), Stop> {
        self.hand_over(id).map(drop)
    }

    pub(super) fn hand_over(&self, id: &str) -> Result<UndeployReply, Stop> {
        let reply = self.subject().undeploy(id)?;
        reply.map_err(|error| Stop::failed(format!("undeploy of {id}: {}", shown(&error))))
    }

    /// What is deployed of the suite's, sorted. What else a device runs is not looked at.
    pub(super) fn deployed(&self) -> Result<Vec<(String, u64)>, Stop> {
        let reply = self.subject().deployed_of(Copy::First)?;
        let reply = reply.map_err(|error| Stop::failed(format!("deployed: {}", shown(&error))))?;
        let all = reply.deployed.into_iter().map(|one| (one.load_balancer_id, one.generation));
        let mut ours: Vec<_> = all.filter(|(id, _)| samples::is_ours(id)).collect();
        ours.sort();
        Ok(ours)
    }

    /// Fails unless exactly these are deployed, with these generations.
    pub(super) fn expect_deployed(&self, expected: &[(&str, u64)], when: &str) -> Result<(), Stop> {
        let found = self.deployed()?;
        let found: Vec<(&str, u64)> = found.iter().map(|(id, generation)| (id.as_str(), *generation)).collect();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        ensure(found == expected, || {
            format!("{when}, deployed must have {}, and has {}", in_words(&expected), in_words(&found))
        })
    }

    /// The one observation that was asked for.
    pub(super) fn observe(&self, id: &str) -> Result<Observation, Stop> {
        let reply = self.subject().observe(&[id])?;
        let reply = reply.map_err(|error| Stop::failed(format!("observe of {id}: {}", shown(&error))))?;
        let count = reply.observations.len();
        let mut found = reply.observations.into_iter();
        match found.next() {
            Some(one) if count == 1 && one.load_balancer_id == id => Ok(one),
            _ => Err(Stop::failed(format!("observe of {id} answered {count} observations, not one of it"))),
        }
    }

    /// Fails unless what serves says this generation of itself, if it says any.
    pub(super) fn expect_reported(seen: &Observation, generation: u64) -> Result<(), Stop> {
        ensure([0, generation].contains(&seen.generation), || {
            format!("observe must report generation {generation}, and reports {}", seen.generation)
        })
    }

    /// Takes away whatever is there of the suite's. A driver that cannot has been found out, or will be.
    fn clear(&self) {
        let deployed = self.deployed().unwrap_or_default();
        deployed.iter().take_while(|(id, _)| self.undeploy(id).is_ok()).for_each(drop);
    }
}

fn in_words(deployed: &[(&str, u64)]) -> String {
    if deployed.is_empty() {
        return "nothing".to_owned();
    }
    let words: Vec<_> = deployed.iter().map(|(id, generation)| format!("{id} at generation {generation}")).collect();
    words.join(", ")
}

/// Fails for the first object that could not be made.
fn whole(reply: &DeployReply, generation: u64) -> Result<(), Stop> {
    match reply.faults.first() {
        None => Ok(()),
        Some(fault) => {
            let why = fault.fault.clone().unwrap_or_default().message;
            Err(Stop::failed(format!("deploy of generation {generation}: object {}: {why}", fault.object_id)))
        }
    }
}
