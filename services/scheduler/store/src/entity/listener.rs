//! Listeners.

use ballast_model::ids::LoadBalancerId;
use ballast_model::{
    fault::Fault,
    listener::{Listener, Protocol},
};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::Deserialize;

use crate::codec::{member_of, natural, number, progress};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "listener")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub load_balancer_id: Uuid,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub protocol: String,
    pub protocol_port: i64,
    pub connection_limit: i64,
    pub default_pool_id: Uuid,
    pub admin_state_up: bool,
    pub provisioning_status: String,
    pub status_description: Option<String>,
    pub changed: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(listener: &Listener, load_balancer_id: LoadBalancerId) -> Self {
        Self {
            seq: NotSet,
            id: Set(listener.id.uuid()),
            load_balancer_id: Set(load_balancer_id.uuid()),
            project_id: Set(listener.project_id.clone()),
            name: Set(listener.name.clone()),
            description: Set(listener.description.clone()),
            protocol: Set(listener.protocol.as_str().to_owned()),
            protocol_port: Set(listener.protocol_port.into()),
            connection_limit: Set(listener.connection_limit.into()),
            default_pool_id: Set(listener.default_pool_id.uuid()),
            admin_state_up: Set(listener.admin_state_up),
            provisioning_status: Set(listener.progress.status.as_str().to_owned()),
            status_description: Set(listener.progress.description.clone()),
            changed: Set(number(listener.progress.changed)),
        }
    }
}

impl Model {
    pub(crate) fn into_listener(self) -> Result<Listener, Fault> {
        Ok(Listener {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            description: self.description,
            protocol: member_of("protocol", &self.protocol, Protocol::parse)?,
            protocol_port: natural("protocol_port", self.protocol_port)?,
            connection_limit: natural("connection_limit", self.connection_limit)?,
            default_pool_id: self.default_pool_id.into(),
            admin_state_up: self.admin_state_up,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
        })
    }
}
