//! What a snapshot is made of: the objects that are there, kind by kind.

use std::collections::HashMap;

use ballast_model::{Uuid, fault::Fault, ids::LoadBalancerId};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::EventKind;
use crate::{
    Tx,
    backend::{fault_of, is_among},
    entity::{agent, health_monitor, l7policy, listener, load_balancer, member, network, pool, subnet},
    lists::listing::Listed,
};

impl Tx {
    /// The objects of a kind that a project may see (none: all) after the row of this number, oldest first, with the
    /// number of each row.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn ids_after(
        &self,
        kind: EventKind,
        project_id: Option<&str>,
        seq: i64,
        limit: u64,
    ) -> Result<Vec<(i64, Uuid)>, Fault> {
        match kind {
            EventKind::LoadBalancer => self.rows_after::<load_balancer::Entity>(project_id, seq, limit).await,
            EventKind::L7Policy => self.rows_after::<l7policy::Entity>(project_id, seq, limit).await,
            EventKind::Pool => self.rows_after::<pool::Entity>(project_id, seq, limit).await,
            EventKind::Listener => self.rows_after::<listener::Entity>(project_id, seq, limit).await,
            EventKind::Member => self.rows_after::<member::Entity>(project_id, seq, limit).await,
            EventKind::HealthMonitor => self.rows_after::<health_monitor::Entity>(project_id, seq, limit).await,
            EventKind::Agent => self.rows_after::<agent::Entity>(project_id, seq, limit).await,
            EventKind::Network => self.rows_after::<network::Entity>(project_id, seq, limit).await,
            EventKind::Subnet => self.rows_after::<subnet::Entity>(project_id, seq, limit).await,
        }
    }

    /// The load balancers that have these objects of one kind, by their ids.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn owners_of(&self, kind: EventKind, ids: &[Uuid]) -> Result<HashMap<Uuid, LoadBalancerId>, Fault> {
        match kind {
            EventKind::Listener => self.owners::<listener::Entity>(listener::Column::LoadBalancerId, ids).await,
            EventKind::Member => self.owners::<member::Entity>(member::Column::LoadBalancerId, ids).await,
            EventKind::Pool => self.owners::<pool::Entity>(pool::Column::LoadBalancerId, ids).await,
            EventKind::L7Policy => self.owners::<l7policy::Entity>(l7policy::Column::LoadBalancerId, ids).await,
            EventKind::LoadBalancer => Ok(ids.iter().map(|id| (*id, LoadBalancerId::new(*id))).collect()),
            EventKind::HealthMonitor | EventKind::Agent | EventKind::Network | EventKind::Subnet => {
                Err(Fault::internal(format!("a {} has no owner", kind.as_str())))
            }
        }
    }

    async fn owners<E: Listed>(&self, owner: E::Column, ids: &[Uuid]) -> Result<HashMap<Uuid, LoadBalancerId>, Fault> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let among = is_among(self.db().get_database_backend(), "id", ids);
        let rows = E::find().select_only().column(E::ID).column(owner).filter(among).into_tuple::<(Uuid, Uuid)>();
        let found = rows.all(self.db()).await.map_err(fault_of)?;
        Ok(found.into_iter().map(|(id, owner)| (id, owner.into())).collect())
    }

    async fn rows_after<E: Listed>(
        &self,
        project_id: Option<&str>,
        seq: i64,
        limit: u64,
    ) -> Result<Vec<(i64, Uuid)>, Fault> {
        let mut select = E::find().select_only().column(E::SEQ).column(E::ID).filter(E::SEQ.gt(seq));
        if let Some(project_id) = project_id {
            select = select.filter(E::visible(project_id, true));
        }
        select.order_by_asc(E::SEQ).limit(limit).into_tuple().all(self.db()).await.map_err(fault_of)
    }
}
