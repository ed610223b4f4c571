//! v2's transitions of pools.

use super::{LoadBalancer, pool_not_found};
use crate::{
    fault::{Balancing, Facts, Fault, Taken},
    ids::{ListenerId, PoolId},
    listener::{Listener, Protocol},
    pool::Pool,
    status::Progress,
};

impl LoadBalancer {
    /// Adds a pool, as the default pool of a listener if one is named.
    ///
    /// # Errors
    /// [`ListenerNotFound`](crate::fault::Code::ListenerNotFound), [`Taken::DefaultPool`], and what the pool and the other
    /// parts do not allow each other.
    pub fn add_pool(mut self, mut pool: Pool, listener_id: Option<ListenerId>) -> Result<Self, Fault> {
        let generation = self.grow();
        pool.progress = Progress::created(generation);
        for member in &mut pool.members {
            member.progress = Progress::created(generation);
        }
        for association in &mut pool.monitors {
            association.progress = Progress::created(generation);
        }
        self.check_pool(&pool)?;
        if let Some(listener_id) = listener_id {
            let at = self.listener_at(listener_id)?;
            check_default(&self.listeners[at], &pool)?;
            self.check_families(&pool)?;
            let listener = &mut self.listeners[at];
            listener.default_pool_id = Some(pool.id);
            listener.progress.touch(generation);
        }
        self.pools.push(pool);
        self.check_size()?;
        Ok(self)
    }

    /// Changes a pool.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound), those of `change`, and as [`Self::add_pool`].
    pub fn change_pool(
        mut self,
        id: PoolId,
        change: impl FnOnce(&mut Pool) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        self.grow();
        let at = self.pool_at(id)?;
        let mut pool = self.pools[at].clone();
        change(&mut pool)?;
        self.check_pool(&pool)?;
        self.pools[at] = pool;
        Ok(self.touched(id))
    }

    /// Removes a pool with its members. Listeners whose default pool it was have none then.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound), [`Taken::PoolOfPolicy`]
    pub fn remove_pool(mut self, id: PoolId) -> Result<Self, Fault> {
        let at = self.pool_at(id)?;
        let policies = self.listeners.iter().flat_map(|listener| listener.policies.iter());
        if let Some(policy) = policies.into_iter().find(|policy| policy.action.pool_id() == Some(id)) {
            return Err(Taken::PoolOfPolicy { pool_id: id, l7policy_id: policy.id }.into());
        }
        self.grow();
        let ids: Vec<ListenerId> = self.listeners_of(id).map(|listener| listener.id).collect();
        let mut changed = self.touched_listeners(&ids);
        for listener in changed.listeners.iter_mut_of(|listener| listener.default_pool_id == Some(id)) {
            listener.default_pool_id = None;
        }
        changed.pools.remove(at);
        Ok(changed)
    }

    pub(super) fn pool_at(&self, id: PoolId) -> Result<usize, Fault> {
        self.pools.iter().position(|pool| pool.id == id).ok_or_else(|| pool_not_found(id))
    }
}

/// Whether the pool can become the default pool of the listener.
fn check_default(listener: &Listener, pool: &Pool) -> Result<(), Fault> {
    let protocol = listener.protocol;
    if protocol == Protocol::Prometheus {
        return Err(Balancing::NoChildren { protocol }.into());
    }
    if listener.default_pool_id.is_some() {
        return Err(Taken::DefaultPool { listener_id: listener.id }.into());
    }
    if !protocol.fits(pool.protocol) {
        return Err(Facts::ProtocolMismatch { protocol, pool_protocol: pool.protocol }.into());
    }
    Ok(())
}
