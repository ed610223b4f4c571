//! Members.

use ballast_model::ids::{LoadBalancerId, PoolId};
use ballast_model::{fault::Fault, member::Member, status::OperatingStatus};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::Deserialize;

use crate::codec::{member_of, natural, number, parsed, progress};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "member")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub load_balancer_id: Uuid,
    pub pool_id: Uuid,
    pub project_id: String,
    pub address: String,
    pub protocol_port: i64,
    pub weight: i64,
    pub admin_state_up: bool,
    pub operating_status: String,
    pub provisioning_status: String,
    pub status_description: Option<String>,
    pub changed: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(member: &Member, load_balancer_id: LoadBalancerId, pool_id: PoolId) -> Self {
        Self {
            seq: NotSet,
            id: Set(member.id.uuid()),
            load_balancer_id: Set(load_balancer_id.uuid()),
            pool_id: Set(pool_id.uuid()),
            project_id: Set(member.project_id.clone()),
            address: Set(member.address.to_string()),
            protocol_port: Set(member.protocol_port.into()),
            weight: Set(member.weight.into()),
            admin_state_up: Set(member.admin_state_up),
            operating_status: Set(member.operating_status.as_str().to_owned()),
            provisioning_status: Set(member.progress.status.as_str().to_owned()),
            status_description: Set(member.progress.description.clone()),
            changed: Set(number(member.progress.changed)),
        }
    }
}

impl Model {
    pub(crate) fn into_member(self) -> Result<Member, Fault> {
        Ok(Member {
            id: self.id.into(),
            project_id: self.project_id,
            address: parsed("address", &self.address)?,
            protocol_port: natural("protocol_port", self.protocol_port)?,
            weight: natural("weight", self.weight)?,
            admin_state_up: self.admin_state_up,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
            operating_status: member_of("operating_status", &self.operating_status, OperatingStatus::parse)?,
        })
    }
}
