//! A driver that keeps load balancers in files and touches no network: what tests of the agent and of the scheduler
//! load in place of a device.
//!
//! The "device" is its state directory: one file per load balancer, renamed into place, so that it survives the
//! process as a device would. A load balancer's **name** tells it to misbehave: see [`command::Command`]. Members are UP
//! unless their address ends in `.250` or `health.json` says otherwise.

mod command;
mod device;

use std::{
    collections::HashMap,
    fs, process,
    sync::{Mutex, PoisonError},
    thread,
};

use ballast_abi::{
    Capabilities, Context, Deployed, Driver, DriverError, ErrorCode, Fault, Health, LoadBalancer, MemberHealth,
    ObjectFault, Observation, Statistics, export_driver, features,
};
use serde::Deserialize;

use command::Command;
use device::Device;

/// The section `[drivers.fake]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// Declared in the capabilities; absent: all of v1.
    features: Option<Vec<String>>,
    max_load_balancers: u32,
    max_members: u32,
    /// `new` answers UNAVAILABLE with this text, as a driver does whose device is away.
    fail_start: Option<String>,
    /// `new` answers INVALID_CONFIG with this text.
    refuse_start: Option<String>,
    /// `new` ends the process.
    abort_start: bool,
}

struct Fake {
    config: Config,
    device: Device,
    /// Calls of `observe` by load balancer: what its counters grow by.
    observed: Mutex<HashMap<String, u64>>,
}

impl Driver for Fake {
    const NAME: &'static str = "fake";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;

    fn new(context: Context<Config>) -> Result<Self, DriverError> {
        let Context { agent_id, config, state_dir } = context;
        if let Some(text) = &config.refuse_start {
            return Err(DriverError::invalid_config(text));
        }
        if let Some(text) = &config.fail_start {
            return Err(DriverError::unavailable(text));
        }
        if config.abort_start {
            process::abort();
        }
        fs::write(state_dir.join("pid"), process::id().to_string()).map_err(|error| {
            DriverError::unavailable("the state directory cannot be written").with_detail(error.to_string())
        })?;
        tracing::info!(agent = agent_id, "fake driver started");
        Ok(Self { config, device: Device::new(state_dir), observed: Mutex::default() })
    }

    fn capabilities(&self) -> Capabilities {
        let features = match &self.config.features {
            Some(features) => features.clone(),
            None => features::ALL_V1.map(str::to_owned).to_vec(),
        };
        Capabilities {
            features,
            max_load_balancers: self.config.max_load_balancers,
            max_members: self.config.max_members,
        }
    }

    fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError> {
        let mut faults = Vec::new();
        match Command::in_name(&load_balancer.name) {
            Command::Succeed => {}
            Command::Fail(text) => return Err(DriverError::internal(text).with_detail("asked for by name")),
            Command::Busy(text) => return Err(DriverError::busy(text)),
            Command::Unsupported => return Err(DriverError::unsupported("asked for by name")),
            Command::Panic => panic!("asked for by name"),
            Command::Abort => process::abort(),
            Command::Slow(time) => thread::sleep(time),
            Command::ObjectFault => faults.extend(object_fault(load_balancer)),
        }
        self.device.put(load_balancer, generation)?;
        tracing::info!(members = load_balancer.pools.iter().map(|pool| pool.members.len()).sum::<usize>(), "deployed");
        Ok(faults)
    }

    fn undeploy(&self, load_balancer_id: &str) -> Result<(), DriverError> {
        self.device.remove(load_balancer_id)
    }

    fn observe(&self, load_balancer_ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        let ids = match load_balancer_ids {
            [] => self.device.ids()?,
            named => named.to_vec(),
        };
        let down = self.device.health()?;
        ids.iter().map(|id| Ok(self.observation(&self.device.get(id)?.load_balancer, &down))).collect()
    }

    fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        let ids = self.device.ids()?;
        ids.into_iter()
            .map(|id| Ok(Deployed { generation: self.device.get(&id)?.generation, load_balancer_id: id }))
            .collect()
    }
}

impl Fake {
    fn observation(&self, load_balancer: &LoadBalancer, said: &HashMap<String, bool>) -> Observation {
        let calls = {
            let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
            let calls = observed.entry(load_balancer.id.clone()).or_default();
            *calls += 1;
            *calls
        };
        let members = load_balancer.pools.iter().flat_map(|pool| {
            pool.members.iter().map(|member| {
                let up = said.get(&member.id).copied().unwrap_or(!member.address.ends_with(".250"));
                MemberHealth {
                    pool_id: pool.id.clone(),
                    member_id: member.id.clone(),
                    health: if up { Health::Up } else { Health::Down }.into(),
                }
            })
        });
        Observation {
            load_balancer_id: load_balancer.id.clone(),
            statistics: Some(Statistics {
                bytes_in: calls * 1000,
                bytes_out: calls * 2000,
                active_connections: calls % 3,
                total_connections: calls * 10,
            }),
            members: members.collect(),
        }
    }
}

fn object_fault(load_balancer: &LoadBalancer) -> Option<ObjectFault> {
    let listener = load_balancer.listeners.first()?;
    Some(ObjectFault {
        object_id: listener.id.clone(),
        fault: Some(Fault {
            code: ErrorCode::UNSUPPORTED.0,
            retryable: false,
            message: "the listener was refused: asked for by name".into(),
            detail: String::new(),
        }),
    })
}

export_driver!(Fake);
