//! The contract's methods.

use std::{
    collections::BTreeSet,
    sync::Mutex,
    time::{Duration, Instant},
};

use ballast_abi::{
    Capabilities, Context, DeployReply, Deployed, Driver, DriverError, Effect, LoadBalancer, ObjectFault, Observation,
    Preview, SecretContent, features, note::Needs, secrets::Secrets,
};

use crate::{
    Config, Desired, Failure, Files, Known, Marker, Objects, Session, Vendor, Wanted,
    appliance::{Appliance, Settled, survey},
    desired::{desired, sound_id},
    locks::Purpose,
    looks::Looks,
    names,
    partitions::{self, visit},
    report,
    state::{State, States},
};

/// How long what is left to do may take when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// A driver for a vendor's device.
pub struct DeviceDriver<V: Vendor> {
    pub(crate) device: Appliance<V>,
    pub(crate) states: States,
    /// What was seen of health and counters.
    pub(crate) observations: Looks<Vec<Observation>>,
    /// What was seen of what is deployed.
    pub(crate) surveys: Looks<Vec<Deployed>>,
    /// Load balancers whose counters could not be read: they are asked for last.
    pub(crate) silent: Mutex<BTreeSet<String>>,
    /// Until they are on the device.
    pub(crate) secrets: Secrets,
}

impl<V: Vendor> Driver for DeviceDriver<V> {
    const NAME: &'static str = V::NAME;
    const VERSION: &'static str = V::VERSION;
    const NEEDS: Option<Needs> = Some(Needs::Nothing);
    type Config = Config<V::Options>;

    fn new(context: Context<Self::Config>) -> Result<Self, DriverError> {
        let Context { config, state_dir, .. } = context;
        config.check()?;
        V::check(&config)?;
        let device = Appliance::new(config, &state_dir)?;
        Ok(Self {
            device,
            states: States::in_directory(&state_dir),
            observations: Looks::default(),
            surveys: Looks::default(),
            silent: Mutex::default(),
            secrets: Secrets::default(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        let more = V::features(&self.device.config.options);
        features::capabilities(features::ALL_V1.into_iter().chain(features::SHAPES).chain(more))
    }

    fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError> {
        Ok(self.take_over(load_balancer, generation, &[])?.faults)
    }

    fn take_secrets(&self, load_balancer_id: &str, secrets: Vec<SecretContent>) -> Result<(), DriverError> {
        self.secrets.take(sound_id(load_balancer_id)?, secrets);
        Ok(())
    }

    /// Whatever was handed over: a device keeps what its clients have to itself.
    fn take_over(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        _handover: &[u8],
    ) -> Result<DeployReply, DriverError> {
        let known = Known::told(load_balancer, &self.secrets)?;
        // What cannot be made on any device is said before one is asked.
        desired::<V>(load_balancer, generation, (&self.device.config.options, &known), &Objects::new())?;
        let deadline = self.device.deadline();
        let partition = partitions::of(&self.device.config, &load_balancer.project_id);
        self.forget(&partition);
        let left = self.leave(&load_balancer.id, &partition, deadline)?;
        let settled = self.device.alone(&partition, deadline, || {
            self.device.session(Purpose::Change, deadline, |session| {
                V::ready(session)?;
                self.device.enter(session, &partition)?;
                self.device.settle(session, |found| self.wanted(load_balancer, generation, (&known, found)))
            })
        })?;
        self.remember(load_balancer, generation, &partition, (&settled, known))?;
        self.secrets.forget(&load_balancer.id);
        self.forget(&partition);
        let effect = if left { Effect::Restart } else { settled.effect };
        let effect_is = effect.as_str_name();
        tracing::info!(load_balancer = %load_balancer.id, generation, effect = effect_is, "deployed");
        let faults = report::faults(&load_balancer.id, settled.wanted.0, settled.refusals, settled.unsaved);
        Ok(DeployReply { faults, effect: effect.into(), ..DeployReply::default() })
    }

    fn undeploy(&self, load_balancer_id: &str) -> Result<(), DriverError> {
        let id = sound_id(load_balancer_id)?;
        let deadline = self.device.deadline();
        let known = self.states.read::<V::Kind>(id)?.map(|state| state.partition);
        let partition = match &known {
            Some(partition) => Some(partition.clone()),
            None => self.device.session(Purpose::Look, deadline, |session| self.locate(session, id))?,
        };
        if let Some(partition) = &partition {
            let gone = || self.take_away(id, partition, known.is_some(), deadline);
            self.device.alone(partition, deadline, gone)?;
        }
        self.states.remove(id)?;
        self.secrets.forget(id);
        partition.iter().for_each(|partition| self.forget(partition));
        tracing::info!(load_balancer = %id, "undeployed");
        Ok(())
    }

    fn observe(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        if ids.is_empty() { self.look_around() } else { self.look_for(ids) }
    }

    fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        self.deployed_now()
    }

    fn preview(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Preview, DriverError> {
        self.foresee(load_balancer, generation)
    }

    fn shutdown(&self) -> Result<(), DriverError> {
        Ok(self.device.save_all(LAST_WORDS)?)
    }
}

impl<V: Vendor> DeviceDriver<V> {
    pub(crate) fn wanted(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        (known, found): (&Known, &Objects<V::Kind>),
    ) -> Result<Asked<V::Kind>, Failure> {
        let owner = names::owner(&load_balancer.id);
        if let Some(other) = Marker::of(&owner, found).filter(|marker| marker.id != load_balancer.id) {
            return Err(Failure::Collision { what: owner, other: other.id });
        }
        // It was possible without knowing the device, so it is now.
        desired::<V>(load_balancer, generation, (&self.device.config.options, known), found)
            .map(Asked)
            .map_err(|error| Failure::Unsettled { what: error.message })
    }

    /// Something else may be seen there from now on.
    fn forget(&self, partition: &str) {
        let now = Instant::now();
        self.observations.forget(partition, now);
        self.surveys.forget(partition, now);
    }

    fn remember(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        partition: &str,
        (settled, known): (&Settled<Asked<V::Kind>, V::Kind>, Known),
    ) -> Result<(), Failure> {
        let Desired { wanted, members, .. } = &settled.wanted.0;
        let _changing = self.states.changing();
        let before = self.states.read::<V::Kind>(&load_balancer.id)?;
        let taken = settled.refusals.is_empty();
        let objects = wanted.objects.iter().filter(|_| taken).map(|(key, fields)| (key.clone(), fields.clone()));
        let counters = before.as_ref().map(|before| before.counters).unwrap_or_default();
        let (partition, objects) = (partition.to_owned(), objects.collect());
        let facts = known.into_facts();
        let state = State { partition, generation, objects, members: members.clone(), counters, facts };
        if Some(&state) == before.as_ref() { Ok(()) } else { self.states.write(&load_balancer.id, &state) }
    }

    /// Takes it away from where it was, when that is another partition: the configuration has changed. Returns whether it was.
    fn leave(&self, id: &str, partition: &str, deadline: Instant) -> Result<bool, DriverError> {
        match self.states.read::<V::Kind>(id)? {
            Some(state) if state.partition != partition => {
                let gone = || self.take_away(id, &state.partition, true, deadline);
                self.device.alone(&state.partition, deadline, gone)?;
                let partition = partition.to_owned();
                self.states.write(id, &State { partition, objects: Vec::new(), members: Vec::new(), ..state })?;
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    /// `known`: something was deployed there.
    fn take_away(&self, id: &str, partition: &str, known: bool, deadline: Instant) -> Result<(), DriverError> {
        let wanted = Wanted::nothing(names::owner(id));
        let settled = self.device.session(Purpose::Change, deadline, |session| {
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
}

/// What a deploy wants, as it was asked.
pub(crate) struct Asked<K>(pub(crate) Desired<K>);

impl<K> AsRef<Files> for Asked<K> {
    fn as_ref(&self) -> &Files {
        &self.0.files
    }
}

impl<K> AsRef<Wanted<K>> for Asked<K> {
    fn as_ref(&self) -> &Wanted<K> {
        &self.0.wanted
    }
}
