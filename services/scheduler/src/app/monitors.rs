//! Health monitors: rows of their own, associated with many pools.

use std::collections::HashMap;

use ballast_model::{
    fault::{Fault, InUse},
    health_monitor::{HealthMonitor, MonitorChange},
    ids::{MonitorId, PoolId},
    load_balancer::monitor_not_found,
    quota::Resource,
    status::Progress,
};
use ballast_store::{Claim, Page, Query, Tx};

use super::{App, Caller};

/// A monitor and the pools that have it.
pub struct MonitorWithPools {
    pub monitor: HealthMonitor,
    pub pools: Vec<(PoolId, Progress)>,
}

impl App {
    /// Makes a monitor that no pool has yet.
    ///
    /// # Errors
    /// `Code::OverQuota`: its fields were checked when it was made.
    pub async fn create_monitor(
        &self,
        mut monitor: HealthMonitor,
        claim: Option<&Claim>,
    ) -> Result<MonitorWithPools, Fault> {
        monitor.labels.created_at = self.now();
        let new = &monitor;
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.claim(claim).await?;
                self.admit(tx, Resource::HealthMonitor, &new.project_id).await?;
                tx.insert_monitor(new).await
            })
        });
        create.await?;
        Ok(MonitorWithPools { monitor, pools: Vec::new() })
    }

    /// The monitor of this id.
    ///
    /// # Errors
    /// `Code::HealthMonitorNotFound`
    pub async fn monitor(&self, caller: &Caller, id: MonitorId) -> Result<MonitorWithPools, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let monitor = load_monitor(tx, caller, id).await?;
                Ok(MonitorWithPools { monitor, pools: tx.associations_of(id).await? })
            })
        });
        read.await
    }

    /// Monitors.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn monitors(&self, query: Query) -> Result<Page<MonitorWithPools>, Fault> {
        let query = &query;
        let read = self.store.read_list(query, |tx, _| {
            Box::pin(async move {
                let Page { items, more } = tx.monitors(query).await?;
                let ids: Vec<MonitorId> = items.iter().map(|monitor| monitor.id).collect();
                let mut pools: HashMap<_, _> = tx.associations_of_many(&ids).await?;
                let with_pools = items.into_iter().map(|monitor| {
                    let pools = pools.remove(&monitor.id).unwrap_or_default();
                    MonitorWithPools { monitor, pools }
                });
                Ok(Page { items: with_pools.collect(), more })
            })
        });
        read.await
    }

    /// Changes a monitor, and with it every load balancer that has it, in one transaction.
    ///
    /// # Errors
    /// `Code::HealthMonitorNotFound`, and the rules of [`HealthMonitor::change`].
    pub async fn update_monitor(
        &self,
        caller: &Caller,
        id: MonitorId,
        change: MonitorChange,
    ) -> Result<MonitorWithPools, Fault> {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut monitor = load_monitor(tx, caller, id).await?.change(change.clone())?;
                monitor.labels.updated_at = Some(self.now());
                let owners = tx.owners_of_monitor(id).await?;
                let before = tx.load_many_placed(&owners).await?;
                tx.save_monitor(&monitor).await?;
                let mut wakes = Vec::new();
                for placed in before {
                    let after = placed.load_balancer.clone().monitor_changed(&monitor);
                    wakes.extend(self.save(tx, &placed, &after).await?);
                }
                Ok((MonitorWithPools { monitor, pools: tx.associations_of(id).await? }, wakes))
            })
        });
        let (monitor, wakes) = update.await?;
        self.wake(wakes);
        Ok(monitor)
    }

    /// Removes a monitor that no pool has.
    ///
    /// # Errors
    /// `Code::HealthMonitorNotFound`, `Code::HealthMonitorInUse`
    pub async fn delete_monitor(&self, caller: &Caller, id: MonitorId) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                load_monitor(tx, caller, id).await?;
                if !tx.owners_of_monitor(id).await?.is_empty() {
                    return Err(InUse::HealthMonitor { monitor_id: id }.into());
                }
                tx.delete_monitor(id).await
            })
        });
        delete.await
    }
}

/// The monitor, if the caller may see it.
pub(super) async fn load_monitor(tx: &Tx, caller: &Caller, id: MonitorId) -> Result<HealthMonitor, Fault> {
    let monitor = tx.monitor_of_v1(id).await?.filter(|monitor| caller.sees(&monitor.project_id));
    monitor.ok_or_else(|| monitor_not_found(id))
}
