//! Rights of the service's user in a Barbican, by the references for which they were asked.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "barbican_grant")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// `containers/ID` or `secrets/ID`
    pub entity: String,
    pub reference: String,
    /// Of who gave it.
    pub project_id: String,
    /// Whether it was not there before.
    pub added: bool,
    /// Microseconds since 1970: when it was asked for.
    pub since: i64,
    /// The same of when the service's own user could not take it back; 0: never.
    pub refused: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
