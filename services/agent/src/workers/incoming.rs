//! What a session's scheduler asks for, on its way to the workers. Nothing here waits.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use ballast_proto::agent::{Desired, Remove};
use ballast_traces::Origin;
use tokio::time::Instant;

use super::{
    Registry, Workers,
    order::{Age, Goal, Order},
    state::{Availability, State},
    sweep::{self, Orphan, Standing},
};
use crate::ledger::Ledger;

/// How often what the database knows by now is noted.
const LEARNT: Duration = Duration::from_secs(10);

/// The cluster that a session is with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) cluster: String,
    pub(crate) standing: Standing,
    /// How much its database knew at the beginning; 0: it does not say.
    pub(crate) position: u64,
}

impl Workers {
    /// A session begins, with this cluster and a database that knows so much.
    pub(crate) async fn welcome(&self, cluster: String, position: u64) -> Authority {
        let (standing, write) = self.registry().claim.meet(&cluster, position);
        if write {
            let id = cluster.clone();
            self.record(move |ledger| ledger.write_cluster(&id)).await;
            tracing::info!(cluster, "the ledger belongs to this cluster from now on");
        }
        if standing == Standing::Foreign {
            tracing::warn!(
                cluster, of_ledger = self.cluster(), file = %self.0.on.ledger.cluster_file().display(),
                "the scheduler serves another cluster than this agent's ledger belongs to: what it desires is deployed, \
                 nothing is removed. If its database is the right one, stop the agent, write its cluster id into this \
                 file, and start the agent again"
            );
        }
        if standing == Standing::Doubtful {
            tracing::error!(
                cluster, position, file = %self.0.on.ledger.unclaimed_file().display(),
                "the scheduler's database knows less than it did, or this agent has another name than it had: what it \
                 desires is deployed, and nothing is removed because it does not name it. What it does not name is noted \
                 in this file, and serves on until it is named again or removed"
            );
        }
        Authority { cluster, standing, position }
    }

    /// How much the database knows by now.
    pub(crate) fn learn(&self, authority: &Authority, position: u64) {
        let mut registry = self.registry();
        // One that is doubted is believed once its snapshot is complete.
        if registry.complete.is_none() || !registry.claim.learn(&authority.cluster, position) {
            return;
        }
        let now = Instant::now();
        if registry.learnt_at.is_none_or(|last| now.saturating_duration_since(last) >= LEARNT) {
            registry.learnt_at = Some(now);
            self.note(move |ledger| ledger.write_position(position));
        }
    }

    fn note(&self, write: impl FnOnce(&Ledger) -> std::io::Result<()> + Send + 'static) {
        let workers = self.clone();
        self.0.tasks.spawn(async move { workers.record(write).await });
    }

    /// The session has ended: what it said about orphans does not hold any more, and what is to run here only as long as the
    /// lease lasts.
    pub(crate) fn farewell(&self) {
        let mut registry = self.registry();
        registry.complete = None;
        registry.workers.values().for_each(|worker| worker.state().spoken_of_no_more());
    }

    /// Returns the load balancer's id.
    pub(crate) fn desire(&self, authority: &Authority, desired: Desired) -> Option<String> {
        let contested = desired.contested;
        let election = desired.election.clone();
        if election.is_some() {
            self.0.on.warden.compare();
        }
        let Some(order) = Order::read(&authority.cluster, desired) else {
            tracing::error!("the scheduler sent a load balancer without an id; it is left out");
            return None;
        };
        let (id, epoch, generation) = (order.id().to_owned(), order.epoch, order.generation);
        let mut registry = self.registry();
        if let Some(worker) = registry.workers.get(&id) {
            let mut state = worker.state();
            match state.desire(order) {
                Age::Older => tracing::debug!(
                    load_balancer.id = %id, epoch, generation, "skipped: something newer is desired already"
                ),
                Age::Newer | Age::Again => {
                    state.spoken_of(contested);
                    state.elect(election);
                }
            }
            drop(state);
            worker.wake();
        } else {
            let mut state = State::new(&id, Goal::Run(std::sync::Arc::new(order)));
            state.spoken_of(contested);
            state.elect(election);
            for (driver, orphans) in &registry.orphans {
                if orphans.contains(&id) {
                    state.suspect(driver);
                }
            }
            self.spawn(&mut registry, state);
        }
        Some(id)
    }

    /// It is to be removed; it is confirmed when it is gone, also when it was not here.
    pub(crate) fn remove(&self, authority: &Authority, remove: Remove) {
        let id = remove.load_balancer_id;
        let mut registry = self.registry();
        let foreign = authority.standing == Standing::Foreign;
        let known = registry.workers.get(&id);
        let others = known.is_some_and(|worker| worker.state().goal().cluster() != authority.cluster)
            || (known.is_none() && registry.orphans.values().any(|orphans| orphans.contains(&id)));
        if foreign && others {
            tracing::warn!(load_balancer.id = %id, epoch = remove.epoch, "not removed: another cluster made it");
            return;
        }
        let origin = Origin::read(&remove.traceparent);
        if let Some(worker) = known {
            worker.leaves_because_of(origin);
        }
        self.send_away(&mut registry, &id, &authority.cluster, Some(remove.epoch));
    }

    /// The snapshot is complete: `named` is all that this agent is to run.
    pub(crate) fn snapshot_done(&self, authority: &Authority, named: &HashSet<String>) {
        let mut registry = self.registry();
        registry.complete = Some(authority.standing);
        let runs = |id: &String| matches!(registry.workers[id].state().goal(), Goal::Run(_));
        let unnamed = registry.workers.keys().filter(|id| !named.contains(*id) && runs(id));
        let mut unclaimed = registry.unclaimed.clone();
        unclaimed.retain(|id| !named.contains(id));
        for id in unnamed.cloned().collect::<Vec<_>>() {
            match sweep::unnamed(authority.standing, registry.unclaimed.contains(&id)) {
                Orphan::LeaveAlone => {}
                Orphan::Unclaim => {
                    tracing::error!(load_balancer.id = %id, "not named by a database that knows less than it did: it serves on");
                    unclaimed.insert(id);
                }
                Orphan::Remove => {
                    let epoch = match registry.workers[&id].state().goal() {
                        Goal::Run(order) => Some(order.epoch),
                        Goal::Gone { .. } => None,
                    };
                    tracing::info!(
                        load_balancer.id = %id, epoch, "not desired any more: the complete snapshot does not name it"
                    );
                    self.send_away(&mut registry, &id, &authority.cluster, epoch);
                }
            }
        }
        self.settle(&mut registry, authority, unclaimed);
        drop(registry);
        self.sweep_orphans();
    }

    /// Notes what was not named before anything else is believed of this database.
    fn settle(&self, registry: &mut Registry, authority: &Authority, unclaimed: BTreeSet<String>) {
        let told = std::mem::replace(&mut registry.unclaimed, unclaimed.clone()) != unclaimed;
        let (doubtful, position) = (authority.standing == Standing::Doubtful, authority.position);
        if doubtful {
            registry.claim.settle(position);
        }
        let before = std::mem::replace(&mut registry.settled, true);
        if authority.standing == Standing::Foreign || (before && !told && !doubtful) {
            return;
        }
        let host = self.0.on.host.clone();
        self.note(move |ledger| {
            if told {
                ledger.write_unclaimed(&unclaimed)?;
            }
            if doubtful {
                ledger.write_position(position)?;
            }
            ledger.write_host(&host)
        });
    }

    /// Makes a load balancer's goal to be gone; one that is not known is taken off every driver that may have it.
    pub(super) fn send_away(&self, registry: &mut Registry, id: &str, cluster: &str, epoch: Option<u64>) {
        if let Some(worker) = registry.workers.get(id) {
            worker.state().remove(cluster, epoch);
            worker.wake();
            return;
        }
        let goal = Goal::Gone { cluster: cluster.to_owned(), epochs: epoch.into_iter().collect() };
        let mut state = State::new(id, goal);
        let having = registry.orphans.iter().filter(|(_, orphans)| orphans.contains(id)).map(|(driver, _)| driver);
        for driver in having.cloned().chain(self.callable()) {
            state.suspect(&driver);
        }
        self.spawn(registry, state);
    }

    /// The drivers that run or will soon.
    fn callable(&self) -> Vec<String> {
        let known = self.0.availability.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let callable = known.iter().flatten().filter(|(_, availability)| **availability != Availability::Missing);
        callable.map(|(driver, _)| driver.clone()).collect()
    }
}
