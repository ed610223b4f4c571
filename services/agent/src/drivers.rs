//! Drivers as the rest of the agent sees them: named, supervised, called with deadlines.
//!
//! Each file of the drivers directory gets a driver-host process ([`crate::driver_host`]). [`DriverSet`] starts them,
//! starts them again when they end, and says how they are; [`DriverClient`] calls one. Nothing of a driver runs in the
//! agent's own process, and ending a driver-host never touches what its driver has deployed.
//!
//! ```text
//! let drivers = DriverSet::start(DriverSettings::new(drivers_dir, state_dir, agent_id)).await?;
//! let mut changes = drivers.watch();       // ticks when a driver's state changes, also at each restart
//! let driver = drivers.driver("haproxy-ns").ok_or(..)?;
//! driver.deploy(load_balancer, generation).await
//! ```
//!
//! Who calls must re-sync at each tick: the outcome of a call that a restart interrupted is unknown, and
//! [`DriverClient::deployed`] settles it. [`DriverSet::starts`] tells which drivers have been started anew.

mod board;
mod client;
mod copy;
mod files;
mod fitted;
mod grant;
mod log;
mod memory;
mod metrics;
mod named;
mod notice;
mod process;
mod record;
mod set;
mod steps;
mod supervise;
mod unknown;
mod user;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    time::Duration,
};

use ballast_service::{
    chance::Chance,
    config::{DriverHost, Grant},
};

use crate::driver_host::confine::Confinement;
pub use client::DriverClient;
pub(crate) use client::is_broken;
pub use files::DriversDirError;
pub use set::DriverSet;

/// What a [`DriverSet`] is made with.
#[derive(Clone, Debug)]
pub struct DriverSettings {
    /// Where the `*.so` files lie.
    pub drivers_dir: PathBuf,
    /// The agent's own directory: what a driver writes goes to `driver-state/<name>/`.
    pub state_dir: PathBuf,
    /// The name of the agent's host.
    pub agent_id: String,
    /// Each driver's section of the configuration, by the driver's name. Absent: empty.
    pub configs: HashMap<String, serde_json::Value>,
    /// The program that is run as driver-host.
    pub program: PathBuf,
    /// How long calls may take.
    pub deadlines: Deadlines,
    /// What a process may use.
    pub limits: Limits,
    /// What a driver's process may do, by the driver's name. Absent: what its note asks for.
    pub grants: BTreeMap<String, Grant>,
    /// Spreads what is tried again.
    pub chance: Chance,
}

impl DriverSettings {
    /// Drivers without configuration, run by this very binary, also when its file has been replaced since.
    #[must_use]
    pub fn new(drivers_dir: PathBuf, state_dir: PathBuf, agent_id: String) -> Self {
        Self {
            drivers_dir,
            state_dir,
            agent_id,
            configs: HashMap::new(),
            program: PathBuf::from("/proc/self/exe"),
            deadlines: Deadlines::from(&DriverHost::default()),
            limits: Limits::from(&DriverHost::default()),
            grants: BTreeMap::new(),
            chance: Chance::system(),
        }
    }
}

/// How long a driver may take. A call cannot be cancelled inside a driver, so one that takes longer costs the process.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// From the start of the process until the driver is ready.
    pub start: Duration,
    pub deploy: Duration,
    pub undeploy: Duration,
    pub observe: Duration,
    pub deployed: Duration,
    /// From SIGTERM to SIGKILL.
    pub grace: Duration,
}

/// What a driver-host may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files that it may have open.
    pub open_files: u64,
    /// MiB that it may have resident.
    pub memory_mb: Option<u64>,
    /// Whether a crash leaves a core file.
    pub core_dumps: bool,
    /// Whether programs that it runs may gain privileges by their file.
    pub new_privileges: bool,
}

impl Limits {
    /// What the process sees to itself.
    fn confinement(&self) -> Confinement {
        Confinement { open_files: self.open_files, core_dumps: self.core_dumps, new_privileges: self.new_privileges }
    }
}

impl Deadlines {
    /// How long a process that is to be replaced may still be at work, and then end.
    fn takeover(&self) -> Duration {
        self.deploy.max(self.undeploy).max(self.observe).max(self.deployed) + self.grace
    }
}

impl From<&DriverHost> for Deadlines {
    fn from(configured: &DriverHost) -> Self {
        let time = |milliseconds: u32| Duration::from_millis(milliseconds.into());
        Self {
            start: time(configured.start_timeout_ms),
            deploy: time(configured.deploy_timeout_ms),
            undeploy: time(configured.undeploy_timeout_ms),
            observe: time(configured.observe_timeout_ms),
            deployed: time(configured.deployed_timeout_ms),
            grace: time(configured.stop_timeout_ms),
        }
    }
}

impl From<&DriverHost> for Limits {
    fn from(configured: &DriverHost) -> Self {
        Self {
            open_files: configured.open_files.into(),
            memory_mb: Some(configured.memory_mb.into()).filter(|limit| *limit > 0),
            core_dumps: configured.core_dumps,
            new_privileges: configured.new_privileges,
        }
    }
}
