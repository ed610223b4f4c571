//! How load balancers are, and what is left of what was deployed. All haproxies are asked at once, and each has its own
//! bound: one that hangs costs its own answer.

mod shared;

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::PathBuf,
};

use ballast_abi::{Deployed, DriverError, Observation};
use ballast_namespace::l4::kept::Kept;
use ballast_netns::{locks::hold_now, namespace, netlink::Netlink};

use self::shared::{Whole, is_in};
use super::HaproxyNs;
use crate::{
    counters::Base,
    desired::Desired,
    failure::{Failure, Step, chain},
    files::Files,
    haproxy::{
        process, runtime, socket,
        statistics::{self, Reading},
    },
    observe::{self, Said, Subject},
    plan::plan,
    project,
    report::{self, Pings},
    seen::Glance,
    state::{Stamp, State},
    validate,
};

/// How often one is asked whose process is replaced meanwhile.
const ROUNDS: u32 = 3;

/// A load balancer that is looked at, and how it is once that is known.
struct Glimpse {
    id: String,
    files: Files,
    found: Option<Result<Observation, DriverError>>,
    asked: Option<Asking>,
}

/// What the answer will be added to, and of which process.
struct Asking {
    base: Base,
    /// Of the notes that it is from.
    stamp: Option<Stamp>,
    pid: i32,
    /// Its own, or that of its project.
    process: Files,
    /// The name of the latter.
    shared: Option<String>,
}

/// A process that has answered.
struct Answered {
    said: Result<Reading, DriverError>,
    /// Of one that is shared: its notes, and what each has.
    shared: Option<(State, Option<HashMap<String, Reading>>)>,
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
        let mut projects = HashMap::new();
        for glimpse in glimpses.iter_mut().filter(|glimpse| glimpse.found.is_none()) {
            glimpse.begin(self, &mut projects);
        }
        // One that several share is asked once.
        let mut whom: BTreeMap<PathBuf, (Files, Option<String>)> = BTreeMap::new();
        for asked in glimpses.iter().filter_map(|glimpse| glimpse.asked.as_ref()) {
            whom.insert(asked.process.directory.clone(), (asked.process.clone(), asked.shared.clone()));
        }
        let answers = socket::ask_all(&whom.values().map(|(files, _)| files).collect::<Vec<_>>(), statistics::COMMAND);
        let answered: HashMap<PathBuf, Answered> = whom
            .into_iter()
            .zip(answers)
            .map(|((directory, (files, name)), answer)| (directory, self.answered(&files, name.as_deref(), answer)))
            .collect();
        for glimpse in glimpses {
            let Some(asked) = glimpse.asked.take() else { continue };
            let Some(answered) = answered.get(&asked.process.directory) else { continue };
            glimpse.found = self.understand(glimpse, &asked, answered).transpose();
        }
    }

    fn answered(&self, files: &Files, name: Option<&str>, answer: Result<String, Failure>) -> Answered {
        let mut said = answer.map(|answer| statistics::parse(&answer)).map_err(DriverError::from);
        let Some(name) = name else { return Answered { said, shared: None } };
        let mut page = self.page_of(name);
        if let Ok(reading) = &mut said
            && page.as_ref().map(|page| page.generation) != reading.generation
        {
            // It may have been told another one since. While it is being changed nobody knows.
            let lock = self.locks.of(name);
            let held = hold_now(&lock);
            let again = || socket::ask(files, statistics::COMMAND).ok();
            let again = held.as_ref().and_then(|_| again());
            reading.generation = again.and_then(|answer| statistics::parse(&answer).generation);
            page = self.page_of(name);
        }
        let state = State::read(files).ok().flatten().unwrap_or_default();
        let parts = said.as_ref().ok().zip(page).map(|(reading, page)| page.split(reading));
        if let (Ok(reading), Some(pid)) = (&said, process::current(files, name)) {
            self.seen.note(
                name,
                Glance { pid, counted: reading.counted(true, state.base.left(pid)), health: reading.known() },
            );
        }
        Answered { said, shared: Some((state, parts)) }
    }

    /// `None`: its process is being replaced.
    fn understand(
        &self,
        glimpse: &Glimpse,
        asked: &Asking,
        answered: &Answered,
    ) -> Result<Option<Observation>, DriverError> {
        let Glimpse { id, files, .. } = glimpse;
        let Asking { base, stamp, pid, process: of, shared } = asked;
        let is_same = match &answered.shared {
            Some((state, _)) => state.bases.get(id).unwrap_or(&Base::default()) == base,
            None if stamp.is_some() && Stamp::of(files) == *stamp => true,
            None => State::read(files)?.unwrap_or_default().base == *base,
        };
        if !(is_same && process::is_current(*pid, of)) {
            return Ok(None);
        }
        let whole = answered.said.as_ref().map_err(Clone::clone)?;
        let (reading, left) = match &answered.shared {
            Some((_, None)) => return Ok(None),
            Some((state, Some(parts))) => match parts.get(id) {
                Some(part) => (part, state.base.left(*pid)),
                None => return Err(not_served(id)),
            },
            None => (whole, base.left(*pid)),
        };
        let counted = reading.counted(shared.is_some() || base.is_by_listener(), left);
        if shared.is_none() {
            self.seen.note(id, Glance { pid: *pid, counted: counted.clone(), health: reading.known() });
        }
        let counted = base.under(Some(*pid)) + counted;
        let pings = Pings { verdicts: self.pinger.verdicts(id), said: self.pinger.said(id) };
        Ok(Some(report::observation(id, &counted, (reading, left), &pings)))
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
        let names = project::names(&self.state_dir)?;
        let shared: Vec<Files> = names.iter().map(|name| project::files(&self.state_dir, name)).collect();
        let of_projects: Vec<Option<i32>> =
            names.iter().zip(&shared).map(|(name, files)| process::current(files, name)).collect();
        let living_too = shared.iter().zip(&of_projects).filter_map(|(files, pid)| pid.map(|_| files));
        let whom: Vec<&Files> = living.chain(living_too).collect();
        let mut answers = socket::ask_all(&whom, runtime::QUESTION).into_iter();
        let mut said = |pid: Option<i32>| pid.and_then(|pid| Some(Said { pid, answer: answers.next()? }));
        let own: Vec<Option<Said>> = pids.into_iter().map(&mut said).collect();
        let of_projects: Vec<Option<Said>> = of_projects.into_iter().map(&mut said).collect();
        let look = || -> Result<Vec<Deployed>, Failure> {
            let mut host = Netlink::open()?;
            let host_namespace =
                File::open("/proc/thread-self/ns/net").step(|| "open the host's namespace".to_owned())?;
            let looked = names.iter().zip(of_projects).map(|(name, said)| (name.clone(), self.look_at(name, said)));
            let looked: HashMap<String, Whole> = looked.collect();
            let mut deployed = Vec::new();
            for ((id, files), said) in ids.into_iter().zip(&files).zip(own) {
                let generation = self.generation_of(&id, files, (said, &looked), (&mut host, &host_namespace))?;
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
        (said, projects): (Option<Said>, &HashMap<String, Whole>),
        host: (&mut Netlink, &File),
    ) -> Result<u64, Failure> {
        let lock = self.locks.of(id);
        // While a pass is at it nobody knows.
        let held = self.watch.as_ref().map_or_else(|| hold_now(&lock), |watch| watch.hold(id, &lock));
        let Some(_guard) = held else { return Ok(0) };
        let netns = self.netns(id);
        let folder = self.secrets_dir.folder(None, id);
        let of_host = Subject { secrets: Some((&folder, None)), ..self.subject(id, files, &netns) };
        let on_disk = observe::on_disk(of_host)?;
        let state = on_disk.state.clone().unwrap_or_default();
        if on_disk.unsettled || state.generation == 0 || state.interface.is_none() {
            return Ok(if on_disk.unsettled { 0 } else { state.generation });
        }
        let whole = state.shared.as_ref().and_then(|name| projects.get(name));
        let page = match state.shared {
            Some(_) => whole.and_then(|whole| whole.page.as_ref()?.part(id)),
            None => on_disk.page.clone(),
        };
        // Without tables nothing of it was asked for again.
        let kept = if self.forwards.udp { Kept::read(files)? } else { None };
        let Some(desired) = Desired::noted(&state, on_disk.config.clone(), page, kept.as_ref()) else { return Ok(0) };
        if !self.is_of_this_model(&state) {
            tracing::info!(load_balancer = %id, "it is to be served by another haproxy, as process_model says");
            return Ok(0);
        }
        if let (Some(why), Some(_)) = (whole.and_then(|whole| whole.missing.as_ref()), &state.shared) {
            tracing::warn!(load_balancer = %id, "the haproxy of its project is not as it was deployed: {why}");
            return Ok(0);
        }
        if self.has_own_haproxy(&state) && !self.identities.suits(state.identity) {
            tracing::info!(load_balancer = %id, "its haproxy is to run as another user");
            return Ok(0);
        }
        // It was replaced since it was asked: that is a pass that has ended.
        let current = process::current(files, id);
        if state.shared.is_none() && !state.alone && current.is_none() {
            // To look for what else there is of it costs a look at every process of the host.
            tracing::warn!(load_balancer = %id, "not as it was deployed: its haproxy does not run");
            return Ok(0);
        }
        // To ask for rules costs as much as the rest.
        let tables = self.forwards.udp && (kept.is_some() || state.ruled);
        let subject = Subject { tables, ..of_host };
        let said = said.filter(|said| current == Some(said.pid));
        let (mut observed, _) = match observe::observe_from(on_disk, subject, Some(&desired), |_| said, host) {
            Ok(seen) => seen,
            Err(failure) => {
                tracing::warn!(load_balancer = %id, "cannot be looked at: {}", chain(&failure));
                return Ok(0);
            }
        };
        observed.member.clone_from(&state.shared);
        observed.shared = is_in(&desired, &netns) && self.has_secrets(id, &desired);
        let missing = plan(&desired, &observed).into_iter().next().map(|planned| (planned.step, planned.why));
        let missing = missing.map(|(step, why)| format!("{why} ({step:?})"));
        let unpinged = !(state.silent || state.echoes.is_empty() || self.pinger.has(id));
        let checks = !state.silent && desired.forwarded.as_ref().is_some_and(|asked| !asked.probes.is_empty());
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
    /// `projects`: the notes of their haproxies, and which process each is.
    fn begin(&mut self, driver: &HaproxyNs, projects: &mut HashMap<String, (State, Option<i32>)>) {
        let Self { id, files, .. } = self;
        let (stamp, state) = match driver.notes.of(id, files) {
            Ok(found) => found,
            Err(failure) => return self.found = Some(Err(failure.into())),
        };
        if state.interface.is_none() || state.alone {
            let nothing = statistics::Reading::default();
            let base = state.base.under(None);
            self.found = Some(Ok(report::observation(id, &base, (&nothing, None), &Pings::default())));
            return;
        }
        let asking = match state.shared {
            None => process::current(files, id).map(|pid| (pid, files.clone(), state.base.clone())),
            Some(ref name) => {
                let process = project::files(&driver.state_dir, name);
                let (notes, pid) = projects.entry(name.clone()).or_insert_with(|| {
                    let notes = State::read(&process).ok().flatten().unwrap_or_default();
                    (notes, process::current(&process, name))
                });
                let base = notes.bases.get(id).cloned().unwrap_or_default();
                pid.map(|pid| (pid, process, base))
            }
        };
        match asking {
            Some((pid, process, base)) => {
                self.asked = Some(Asking { base, stamp, pid, process, shared: state.shared.clone() });
            }
            None => {
                let error = DriverError::unavailable(format!("load balancer {id}: haproxy does not run"));
                let error = error.with_detail("its process has ended; the next deploy starts it again");
                self.found = Some(Err(error));
            }
        }
    }
}

fn not_served(id: &str) -> DriverError {
    DriverError::unavailable(format!("load balancer {id}: haproxy does not serve it"))
        .with_detail("the haproxy of its project was started without it; the next deploy lets it in again")
}

fn unsettled(id: &str) -> DriverError {
    DriverError::unavailable(format!("load balancer {id} is being changed"))
        .with_detail("its haproxy is being replaced")
}
