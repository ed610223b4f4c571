//! Which scheduler leads: one row.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lead")]
pub struct Model {
    /// Always 1: one leads.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i32,
    pub scheduler_id: Option<Uuid>,
    /// Grows with each that begins to lead.
    pub term: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
