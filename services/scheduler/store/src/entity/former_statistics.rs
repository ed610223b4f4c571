//! What former agents had told of counters when a load balancer moved: what they tell in the end has more.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "former_statistics")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub load_balancer_id: Uuid,
    /// Of the placement that they are of.
    pub epoch: i64,
    /// The load balancer's, or a listener's.
    pub object_id: Uuid,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub total_connections: i64,
    pub request_errors: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
