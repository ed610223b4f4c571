//! The contract between Ballast and its drivers, and the reference for who writes one.
//!
//! A driver is one `.so` (`crate-type = ["cdylib"]`) that implements [`Driver`] and is exported with
//! [`export_driver!`]. An agent finds it in its drivers directory and runs it in a process of its own. What the two say
//! to each other are the messages of [`proto`] (`lbaas.driver.v1`); their wire form, and the few frozen types under
//! them ([`ffi`]), are the macro's business and not the driver's.
//!
//! # What a driver can rely on
//!
//! - A panic becomes the error PANIC, and the next call comes as if nothing had been. A crash ends this driver's process
//!   only; it is started again, and what is deployed is compared with [`Driver::deployed`].
//! - No load balancer arrives that uses a feature which [`Driver::capabilities`] did not declare, nor one with an id
//!   that is not safe in a file name, nor an enum value that this version does not know.
//! - `tracing` events reach the agent's log, with the load balancer's id.
//! - A newer agent accepts it as long as the ABI's major stays, and an older one too; see [`ffi`].
//! - What it does not have is not missed: [`Driver::preview`], [`Driver::hand_over`], [`Driver::take_over`], and
//!   [`Driver::take_secrets`] where it does no TLS, may be left out.
//! - Before its process is ended it is told so, if it is in a state to listen: [`Driver::shutdown`].
//!
//! # What is asked of a driver
//!
//! - `deploy` twice is as good as once, `undeploy` of what is absent is `Ok`, counters never go back.
//! - [`Driver::deployed`] reads the device. Memory is gone whenever the process is.
//! - It writes to [`Context::state_dir`] and nowhere else on the host's disks.
//! - A process that is to outlive the driver, such as a proxy, gets a session of its own (`setsid`), keeps none of the
//!   driver's open files, and is let out of the driver's control group by [`groups::release`] when it has become what it stays.
//! - Calls take less than the agent's deadlines (a minute to deploy, ten seconds to observe): who takes longer is ended.
//!
//! # A whole driver
//!
//! ```
//! use std::{fs, io, path::PathBuf};
//!
//! use ballast_abi::{
//!     Capabilities, Context, Deployed, Driver, DriverError, LoadBalancer, ObjectFault, Observation, export_driver,
//!     features,
//! };
//!
//! /// The section `[drivers.notebook]` of the agent's configuration.
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     #[serde(default)]
//!     max_members: u32,
//! }
//!
//! /// "Deploys" by writing down the generation.
//! struct Notebook {
//!     directory: PathBuf,
//!     max_members: u32,
//! }
//!
//! impl Driver for Notebook {
//!     const NAME: &'static str = "notebook";
//!     const VERSION: &'static str = "0.1.0"; // in a crate: env!("CARGO_PKG_VERSION")
//!     type Config = Config;
//!
//!     fn new(context: Context<Config>) -> Result<Self, DriverError> {
//!         Ok(Self { directory: context.state_dir, max_members: context.config.max_members })
//!     }
//!
//!     fn capabilities(&self) -> Capabilities {
//!         let features = features::capabilities([features::PROTOCOL_TCP, features::LB_METHOD_ROUND_ROBIN]);
//!         Capabilities { max_members: self.max_members, ..features }
//!     }
//!
//!     fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError> {
//!         tracing::info!(listeners = load_balancer.listeners.len(), "writing");
//!         let page = self.directory.join(&load_balancer.id);
//!         let unfinished = page.with_extension("new");
//!         fs::write(&unfinished, generation.to_string()).and_then(|()| fs::rename(unfinished, page)).map_err(unavailable)?;
//!         Ok(Vec::new())
//!     }
//!
//!     fn undeploy(&self, load_balancer_id: &str) -> Result<(), DriverError> {
//!         match fs::remove_file(self.directory.join(load_balancer_id)) {
//!             Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unavailable(error)),
//!             _ => Ok(()),
//!         }
//!     }
//!
//!     fn observe(&self, load_balancer_ids: &[String]) -> Result<Vec<Observation>, DriverError> {
//!         let deployed: Vec<String> = self.deployed()?.into_iter().map(|page| page.load_balancer_id).collect();
//!         if let Some(id) = load_balancer_ids.iter().find(|id| !deployed.contains(id)) {
//!             return Err(DriverError::not_found(format!("load balancer {id} is not deployed")));
//!         }
//!         let asked = if load_balancer_ids.is_empty() { deployed } else { load_balancer_ids.to_vec() };
//!         Ok(asked.into_iter().map(|id| Observation { load_balancer_id: id, ..Observation::default() }).collect())
//!     }
//!
//!     fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
//!         let mut deployed = Vec::new();
//!         for entry in fs::read_dir(&self.directory).map_err(unavailable)? {
//!             let load_balancer_id = entry.map_err(unavailable)?.file_name().to_string_lossy().into_owned();
//!             if load_balancer_id.ends_with(".new") {
//!                 continue; // a deploy that did not end
//!             }
//!             let page = fs::read_to_string(self.directory.join(&load_balancer_id)).map_err(unavailable)?;
//!             deployed.push(Deployed { load_balancer_id, generation: page.parse().unwrap_or(0) });
//!         }
//!         Ok(deployed)
//!     }
//! }
//!
//! fn unavailable(error: io::Error) -> DriverError {
//!     DriverError::unavailable("the notebook cannot be used").with_detail(error.to_string())
//! }
//!
//! export_driver!(Notebook);
//! # fn main() {}
//! ```
//!
//! The feature `host` adds the module `host`, the agent's side, and `conformance` the suite that
//! `ballast driver check` runs. A driver needs neither.

pub mod c;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod driver;
pub mod error;
#[doc(hidden)]
pub mod export;
pub mod features;
pub mod ffi;
mod forward;
pub mod groups;
#[cfg(feature = "host")]
pub mod host;
pub mod loops;
pub mod networks;
pub mod note;
mod rehearsal;
pub mod secrets;
mod side;
pub mod steps;

/// What the fields of a load balancer may be: the table by which the API takes them.
pub use ballast_limits as limits;
pub use ballast_proto::driver as proto;
pub use driver::{Context, Driver, LONGEST_HANDOVER};
pub use error::{DriverError, ErrorCode};
#[doc(no_inline)]
pub use proto::{
    Capabilities, CheckAnswer, ClientAuthentication, Connections, DeployReply, Deployed, DriverOption, Effect, Fault,
    Health, HealthMonitor, Hsts, HttpAnswer, InsertHeaders, KnownHealth, L7Action, L7CompareType, L7Policy, L7Rule,
    L7RuleType, LbMethod, Listener, ListenerObservation, ListenerTls, LoadBalancer, Member, MemberHealth,
    MemberStatistics, MonitorType, Network, ObjectFault, Observation, PersistenceType, Pool, PoolStatistics, PoolTls,
    Preview, Protocol, Route, Secret, SecretContent, SessionPersistence, Side, Statistics, Timeouts, UndeployReply,
    Vip,
};
