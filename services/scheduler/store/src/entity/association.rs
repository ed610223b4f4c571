//! Associations of pools with health monitors.

use ballast_model::ids::{LoadBalancerId, PoolId};
use ballast_model::{fault::Fault, pool::Association, status::Progress};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::Deserialize;

use crate::codec::{number, progress};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "association")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub load_balancer_id: Uuid,
    pub pool_id: Uuid,
    pub monitor_id: Uuid,
    pub provisioning_status: String,
    pub status_description: Option<String>,
    pub changed: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(association: &Association, load_balancer_id: LoadBalancerId, pool_id: PoolId) -> Self {
        Self {
            seq: NotSet,
            load_balancer_id: Set(load_balancer_id.uuid()),
            pool_id: Set(pool_id.uuid()),
            monitor_id: Set(association.monitor.id.uuid()),
            provisioning_status: Set(association.progress.status.as_str().to_owned()),
            status_description: Set(association.progress.description.clone()),
            changed: Set(number(association.progress.changed)),
        }
    }
}

impl Model {
    pub(crate) fn into_progress(self) -> Result<Progress, Fault> {
        progress(&self.provisioning_status, self.status_description, self.changed)
    }
}
