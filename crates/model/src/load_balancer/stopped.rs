//! A deploy that one object has stopped: what of the rest is as it was. Pure.

use std::collections::HashSet;

use super::LoadBalancer;
use crate::{
    counters::Generation,
    ids::{ObjectId, PoolId},
    l7::L7Policy,
    listener::Listener,
    pool::Pool,
    status::{Progress, ProvisioningStatus},
};

impl LoadBalancer {
    /// Whether something in it has this id.
    pub(super) fn has(&self, id: ObjectId) -> bool {
        self.pools.iter().any(|pool| pool_has(pool, id)) || self.listeners.iter().any(|one| listener_has(one, id))
    }

    /// What says that it changes for one reason only: something in it was changed by this generation. Before that it was
    /// ACTIVE, so it runs as it is to be.
    ///
    /// To be asked only where this generation is the one change that was not deployed before.
    pub(super) fn only_touched(&self, generation: Generation) -> HashSet<ObjectId> {
        let touch = Touch(generation);
        let pools = self.pools.iter().filter(|pool| touch.pool(pool)).map(|pool| ObjectId::from(pool.id));
        let listeners = self.listeners.iter().filter(|one| self.touches(touch, one)).map(|one| one.id.into());
        let policies = self.listeners.iter().flat_map(|listener| listener.policies.iter());
        let policies = policies.filter(|policy| touch.policy(policy)).map(|policy| policy.id.into());
        pools.chain(listeners).chain(policies).collect()
    }

    /// The same of itself: its pool may have its id.
    pub(super) fn is_only_touched(&self, generation: Generation) -> bool {
        let touch = Touch(generation);
        touch.waits(&self.progress)
            && (self.pools.iter().any(|pool| touch.changed(&pool.progress))
                || self.listeners.iter().any(|listener| touch.changed(&listener.progress)))
    }

    fn touches(&self, touch: Touch, listener: &Listener) -> bool {
        let changed = |id: PoolId| self.pool(id).is_ok_and(|pool| touch.changed(&pool.progress));
        touch.waits(&listener.progress)
            && (listener.policies.iter().any(|policy| touch.changed(&policy.progress))
                || listener.targets().any(changed))
    }
}

#[derive(Clone, Copy)]
struct Touch(Generation);

impl Touch {
    fn changed(self, progress: &Progress) -> bool {
        progress.changed == self.0
    }

    /// One with a description was not ACTIVE before.
    fn waits(self, progress: &Progress) -> bool {
        self.changed(progress) && progress.status == ProvisioningStatus::PendingUpdate && progress.description.is_none()
    }

    fn pool(self, pool: &Pool) -> bool {
        self.waits(&pool.progress)
            && (pool.members.iter().any(|member| self.changed(&member.progress))
                || pool.monitors.iter().any(|one| self.changed(&one.progress)))
    }

    fn policy(self, policy: &L7Policy) -> bool {
        self.waits(&policy.progress) && policy.rules.iter().any(|rule| self.changed(&rule.progress))
    }
}

fn pool_has(pool: &Pool, id: ObjectId) -> bool {
    ObjectId::from(pool.id) == id
        || pool.members.iter().any(|member| ObjectId::from(member.id) == id)
        || pool.monitors.iter().any(|one| ObjectId::from(one.monitor.id) == id)
}

fn listener_has(listener: &Listener, id: ObjectId) -> bool {
    let in_policy = |policy: &L7Policy| {
        ObjectId::from(policy.id) == id || policy.rules.iter().any(|rule| ObjectId::from(rule.id) == id)
    };
    ObjectId::from(listener.id) == id || listener.policies.iter().any(in_policy)
}
