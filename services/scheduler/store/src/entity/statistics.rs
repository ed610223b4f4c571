//! Counters of load balancers.

use ballast_model::ids::LoadBalancerId;
use ballast_model::{fault::Fault, outcome::Statistics};
use sea_orm::{Set, entity::prelude::*};

use crate::{
    codec::{natural, number},
    parts::Document,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "statistics")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub load_balancer_id: Uuid,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub active_connections: i64,
    pub total_connections: i64,
    /// What former agents counted.
    pub bytes_in_before: i64,
    pub bytes_out_before: i64,
    pub total_connections_before: i64,
    pub request_errors: i64,
    pub request_errors_before: i64,
    /// The same of its pools and members, as JSON; empty: nothing was told.
    pub parts: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    /// What its agent counted; what others counted before stays.
    pub(crate) fn of(load_balancer_id: LoadBalancerId, statistics: Statistics) -> Self {
        Self {
            load_balancer_id: Set(load_balancer_id.uuid()),
            bytes_in: Set(number(statistics.bytes_in)),
            bytes_out: Set(number(statistics.bytes_out)),
            active_connections: Set(number(statistics.active_connections)),
            total_connections: Set(number(statistics.total_connections)),
            request_errors: Set(number(statistics.request_errors)),
            ..Default::default()
        }
    }
}

impl Model {
    /// What was counted of its pools and members.
    pub(crate) fn document(&self) -> Result<Document, Fault> {
        Document::read(&self.parts)
    }

    /// What its agent and all before it counted.
    pub(crate) fn total(self) -> Result<Statistics, Fault> {
        let before =
            [self.bytes_in_before, self.bytes_out_before, self.total_connections_before, self.request_errors_before];
        let counted = self.into_statistics()?;
        let with =
            |counted: u64, before: i64| Ok::<_, Fault>(counted.saturating_add(natural("counted before", before)?));
        Ok(Statistics {
            bytes_in: with(counted.bytes_in, before[0])?,
            bytes_out: with(counted.bytes_out, before[1])?,
            total_connections: with(counted.total_connections, before[2])?,
            request_errors: with(counted.request_errors, before[3])?,
            ..counted
        })
    }

    /// What its agent counted.
    pub(crate) fn into_statistics(self) -> Result<Statistics, Fault> {
        Ok(Statistics {
            bytes_in: natural("bytes_in", self.bytes_in)?,
            bytes_out: natural("bytes_out", self.bytes_out)?,
            active_connections: natural("active_connections", self.active_connections)?,
            total_connections: natural("total_connections", self.total_connections)?,
            request_errors: natural("request_errors", self.request_errors)?,
        })
    }
}
