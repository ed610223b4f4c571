//! Agents that make a load balancer ready that another one serves. They refer to no load balancer: one that is to be let go of
//! outlives it.

use ballast_model::fault::Fault;
use sea_orm::entity::prelude::*;

use crate::{
    codec::{counter, member_of},
    successors::{Stage, Successor},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "successor")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub load_balancer_id: Uuid,
    pub agent_id: Uuid,
    pub driver: String,
    /// Of the placement that it is for.
    pub epoch: i64,
    pub stage: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_successor(self) -> Result<Successor, Fault> {
        Ok(Successor {
            load_balancer_id: self.load_balancer_id.into(),
            agent_id: self.agent_id.into(),
            driver: self.driver,
            epoch: counter("epoch", self.epoch)?,
            stage: member_of("stage", &self.stage, Stage::parse)?,
        })
    }
}
