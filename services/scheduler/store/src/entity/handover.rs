//! What former agents hand over. A row that is empty waits for it; none: the load balancer has been deployed since it
//! moved, or has never moved.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "handover")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub load_balancer_id: Uuid,
    /// Of the placement that it is for.
    pub epoch: i64,
    pub driver: String,
    pub content: Vec<u8>,
}

/// Without what clients did.
impl std::fmt::Debug for Model {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Handover").field("load_balancer_id", &self.load_balancer_id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
