//! Counters of listeners.

use ballast_model::{fault::Fault, ids::ListenerId, outcome::Statistics};
use sea_orm::{Set, entity::prelude::*};

use crate::codec::{natural, number};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "listener_statistics")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub listener_id: Uuid,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub active_connections: i64,
    pub total_connections: i64,
    pub request_errors: i64,
    /// What former agents counted.
    pub bytes_in_before: i64,
    pub bytes_out_before: i64,
    pub total_connections_before: i64,
    pub request_errors_before: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    /// What its agent counted; what others counted before stays.
    pub(crate) fn of(id: ListenerId, statistics: Statistics) -> Self {
        Self {
            listener_id: Set(id.uuid()),
            bytes_in: Set(number(statistics.bytes_in)),
            bytes_out: Set(number(statistics.bytes_out)),
            active_connections: Set(number(statistics.active_connections)),
            total_connections: Set(number(statistics.total_connections)),
            request_errors: Set(number(statistics.request_errors)),
            ..Default::default()
        }
    }

    /// Another agent counts from zero: what was counted so far is what others counted before.
    pub(crate) fn from_zero(row: Model) -> Result<Self, Fault> {
        let id = row.listener_id.into();
        let total = row.total()?;
        Ok(Self {
            bytes_in_before: Set(number(total.bytes_in)),
            bytes_out_before: Set(number(total.bytes_out)),
            total_connections_before: Set(number(total.total_connections)),
            request_errors_before: Set(number(total.request_errors)),
            ..Self::of(id, Statistics::default())
        })
    }
}

impl Model {
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

    /// What its agent and all before it counted.
    pub(crate) fn total(self) -> Result<Statistics, Fault> {
        let with = |name: &str, counted: i64, before: i64| natural::<u64>(name, counted.saturating_add(before));
        Ok(Statistics {
            bytes_in: with("bytes_in", self.bytes_in, self.bytes_in_before)?,
            bytes_out: with("bytes_out", self.bytes_out, self.bytes_out_before)?,
            active_connections: natural("active_connections", self.active_connections)?,
            total_connections: with("total_connections", self.total_connections, self.total_connections_before)?,
            request_errors: with("request_errors", self.request_errors, self.request_errors_before)?,
        })
    }
}
