//! What load balancers were: a row for each change of what is desired of one, with the difference that it made.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revision")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub load_balancer_id: Uuid,
    /// That the change made.
    pub generation: i64,
    /// That it found; 0: it made the load balancer.
    pub former: i64,
    pub at: i64,
    /// As in events.
    pub cause: Option<String>,
    /// The difference, as JSON; none: it was too large to be kept.
    pub changes: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
