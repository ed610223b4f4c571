//! Looking at what runs: in one partition after the other, each with a time of its own. One that does not answer costs
//! itself only.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::PoisonError,
    time::{Duration, Instant},
};

use ballast_abi::{Deployed, DriverError, Observation};

use crate::{
    Failure, Marker, Objects, Session, Vendor, Wanted,
    appliance::survey,
    desired::sound_id,
    driver::DeviceDriver,
    kind::Kind,
    locks::Purpose,
    looks::Looks,
    names,
    partitions::{self, visit},
    plan::plan,
    report,
    state::State,
};

/// How long a look at health and counters may take: the agent gives it ten seconds, and ends the process.
const OBSERVING: Duration = Duration::from_secs(5);
/// One load balancer of these.
const ONE: Duration = Duration::from_secs(2);
/// The agent gives it thirty seconds.
const SURVEYING: Duration = Duration::from_secs(20);
/// One partition of these.
const ONE_SURVEY: Duration = Duration::from_secs(5);

impl<V: Vendor> DeviceDriver<V> {
    /// All load balancers. Those whose partition does not answer are left out.
    pub(crate) fn look_around(&self) -> Result<Vec<Observation>, DriverError> {
        let begun = Instant::now();
        if self.observations.is_due(begun) {
            let interval = Duration::from_millis(self.device.config.observe_interval_ms.into());
            let times = Times { all: begun + OBSERVING, one: OBSERVING, interval };
            self.around(&self.observations, times, |session, partition| self.look(session, partition, &[]))?;
        }
        Ok(self.observations.all().into_iter().filter_map(|(_, seen)| seen).flatten().collect())
    }

    /// Those with these ids.
    pub(crate) fn look_for(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        let mut states = BTreeMap::new();
        for id in ids {
            states.insert(id.clone(), self.states.read::<V::Kind>(sound_id(id)?)?);
        }
        let elsewhere = states.values().any(Option::is_none);
        let seen = self.device.session(Purpose::Look, Instant::now() + OBSERVING, |session| {
            let mut partitions = match elsewhere {
                true => partitions::all::<V>(&self.device.config, session)?,
                false => states.values().flatten().map(|state| state.partition.clone()).collect(),
            };
            partitions.sort_unstable();
            partitions.dedup();
            let mut seen = Vec::new();
            for partition in &partitions {
                seen.extend(self.look(session, partition, ids)?);
            }
            Ok(seen)
        })?;
        match ids.iter().find(|id| !seen.iter().any(|one| one.load_balancer_id == **id)) {
            Some(id) => Err(DriverError::not_found(format!("load balancer {id} is not deployed"))),
            None => Ok(seen),
        }
    }

    /// What is deployed. Of a partition that does not answer nobody knows better than that it is as it was left.
    pub(crate) fn deployed_now(&self) -> Result<Vec<Deployed>, DriverError> {
        let times = Times { all: Instant::now() + SURVEYING, one: ONE_SURVEY, interval: Duration::ZERO };
        self.around(&self.surveys, times, |session, partition| self.survey(session, partition))?;
        let all = self.surveys.all();
        let unseen = |partition: &String| all.iter().any(|(other, seen)| other == partition && seen.is_none());
        let left = self.states.all::<V::Kind>().into_iter().filter(|(_, state)| unseen(&state.partition));
        let left = left.map(|(load_balancer_id, state)| Deployed { load_balancer_id, generation: state.generation });
        let left: Vec<Deployed> = left.collect();
        Ok(all.into_iter().filter_map(|(_, seen)| seen).flatten().chain(left).collect())
    }

    /// Looks at all partitions that are due, as far as time allows; those that do not answer last.
    fn around<T: Clone>(
        &self,
        looks: &Looks<T>,
        times: Times,
        look: impl Fn(&mut Session<'_, V::Wire>, &str) -> Result<T, Failure>,
    ) -> Result<(), DriverError> {
        let mut queue: Option<VecDeque<String>> = None;
        let mut last = None;
        while Instant::now() < times.all && queue.as_ref().is_none_or(|queue| !queue.is_empty()) {
            let looked = self.device.session(Purpose::Look, times.all, |session| {
                if queue.is_none() {
                    let all = partitions::all::<V>(&self.device.config, session)?;
                    queue = Some(looks.due(Instant::now(), &all).into());
                }
                let queue = queue.get_or_insert_default();
                while let Some(partition) = queue.front().cloned().filter(|_| Instant::now() < times.all) {
                    let changes = looks.changes();
                    session.until(Instant::now() + times.one);
                    match look(session, &partition) {
                        Ok(seen) => looks.seen(&partition, changes, seen, Instant::now() + times.interval),
                        Err(failure @ Failure::Expired { .. }) => return Err(failure),
                        Err(failure) => {
                            complain(&partition, &failure, looks.failed(&partition, Instant::now()));
                            queue.pop_front();
                            // Another session for the others: nobody knows where this one is.
                            return Ok(Some(failure));
                        }
                    }
                    queue.pop_front();
                }
                Ok(None)
            });
            match (looked, &queue) {
                (Ok(failure), _) => last = failure.or(last),
                // What was seen before is told.
                (Err(failure), Some(_)) => {
                    last = Some(failure);
                    break;
                }
                (Err(failure), None) => return Err(failure.into()),
            }
        }
        match last.filter(|_| looks.none_answers()) {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }

    /// The load balancers with these ids, or all, in this partition. Of all, one that does not answer is left out.
    fn look(
        &self,
        session: &mut Session<'_, V::Wire>,
        partition: &str,
        ids: &[String],
    ) -> Result<Vec<Observation>, Failure> {
        if !visit(session, partition)? {
            return Ok(Vec::new());
        }
        let mut markers = Marker::all(&V::read(session, V::Kind::MARKER)?);
        markers.retain(|marker| ids.is_empty() || ids.contains(&marker.id));
        markers.sort_by_key(|marker| self.is_silent(&marker.id));
        let view = V::view(session)?;
        let limit = session.deadline();
        let mut seen = Vec::new();
        for Marker { id, generation } in &markers {
            session.until(limit.min(Instant::now() + ONE));
            let looked = self.look_at(session, id, &view);
            session.until(limit);
            match looked {
                Ok(observation) => {
                    self.heard(id, true);
                    seen.push(Observation { generation: *generation, ..observation });
                }
                Err(failure @ Failure::Expired { .. }) => return Err(failure),
                Err(failure) if ids.is_empty() => {
                    if self.heard(id, false) {
                        tracing::warn!(load_balancer = %id, "it cannot be observed: {}", failure.chain());
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(seen)
    }

    fn look_at(&self, session: &Session<'_, V::Wire>, id: &str, view: &V::View) -> Result<Observation, Failure> {
        let reading = V::reading(session, view, &names::owner(id))?;
        let _changing = self.states.changing();
        let state = self.states.read::<V::Kind>(id)?;
        let members = state.as_ref().map(|state| state.members.clone()).unwrap_or_default();
        let before = state.as_ref().map(|state| state.counters).unwrap_or_default();
        let counters = before.after(reading.totals);
        if let Some(state) = state.filter(|_| counters != before) {
            self.states.write(id, &State { counters, ..state })?;
        }
        Ok(report::observation(id, counters.totals(), reading.active, report::health::<V>(view, &members)))
    }

    fn survey(&self, session: &mut Session<'_, V::Wire>, partition: &str) -> Result<Vec<Deployed>, Failure> {
        let mut deployed = Vec::new();
        if visit(session, partition)? {
            let found = survey::<V>(session)?;
            for marker in Marker::all(&found) {
                let generation = if self.is_whole(&marker, &found)? { marker.generation } else { 0 };
                deployed.push(Deployed { load_balancer_id: marker.id, generation });
            }
        }
        Ok(deployed)
    }

    fn is_silent(&self, id: &str) -> bool {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Whether its counters could be read. Returns whether that is new.
    fn heard(&self, id: &str, answers: bool) -> bool {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if answers { silent.remove(id) } else { silent.insert(id.to_owned()) }
    }

    /// Whether the device still has what it was given.
    fn is_whole(&self, marker: &Marker, found: &Objects<V::Kind>) -> Result<bool, Failure> {
        let Some(state) = self.states.read::<V::Kind>(&marker.id)? else { return Ok(false) };
        if state.objects.is_empty() {
            return Ok(true);
        }
        let wanted = Wanted {
            owner: names::owner(&marker.id),
            objects: state.objects.into_iter().collect(),
            marker: Some(marker.clone()),
        };
        Ok(plan(&wanted, found).is_empty())
    }
}

#[derive(Clone, Copy)]
struct Times {
    /// When the whole has to be over.
    all: Instant,
    /// How long each partition may take.
    one: Duration,
    /// How long what was seen is good enough.
    interval: Duration,
}

fn complain(partition: &str, failure: &Failure, loudly: bool) {
    let why = failure.chain();
    if loudly {
        tracing::warn!(partition, "a partition cannot be looked at, and is asked less often: {why}");
    } else {
        tracing::debug!(partition, "a partition cannot be looked at: {why}");
    }
}
