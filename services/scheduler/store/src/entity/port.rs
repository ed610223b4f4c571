//! Ports. Their addresses are rows of their own.

use ballast_model::{
    fault::Fault,
    listener::Mac,
    port::{FixedIp, Port},
};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::codec::member_of;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "port")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub network_id: Uuid,
    pub mac: String,
    pub device_owner: String,
    pub device_id: String,
    pub host: String,
    pub admin_state_up: bool,
    /// Whether an agent was told of it: it may answer there.
    pub told: bool,
    /// Whether it is of a side of a load balancer: users see none of those.
    pub of_side: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(port: &Port) -> Self {
        Self {
            seq: NotSet,
            id: Set(port.id.uuid()),
            project_id: Set(port.project_id.clone()),
            name: Set(port.name.clone()),
            network_id: Set(port.network_id.uuid()),
            mac: Set(port.mac.to_string()),
            device_owner: Set(port.device_owner.clone()),
            device_id: Set(port.device_id.clone()),
            host: Set(port.host.clone()),
            admin_state_up: Set(port.admin_state_up),
            told: NotSet,
            of_side: NotSet,
        }
    }
}

impl Model {
    pub(crate) fn into_port(self, fixed_ips: Vec<FixedIp>) -> Result<Port, Fault> {
        Ok(Port {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            network_id: self.network_id.into(),
            mac: member_of("mac", &self.mac, Mac::parse)?,
            fixed_ips,
            device_owner: self.device_owner,
            device_id: self.device_id,
            host: self.host,
            admin_state_up: self.admin_state_up,
        })
    }
}
