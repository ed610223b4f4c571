//! Counters of load balancers.

use ballast_model::{fault::Fault, outcome::Statistics};
use sea_orm::{Set, entity::prelude::*};

use crate::codec::{natural, number};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "statistics")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub load_balancer_id: Uuid,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub active_connections: i64,
    pub total_connections: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(load_balancer_id: Uuid, statistics: Statistics) -> Self {
        Self {
            load_balancer_id: Set(load_balancer_id),
            bytes_in: Set(number(statistics.bytes_in)),
            bytes_out: Set(number(statistics.bytes_out)),
            active_connections: Set(number(statistics.active_connections)),
            total_connections: Set(number(statistics.total_connections)),
        }
    }
}

impl Model {
    pub(crate) fn into_statistics(self) -> Result<Statistics, Fault> {
        Ok(Statistics {
            bytes_in: natural("bytes_in", self.bytes_in)?,
            bytes_out: natural("bytes_out", self.bytes_out)?,
            active_connections: natural("active_connections", self.active_connections)?,
            total_connections: natural("total_connections", self.total_connections)?,
        })
    }
}
