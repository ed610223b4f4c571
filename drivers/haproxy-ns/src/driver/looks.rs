//! How load balancers are, and what is left of what was deployed. All haproxies are asked at once, and each has its own
//! bound: one that hangs costs its own answer.

use std::fs::File;

use ballast_abi::{Deployed, DriverError, Observation};
use ballast_namespace::l4::kept::Kept;
use ballast_netns::{locks::hold_now, namespace, netlink::Netlink};

use super::HaproxyNs;
use crate::{
    counters::Base,
    desired::Desired,
    failure::{Failure, Step, chain},
    files::{Files, read_optional},
    haproxy::{process, runtime, socket, statistics},
    observe::{self, Said},
    page::kept,
    plan::plan,
    report::{self, Pings},
    seen::Glance,
    state::State,
    validate,
};

/// How often one is asked whose process is replaced meanwhile.
const ROUNDS: u32 = 3;

/// A load balancer that is looked at, and how it is once that is known.
struct Glimpse {
    id: String,
    files: Files,
    found: Option<Result<Observation, DriverError>>,
    /// What its answer will be added to, and of which process.
    asked: Option<(Base, i32)>,
}

impl HaproxyNs {
    /// These, or all. One that does not answer must not hide the others.
    pub(super) fn observations(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        for id in ids {
            validate::id("load balancer", "id", id)?;
        }
        let all = if ids.is_empty() { self.ids()?.into_iter().collect() } else { ids.to_vec() };
        let mut glimpses: Vec<Glimpse> = all.into_iter().map(|id| self.glimpse(id)).collect();
        for _ in 0..ROUNDS {
            self.ask(&mut glimpses);
        }
        let mut observations = Vec::new();
        for Glimpse { id, files, found, .. } in glimpses {
            match found.unwrap_or_else(|| Err(unsettled(&id))) {
                Ok(observation) => observations.push(self.with_forwarded(observation, &files)),
                Err(error) if ids.is_empty() => tracing::debug!(load_balancer = %id, "{error}: {}", error.detail),
                Err(error) => return Err(error),
            }
        }
        Ok(observations)
    }

    /// How it is now, asked once; `None`: it cannot say, or there is none.
    pub(super) fn last_observation(&self, id: &str) -> Option<Observation> {
        let mut glimpses = [self.glimpse(id.to_owned())];
        self.ask(&mut glimpses);
        let [Glimpse { files, found, .. }] = glimpses;
        Some(self.with_forwarded(found?.ok()?, &files))
    }

    fn glimpse(&self, id: String) -> Glimpse {
        let files = Files::of(&self.state_dir, &id);
        let found = match files.directory.exists() {
            true => None,
            false => Some(Err(DriverError::not_found(format!("load balancer {id} is not deployed")))),
        };
        Glimpse { id, files, found, asked: None }
    }

    /// Asks those of which nothing is known yet. An answer counts when no process was replaced meanwhile: counters would
    /// go back otherwise.
    fn ask(&self, glimpses: &mut [Glimpse]) {
        for glimpse in glimpses.iter_mut().filter(|glimpse| glimpse.found.is_none()) {
            glimpse.begin();
        }
        let mut open: Vec<&mut Glimpse> = glimpses.iter_mut().filter(|glimpse| glimpse.asked.is_some()).collect();
        let whom: Vec<Files> = open.iter().map(|glimpse| glimpse.files.clone()).collect();
        let answers = socket::ask_all(&whom.iter().collect::<Vec<_>>(), statistics::COMMAND);
        for (glimpse, answer) in open.iter_mut().zip(answers) {
            let Some((base, pid)) = glimpse.asked.take() else { continue };
            glimpse.found = self.understand(glimpse, &base, pid, answer).transpose();
        }
    }

    /// `None`: its process is being replaced.
    fn understand(
        &self,
        glimpse: &Glimpse,
        base: &Base,
        pid: i32,
        answer: Result<String, Failure>,
    ) -> Result<Option<Observation>, DriverError> {
        let Glimpse { id, files, .. } = glimpse;
        let now = State::read(files)?.unwrap_or_default();
        if now.base != *base || process::current(files, id) != Some(pid) {
            return Ok(None);
        }
        let reading = statistics::parse(&answer?);
        let left = base.left(pid);
        let counted = reading.counted(base.is_by_listener(), left);
        self.seen.note(id, Glance { pid, counted: counted.clone(), health: reading.known() });
        let counted = base.under(Some(pid)) + counted;
        let pings = Pings { verdicts: self.pinger.verdicts(id), said: self.pinger.said(id) };
        Ok(Some(report::observation(id, &counted, (&reading, left), &pings)))
    }

    /// With what the kernel forwards. What cannot be counted now is left out: haproxy's is told all the same.
    fn with_forwarded(&self, observation: Observation, files: &Files) -> Observation {
        let id = observation.load_balancer_id.clone();
        let counts = self.watch.as_ref().map(|watch| watch.counts(&id, files, &self.netns(&id)));
        match counts.transpose() {
            Ok(counts) => report::with_forwarded(observation, counts.flatten()),
            Err(failure) => {
                tracing::warn!(load_balancer = %id, "what it forwards is not counted: {}", chain(&failure));
                observation
            }
        }
    }

    /// Generation 0 for one that is not as it was deployed: whoever asks will deploy it again.
    pub(super) fn what_is_deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        let ids = self.ids()?;
        let files: Vec<Files> = ids.iter().map(|id| Files::of(&self.state_dir, id)).collect();
        let pids: Vec<Option<i32>> = ids.iter().zip(&files).map(|(id, files)| process::current(files, id)).collect();
        let living = files.iter().zip(&pids).filter_map(|(files, pid)| pid.map(|_| files));
        let mut answers = socket::ask_all(&living.collect::<Vec<_>>(), runtime::QUESTION).into_iter();
        let said = pids.into_iter().map(|pid| pid.and_then(|pid| Some(Said { pid, answer: answers.next()? })));
        let said: Vec<Option<Said>> = said.collect();
        let look = || -> Result<Vec<Deployed>, Failure> {
            let mut host = Netlink::open()?;
            let own = File::open("/proc/thread-self/ns/net").step(|| "open the host's namespace".to_owned())?;
            let mut deployed = Vec::new();
            for ((id, files), said) in ids.into_iter().zip(&files).zip(said) {
                let generation = self.generation_of(&id, files, said, (&mut host, &own))?;
                deployed.push(Deployed { load_balancer_id: id, generation });
            }
            Ok(deployed)
        };
        Ok(namespace::on_own_thread("deployed", look).map_err(Failure::from)??)
    }

    /// The generation that it runs; 0 when a deploy of the same would change anything: that is what was lost.
    fn generation_of(
        &self,
        id: &str,
        files: &Files,
        said: Option<Said>,
        host: (&mut Netlink, &File),
    ) -> Result<u64, Failure> {
        let lock = self.locks.of(id);
        // While a pass is at it nobody knows.
        let held = self.watch.as_ref().map_or_else(|| hold_now(&lock), |watch| watch.hold(id, &lock));
        let Some(_guard) = held else { return Ok(0) };
        let state = State::read(files)?.unwrap_or_default();
        if state.generation == 0 || state.interface.is_none() || files.new_config().exists() {
            return Ok(if files.new_config().exists() { 0 } else { state.generation });
        }
        let config = read_optional(&files.config()).step(|| format!("read {}", files.config().display()))?;
        let page = config.as_deref().and_then(|text| kept::read(files, text));
        // Without tables nothing of it was asked for again.
        let kept = if self.forwards.udp { Kept::read(files)? } else { None };
        let Some(desired) = Desired::noted(&state, config, page, kept.as_ref()) else { return Ok(0) };
        if !self.identities.suits(state.identity) {
            tracing::info!(load_balancer = %id, "its haproxy is to run as another user");
            return Ok(0);
        }
        if !state.alone && process::current(files, id).is_none() {
            // To look for what else there is of it costs a look at every process of the host.
            tracing::warn!(load_balancer = %id, "not as it was deployed: its haproxy does not run");
            return Ok(0);
        }
        let netns = self.netns(id);
        let subject = self.subject(id, files, &netns);
        // It was replaced since it was asked: that is a pass that has ended.
        let said = said.filter(|said| process::current(files, id) == Some(said.pid));
        let (observed, _) = match observe::observe(subject, Some(&desired), |_| said, host) {
            Ok(seen) => seen,
            Err(failure) => {
                tracing::warn!(load_balancer = %id, "cannot be looked at: {}", chain(&failure));
                return Ok(0);
            }
        };
        let missing = plan(&desired, &observed).into_iter().next().map(|planned| (planned.step, planned.why));
        let missing = missing.map(|(step, why)| format!("{why} ({step:?})"));
        let unpinged = !state.echoes.is_empty() && !self.pinger.has(id);
        let checks = desired.forwarded.as_ref().is_some_and(|asked| !asked.probes.is_empty());
        let unchecked = checks && self.watch.as_ref().is_some_and(|watch| !watch.has(id));
        let missing = missing.or_else(|| unchecked.then(|| "its members are not checked".to_owned()));
        match missing.or_else(|| unpinged.then(|| "its members are not pinged".to_owned())) {
            Some(what) => {
                tracing::warn!(load_balancer = %id, "not as it was deployed: {what}");
                Ok(0)
            }
            None => Ok(state.generation),
        }
    }
}

impl Glimpse {
    fn begin(&mut self) {
        let Self { id, files, .. } = self;
        let state = match State::read(files) {
            Ok(state) => state.unwrap_or_default(),
            Err(failure) => return self.found = Some(Err(failure.into())),
        };
        if state.interface.is_none() || state.alone {
            let nothing = statistics::Reading::default();
            let base = state.base.under(None);
            self.found = Some(Ok(report::observation(id, &base, (&nothing, None), &Pings::default())));
            return;
        }
        match process::current(files, id) {
            Some(pid) => self.asked = Some((state.base, pid)),
            None => {
                let error = DriverError::unavailable(format!("load balancer {id}: haproxy does not run"));
                let error = error.with_detail("its process has ended; the next deploy starts it again");
                self.found = Some(Err(error));
            }
        }
    }
}

fn unsettled(id: &str) -> DriverError {
    DriverError::unavailable(format!("load balancer {id} is being changed"))
        .with_detail("its haproxy is being replaced")
}
