//! Ports that a foreign network service may have though nobody needs them.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stray_port")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The vip's.
    #[sea_orm(unique)]
    pub id: Uuid,
    pub subnet_id: Uuid,
    /// Empty: not known.
    pub address: String,
    /// Microseconds since 1970: when it may be removed.
    pub since: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
