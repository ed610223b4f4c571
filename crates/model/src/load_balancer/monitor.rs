//! The transitions of associations with health monitors.

use super::{LoadBalancer, association_not_found};
use crate::{
    fault::{Checking, Exists, Fault, Taken},
    health_monitor::HealthMonitor,
    ids::{MonitorId, PoolId},
    listener::Protocol,
    pool::{Association, Pool},
    status::Progress,
};

impl LoadBalancer {
    /// Associates a monitor with a pool.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`](crate::fault::Code::PoolNotFound), [`Exists::Association`]
    pub fn associate(mut self, pool_id: PoolId, monitor: HealthMonitor) -> Result<Self, Fault> {
        let generation = self.grow();
        let pool = self.pool_mut(pool_id)?;
        if pool.monitors.iter().any(|association| association.monitor.id == monitor.id) {
            return Err(Exists::Association { monitor_id: monitor.id, pool_id }.into());
        }
        pool.monitors.push(Association { monitor, progress: Progress::created(generation) });
        Ok(self)
    }

    /// Ends an association.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`](crate::fault::Code::PoolNotFound),
    /// [`Code::AssociationNotFound`](crate::fault::Code::AssociationNotFound)
    pub fn disassociate(mut self, pool_id: PoolId, monitor_id: MonitorId) -> Result<Self, Fault> {
        self.grow();
        let pool = self.pool_mut(pool_id)?;
        let at = pool.monitors.iter().position(|association| association.monitor.id == monitor_id);
        let at = at.ok_or_else(|| association_not_found(monitor_id, pool_id))?;
        pool.monitors.remove(at);
        pool.forget_health_unless_monitored();
        Ok(self)
    }

    /// Gives a pool the one monitor that v2 lets it have.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`](crate::fault::Code::PoolNotFound), [`Taken::HealthMonitor`], [`Checking::NotForPool`]
    pub fn add_monitor(self, pool_id: PoolId, monitor: HealthMonitor) -> Result<Self, Fault> {
        let pool = self.pool(pool_id)?;
        if !pool.monitors.is_empty() {
            return Err(Taken::HealthMonitor { pool_id }.into());
        }
        check_monitor(&monitor, pool.protocol)?;
        self.associate(pool_id, monitor).map(|changed| changed.touched(pool_id))
    }

    /// Takes a monitor from the pools that have it.
    #[must_use]
    pub fn remove_monitor(mut self, id: MonitorId) -> Self {
        self.grow();
        let with_it = |pool: &Pool| pool.monitors.iter().any(|one| one.monitor.id == id);
        let ids: Vec<PoolId> = self.pools.iter().filter(|pool| with_it(pool)).map(|pool| pool.id).collect();
        for pool in self.pools.iter_mut_of(with_it) {
            pool.monitors.retain(|one| one.monitor.id != id);
            pool.forget_health_unless_monitored();
        }
        ids.into_iter().fold(self, Self::touched)
    }

    /// The same as [`Self::monitor_changed`]; what has it says that it changes.
    ///
    /// # Errors
    /// [`Checking::NotForPool`]
    pub fn change_monitor(self, monitor: &HealthMonitor) -> Result<Self, Fault> {
        let mut changed = self.monitor_changed(monitor);
        let generation = changed.generation;
        let mut ids = Vec::new();
        for pool in &mut changed.pools {
            let protocol = pool.protocol;
            for association in pool.monitors.iter_mut_of(|one| one.monitor.id == monitor.id) {
                check_monitor(monitor, protocol)?;
                association.progress.touch(generation);
                ids.push(pool.id);
            }
        }
        Ok(ids.into_iter().fold(changed, Self::touched))
    }

    /// A monitor that this load balancer has was changed. As in v1 the association's status stays what it is.
    #[must_use]
    pub fn monitor_changed(mut self, monitor: &HealthMonitor) -> Self {
        let generation = self.grow();
        for pool in &mut self.pools {
            for association in pool.monitors.iter_mut_of(|one| one.monitor.id == monitor.id) {
                association.monitor = monitor.clone();
                association.progress.changed = generation;
            }
            pool.forget_health_unless_monitored();
        }
        self
    }
}

/// A monitor that can check members that speak this.
pub(super) fn check_monitor(monitor: &HealthMonitor, pool_protocol: Protocol) -> Result<(), Fault> {
    if monitor.kind.fits(pool_protocol) {
        return Ok(());
    }
    Err(Checking::NotForPool { monitor_type: monitor.kind.as_str().to_owned(), pool_protocol }.into())
}
