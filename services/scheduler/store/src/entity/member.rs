//! Members.

use std::net::IpAddr;

use ballast_model::{
    fault::Fault,
    ids::{LoadBalancerId, PoolId, SubnetId},
    member::Member,
    status::OperatingStatus,
};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::codec::{from_more, labels, member_of, more, natural, number, parsed, progress, tags};

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
    pub name: String,
    /// A document: [`More`].
    pub more: String,
    pub tags: String,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    /// Of a load balancer that LBaaS v1 does not show.
    pub beyond_v1: bool,
}

/// What few members have.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct More {
    backup: bool,
    subnet_id: Option<SubnetId>,
    monitor_address: Option<IpAddr>,
    monitor_port: Option<u16>,
    written: Option<String>,
    monitor_written: Option<String>,
}

impl More {
    fn of(member: &Member) -> Self {
        Self {
            backup: member.backup,
            subnet_id: member.subnet_id,
            monitor_address: member.monitor_address,
            monitor_port: member.monitor_port,
            written: member.written.clone(),
            monitor_written: member.monitor_written.clone(),
        }
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(member: &Member, load_balancer_id: LoadBalancerId, pool_id: PoolId, beyond_v1: bool) -> Self {
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
            name: Set(member.name.clone()),
            more: Set(more(&More::of(member))),
            tags: Set(tags(&member.labels)),
            created_at: Set(member.labels.created_at.0),
            updated_at: Set(member.labels.updated_at.map(|time| time.0)),
            beyond_v1: Set(beyond_v1),
        }
    }
}

impl Model {
    pub(crate) fn into_member(self) -> Result<Member, Fault> {
        let more: More = from_more(&self.more)?;
        Ok(Member {
            id: self.id.into(),
            project_id: self.project_id,
            address: parsed("address", &self.address)?,
            protocol_port: natural("protocol_port", self.protocol_port)?,
            weight: natural("weight", self.weight)?,
            admin_state_up: self.admin_state_up,
            name: self.name,
            backup: more.backup,
            subnet_id: more.subnet_id,
            monitor_address: more.monitor_address,
            monitor_port: more.monitor_port,
            written: more.written,
            monitor_written: more.monitor_written,
            labels: labels(&self.tags, self.created_at, self.updated_at)?,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
            operating_status: member_of("operating_status", &self.operating_status, OperatingStatus::parse)?,
        })
    }
}
