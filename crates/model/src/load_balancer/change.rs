//! v2's transitions of the load balancer itself, and what they have in common.

use super::LoadBalancer;
use crate::{
    counters::Generation,
    fault::{Fault, Taken},
    ids::{ListenerId, PoolId},
    status::Progress,
};

impl LoadBalancer {
    /// A load balancer with all that is in it, as it is made.
    ///
    /// # Errors
    /// What its parts do not allow each other.
    pub fn assembled(mut self) -> Result<Self, Fault> {
        self.generation = Generation::FIRST;
        self.settled = Generation::NONE;
        self.progress = Progress::created(Generation::FIRST);
        self.change_progress(&|_, _| Some(Progress::created(Generation::FIRST)));
        self.check_size()?;
        for (at, listener) in self.listeners.iter().enumerate() {
            self.check_listener(listener, &self.listeners[..at])?;
            Self::check_certificate(listener)?;
        }
        self.pools.iter().try_for_each(|pool| self.check_pool(pool))?;
        Ok(self)
    }

    /// Changes what it says of itself.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn change(mut self, change: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Result<Self, Fault> {
        self.grow();
        change(&mut self)?;
        Ok(self)
    }

    /// Refuses to delete what has listeners or pools.
    ///
    /// # Errors
    /// [`Taken::LoadBalancerHasParts`]
    pub fn check_empty(&self) -> Result<(), Fault> {
        if self.listeners.is_empty() && self.pools.is_empty() {
            return Ok(());
        }
        Err(Taken::LoadBalancerHasParts { load_balancer_id: self.id }.into())
    }

    /// Something in a pool changes: it is done when that is, and so are the listeners that send something to it.
    pub(super) fn touched(mut self, pool_id: PoolId) -> Self {
        let generation = self.generation;
        let ids: Vec<ListenerId> = self.listeners_of(pool_id).map(|listener| listener.id).collect();
        if let Some(pool) = self.pools.iter_mut().find(|pool| pool.id == pool_id) {
            pool.progress.touch(generation);
        }
        self.touched_listeners(&ids)
    }

    /// Something in these listeners changes.
    pub(super) fn touched_listeners(mut self, ids: &[ListenerId]) -> Self {
        let generation = self.generation;
        for listener in self.listeners.iter_mut_of(|listener| ids.contains(&listener.id)) {
            listener.progress.touch(generation);
        }
        self
    }
}
