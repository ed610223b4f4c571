//! What drivers say that they have, on its way to the workers: lost load balancers are deployed again, and orphans dealt
//! with.

use std::collections::{BTreeSet, HashMap};

use ballast_proto::driver::{Deployed, Observation};
use tokio::time::Instant;

use super::{
    Workers,
    state::{Availability, Moment},
    sweep::{self, Orphan},
};

impl Workers {
    /// How the drivers are. Workers whose driver has changed think again.
    pub(crate) fn set_availability(&self, now: HashMap<String, Availability>) {
        {
            let mut known = self.0.availability.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            if known.as_ref() == Some(&now) {
                return;
            }
            *known = Some(now);
        }
        for worker in self.registry().workers.values() {
            worker.wake();
        }
    }

    /// This driver has started (again).
    pub(crate) fn driver_started(&self, driver: &str) {
        for worker in self.registry().workers.values() {
            worker.state().driver_started(driver, self.moment());
            worker.wake();
        }
    }

    /// A driver, asked at `asked`, said that it has `deployed`.
    pub(crate) fn observed(&self, driver: &str, deployed: Vec<Deployed>, asked: Instant) {
        let has: HashMap<String, u64> =
            deployed.into_iter().map(|deployed| (deployed.load_balancer_id, deployed.generation)).collect();
        let mut registry = self.registry();
        for (id, worker) in &registry.workers {
            let Moment { now, chance } = self.moment();
            if worker.state().observed(driver, has.get(id).copied(), asked, Moment { now, chance }) {
                tracing::warn!(load_balancer.id = %id, driver, "lost: the driver does not run it any more");
            }
            worker.wake();
        }
        if registry.forgotten_at.is_none_or(|forgotten| forgotten < asked) {
            let orphans: BTreeSet<_> = has.into_keys().filter(|id| !registry.workers.contains_key(id)).collect();
            registry.orphans.insert(driver.to_owned(), orphans);
        }
        drop(registry);
        self.sweep_orphans();
    }

    /// What this driver, asked at `asked`, has seen: what does not run the generation that was deployed is deployed again. A
    /// driver that tells none cannot say.
    pub(crate) fn reported(&self, driver: &str, observations: &[Observation], asked: Instant) {
        let registry = self.registry();
        for Observation { load_balancer_id: id, generation, .. } in observations.iter().filter(|one| one.generation > 0)
        {
            let Some(worker) = registry.workers.get(id) else { continue };
            if worker.state().reported(driver, *generation, asked, self.moment()) {
                tracing::warn!(load_balancer.id = %id, driver, generation, "drifted: what serves it is another generation");
                worker.wake();
            }
        }
    }

    /// Removes orphans, if the open session is of the cluster that made them and its snapshot is complete.
    pub(super) fn sweep_orphans(&self) {
        let mut registry = self.registry();
        let found: Vec<_> = registry
            .orphans
            .iter()
            .flat_map(|(driver, ids)| ids.iter().map(move |id| (driver.clone(), id.clone())))
            .filter(|(_, id)| !registry.workers.contains_key(id))
            .collect();
        let cluster = registry.claim.cluster.clone().unwrap_or_default();
        let mut unclaimed = false;
        for (driver, id) in found {
            match sweep::orphan(registry.complete, registry.unclaimed.contains(&id)) {
                Orphan::LeaveAlone => {}
                Orphan::Remove => {
                    tracing::warn!(load_balancer.id = %id, driver, "an orphan is removed: deployed here, desired by nobody");
                    self.send_away(&mut registry, &id, &cluster, None);
                }
                Orphan::Unclaim => {
                    tracing::warn!(
                        load_balancer.id = %id, driver, file = %self.0.on.ledger.unclaimed_file().display(),
                        "deployed here before this agent met its cluster, and desired by nobody: it is left alone. To have \
                         it removed, delete it from this file and start the agent again"
                    );
                    unclaimed |= registry.unclaimed.insert(id);
                }
            }
        }
        if unclaimed {
            let (workers, ids) = (self.clone(), registry.unclaimed.clone());
            self.0.tasks.spawn(async move { workers.record(move |ledger| ledger.write_unclaimed(&ids)).await });
        }
    }
}
