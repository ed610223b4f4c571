//! Holds. They refer to nothing: what they tell of may be gone already.

use ballast_model::fault::Fault;
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::{
    codec::{counter, number, parsed},
    holds::Hold,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hold")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub subnet_id: Uuid,
    pub address: String,
    pub port_id: Uuid,
    pub load_balancer_id: Uuid,
    pub agent_id: Uuid,
    pub generation: i64,
    pub project_id: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(hold: &Hold) -> Self {
        Self {
            seq: NotSet,
            id: Set(hold.id),
            subnet_id: Set(hold.subnet_id.uuid()),
            address: Set(hold.address.to_string()),
            port_id: Set(hold.port_id.uuid()),
            load_balancer_id: Set(hold.load_balancer_id.uuid()),
            agent_id: Set(hold.agent_id.uuid()),
            generation: Set(number(hold.generation)),
            project_id: Set(hold.project_id.clone()),
        }
    }
}

impl Model {
    pub(crate) fn into_hold(self) -> Result<Hold, Fault> {
        Ok(Hold {
            id: self.id,
            subnet_id: self.subnet_id.into(),
            address: parsed("address", &self.address)?,
            port_id: self.port_id.into(),
            load_balancer_id: self.load_balancer_id.into(),
            agent_id: self.agent_id.into(),
            generation: counter("generation", self.generation)?,
            project_id: self.project_id,
        })
    }
}
