//! One worker for each load balancer: it makes what a driver runs equal to what is desired.
//!
//! A worker's mailbox holds one goal, the newest. What it does next is decided by [`plan`] from its [`state`]; only
//! [`worker`] calls drivers. How many workers call one driver at once is bounded. Workers know nothing of sessions:
//! what they report goes to the uplink, and is asked for again when there was none.

pub(crate) mod incoming;
mod observed;
pub(crate) mod order;
mod permits;
mod plan;
mod secrets;
pub(crate) mod state;
pub(crate) mod sweep;
#[cfg(test)]
mod tests;
mod watched;
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use ballast_proto::agent::Deployed;
use ballast_service::chance::Chance;
use order::Goal;
use permits::Permits;
use state::{Availability, Moment, State};
use sweep::{Claim, Standing};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use worker::Worker;

use crate::{
    drivers::DriverSet,
    ledger::{Contents, Ledger},
    secrets::Secrets,
    uplink::Uplink,
    warden::client::Warden,
};

/// What the workers stand on.
pub(crate) struct Foundations {
    pub(crate) drivers: Arc<DriverSet>,
    pub(crate) ledger: Ledger,
    pub(crate) uplink: Uplink,
    pub(crate) warden: Warden,
    /// The agent's name.
    pub(crate) host: String,
    pub(crate) secrets: Secrets,
    pub(crate) chance: Chance,
    /// How many load balancers of one driver are worked on at once.
    pub(crate) parallelism: usize,
}

/// All workers. Clones share them.
#[derive(Clone)]
pub(crate) struct Workers(Arc<Inner>);

struct Inner {
    on: Foundations,
    registry: Mutex<Registry>,
    /// Locked after `registry` and after a worker's state, never before.
    /// Nothing until the drivers have been looked at for the first time.
    availability: RwLock<Option<HashMap<String, Availability>>>,
    permits: Permits,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Registry {
    workers: HashMap<String, Arc<Worker>>,
    /// By driver: what it has and nobody desires.
    orphans: BTreeMap<String, BTreeSet<String>>,
    unclaimed: BTreeSet<String>,
    claim: Claim,
    /// Of the open session, once its snapshot is complete.
    complete: Option<Standing>,
    /// What the first complete snapshot of this process means is noted.
    settled: bool,
    /// When it was last noted how much the database knows.
    learnt_at: Option<Instant>,
    /// When a load balancer was last forgotten: what drivers said before that may still name it.
    forgotten_at: Option<Instant>,
}

impl Workers {
    /// Workers for everything in the ledger; each begins when its driver is ready.
    pub(crate) fn start(on: Foundations, contents: Contents) -> Self {
        let permits = Permits::new(on.parallelism);
        let workers = Self(Arc::new(Inner {
            on,
            registry: Mutex::default(),
            availability: RwLock::default(),
            permits,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        let mut registry = workers.registry();
        let renamed = contents.host.is_some_and(|host| host != workers.0.on.host);
        registry.claim = Claim::remembered(contents.cluster, contents.position, renamed);
        registry.unclaimed = contents.unclaimed;
        for state in contents.entries.into_iter().filter_map(State::from_entry) {
            workers.spawn(&mut registry, state);
        }
        drop(registry);
        workers
    }

    /// The cluster that the ledger belongs to.
    pub(crate) fn cluster(&self) -> Option<String> {
        self.registry().claim.cluster.clone()
    }

    /// What this agent has deployed, for the scheduler.
    pub(crate) fn deployed(&self) -> Vec<Deployed> {
        let registry = self.registry();
        let told = registry.workers.values().filter_map(|worker| {
            let state = worker.state();
            let settled = state.settled()?;
            let epoch = match state.goal() {
                Goal::Run(order) => order.epoch,
                Goal::Gone { epochs, .. } => epochs.last().copied().unwrap_or_default(),
            };
            Some(Deployed {
                load_balancer_id: worker.id.clone(),
                driver: settled.driver.clone(),
                epoch,
                generation: settled.generation,
            })
        });
        told.collect()
    }

    /// How many load balancers are desired here.
    pub(crate) fn count(&self) -> usize {
        self.registry().workers.values().filter(|worker| matches!(worker.state().goal(), Goal::Run(_))).count()
    }

    /// What goes on running here though the scheduler does not name it: what is noted as unclaimed, and to a scheduler of another
    /// cluster all that it has not ordered itself.
    pub(crate) fn unclaimed(&self) -> BTreeSet<String> {
        let registry = self.registry();
        let mut all = registry.unclaimed.clone();
        if registry.complete == Some(Standing::Foreign) {
            let is_unnamed = |worker: &Arc<Worker>| {
                let state = worker.state();
                matches!(state.goal(), Goal::Run(_)) && !state.is_spoken_of()
            };
            let unnamed = registry.workers.iter().filter(|(_, worker)| is_unnamed(worker)).map(|(id, _)| id);
            let orphans = registry.orphans.values().flatten().filter(|id| !registry.workers.contains_key(*id));
            all.extend(unnamed.chain(orphans).cloned());
        }
        all
    }

    /// Epoch and generation of each load balancer that is desired and runs: what observations are told by.
    pub(crate) fn running(&self, asked: Instant) -> HashMap<String, (u64, u64)> {
        let registry = self.registry();
        let told = registry.workers.values().filter_map(|worker| {
            let tag = worker.state().running(asked)?;
            Some((worker.id.clone(), tag))
        });
        told.collect()
    }

    /// What is desired of a load balancer.
    pub(crate) fn order_of(&self, id: &str) -> Option<Arc<order::Order>> {
        match self.registry().workers.get(id)?.state().goal() {
            Goal::Run(order) => Some(Arc::clone(order)),
            Goal::Gone { .. } => None,
        }
    }

    /// Whether nobody can have been given what is desired here: the lease lasts. Once a snapshot is complete, it has named what
    /// that is of.
    fn is_confirmed(&self) -> bool {
        self.0.on.warden.lease.is_valid() && self.registry().complete.is_none()
    }

    /// Lets calls in flight end, for at most `patience`; what is deployed stays deployed.
    pub(crate) async fn stop(&self, patience: Duration) {
        self.0.stop.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(patience, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("calls of drivers did not end in {patience:?}; they are settled at the next start");
        }
    }

    fn spawn(&self, registry: &mut Registry, state: State) -> Arc<Worker> {
        let worker = Arc::new(Worker::new(state));
        registry.workers.insert(worker.id.clone(), Arc::clone(&worker));
        self.0.tasks.spawn(worker::run(self.clone(), Arc::clone(&worker)));
        worker
    }

    fn availability(&self, driver: &str) -> Availability {
        let known = self.0.availability.read().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some(known) => known.get(driver).copied().unwrap_or(Availability::Missing),
            None => Availability::Starting,
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, and a number by chance: the one place where workers get them from.
    fn moment(&self) -> Moment {
        Moment { now: Instant::now(), chance: self.0.on.chance.fraction() }
    }

    /// Runs a write of the ledger off the runtime's threads. A ledger that cannot be written costs what it is for, a
    /// restart without a scheduler, and not the load balancer.
    async fn record(&self, write: impl FnOnce(&Ledger) -> std::io::Result<()> + Send + 'static) {
        let ledger = self.0.on.ledger.clone();
        match tokio::task::spawn_blocking(move || write(&ledger)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("the ledger cannot be written: {error}; free the disk under state_dir"),
            Err(error) => tracing::error!("the ledger could not be written: {error}"),
        }
    }
}
