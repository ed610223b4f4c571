//! LBaaS v1's view: a pool is a load balancer and its one pool, whose ids have one value, and its vip is the listener.
//!
//! Nobody else may take the one id for the other.

mod beyond;
mod vip;

pub use vip::MovingVip;

use crate::{
    counters::Generation,
    fault::{Exists, Facts, Fault, Forbidden, InUse},
    ids::{LoadBalancerId, PoolId},
    labels::Labels,
    listener::Protocol,
    load_balancer::LoadBalancer,
    parts::Parts,
    pool::{NewPool, Pool},
    side::Topology,
    status::Progress,
};

/// The load balancer that v1's pool is.
#[must_use]
pub const fn load_balancer_of(pool: PoolId) -> LoadBalancerId {
    LoadBalancerId::new(pool.uuid())
}

/// The pool of v1 that the load balancer is.
#[must_use]
pub const fn pool_of(load_balancer: LoadBalancerId) -> PoolId {
    PoolId::new(load_balancer.uuid())
}

impl LoadBalancer {
    /// v1's pool: a load balancer and its one pool, with one id.
    #[must_use]
    pub fn with_pool(new: NewPool) -> Self {
        let generation = Generation::FIRST;
        Self {
            id: load_balancer_of(new.id),
            project_id: new.project_id.clone(),
            name: new.name.clone(),
            description: new.description.clone(),
            provider: new.provider,
            provider_alias: None,
            flavor_id: None,
            availability_zone: None,
            flavor_data: String::new(),
            topology: Topology::Single,
            http_answers: Vec::new(),
            admin_state_up: true,
            vip: None,
            generation,
            settled: Generation::NONE,
            listeners: Parts::default(),
            pools: Parts::from(vec![Pool {
                name: new.name,
                description: new.description,
                subnet_id: Some(new.subnet_id),
                admin_state_up: new.admin_state_up,
                progress: Progress::created(generation),
                ..Pool::new(new.id, new.project_id, new.protocol, new.lb_method)
            }]),
            labels: Labels::default(),
            progress: Progress::created(generation),
        }
    }

    /// Whether v1 made it, whatever v2 has made of it since.
    #[must_use]
    pub fn is_of_v1(&self) -> bool {
        self.pools.iter().any(|pool| pool.id == pool_of(self.id))
    }

    /// The pool of v1.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`](crate::fault::Code::PoolNotFound), when the load balancer was not made by v1.
    pub fn v1_pool(&self) -> Result<&Pool, Fault> {
        self.pool(pool_of(self.id))
    }

    /// Refuses a vip of this protocol and project, or a second one. Asked before an address is taken.
    ///
    /// # Errors
    /// [`Exists::Vip`], [`Facts::ProtocolMismatch`], [`Forbidden::PoolOfOther`]
    pub fn check_vip(&self, protocol: Protocol, project_id: &str) -> Result<(), Fault> {
        let pool = self.v1_pool()?;
        if pool.project_id != project_id {
            return Err(Forbidden::PoolOfOther { pool_id: pool.id }.into());
        }
        if pool.protocol != protocol {
            return Err(Facts::ProtocolMismatch { protocol, pool_protocol: pool.protocol }.into());
        }
        if !self.listeners.is_empty() {
            return Err(Exists::Vip { pool_id: pool.id }.into());
        }
        Ok(())
    }

    /// Refuses to delete a pool that has a vip.
    ///
    /// # Errors
    /// [`InUse::Pool`]
    pub fn check_deletable(&self) -> Result<(), Fault> {
        if self.listeners.is_empty() {
            return Ok(());
        }
        Err(InUse::Pool { pool_id: pool_of(self.id) }.into())
    }
}
