//! Changing a load balancer, or something in it.

use std::collections::BTreeSet;

use ballast_model::{
    fault::{Balancing, Fault},
    features,
    ids::MonitorId,
    load_balancer::LoadBalancer,
    network::Attachment,
    quota::Resource,
};
use ballast_store::{Claim, Placed, Tx};

use super::{
    super::{App, Caller, Wake, placing::network_of},
    read::{Seen, Target, load},
};
use crate::placement::Demand;

/// A write, apart from what it changes.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    pub caller: &'a Caller,
    /// Everything is checked, and nothing is changed.
    pub validate_only: bool,
    pub claim: Option<&'a Claim>,
    /// What it makes one more of; none: it is counted when it is done.
    pub makes: Option<Resource>,
    /// Of a monitor that changes; empty: it is not asked for.
    pub etag: &'a str,
}

impl<'a> Write<'a> {
    /// One that makes nothing.
    #[must_use]
    pub const fn new(caller: &'a Caller, validate_only: bool) -> Self {
        Self { caller, validate_only, claim: None, makes: None, etag: "" }
    }
}

/// A load balancer that was changed, and whom it concerns.
pub(super) type Changed = (Placed, Vec<Wake>);

impl App {
    /// One transition of the load balancer that has `target`, in one transaction. `etag` is compared with what
    /// `etag_of` says of it; an empty one is not asked for.
    ///
    /// # Errors
    /// That it is not there, or another project's; what quotas and etags forbid; those of `transition`; a feature that no
    /// driver has.
    pub async fn change_of_v2<F>(&self, write: Write<'_>, target: Target, transition: F) -> Result<Seen, Fault>
    where
        F: Fn(LoadBalancer) -> Result<LoadBalancer, Fault> + Send + Sync,
    {
        let transition = &transition;
        self.admit_what_comes(write, target, transition).await?;
        let change = self.store.write(|tx, _| {
            Box::pin(async move {
                if !write.validate_only {
                    tx.claim(write.claim).await?;
                }
                let before = load(tx, write.caller, target).await?;
                let project_id = &before.load_balancer.project_id;
                if let Some(resource) = write.makes {
                    self.admit(tx, resource, project_id).await?;
                }
                let named = before.load_balancer.references();
                let after = transition(before.load_balancer.clone())?;
                Ok((self.settle_for(tx, write, before, after).await?, named))
            })
        });
        let (changed, named) = change.await?;
        if !write.validate_only {
            let after = &changed.0.load_balancer;
            self.tell_keepers(after.id, &after.project_id, &named, &after.references());
        }
        Ok(self.told(changed))
    }

    /// Asks those who keep secrets about what a change would bring, before it is made.
    async fn admit_what_comes<F>(&self, write: Write<'_>, target: Target, transition: &F) -> Result<(), Fault>
    where
        F: Fn(LoadBalancer) -> Result<LoadBalancer, Fault> + Send + Sync,
    {
        if self.keepers.sources.is_empty() || write.validate_only || self.foresight.is_some() {
            return Ok(());
        }
        let before = self.store.glance(|tx, _| Box::pin(load(tx, write.caller, target))).await?.load_balancer;
        let after = transition(before.clone())?;
        self.admit_references(Some(&before), &after).await
    }

    /// Saves a change that is allowed, where it is to be saved.
    pub(super) async fn settle_for(
        &self,
        tx: &Tx,
        write: Write<'_>,
        before: Placed,
        after: LoadBalancer,
    ) -> Result<Changed, Fault> {
        if write.makes.is_none() {
            self.admit_more(tx, &before.load_balancer, &after).await?;
        }
        self.check_features(Some(&before.load_balancer), &after)?;
        let is_only_checked = write.validate_only || self.foresight.is_some();
        self.check_references(tx, Some(&before.load_balancer), &after, is_only_checked).await?;
        let after = after.stamped(Some(&before.load_balancer), self.now());
        if is_only_checked {
            self.foresee_quotas(tx, Some(&before.load_balancer), Some(&after)).await?;
            self.foresee(tx, &after, before.binding.as_ref()).await?;
            return Ok((Placed { load_balancer: after, ..before }, Vec::new()));
        }
        self.save_where_it_can_run(tx, before, after).await
    }

    /// Tells agents of a change that is durable.
    pub(super) fn told(&self, (after, wakes): Changed) -> Seen {
        self.wake(wakes);
        if after.binding.is_none() && self.foresight.is_none() {
            // A change is a try.
            self.place_soon();
        }
        self.see(after)
    }

    /// Saves a change. If its agent's driver lacks something that is used now, it goes to an agent whose driver has it.
    async fn save_where_it_can_run(
        &self,
        tx: &Tx,
        before: Placed,
        after: LoadBalancer,
    ) -> Result<(Placed, Vec<Wake>), Fault> {
        let wake = save(tx, &before, &after).await?;
        if after.has_standby() {
            let mut wakes = self.leave_unable(tx, &after).await?;
            wakes.extend(wake);
            let now = tx.load_placed(after.id).await?;
            return Ok((now.unwrap_or(Placed { load_balancer: after, ..before }), wakes));
        }
        let former = match (&before.binding, self.driver_of(&after.provider)) {
            (Some(binding), Some(driver)) => {
                let used = features::used(&after);
                wake.filter(|_| !self.fleet.has(binding.agent_id, driver, &used))
            }
            _ => None,
        };
        let Some(former) = former else {
            return Ok((Placed { load_balancer: after, ..before }, wake.into_iter().collect()));
        };
        let network = network_of(tx, &after).await?;
        let elsewhere = self.can_be_placed(&after, network.as_ref());
        if !elsewhere {
            return Ok((Placed { load_balancer: after, ..before }, wake.into_iter().collect()));
        }
        tx.release(after.id).await?;
        let moved = match self.place(tx, &after, network.as_ref(), self.chance.number()).await? {
            Ok(binding) => vec![Wake::from(&binding), former],
            Err(nowhere) => return Err(nowhere.told(after.id)),
        };
        let after_moved = after.clone().moved();
        tx.save(&after, &after_moved).await?;
        let binding = tx.binding(after_moved.id).await?;
        Ok((Placed { load_balancer: after_moved, binding, ..before }, moved))
    }

    pub(in crate::app) fn can_be_placed(&self, load_balancer: &LoadBalancer, network: Option<&Attachment>) -> bool {
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return false };
        let features = features::used(load_balancer);
        let demand = Demand { driver, features: &features, members: load_balancer.members(), network };
        self.fleet.choose(demand, self.clock.monotonic(), |found| !found.is_empty())
    }

    /// What a change makes more of, if it may.
    pub(super) async fn admit_more(&self, tx: &Tx, before: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
        for ((resource, old), (_, new)) in parts_of(before).into_iter().zip(parts_of(after)) {
            if let Some(more) = new.checked_sub(old).filter(|more| *more > 0) {
                self.admit_many(tx, resource, &after.project_id, more).await?;
            }
        }
        Ok(())
    }

    /// Refuses what is asked for by the change and no agent's driver of the provider has.
    pub(super) fn check_features(&self, before: Option<&LoadBalancer>, after: &LoadBalancer) -> Result<(), Fault> {
        let Some(driver) = self.driver_of(&after.provider) else { return Ok(()) };
        let mut lacking = self.fleet.lacking(driver, features::used(after));
        if let Some(before) = before.filter(|_| !lacking.is_empty()) {
            let old = features::used(before);
            lacking.retain(|feature| !old.contains(feature));
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let provider = after.shown_provider().to_owned();
        Err(Balancing::Unsupported { provider, features: lacking.into_iter().collect() }.into())
    }
}

/// How many there are of what quotas count, in one load balancer.
pub(in crate::app) fn parts_of(load_balancer: &LoadBalancer) -> [(Resource, u64); 6] {
    let policies = || load_balancer.listeners.iter().flat_map(|listener| listener.policies.iter());
    let monitors = load_balancer.pools.iter().map(|pool| pool.monitors.len()).sum();
    [
        (Resource::Listener, load_balancer.listeners.len()),
        (Resource::Pool, load_balancer.pools.len()),
        (Resource::Member, load_balancer.members()),
        (Resource::HealthMonitor, monitors),
        (Resource::L7Policy, policies().count()),
        (Resource::L7Rule, policies().map(|policy| policy.rules.len()).sum()),
    ]
    .map(|(resource, count)| (resource, u64::try_from(count).unwrap_or(u64::MAX)))
}

/// Saves a change, with the monitors that it makes and those that nobody has then; says whom it concerns.
pub(super) async fn save(tx: &Tx, before: &Placed, after: &LoadBalancer) -> Result<Option<Wake>, Fault> {
    let (old, new) = (monitors(&before.load_balancer), monitors(after));
    for association in after.pools.iter().flat_map(|pool| pool.monitors.iter()) {
        if !old.contains(&association.monitor.id) {
            tx.insert_monitor(&association.monitor).await?;
        }
    }
    tx.save(&before.load_balancer, after).await?;
    drop_unused(tx, old.difference(&new).copied()).await?;
    Ok(before.binding.as_ref().map(Wake::from))
}

/// Deletes those of these monitors that no pool has.
pub(super) async fn drop_unused(tx: &Tx, ids: impl Iterator<Item = MonitorId>) -> Result<(), Fault> {
    for id in ids {
        if tx.owners_of_monitor(id).await?.is_empty() {
            tx.delete_monitor(id).await?;
        }
    }
    Ok(())
}

pub(super) fn monitors(load_balancer: &LoadBalancer) -> BTreeSet<MonitorId> {
    let associations = load_balancer.pools.iter().flat_map(|pool| pool.monitors.iter());
    associations.map(|association| association.monitor.id).collect()
}
