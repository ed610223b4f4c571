//! A driver that keeps load balancers in files and touches no network, and misbehaves on command: what tests load in
//! place of a device, and what the conformance suite must find wanting.
//!
//! The "device" is its state directory: one file per load balancer, renamed into place, so that it survives the
//! process as a device would. Members are UP unless their address ends in `.250` or `health.json` says otherwise.
//! Without a command it keeps every promise of the contract, and it declares every feature that there is: what is asked of it
//! settles at once. With `quiet = true` it also tells nothing of members and listeners, as a driver without a data plane. Commands ([`command`], [`act`]) come in three ways:
//!
//! - by a load balancer's **name**, for tests through the API: `segfault`, `slow 500ms in undeploy`, `hang once`; by that of a
//!   listener, a pool or a policy `fail: text`, which fails the deploy because of this object;
//! - by the key `calls` of its configuration, or `calls.json` in its state directory while it runs: at every call;
//! - by the key `faults` of its configuration: a promise of the contract that it breaks ([`config::Fault`]).
//!
//! It is built by `cargo build -p ballast-fault-driver` as `target/debug/libballast_fault_driver.so`, and called `fault`.
//! In its state directory are `ID.lb` (what is deployed), `ID.born` (when), `ID.secrets` (how long each secret is that it names)
//! and `pid` (of the process, written at the start);
//! `health.json`, `calls.json` and `ID.serves` (the generation that what serves reports) are read if a test puts them there.
//!
//! Some faults cannot be had through the SDK, and so not here: a name that changes (it is a constant; tests of the loader
//! change the bytes of a file's note), a feature that was not declared (the SDK refuses before the driver is called), and
//! a request that cannot be decoded.

mod act;
mod broken;
mod command;
mod config;
mod device;
mod observe;
mod preview;
mod secrets;

use std::{
    collections::{BTreeMap, HashSet},
    fs, process,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
    time::Instant,
};

use ballast_abi::{
    Capabilities, Context, DeployReply, Deployed, Driver, DriverError, DriverOption, ErrorCode, LoadBalancer,
    ObjectFault, Observation, Preview, SecretContent, Statistics, UndeployReply, export_driver, features, proto,
    secrets::Secrets,
};

use act::Act;
use command::{Command, Method};
use config::{Config, Fault};
use device::{Device, Stored};

/// What it hands over.
const HANDOVER: &[u8] = b"a file has no clients";

struct FaultDriver {
    config: Config,
    device: Device,
    began: Instant,
    /// For faults alone: what this process has deployed.
    remembered: Mutex<HashSet<String>>,
    /// For faults alone: every second time.
    back: AtomicBool,
    /// Those that the deploys name that come next.
    secrets: Secrets,
}

impl Driver for FaultDriver {
    const NAME: &'static str = "fault";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;

    fn new(context: Context<Config>) -> Result<Self, DriverError> {
        let Context { agent_id, config, state_dir } = context;
        config.check()?;
        let device = Device::new(state_dir, config.has(Fault::NotThreadSafe));
        fs::write(device.directory().join("pid"), process::id().to_string()).map_err(|error| {
            DriverError::unavailable("the state directory cannot be written").with_detail(error.to_string())
        })?;
        let driver = Self {
            config,
            device,
            began: Instant::now(),
            remembered: Mutex::default(),
            back: AtomicBool::new(false),
            secrets: Secrets::default(),
        };
        driver.at_each_call(Method::Start)?;
        if driver.config.has(Fault::PanicAborts) {
            broken::abort_at_panics();
        }
        if driver.config.has(Fault::StartEmptiesTheDevice) {
            driver.device.all()?.iter().try_for_each(|(id, _)| driver.device.remove(id))?;
        }
        tracing::info!(agent = agent_id, "fault driver started");
        Ok(driver)
    }

    fn capabilities(&self) -> Capabilities {
        let mut features = match &self.config.features {
            Some(features) => features.clone(),
            None => features::all().map(str::to_owned).collect(),
        };
        if self.config.has(Fault::CapabilitiesUnstable) {
            features.push(broken::random_feature());
        }
        Capabilities {
            features,
            max_load_balancers: self.config.max_load_balancers,
            max_members: self.config.max_members,
            flavor_options: options(&self.config.flavor_options),
            availability_zone_options: options(&self.config.availability_zone_options),
            ..Capabilities::default()
        }
    }

    fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError> {
        self.at_each_call(Method::Deploy)?;
        broken::choke(&self.config, load_balancer)?;
        refused(load_balancer)?;
        let told = self.told(load_balancer)?;
        let id = &load_balancer.id;
        let mut faults = Vec::new();
        if let Some(Act::ObjectFault) = self.asked_by_name(Method::Deploy, load_balancer)? {
            faults.extend(object_fault(load_balancer));
        }
        if self.device.get(id)?.is_some() {
            if self.config.has(Fault::DeployNotIdempotent) {
                return Err(DriverError::internal("it exists already"));
            }
            if self.config.has(Fault::DeployAgainDoubles) {
                self.device.put(&LoadBalancer { id: format!("{id}-2"), ..load_balancer.clone() }, generation)?;
            }
            if self.config.has(Fault::ChangeIgnored) {
                return Ok(faults);
            }
        }
        if self.config.has(Fault::WritesOutside) {
            broken::write_outside(self.device.directory(), id)?;
        }
        match self.config.has(Fault::ReadsFirstPool) {
            true => self.device.put(&broken::first_of_all(load_balancer), generation)?,
            false => self.device.put(load_balancer, generation)?,
        }
        self.device.note_secrets(id, &told)?;
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        tracing::info!(members = load_balancer.pools.iter().map(|pool| pool.members.len()).sum::<usize>(), "deployed");
        Ok(faults)
    }

    fn take_secrets(&self, load_balancer_id: &str, secrets: Vec<SecretContent>) -> Result<(), DriverError> {
        self.at_each_call(Method::TakeSecrets)?;
        self.secrets.take(load_balancer_id, secrets);
        Ok(())
    }

    fn take_over(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        handover: &[u8],
    ) -> Result<DeployReply, DriverError> {
        let effect = self.effect(load_balancer, self.device.get(&load_balancer.id)?.as_ref());
        if self.config.has(Fault::HandoverTrusted) && !handover.is_empty() && handover != HANDOVER {
            return Err(DriverError::internal("what was handed over is not known"));
        }
        let faults = self.deploy(load_balancer, generation)?;
        Ok(DeployReply { faults, effect: effect.into(), ..DeployReply::default() })
    }

    fn undeploy(&self, load_balancer_id: &str) -> Result<(), DriverError> {
        self.at_each_call(Method::Undeploy)?;
        match self.device.get(load_balancer_id)? {
            Some(stored) => drop(self.asked_by_name(Method::Undeploy, &stored.load_balancer)?),
            None if self.config.has(Fault::UndeployOfAbsentFails) => {
                return Err(DriverError::not_found("there is nothing to undeploy"));
            }
            None => return Ok(()),
        }
        if !self.config.has(Fault::UndeployKeeps) {
            self.device.remove(load_balancer_id)?;
            self.secrets.forget(load_balancer_id);
        }
        broken::leave_behind(&self.config, self.device.directory(), load_balancer_id)
    }

    fn hand_over(&self, load_balancer_id: &str) -> Result<UndeployReply, DriverError> {
        let stored = self.device.get(load_balancer_id)?;
        let left = match stored {
            Some(stored) if !self.config.quiet => self.left(load_balancer_id, &stored)?,
            Some(_) | None => UndeployReply::default(),
        };
        self.undeploy(load_balancer_id).map(|()| left)
    }

    fn observe(&self, load_balancer_ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        self.at_each_call(Method::Observe)?;
        let down = self.device.health()?;
        let observed = match load_balancer_ids {
            [] => self.device.all()?,
            named => named.iter().map(|id| Ok((id.clone(), self.named(id)?))).collect::<Result<_, DriverError>>()?,
        };
        observed
            .into_iter()
            .map(|(id, stored)| {
                self.asked_by_name(Method::Observe, &stored.load_balancer)?;
                Ok(self.observation(id, &stored, &down))
            })
            .collect()
    }

    fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        self.at_each_call(Method::Deployed)?;
        let mut deployed = Vec::new();
        for (id, stored) in self.device.all()? {
            let Stored { load_balancer, generation } = stored;
            let said = |load_balancer_id, generation| Deployed { load_balancer_id, generation };
            match self.asked_by_name(Method::Deployed, &load_balancer)? {
                Some(Act::Hidden) => continue,
                Some(Act::Stale) => deployed.push(said(id, generation.saturating_sub(1))),
                Some(Act::Phantom) => deployed.extend([said(format!("phantom-{id}"), 1), said(id, generation)]),
                _ => deployed.push(said(id, generation)),
            }
        }
        self.lie(&mut deployed);
        Ok(deployed)
    }

    fn preview(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Preview, DriverError> {
        self.at_each_call(Method::Preview)?;
        self.asked_by_name(Method::Preview, load_balancer)?;
        if self.config.has(Fault::PreviewDeploys) {
            self.device.put(load_balancer, generation)?;
        }
        Ok(self.foreseen(load_balancer, generation, self.device.get(&load_balancer.id)?.as_ref()))
    }

    fn shutdown(&self) -> Result<(), DriverError> {
        self.at_each_call(Method::Shutdown)?;
        self.device.say_goodbye()
    }
}

impl FaultDriver {
    /// What the configuration or the device's directory asks for at every call of a method.
    fn at_each_call(&self, method: Method) -> Result<(), DriverError> {
        broken::leak(&self.config);
        let calls = self.device.calls()?;
        let text = calls.get(&method).map(String::as_str).or_else(|| self.config.call(method));
        match text.and_then(Command::read) {
            Some(command) => command.act.commit(),
            None => Ok(()),
        }
    }

    /// What the load balancer's name asks for in this method.
    fn asked_by_name(&self, method: Method, load_balancer: &LoadBalancer) -> Result<Option<Act>, DriverError> {
        let Some(command) = Command::read(&load_balancer.name).filter(|command| command.method == method) else {
            return Ok(None);
        };
        if command.once && !self.device.first_time(method, &load_balancer.id)? {
            return Ok(None);
        }
        command.act.commit()?;
        Ok(Some(command.act))
    }

    /// What is to be known elsewhere of what is taken away.
    fn left(&self, id: &str, stored: &Stored) -> Result<UndeployReply, DriverError> {
        let seen = self.observation(id.to_owned(), stored, &self.device.health()?);
        let forgets = self.config.has(Fault::HandoverForgetsCounters);
        let statistics = if forgets { Some(Statistics::default()) } else { seen.statistics };
        Ok(UndeployReply { statistics, handover: HANDOVER.to_vec(), pools: seen.pools, ..UndeployReply::default() })
    }

    fn named(&self, id: &str) -> Result<Stored, DriverError> {
        match self.device.get(id)? {
            Some(stored) => Ok(stored),
            None if self.config.has(Fault::ObserveOfAbsentAnswers) => {
                Ok(Stored { load_balancer: LoadBalancer::default(), generation: 0 })
            }
            None if self.config.has(Fault::ObserveOfAbsentOtherCode) => {
                Err(DriverError::internal(format!("load balancer {id} is not deployed")))
            }
            None => Err(DriverError::not_found(format!("load balancer {id} is not deployed"))),
        }
    }

    fn lie(&self, deployed: &mut Vec<Deployed>) {
        if self.config.has(Fault::DeployedHides) {
            deployed.clear();
        }
        if self.config.has(Fault::DeployedFromMemory) {
            let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            deployed.retain(|one| remembered.contains(&one.load_balancer_id));
        }
        if self.config.has(Fault::DeployedOtherGeneration) {
            deployed.iter_mut().for_each(|one| one.generation += 1);
        }
        if self.config.has(Fault::DeployedInvents) {
            deployed.push(Deployed { load_balancer_id: "phantom".to_owned(), generation: 1 });
        }
    }
}

fn options(configured: &BTreeMap<String, String>) -> Vec<DriverOption> {
    let option =
        |(name, description): (&String, &String)| DriverOption { name: name.clone(), description: description.clone() };
    configured.iter().map(option).collect()
}

fn object_fault(load_balancer: &LoadBalancer) -> Option<ObjectFault> {
    let listener = load_balancer.listeners.first()?;
    Some(ObjectFault {
        object_id: listener.id.clone(),
        fault: Some(proto::Fault {
            code: ErrorCode::UNSUPPORTED.0,
            retryable: false,
            message: "the listener was refused: asked for by name".into(),
            ..proto::Fault::default()
        }),
    })
}

/// What the name of a listener, a pool or a policy asks for: that it fails a deploy, as the one cause.
fn refused(load_balancer: &LoadBalancer) -> Result<(), DriverError> {
    let listeners = load_balancer.listeners.iter().map(|one| (&one.id, &one.name));
    let pools = load_balancer.pools.iter().map(|one| (&one.id, &one.name));
    let policies = load_balancer.listeners.iter().flat_map(|one| &one.policies).map(|one| (&one.id, &one.name));
    for (id, name) in listeners.chain(pools).chain(policies) {
        if let Some(Command { act: act @ Act::Fail(_), method: Method::Deploy, .. }) = Command::read(name) {
            act.commit().map_err(|error| error.because_of(id))?;
        }
    }
    Ok(())
}

export_driver!(FaultDriver);
