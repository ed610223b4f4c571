//! The load balancer aggregate and its transitions.
//!
//! A transition consumes the old state and can refuse. Each change grows the generation by one, and each object keeps the
//! generation that changed it last: an outcome for generation g settles every object changed at or before g. There is no
//! PENDING lock: a write is accepted while an earlier one is still being deployed.

mod member;
mod missing;
mod monitor;
mod outcome;
mod vip;

pub use missing::{association_not_found, member_not_found, monitor_not_found, pool_not_found, vip_not_found};
pub use outcome::NO_ELIGIBLE_BACKEND;
pub use vip::MovingVip;

use crate::{
    Uuid,
    fault::{Code, Fault},
    listener::{Listener, Vip},
    pool::{NewPool, Pool, PoolChange},
    set,
    status::{Progress, ProvisioningStatus},
};

/// The unit of placement, generation and deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    pub id: Uuid,
    pub project_id: String,
    /// The name of a provider.
    pub provider: String,
    pub admin_state_up: bool,
    pub vip: Option<Vip>,
    /// Grows by one with each change of what is desired.
    pub generation: u64,
    /// The generation of the last outcome that was taken.
    pub settled: u64,
    pub listeners: Vec<Listener>,
    pub pools: Vec<Pool>,
}

impl LoadBalancer {
    /// v1's pool: a load balancer and its one pool, with one id.
    #[must_use]
    pub fn with_pool(new: NewPool) -> Self {
        let generation = 1;
        Self {
            id: new.id,
            project_id: new.project_id.clone(),
            provider: new.provider,
            admin_state_up: true,
            vip: None,
            generation,
            settled: 0,
            listeners: Vec::new(),
            pools: vec![Pool {
                id: new.id,
                project_id: new.project_id,
                name: new.name,
                description: new.description,
                subnet_id: new.subnet_id,
                protocol: new.protocol,
                lb_method: new.lb_method,
                session_persistence: None,
                admin_state_up: new.admin_state_up,
                progress: Progress::created(generation),
                members: Vec::new(),
                monitors: Vec::new(),
            }],
        }
    }

    /// The pool of v1: the one that has the load balancer's id.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`], when the load balancer was not made by v1.
    pub fn v1_pool(&self) -> Result<&Pool, Fault> {
        self.pools.iter().find(|pool| pool.id == self.id).ok_or_else(|| pool_not_found(self.id))
    }

    fn v1_pool_mut(&mut self) -> Result<&mut Pool, Fault> {
        let id = self.id;
        self.pools.iter_mut().find(|pool| pool.id == id).ok_or_else(|| pool_not_found(id))
    }

    /// How many members its pools have.
    #[must_use]
    pub fn members(&self) -> usize {
        self.pools.iter().map(|pool| pool.members.len()).sum()
    }

    /// The next generation of what is desired.
    const fn grow(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// Changes the pool.
    ///
    /// # Errors
    /// As [`Self::v1_pool`].
    pub fn update_pool(mut self, change: PoolChange) -> Result<Self, Fault> {
        let generation = self.grow();
        let pool = self.v1_pool_mut()?;
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

    /// Refuses while the pool has a vip.
    ///
    /// # Errors
    /// [`Code::PoolInUse`]
    pub fn check_deletable(&self) -> Result<(), Fault> {
        if self.listeners.is_empty() {
            return Ok(());
        }
        Err(Fault::new(Code::PoolInUse, format!("Pool {} is still in use", self.id)))
    }
}

#[cfg(test)]
mod tests;
