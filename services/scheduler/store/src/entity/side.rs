//! The two sides of load balancers with a standby.

use ballast_model::{
    fault::Fault,
    side::{Said, SideNumber},
};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::{
    codec::{counter, member_of, number},
    sides::Side,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "side")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub load_balancer_id: Uuid,
    pub number: i32,
    pub agent_id: Uuid,
    pub driver: String,
    pub epoch: i64,
    pub port_id: Uuid,
    /// Which it has deployed; 0: none yet.
    pub generation: i64,
    /// Why its last deploy failed; empty: it did not.
    pub fault: String,
    /// The three columns of what it said last are there together, or none is.
    pub said_term: Option<i64>,
    pub said_active: Option<bool>,
    pub peer_heard: Option<bool>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(side: &Side) -> Self {
        Self {
            seq: NotSet,
            load_balancer_id: Set(side.load_balancer_id.uuid()),
            number: Set(side.number.number().into()),
            agent_id: Set(side.agent_id.uuid()),
            driver: Set(side.driver.clone()),
            epoch: Set(number(side.epoch)),
            port_id: Set(side.port_id.uuid()),
            generation: Set(number(side.generation)),
            fault: Set(side.fault.clone()),
            said_term: Set(side.said.map(|said| number(said.term))),
            said_active: Set(side.said.map(|said| said.active)),
            peer_heard: Set(side.said.map(|said| said.peer_heard)),
        }
    }
}

impl Model {
    pub(crate) fn into_side(self) -> Result<Side, Fault> {
        let said = match (self.said_term, self.said_active, self.peer_heard) {
            (Some(term), Some(active), Some(peer_heard)) => {
                Some(Said { term: counter("said_term", term)?, active, peer_heard })
            }
            _ => None,
        };
        Ok(Side {
            load_balancer_id: self.load_balancer_id.into(),
            number: member_of("number", &self.number.to_string(), |_| SideNumber::of(self.number.into()))?,
            agent_id: self.agent_id.into(),
            driver: self.driver,
            epoch: counter("epoch", self.epoch)?,
            port_id: self.port_id.into(),
            generation: counter("generation", self.generation)?,
            fault: self.fault,
            said,
        })
    }
}
