//! Bindings. They refer to no load balancer: a tombstone outlives it.

use ballast_model::fault::Fault;
use sea_orm::entity::prelude::*;

use crate::{
    bindings::{Binding, Phase},
    codec::{counter, member_of},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "binding")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub load_balancer_id: Uuid,
    pub agent_id: Uuid,
    pub driver: String,
    pub epoch: i64,
    pub phase: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_binding(self) -> Result<Binding, Fault> {
        Ok(Binding {
            load_balancer_id: self.load_balancer_id.into(),
            agent_id: self.agent_id.into(),
            driver: self.driver,
            epoch: counter("epoch", self.epoch)?,
            phase: member_of("phase", &self.phase, Phase::parse)?,
        })
    }
}
