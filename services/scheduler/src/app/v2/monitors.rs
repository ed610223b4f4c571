//! Changing and deleting monitors, which v1 may have given to several pools.

use ballast_model::{
    counters::Generation,
    fault::{Balancing, Fault, InUse},
    health_monitor::HealthMonitor,
    ids::MonitorId,
    load_balancer::LoadBalancer,
    time::Timestamp,
};
use ballast_store::Tx;

use super::{
    super::{App, MonitorWithPools, Wake},
    read::{Pools, load_monitor},
    write::Write,
};

/// Its etag is that of the association which was made first.
fn check_etag(sent: &str, id: MonitorId, pools: &Pools) -> Result<(), Fault> {
    let known = pools.first().map_or(Generation::NONE, |(_, progress)| progress.changed);
    if sent.is_empty() || known.to_string() == sent {
        return Ok(());
    }
    Err(Balancing::EtagMismatch { id: id.to_string() }.into())
}

impl App {
    /// Changes a monitor, and with it every load balancer that has it, in one transaction.
    ///
    /// # Errors
    /// That it is not there, or another project's; those of `change`; a feature that no driver has.
    pub async fn change_monitor<F>(&self, write: Write<'_>, id: MonitorId, change: F) -> Result<MonitorWithPools, Fault>
    where
        F: Fn(&mut HealthMonitor) -> Result<(), Fault> + Send + Sync,
    {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut monitor = load_monitor(tx, write.caller, id).await?;
                check_etag(write.etag, id, &tx.associations_of(id).await?)?;
                change(&mut monitor)?;
                monitor.labels.updated_at = Some(self.now());
                let (changes, wakes) = self.with_monitor(tx, &monitor).await?;
                if !write.validate_only {
                    tx.save_monitor(&monitor).await?;
                    for (before, after) in &changes {
                        tx.save(before, after).await?;
                    }
                }
                let pools = tx.associations_of(id).await?;
                Ok((MonitorWithPools { monitor, pools }, if write.validate_only { Vec::new() } else { wakes }))
            })
        });
        let (monitor, wakes) = update.await?;
        self.wake(wakes);
        Ok(monitor)
    }

    /// Those that have it, before and with the change.
    async fn with_monitor(
        &self,
        tx: &Tx,
        monitor: &HealthMonitor,
    ) -> Result<(Vec<(LoadBalancer, LoadBalancer)>, Vec<Wake>), Fault> {
        let owners = tx.owners_of_monitor(monitor.id).await?;
        let (mut changes, mut wakes) = (Vec::new(), Vec::new());
        for placed in tx.load_many_placed(&owners).await? {
            let before = placed.load_balancer;
            let after = before.clone().change_monitor(monitor)?;
            self.check_features(Some(&before), &after)?;
            let after = after.stamped(Some(&before), self.now());
            self.foresee(tx, &after, placed.binding.as_ref()).await?;
            wakes.extend(placed.binding.as_ref().map(Wake::from));
            changes.push((before, after));
        }
        Ok((changes, wakes))
    }

    /// Deletes a monitor, and takes it from the pool that has it.
    ///
    /// # Errors
    /// That it is not there, or another project's; [`InUse::HealthMonitor`] while several pools have it.
    pub async fn delete_monitor_of_v2(&self, write: Write<'_>, id: MonitorId) -> Result<(), Fault> {
        let now: Timestamp = self.now();
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                load_monitor(tx, write.caller, id).await?;
                let pools = tx.associations_of(id).await?;
                check_etag(write.etag, id, &pools)?;
                if pools.len() > 1 {
                    return Err(InUse::HealthMonitor { monitor_id: id }.into());
                }
                let owners = tx.owners_of_monitor(id).await?;
                let mut wakes = Vec::new();
                for placed in tx.load_many_placed(&owners).await? {
                    let after = placed.load_balancer.clone().remove_monitor(id);
                    if write.validate_only {
                        self.foresee_quotas(tx, Some(&placed.load_balancer), Some(&after)).await?;
                        self.foresee(tx, &after, placed.binding.as_ref()).await?;
                        continue;
                    }
                    tx.save(&placed.load_balancer, &after.stamped(Some(&placed.load_balancer), now)).await?;
                    wakes.extend(placed.binding.as_ref().map(Wake::from));
                }
                if !write.validate_only {
                    tx.delete_monitor(id).await?;
                }
                Ok(wakes)
            })
        });
        self.wake(delete.await?);
        Ok(())
    }
}
