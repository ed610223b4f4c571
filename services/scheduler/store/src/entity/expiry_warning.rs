//! Of which end of a certificate somebody was warned, and how many days before.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "expiry_warning")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub digest: String,
    pub days: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
