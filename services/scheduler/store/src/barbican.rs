//! What was asked of a Barbican, and is to be taken back with the last use: rights of the service's user, and consumers.
//!
//! Each is noted here before it is asked for, and stays until it is taken back. So whatever breaks off in between, it is known.

use std::collections::BTreeSet;

use ballast_model::{fault::Fault, ids::LoadBalancerId, time::Timestamp};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, NotSet, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
    sea_query::OnConflict,
};

use crate::{
    Tx,
    backend::fault_of,
    entity::{
        barbican_consumer::{self, Column as Consumer},
        barbican_grant::{self, Column as Grant},
        listener, pool,
    },
};

/// A right that the service's user has for a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarbicanGrant {
    /// `containers/ID` or `secrets/ID`
    pub entity: String,
    pub reference: String,
    /// Of who gave it.
    pub project_id: String,
    /// Whether it was not there before.
    pub added: bool,
    /// When it was asked for.
    pub since: Timestamp,
    /// When the service's own user could not take it back. None: never.
    pub refused: Option<Timestamp>,
}

/// A load balancer that a Barbican knows, or is to know, to use a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BarbicanConsumer {
    pub reference: String,
    pub load_balancer_id: LoadBalancerId,
    /// Whether Barbican has said so.
    pub registered: bool,
}

impl From<barbican_grant::Model> for BarbicanGrant {
    fn from(row: barbican_grant::Model) -> Self {
        Self {
            entity: row.entity,
            reference: row.reference,
            project_id: row.project_id,
            added: row.added,
            since: Timestamp(row.since),
            refused: Some(Timestamp(row.refused)).filter(|refused| refused.0 != 0),
        }
    }
}

impl Tx {
    /// Notes a right before it is asked for. One that was ours stays ours.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn note_barbican_grant(&self, grant: &BarbicanGrant) -> Result<(), Fault> {
        let of_others = barbican_grant::Entity::find()
            .filter(Grant::Entity.eq(grant.entity.as_str()))
            .filter(Grant::Added.eq(true))
            .one(self.db());
        let was_ours = of_others.await.map_err(fault_of)?.is_some();
        let row = barbican_grant::ActiveModel {
            seq: NotSet,
            entity: Set(grant.entity.clone()),
            reference: Set(grant.reference.clone()),
            project_id: Set(grant.project_id.clone()),
            added: Set(grant.added || was_ours),
            since: Set(grant.since.0),
            refused: Set(0),
        };
        let again = OnConflict::columns([Grant::Reference, Grant::Entity])
            .update_columns([Grant::ProjectId, Grant::Added, Grant::Since])
            .to_owned();
        let noted = barbican_grant::Entity::insert(row).on_conflict(again).exec_without_returning(self.db());
        noted.await.map(|_| ()).map_err(fault_of)
    }

    /// The rights that are noted; of a reference, or all, the oldest first.
    ///
    /// # Errors
    /// As [`Self::note_barbican_grant`].
    pub async fn barbican_grants(&self, reference: Option<&str>) -> Result<Vec<BarbicanGrant>, Fault> {
        let mut found = barbican_grant::Entity::find().order_by_asc(Grant::Seq);
        if let Some(reference) = reference {
            found = found.filter(Grant::Reference.eq(reference));
        }
        Ok(found.all(self.db()).await.map_err(fault_of)?.into_iter().map(BarbicanGrant::from).collect())
    }

    /// A right is taken back, or was not ours, unless it was noted anew since.
    ///
    /// # Errors
    /// As [`Self::note_barbican_grant`].
    pub async fn forget_barbican_grant(&self, grant: &BarbicanGrant) -> Result<(), Fault> {
        let gone = barbican_grant::Entity::delete_many()
            .filter(Grant::Entity.eq(grant.entity.as_str()))
            .filter(Grant::Reference.eq(grant.reference.as_str()))
            .filter(Grant::Since.eq(grant.since.0))
            .exec(self.db());
        gone.await.map(|_| ()).map_err(fault_of)
    }

    /// The service's own user could not take a right back.
    ///
    /// # Errors
    /// As [`Self::note_barbican_grant`].
    pub async fn barbican_grant_refused(&self, grant: &BarbicanGrant, at: Timestamp) -> Result<(), Fault> {
        let row = barbican_grant::ActiveModel { refused: Set(at.0), ..Default::default() };
        let noted = barbican_grant::Entity::update_many()
            .set(row)
            .filter(Grant::Entity.eq(grant.entity.as_str()))
            .filter(Grant::Reference.eq(grant.reference.as_str()))
            .exec(self.db());
        noted.await.map(|_| ()).map_err(fault_of)
    }

    /// Notes that a load balancer is, or is to be, registered as a consumer.
    ///
    /// # Errors
    /// As [`Self::note_barbican_grant`].
    pub async fn note_barbican_consumer(&self, consumer: &BarbicanConsumer) -> Result<(), Fault> {
        let row = barbican_consumer::ActiveModel {
            seq: NotSet,
            reference: Set(consumer.reference.clone()),
            load_balancer_id: Set(consumer.load_balancer_id.uuid()),
            registered: Set(consumer.registered),
        };
        let again = OnConflict::columns([Consumer::Reference, Consumer::LoadBalancerId])
            .update_column(Consumer::Registered)
            .to_owned();
        let noted = barbican_consumer::Entity::insert(row).on_conflict(again).exec_without_returning(self.db());
        noted.await.map(|_| ()).map_err(fault_of)
    }

    /// All of them.
    ///
    /// # Errors
    /// As [`Self::note_barbican_grant`].
    pub async fn barbican_consumers(&self) -> Result<BTreeSet<BarbicanConsumer>, Fault> {
        let rows = barbican_consumer::Entity::find().all(self.db()).await.map_err(fault_of)?;
        let consumer = |row: barbican_consumer::Model| BarbicanConsumer {
            reference: row.reference,
            load_balancer_id: row.load_balancer_id.into(),
            registered: row.registered,
        };
        Ok(rows.into_iter().map(consumer).collect())
    }

    /// It is registered no more.
    ///
    /// # Errors
    /// As [`Self::note_barbican_grant`].
    pub async fn forget_barbican_consumer(&self, consumer: &BarbicanConsumer) -> Result<(), Fault> {
        let gone = barbican_consumer::Entity::delete_many()
            .filter(Consumer::Reference.eq(consumer.reference.as_str()))
            .filter(Consumer::LoadBalancerId.eq(consumer.load_balancer_id.uuid()))
            .exec(self.db());
        gone.await.map(|_| ()).map_err(fault_of)
    }

    /// Every secret that listeners and pools name, and the load balancer that does, whether it has an effect there or not.
    ///
    /// # Errors
    /// As [`Self::note_barbican_grant`].
    pub async fn named_secrets(&self) -> Result<BTreeSet<(String, LoadBalancerId)>, Fault> {
        let listeners = listener::Entity::find().filter(listener::Column::More.contains("/v1/")).all(self.db());
        let mut found = BTreeSet::new();
        for row in listeners.await.map_err(fault_of)? {
            let of: LoadBalancerId = row.load_balancer_id.into();
            found.extend(row.secrets()?.into_iter().map(|reference| (reference, of)));
        }
        let pools = pool::Entity::find().filter(pool::Column::More.contains("/v1/")).all(self.db());
        for row in pools.await.map_err(fault_of)? {
            let of: LoadBalancerId = row.load_balancer_id.into();
            found.extend(row.secrets()?.into_iter().map(|reference| (reference, of)));
        }
        Ok(found)
    }

    /// Whether any listener or pool names this secret.
    ///
    /// # Errors
    /// As [`Self::note_barbican_grant`].
    pub async fn is_secret_named(&self, reference: &str) -> Result<bool, Fault> {
        let listeners = listener::Entity::find().filter(listener::Column::More.contains(reference)).limit(1);
        if listeners.one(self.db()).await.map_err(fault_of)?.is_some() {
            return Ok(true);
        }
        let pools = pool::Entity::find().filter(pool::Column::More.contains(reference)).limit(1);
        Ok(pools.one(self.db()).await.map_err(fault_of)?.is_some())
    }
}
