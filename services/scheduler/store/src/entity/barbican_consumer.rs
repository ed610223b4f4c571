//! Load balancers that a Barbican knows to use a secret.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "barbican_consumer")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub reference: String,
    pub load_balancer_id: Uuid,
    /// Whether Barbican has said so.
    pub registered: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
