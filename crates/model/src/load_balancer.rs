//! The load balancer aggregate and its transitions.
//!
//! A transition consumes the old state and can refuse. Each change grows the generation by one, and each object keeps the
//! generation that changed it last: an outcome for generation g settles every object changed at or before g. There is no
//! PENDING lock: a write is accepted while an earlier one is still being deployed.

mod member;
mod missing;
mod monitor;
mod outcome;

pub use missing::{association_not_found, member_not_found, monitor_not_found, pool_not_found, vip_not_found};
pub use outcome::NO_ELIGIBLE_BACKEND;

use crate::{
    counters::Generation,
    fault::Fault,
    ids::{LoadBalancerId, PoolId, SubnetId},
    listener::{Listener, Vip},
    parts::Parts,
    pool::{Pool, PoolChange},
    set,
    status::ProvisioningStatus,
};

/// The unit of placement, generation and deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    pub id: LoadBalancerId,
    pub project_id: String,
    /// The name of a provider.
    pub provider: String,
    pub admin_state_up: bool,
    pub vip: Option<Vip>,
    /// Grows by one with each change of what is desired.
    pub generation: Generation,
    /// The generation of the last outcome that was taken.
    pub settled: Generation,
    pub listeners: Parts<Listener>,
    pub pools: Parts<Pool>,
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

    /// The subnet that its agent plugs it into: its vip's; until it has one, that of its first pool, where one is expected.
    #[must_use]
    pub fn subnet_id(&self) -> Option<SubnetId> {
        self.vip.as_ref().map(|vip| vip.subnet_id).or_else(|| self.pools.first().map(|pool| pool.subnet_id))
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
        self.listeners.len() + self.pools.iter().map(of_pool).sum::<usize>()
    }

    /// The next generation of what is desired.
    pub(crate) const fn grow(&mut self) -> Generation {
        self.generation = self.generation.next();
        self.generation
    }

    /// Changes a pool.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound)
    pub fn update_pool(mut self, id: PoolId, change: PoolChange) -> Result<Self, Fault> {
        let generation = self.grow();
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

    /// The subnet of its vip has other routes than it had: the agent must learn it, and no object's status changes.
    #[must_use]
    pub const fn subnet_changed(mut self) -> Self {
        self.grow();
        self
    }
}

#[cfg(test)]
mod tests;
