//! Schedulers that share the database. Each lives as long as the others see its heartbeat change.

use ballast_model::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "scheduler")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_name = "home")]
    pub address: String,
    pub beat: i64,
    pub beat_at: i64,
    pub advertised: String,
    pub version: String,
    /// 0: it does not say.
    pub started_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_scheduler(self) -> crate::Scheduler {
        crate::Scheduler {
            id: self.id.into(),
            address: self.address,
            heartbeat: self.beat,
            heartbeat_at: Timestamp(self.beat_at),
            advertised: self.advertised,
            version: self.version,
            started_at: (self.started_at != 0).then_some(Timestamp(self.started_at)),
        }
    }
}
