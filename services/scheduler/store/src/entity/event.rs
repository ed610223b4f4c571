//! The log of changes. What an object has become is in its own table.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// Of the transaction that wrote it; 0 where transactions end in the order of `seq`.
    pub transaction_id: i64,
    /// One that every scheduler knows that may read it.
    pub kind: String,
    /// What it is of, where that is another kind.
    pub noun: Option<String>,
    pub object_id: Uuid,
    /// Whom it concerns; none: everyone.
    pub project_id: Option<String>,
    /// In which it is.
    pub load_balancer_id: Option<Uuid>,
    /// When it was committed.
    pub at: Option<i64>,
    pub cause: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
