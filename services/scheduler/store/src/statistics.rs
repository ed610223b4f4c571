//! Counters of load balancers.

use std::collections::{BTreeMap, HashMap};

use ballast_model::{fault::Fault, ids::LoadBalancerId, load_balancer::pool_not_found, outcome::Statistics, view::v1};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, QueryFilter as _, Set, sea_query::OnConflict};

use crate::{
    Tx,
    backend::{fault_of, is_among, is_reference},
    codec::number,
    entity::statistics,
    write::pieces::pieces,
};

impl Tx {
    /// The counters of a load balancer, those of its former agents too; zeros when none were stored.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn statistics(&self, load_balancer_id: LoadBalancerId) -> Result<Statistics, Fault> {
        let row = statistics::Entity::find_by_id(load_balancer_id.uuid()).one(self.db()).await.map_err(fault_of)?;
        row.map_or(Ok(Statistics::default()), statistics::Model::total)
    }

    /// What their present agents counted, of those of these load balancers that have any counters.
    ///
    /// # Errors
    /// As [`Self::statistics`].
    pub async fn statistics_of_many(
        &self,
        ids: &[LoadBalancerId],
    ) -> Result<HashMap<LoadBalancerId, Statistics>, Fault> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let among = is_among(self.db().get_database_backend(), "load_balancer_id", ids);
        let rows = statistics::Entity::find().filter(among).all(self.db()).await.map_err(fault_of)?;
        rows.into_iter().map(|row| Ok((row.load_balancer_id.into(), row.into_statistics()?))).collect()
    }

    /// Stores what its agent counted of each load balancer in the place of what it counted before.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`](ballast_model::fault::Code::PoolNotFound): one is gone; or as [`Self::statistics`].
    pub async fn save_statistics(&self, counted: &BTreeMap<LoadBalancerId, Statistics>) -> Result<(), Fault> {
        let columns = [
            statistics::Column::BytesIn,
            statistics::Column::BytesOut,
            statistics::Column::ActiveConnections,
            statistics::Column::TotalConnections,
        ];
        let replace = OnConflict::column(statistics::Column::LoadBalancerId).update_columns(columns).to_owned();
        let counted: Vec<(&LoadBalancerId, &Statistics)> = counted.iter().collect();
        for piece in pieces(&counted) {
            let rows = piece.iter().map(|(id, statistics)| statistics::ActiveModel::of(**id, **statistics));
            let insert = statistics::Entity::insert_many(rows).on_conflict(replace.clone());
            insert.exec_without_returning(self.db()).await.map_err(|error| match piece {
                [(id, _), ..] if is_reference(&error) => pool_not_found(v1::pool_of(**id)),
                _ => fault_of(error),
            })?;
        }
        Ok(())
    }

    /// The load balancer gets another agent, which counts from zero: what was counted so far is added to what it
    /// counts.
    pub(crate) async fn count_from_zero(&self, load_balancer_id: LoadBalancerId) -> Result<(), Fault> {
        let row = statistics::Entity::find_by_id(load_balancer_id.uuid()).one(self.db()).await.map_err(fault_of)?;
        let Some(row) = row else { return Ok(()) };
        let total = row.total()?;
        let row = statistics::ActiveModel {
            bytes_in_before: Set(number(total.bytes_in)),
            bytes_out_before: Set(number(total.bytes_out)),
            total_connections_before: Set(number(total.total_connections)),
            ..statistics::ActiveModel::of(load_balancer_id, Statistics::default())
        };
        statistics::Entity::update(row).exec_without_returning(self.db()).await.map(|_| ()).map_err(fault_of)
    }
}
