//! Health monitors, and which pools have them.
//!
//! A monitor's content is stored here, once; its load balancers load it with them. Whoever changes one saves it here
//! and each of its owners too: their generation grows.

use std::collections::HashMap;

use ballast_model::{
    fault::{Fault, InUse},
    health_monitor::HealthMonitor,
    ids::{LoadBalancerId, MonitorId, PoolId},
    load_balancer::monitor_not_found,
    status::Progress,
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, OnConflict},
};

use crate::{
    Page, Query, Tx,
    backend::{fault_of, is_among, is_reference},
    codec::ids,
    entity::{association, health_monitor, load_balancer},
    read::cache::stamp,
    write::alike,
};

impl Tx {
    /// The monitor with this id.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn monitor(&self, id: MonitorId) -> Result<Option<HealthMonitor>, Fault> {
        let row = health_monitor::Entity::find().filter(health_monitor::Column::Id.eq(id.uuid())).one(self.db());
        row.await.map_err(fault_of)?.map(health_monitor::Model::into_monitor).transpose()
    }

    /// The same, if LBaaS v1 shows it.
    ///
    /// # Errors
    /// As [`Self::monitor`].
    pub async fn monitor_of_v1(&self, id: MonitorId) -> Result<Option<HealthMonitor>, Fault> {
        let shown = health_monitor::Column::BeyondV1.eq(false);
        let row = health_monitor::Entity::find().filter(health_monitor::Column::Id.eq(id.uuid())).filter(shown);
        row.one(self.db()).await.map_err(fault_of)?.map(health_monitor::Model::into_monitor).transpose()
    }

    /// Monitors as a caller asks for them.
    ///
    /// # Errors
    /// `Code::InvalidInput`: it cannot be sorted like that; or as [`Self::monitor`].
    pub async fn monitors(&self, query: &Query) -> Result<Page<HealthMonitor>, Fault> {
        self.page(query, health_monitor::Model::into_monitor).await
    }

    /// Stores a new monitor; one that is there stays what it is.
    ///
    /// # Errors
    /// As [`Self::monitor`].
    pub async fn insert_monitor(&self, monitor: &HealthMonitor) -> Result<(), Fault> {
        self.note_monitor(monitor.id, &monitor.project_id);
        let row = health_monitor::ActiveModel::of(monitor);
        let known = OnConflict::column(health_monitor::Column::Id).do_nothing().to_owned();
        let insert = health_monitor::Entity::insert(row).on_conflict(known).exec_without_returning(self.db());
        insert.await.map(|_| ()).map_err(fault_of)
    }

    /// Stores a monitor's new content.
    ///
    /// # Errors
    /// `Code::HealthMonitorNotFound`, or as [`Self::monitor`].
    pub async fn save_monitor(&self, monitor: &HealthMonitor) -> Result<(), Fault> {
        let saved = health_monitor::Entity::update_many()
            .set(health_monitor::ActiveModel::of(monitor))
            .filter(health_monitor::Column::Id.eq(monitor.id.uuid()))
            .exec(self.db());
        self.note_monitor(monitor.id, &monitor.project_id);
        self.stamp_owners(monitor.id).await?;
        match saved.await.map_err(fault_of)?.rows_affected {
            0 => Err(monitor_not_found(monitor.id)),
            _ => Ok(()),
        }
    }

    /// Of those whose associations got further: what holds them knows.
    pub(crate) async fn stamp_monitors(
        &self,
        stamped: impl IntoIterator<Item = (Option<Timestamp>, MonitorId)>,
    ) -> Result<(), Fault> {
        for (time, ids) in alike(stamped.into_iter()) {
            let saved = health_monitor::Entity::update_many()
                .col_expr(health_monitor::Column::UpdatedAt, Expr::value(time.map(|time| time.0)))
                .filter(is_among(self.db().get_database_backend(), "health_monitor.id", &ids));
            saved.exec(self.db()).await.map_err(fault_of)?;
        }
        Ok(())
    }

    /// What is held of those that have this monitor is not what is stored.
    async fn stamp_owners(&self, id: MonitorId) -> Result<(), Fault> {
        let owners = self.owners_of_monitor(id).await?;
        if owners.is_empty() {
            return Ok(());
        }
        let stamped = load_balancer::Entity::update_many()
            .col_expr(load_balancer::Column::Stamp, Expr::value(stamp()))
            .filter(is_among(self.db().get_database_backend(), "load_balancer.id", &owners));
        stamped.exec(self.db()).await.map_err(fault_of)?;
        owners.into_iter().for_each(|owner| self.desk().forget(owner));
        Ok(())
    }

    /// Deletes a monitor that no pool has.
    ///
    /// # Errors
    /// `Code::HealthMonitorInUse`, `Code::HealthMonitorNotFound`, or as [`Self::monitor`].
    pub async fn delete_monitor(&self, id: MonitorId) -> Result<(), Fault> {
        let monitor = self.monitor(id).await?.ok_or_else(|| monitor_not_found(id))?;
        self.note_monitor(id, &monitor.project_id);
        let gone =
            health_monitor::Entity::delete_many().filter(health_monitor::Column::Id.eq(id.uuid())).exec(self.db());
        let gone = gone.await.map_err(|error| {
            if is_reference(&error) {
                return InUse::HealthMonitor { monitor_id: id }.into();
            }
            fault_of(error)
        });
        match gone?.rows_affected {
            0 => Err(monitor_not_found(id)),
            _ => Ok(()),
        }
    }

    /// The load balancers whose pools have this monitor, each once.
    ///
    /// # Errors
    /// As [`Self::monitor`].
    pub async fn owners_of_monitor(&self, id: MonitorId) -> Result<Vec<LoadBalancerId>, Fault> {
        let rows = association::Entity::find()
            .select_only()
            .column(association::Column::LoadBalancerId)
            .distinct()
            .filter(association::Column::MonitorId.eq(id.uuid()))
            .order_by_asc(association::Column::LoadBalancerId)
            .into_tuple();
        rows.all(self.db()).await.map(ids).map_err(fault_of)
    }

    /// The pools that have this monitor, and how far each association is.
    ///
    /// # Errors
    /// As [`Self::monitor`].
    pub async fn associations_of(&self, monitor_id: MonitorId) -> Result<Vec<(PoolId, Progress)>, Fault> {
        Ok(self.associations_of_many(&[monitor_id]).await?.remove(&monitor_id).unwrap_or_default())
    }

    /// The same for many monitors. A monitor that no pool has is left out.
    ///
    /// # Errors
    /// As [`Self::monitor`].
    pub async fn associations_of_many(
        &self,
        monitor_ids: &[MonitorId],
    ) -> Result<HashMap<MonitorId, Vec<(PoolId, Progress)>>, Fault> {
        let mut associations: HashMap<MonitorId, Vec<(PoolId, Progress)>> = HashMap::new();
        let among = is_among(self.db().get_database_backend(), "monitor_id", monitor_ids);
        let rows = association::Entity::find().filter(among).order_by_asc(association::Column::Seq).all(self.db());
        for row in rows.await.map_err(fault_of)? {
            let (monitor_id, pool_id) = (row.monitor_id.into(), row.pool_id.into());
            associations.entry(monitor_id).or_default().push((pool_id, row.into_progress()?));
        }
        Ok(associations)
    }
}
