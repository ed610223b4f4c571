//! The agent: runs drivers, and makes what they run equal to what the scheduler desires.
//!
//! ```text
//! session  <-> scheduler: one stream, dialled from here
//!    |                         ^ uplink: outcomes, health, statistics
//! workers, one per load balancer, each with the newest goal  <-> ledger on disk
//!    |              ^ resync, observe: what drivers say
//! drivers -> one driver-host process per driver
//! ```
//!
//! It never decides where a load balancer lives, and never ends one because it ends itself: what is deployed runs on
//! without the agent, and comes back from the ledger without a scheduler.

pub mod driver_host;
pub mod drivers;
mod host;
mod lease;
mod ledger;
mod metrics;
mod observe;
mod pace;
mod resync;
mod secrets;
mod session;
mod uplink;
pub mod warden;
mod workers;

use std::{
    error::Error,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ballast_metrics::Gauge;
use ballast_service::{
    chance::Chance,
    clock::Clock,
    config::{self, Settings},
    folder::make_passable,
    metrics::{Component, Endpoint, serve as serve_metrics},
    process::Failure,
    supervisor, tls,
};
use drivers::{DriverSet, DriverSettings};
use ledger::Ledger;
use metrics::{Shown, Sources, traffic::Traffic};
use secrets::Secrets;
use session::{Identity, Session};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use uplink::Uplink;
use uuid::Uuid;
use warden::client::{self, Warden};
use workers::{Foundations, Workers};

/// How long calls of drivers may go on after the agent has been told to stop.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the lock of an agent that was killed may live on, in a child that it had forked and that was not yet another
/// program.
const REMAINDER: Duration = Duration::from_secs(2);

/// Runs the agent until `shutdown`.
///
/// # Errors
/// When the state directory or the drivers directory cannot be used, or the machine has no name. A driver that fails is
/// no failure of the agent.
pub async fn run(settings: Settings, chance: Chance, shutdown: CancellationToken) -> Result<(), Failure> {
    let host = name_of_host(&settings.agent.host)?;
    let tls = tls::client_if_set(&settings.tls).map_err(Failure::Config)?;
    let _alone = claim(&settings.agent.state_dir).await?;
    let endpoint = Endpoint::bind(&settings, Component::Agent).await?;
    let (ledger, contents) = open_ledger(&settings.agent.state_dir)?;
    tracing::info!(host, load_balancers = contents.entries.len(), cluster = contents.cluster, "the agent starts");
    let drivers = start_drivers(&settings, &host, &chance).await?;
    let (uplink, (warden, orders), place) = (Uplink::new(), Warden::new(), warden_of(&settings, &drivers));
    let (traffic, ports) = (Traffic::new(settings.metrics.load_balancers), Gauge::default());
    let foundations = Foundations {
        drivers: Arc::clone(&drivers),
        ledger: ledger.clone(),
        uplink: uplink.clone(),
        warden: warden.clone(),
        host: host.clone(),
        secrets: open_secrets(&settings.agent, &contents)?,
        chance: chance.clone(),
        parallelism: settings.agent.parallelism,
    };
    let workers = Workers::start(foundations, contents);
    let told = Sources {
        drivers: Arc::clone(&drivers),
        ledger,
        workers: workers.clone(),
        uplink: uplink.clone(),
        traffic: traffic.clone(),
        bridge_ports: ports.clone(),
        conflicts: warden.counted.clone(),
    };
    let session = Session {
        identity: Identity { host, instance_id: chance.id::<Uuid>().to_string(), zone: settings.agent.zone.clone() },
        drivers: Arc::clone(&drivers),
        workers: workers.clone(),
        uplink: uplink.clone(),
        lease: warden.lease.clone(),
        foresight: session::Foresight::new(Arc::clone(&drivers), uplink.clone()),
        schedulers: session::Schedulers::remembered(settings.agent.schedulers, &settings.agent.state_dir),
        tls,
        chance,
        stop: shutdown.clone(),
    };
    let lost = Arc::new(Notify::new());
    let ends = observe::Ends::new(&drivers, &workers, uplink, &lost, traffic);
    supervisor::ready();
    tokio::join!(
        Box::pin(session.keep()),
        resync::run(Arc::clone(&drivers), workers.clone(), lost, shutdown.clone()),
        observe::run(ends, shutdown.clone()),
        Box::pin(client::keep(place, warden, orders, workers.clone(), shutdown.clone())),
        host::watch(Arc::clone(&drivers), ports, shutdown.clone()),
        tell(endpoint, told, shutdown.clone()),
        rescan_on_hangup(Arc::clone(&drivers), settings.source, shutdown.clone()),
        shutdown.run_until_cancelled(drivers.rescan_when_changed()),
    );
    tracing::info!("the agent stops; what is deployed runs on");
    workers.stop(PATIENCE).await;
    drivers.shutdown().await;
    Ok(())
}

fn warden_of(settings: &Settings, drivers: &DriverSet) -> client::Place {
    let state_dir = &settings.agent.state_dir;
    client::Place {
        program: drivers.program().to_owned(),
        // It works in another folder.
        state_dir: state_dir.canonicalize().unwrap_or_else(|_| state_dir.clone()),
        log: settings.log.clone(),
    }
}

fn open_ledger(state_dir: &Path) -> Result<(Ledger, ledger::Contents), Failure> {
    Ledger::open(state_dir).map_err(|error| Failure::run(format!("the ledger in {}", state_dir.display()), error))
}

/// Where secrets are kept; those of load balancers that the ledger does not know are forgotten.
fn open_secrets(agent: &config::Agent, contents: &ledger::Contents) -> Result<Secrets, Failure> {
    let folder = match agent.secrets_on_disk {
        true => agent.state_dir.join("secrets"),
        false => agent.secrets_tmpfs.clone(),
    };
    let name = folder.display().to_string();
    let known = contents.entries.iter().map(|entry| entry.load_balancer_id.as_str());
    let opened = Secrets::open(folder, !agent.secrets_on_disk).and_then(|secrets| {
        secrets.forget_others(known)?;
        Ok(secrets)
    });
    opened.map_err(|error| Failure::run(format!("the secrets in {name}"), error))
}

/// Serves metrics, if they are to be served.
async fn tell(endpoint: Option<Endpoint>, told: Sources, shutdown: CancellationToken) {
    if let Some(endpoint) = endpoint {
        serve_metrics(endpoint, Arc::new(Shown::new(told, &Clock::system())), shutdown).await;
    }
}

async fn start_drivers(settings: &Settings, host: &str, chance: &Chance) -> Result<Arc<DriverSet>, Failure> {
    let agent = &settings.agent;
    let mut of_drivers = DriverSettings::new(agent.drivers_dir.clone(), agent.state_dir.clone(), host.to_owned());
    of_drivers.configs = settings.drivers.clone().into_iter().collect();
    of_drivers.deadlines = (&settings.driver_host).into();
    of_drivers.limits = (&settings.driver_host).into();
    of_drivers.chance = chance.clone();
    of_drivers.grants = settings.driver_host.grants.clone();
    let set = DriverSet::start(of_drivers).await.map_err(|error| match error.source() {
        Some(source) => Failure::run(&error, source),
        None => Failure::run("drivers", &error),
    })?;
    Ok(Arc::new(set))
}

/// SIGHUP: the drivers' sections of the configuration are read again, and the drivers directory is looked at again.
async fn rescan_on_hangup(drivers: Arc<DriverSet>, source: Option<PathBuf>, shutdown: CancellationToken) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => return tracing::warn!("SIGHUP cannot be watched for: {error}"),
    };
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(()) = hangup.recv() => {}
        }
        tracing::info!("SIGHUP: looking at the drivers and their configuration again");
        match config::load(source.as_deref()).and_then(|settings| settings.check().map(|()| settings)) {
            Ok(settings) => drivers.configure(settings.drivers.into_iter().collect()).await,
            Err(reason) => tracing::error!("the configuration stays as it was: {reason}"),
        }
        if let Err(error) = drivers.rescan().await {
            let source = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::error!("{error}: {source}; the drivers stay as they are");
        }
    }
}

fn name_of_host(configured: &str) -> Result<String, Failure> {
    if !configured.is_empty() {
        return Ok(configured.to_owned());
    }
    let name = nix::unistd::gethostname().map_err(|error| Failure::run("the machine's name", error))?;
    match name.into_string() {
        Ok(name) if !name.is_empty() => Ok(name),
        _ => {
            Err(Failure::Config("agent.host is empty, and the machine has no name that could stand for it".to_owned()))
        }
    }
}

/// Makes the state directory, and keeps a second agent out of it.
async fn claim(state_dir: &Path) -> Result<File, Failure> {
    let refuse = |why: &dyn std::fmt::Display| Failure::run(format!("agent.state_dir = {}", state_dir.display()), why);
    // haproxy runs as another user, and passes through to its own files.
    make_passable(state_dir).map_err(|error| refuse(&error))?;
    let lock = File::create(state_dir.join("lock")).map_err(|error| refuse(&error))?;
    let deadline = Instant::now() + REMAINDER;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => time::sleep(Duration::from_millis(20)).await,
            Err(TryLockError::WouldBlock) => {
                return Err(refuse(&"another agent uses it: give each agent a directory of its own"));
            }
            Err(TryLockError::Error(error)) => return Err(refuse(&error)),
        }
    }
}
