//! The transitions of associations with health monitors.

use super::{LoadBalancer, association_not_found};
use crate::{
    fault::{Exists, Fault},
    health_monitor::HealthMonitor,
    ids::{MonitorId, PoolId},
    pool::Association,
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

    /// A monitor that this load balancer has was changed. As in v1 the association's status stays what it is.
    #[must_use]
    pub fn monitor_changed(mut self, monitor: &HealthMonitor) -> Self {
        let generation = self.grow();
        for pool in &mut self.pools {
            for association in pool.monitors.iter_mut().filter(|association| association.monitor.id == monitor.id) {
                association.monitor = monitor.clone();
                association.progress.changed = generation;
            }
            pool.forget_health_unless_monitored();
        }
        self
    }
}
