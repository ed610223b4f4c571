//! The contract's methods.

use std::{collections::BTreeMap, time::Duration};

use ballast_abi::{
    Capabilities, Context, Deployed, Driver, DriverError, LoadBalancer, ObjectFault, Observation, features,
};

use crate::{
    Config, Desired, Failure, Marker, Objects, Session, Vendor, Wanted,
    appliance::{Appliance, Settled, survey},
    desired::{desired, sound_id},
    kind::Kind,
    names,
    partitions::{self, visit},
    plan::plan,
    recent::Recent,
    report,
    state::{State, States},
};

/// How long what is left to do may take when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// A driver for a vendor's device.
pub struct DeviceDriver<V: Vendor> {
    device: Appliance<V>,
    states: States,
    recent: Recent,
}

impl<V: Vendor> Driver for DeviceDriver<V> {
    const NAME: &'static str = V::NAME;
    const VERSION: &'static str = V::VERSION;
    type Config = Config<V::Options>;

    fn new(context: Context<Self::Config>) -> Result<Self, DriverError> {
        let Context { config, state_dir, .. } = context;
        config.check()?;
        V::check(&config)?;
        let device = Appliance::new(config, &state_dir)?;
        Ok(Self { device, states: States::in_directory(&state_dir), recent: Recent::default() })
    }

    fn capabilities(&self) -> Capabilities {
        features::capabilities(features::ALL_V1)
    }

    fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError> {
        // What cannot be made on any device is said before one is asked.
        desired::<V>(load_balancer, generation, &self.device.config.options, &Objects::new())?;
        self.recent.forget();
        let partition = partitions::of(&self.device.config, &load_balancer.project_id);
        self.leave(&load_balancer.id, &partition)?;
        let settled = self.device.alone(&partition, || {
            self.device.session(|session| {
                V::ready(session)?;
                self.device.enter(session, &partition)?;
                self.device.settle(session, |found| self.wanted(load_balancer, generation, found))
            })
        })?;
        self.remember(load_balancer, partition, &settled)?;
        self.recent.forget();
        tracing::info!(load_balancer = %load_balancer.id, generation, "deployed");
        Ok(report::faults(&load_balancer.id, settled.wanted.0, settled.refusals, settled.unsaved))
    }

    fn undeploy(&self, load_balancer_id: &str) -> Result<(), DriverError> {
        let id = sound_id(load_balancer_id)?;
        let known = self.states.read::<V::Kind>(id)?.map(|state| state.partition);
        let partition = match &known {
            Some(partition) => Some(partition.clone()),
            None => self.device.session(|session| self.locate(session, id))?,
        };
        if let Some(partition) = partition {
            self.device.alone(&partition, || self.take_away(id, &partition, known.is_some()))?;
        }
        self.states.remove(id)?;
        self.recent.forget();
        tracing::info!(load_balancer = %id, "undeployed");
        Ok(())
    }

    fn observe(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        if !ids.is_empty() {
            return self.look_for(ids);
        }
        match self.recent.within(Duration::from_millis(self.device.config.observe_interval_ms.into())) {
            Ok(seen) => Ok(seen),
            Err(changes) => {
                let seen = self.look_for(ids)?;
                self.recent.keep(changes, &seen);
                Ok(seen)
            }
        }
    }

    fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        let deployed = self.device.session(|session| {
            let mut deployed = Vec::new();
            for partition in partitions::all::<V>(&self.device.config, session)? {
                if !visit(session, &partition)? {
                    continue;
                }
                let found = survey::<V>(session)?;
                for marker in Marker::all(&found) {
                    let generation = if self.is_whole(&marker, &found)? { marker.generation } else { 0 };
                    deployed.push(Deployed { load_balancer_id: marker.id, generation });
                }
            }
            Ok(deployed)
        })?;
        Ok(deployed)
    }

    fn shutdown(&self) -> Result<(), DriverError> {
        Ok(self.device.save_all(LAST_WORDS)?)
    }
}

impl<V: Vendor> DeviceDriver<V> {
    fn wanted(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        found: &Objects<V::Kind>,
    ) -> Result<Asked<V::Kind>, Failure> {
        let owner = names::owner(&load_balancer.id);
        if let Some(other) = Marker::of(&owner, found).filter(|marker| marker.id != load_balancer.id) {
            return Err(Failure::Collision { what: owner, other: other.id });
        }
        // It was possible without knowing the device, so it is now.
        desired::<V>(load_balancer, generation, &self.device.config.options, found)
            .map(Asked)
            .map_err(|error| Failure::Unsettled { what: error.message })
    }

    fn remember(
        &self,
        load_balancer: &LoadBalancer,
        partition: String,
        settled: &Settled<Asked<V::Kind>, V::Kind>,
    ) -> Result<(), Failure> {
        let Desired { wanted, members, .. } = &settled.wanted.0;
        let before = self.states.read::<V::Kind>(&load_balancer.id)?;
        let taken = settled.refusals.is_empty();
        let objects = wanted.objects.iter().filter(|_| taken).map(|(key, fields)| (key.clone(), fields.clone()));
        let counters = before.as_ref().map(|before| before.counters).unwrap_or_default();
        let state = State { partition, objects: objects.collect(), members: members.clone(), counters };
        if Some(&state) == before.as_ref() { Ok(()) } else { self.states.write(&load_balancer.id, &state) }
    }

    /// Takes it away from where it was, when that is another partition: the configuration has changed.
    fn leave(&self, id: &str, partition: &str) -> Result<(), DriverError> {
        match self.states.read::<V::Kind>(id)? {
            Some(state) if state.partition != partition => {
                self.device.alone(&state.partition, || self.take_away(id, &state.partition, true))?;
                let partition = partition.to_owned();
                Ok(self.states.write(id, &State { partition, objects: Vec::new(), members: Vec::new(), ..state })?)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// `known`: something was deployed there.
    fn take_away(&self, id: &str, partition: &str, known: bool) -> Result<(), DriverError> {
        let wanted = Wanted::nothing(names::owner(id));
        let settled = self.device.session(|session| {
            V::ready(session)?;
            if !visit(session, partition)? {
                return Ok(None);
            }
            let nothing = |found: &Objects<V::Kind>| match Marker::of(&wanted.owner, found) {
                Some(marker) if marker.id != id => Err(Failure::Collision { what: id.to_owned(), other: marker.id }),
                Some(_) | None => Ok(wanted.clone()),
            };
            let settled = self.device.settle(session, nothing)?;
            // "Nothing there", where something should be, is believed at the second look only.
            if known && settled.already { self.device.settle(session, nothing).map(Some) } else { Ok(Some(settled)) }
        });
        let settled = match settled {
            // Nothing there is this one's.
            Err(Failure::Collision { .. }) => return Ok(()),
            settled => settled?,
        };
        match settled {
            Some(Settled { refusals, .. }) if !refusals.is_empty() => Err(DriverError::from(
                refusals
                    .into_iter()
                    .next()
                    .map_or_else(|| Failure::Unsettled { what: id.to_owned() }, |refusal| refusal.failure),
            )),
            Some(Settled { unsaved: Some(failure), .. }) => Err(report::not_saved(&failure).into()),
            Some(_) | None => Ok(()),
        }
    }

    /// The partition that has something of this load balancer.
    fn locate(&self, session: &mut Session<'_, V::Wire>, id: &str) -> Result<Option<String>, Failure> {
        let owner = names::owner(id);
        for partition in partitions::all::<V>(&self.device.config, session)? {
            if visit(session, &partition)? {
                let found = survey::<V>(session)?;
                let ours = Marker::of(&owner, &found).is_none_or(|marker| marker.id == id);
                if ours && found.keys().any(|key| names::is_of(&owner, &key.name)) {
                    return Ok(Some(partition));
                }
            }
        }
        Ok(None)
    }

    /// All, when none is named.
    fn look_for(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        for id in ids {
            sound_id(id)?;
        }
        let mut states = BTreeMap::new();
        for id in ids {
            states.insert(id.clone(), self.states.read::<V::Kind>(id)?);
        }
        let elsewhere = ids.is_empty() || states.values().any(Option::is_none);
        let seen = self.device.session(|session| {
            let partitions = match elsewhere {
                true => partitions::all::<V>(&self.device.config, session)?,
                false => states.values().flatten().map(|state| state.partition.clone()).collect(),
            };
            self.look(session, partitions, ids)
        })?;
        match ids.iter().find(|id| !seen.iter().any(|one| one.load_balancer_id == **id)) {
            Some(id) => Err(DriverError::not_found(format!("load balancer {id} is not deployed"))),
            None => Ok(seen),
        }
    }

    /// The load balancers with these ids, or all, in these partitions.
    fn look(
        &self,
        session: &mut Session<'_, V::Wire>,
        mut partitions: Vec<String>,
        ids: &[String],
    ) -> Result<Vec<Observation>, Failure> {
        partitions.sort_unstable();
        partitions.dedup();
        let mut seen = Vec::new();
        for partition in partitions {
            if !visit(session, &partition)? {
                continue;
            }
            let markers = Marker::all(&V::read(session, V::Kind::MARKER)?);
            let view = V::view(session)?;
            for marker in markers.iter().filter(|marker| ids.is_empty() || ids.contains(&marker.id)) {
                seen.push(self.look_at(session, &marker.id, &view)?);
            }
        }
        Ok(seen)
    }

    fn look_at(&self, session: &Session<'_, V::Wire>, id: &str, view: &V::View) -> Result<Observation, Failure> {
        let reading = V::reading(session, view, &names::owner(id))?;
        let state = self.states.read::<V::Kind>(id)?;
        let members = state.as_ref().map(|state| state.members.clone()).unwrap_or_default();
        let before = state.as_ref().map(|state| state.counters).unwrap_or_default();
        let counters = before.after(reading.totals);
        if let Some(state) = state.filter(|_| counters != before) {
            self.states.write(id, &State { counters, ..state })?;
        }
        Ok(report::observation(id, counters.totals(), reading.active, report::health::<V>(view, &members)))
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

/// What a deploy wants, as it was asked.
struct Asked<K>(Desired<K>);

impl<K> AsRef<Wanted<K>> for Asked<K> {
    fn as_ref(&self) -> &Wanted<K> {
        &self.0.wanted
    }
}
