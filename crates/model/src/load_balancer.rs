//! The load balancer aggregate and its transitions.
//!
//! A transition consumes the old state and can refuse. Each change grows the generation by one, and each object keeps the
//! generation that changed it last: an outcome for generation g settles every object changed at or before g. There is no
//! PENDING lock: a write is accepted while an earlier one is still being deployed.

mod answers;
mod change;
mod check;
mod listeners;
mod member;
mod members;
mod missing;
mod monitor;
mod outcome;
mod policies;
mod pools;
mod progress;
mod rollback;
mod secrets;
mod stopped;
mod times;
mod waited;

pub use answers::{HttpAnswer, Speechless};
pub use members::Batch;
pub use missing::{
    association_not_found, listener_not_found, load_balancer_not_found, member_not_found, monitor_not_found,
    policy_not_found, pool_not_found, rule_not_found, vip_not_found,
};
pub use outcome::NO_ELIGIBLE_BACKEND;

use crate::{
    counters::Generation,
    fault::Fault,
    ids::{FlavorId, ListenerId, LoadBalancerId, PoolId, SubnetId},
    l7::L7Policy,
    labels::Labels,
    listener::{Listener, Vip},
    parts::Parts,
    pool::{Pool, PoolChange},
    set,
    side::Topology,
    status::{Progress, ProvisioningStatus},
    view::v1,
};

/// The unit of placement, generation and deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    pub id: LoadBalancerId,
    pub project_id: String,
    /// v1's has its pool's.
    pub name: String,
    pub description: String,
    /// The name of a provider.
    pub provider: String,
    /// The name by which v2 was asked for it, where that is another one.
    pub provider_alias: Option<String>,
    pub flavor_id: Option<FlavorId>,
    pub availability_zone: Option<String>,
    /// What its flavor and its zone say to the driver, a JSON object; empty: nothing.
    pub flavor_data: String,
    /// On how many hosts it is.
    pub topology: Topology,
    /// What it answers itself.
    pub http_answers: Vec<HttpAnswer>,
    pub admin_state_up: bool,
    pub vip: Option<Vip>,
    /// Grows by one with each change of what is desired.
    pub generation: Generation,
    /// The generation of the last outcome that was taken.
    pub settled: Generation,
    pub listeners: Parts<Listener>,
    pub pools: Parts<Pool>,
    pub labels: Labels,
    /// Of the whole: it is pending while anything in it is.
    pub progress: Progress,
}

impl LoadBalancer {
    /// One of its pools.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound)
    pub fn pool(&self, id: PoolId) -> Result<&Pool, Fault> {
        self.pools.iter().find(|pool| pool.id == id).ok_or_else(|| pool_not_found(id))
    }

    pub(crate) fn pool_mut(&mut self, id: PoolId) -> Result<&mut Pool, Fault> {
        self.pools.iter_mut().find(|pool| pool.id == id).ok_or_else(|| pool_not_found(id))
    }

    /// One of its listeners.
    ///
    /// # Errors
    /// [`ListenerNotFound`](crate::fault::Code::ListenerNotFound)
    pub fn listener(&self, id: ListenerId) -> Result<&Listener, Fault> {
        self.listeners.iter().find(|listener| listener.id == id).ok_or_else(|| listener_not_found(id))
    }

    /// The listeners that send something to a pool.
    pub fn listeners_of(&self, pool_id: PoolId) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(move |listener| listener.targets().any(|id| id == pool_id))
    }

    /// The subnet that its agent plugs it into: its vip's; until it has one, that of its first pool, where one is expected.
    #[must_use]
    pub fn subnet_id(&self) -> Option<SubnetId> {
        self.vip.as_ref().map(|vip| vip.subnet_id).or_else(|| self.pools.first().and_then(|pool| pool.subnet_id))
    }

    /// How many members its pools have.
    #[must_use]
    pub fn members(&self) -> usize {
        self.pools.iter().map(|pool| pool.members.len()).sum()
    }

    /// How many objects it is made of.
    #[must_use]
    pub fn size(&self) -> usize {
        let of_pool = |pool: &Pool| 1 + pool.members.len() + pool.monitors.len();
        let of_policy = |policy: &L7Policy| 1 + policy.rules.len();
        let of_listener = |listener: &Listener| 1 + listener.policies.iter().map(of_policy).sum::<usize>();
        self.listeners.iter().map(of_listener).sum::<usize>() + self.pools.iter().map(of_pool).sum::<usize>()
    }

    /// The next generation of what is desired.
    pub(crate) fn grow(&mut self) -> Generation {
        self.generation = self.generation.next();
        self.progress.touch(self.generation);
        self.generation
    }

    /// Changes a pool.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound)
    pub fn update_pool(mut self, id: PoolId, change: PoolChange) -> Result<Self, Fault> {
        let generation = self.grow();
        if v1::pool_of(self.id) == id {
            set(&mut self.name, change.name.clone());
            set(&mut self.description, change.description.clone());
        }
        let pool = self.pool_mut(id)?;
        set(&mut pool.name, change.name);
        set(&mut pool.description, change.description);
        set(&mut pool.lb_method, change.lb_method);
        set(&mut pool.admin_state_up, change.admin_state_up);
        pool.progress.update(generation);
        Ok(self)
    }

    /// Whether an agent has confirmed that it answers at its address.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        let active = |listener: &Listener| listener.progress.status == ProvisioningStatus::Active;
        self.vip.is_some() && self.listeners.iter().any(active)
    }

    /// Whether it is on two agents.
    #[must_use]
    pub fn has_standby(&self) -> bool {
        self.topology == Topology::ActiveStandby
    }

    /// One of its sides is somewhere else: the other one must learn it, and no object's status changes.
    #[must_use]
    pub fn side_changed(mut self) -> Self {
        self.grow();
        self
    }

    /// The subnet of its vip has other routes than it had: the agent must learn it, and no object's status changes.
    #[must_use]
    pub fn subnet_changed(mut self) -> Self {
        self.grow();
        self
    }
}

#[cfg(test)]
pub(crate) mod tests;
