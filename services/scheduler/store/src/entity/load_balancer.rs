//! Load balancers.

use ballast_model::{
    fault::Fault,
    listener::{Listener, Mac, Vip},
    load_balancer::LoadBalancer,
    parts::Parts,
    pool::Pool,
    side::Topology,
};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::codec::{counter, from_more, labels, member_of, more, number, parsed, progress, tags};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "load_balancer")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub project_id: String,
    pub provider: String,
    pub admin_state_up: bool,
    /// The four columns of the vip are there together, or none is.
    pub vip_subnet_id: Option<Uuid>,
    pub vip_port_id: Option<Uuid>,
    pub vip_address: Option<String>,
    pub vip_mac: Option<String>,
    pub generation: i64,
    pub settled: i64,
    /// The epoch of its latest binding; not the model's, so saving a load balancer leaves it alone.
    pub epoch: i64,
    /// Another one with each save, whatever it changes; 0: not saved since there are stamps.
    pub stamp: i64,
    pub name: String,
    pub description: String,
    /// The name by which v2 was asked for the provider, where that is another one.
    pub provider_alias: Option<String>,
    pub flavor_id: Option<Uuid>,
    pub availability_zone: Option<String>,
    pub flavor_data: String,
    pub vip_network_id: Option<Uuid>,
    /// More addresses, as JSON; empty: none.
    pub vip_additional: String,
    pub provisioning_status: String,
    pub status_description: Option<String>,
    pub changed: i64,
    pub tags: String,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    /// LBaaS v1 does not show it.
    pub beyond_v1: bool,
    /// What it answers itself, as JSON; empty: nothing.
    pub http_answers: String,
    pub topology: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(load_balancer: &LoadBalancer) -> Self {
        let vip = load_balancer.vip.as_ref();
        let beyond_v1 = load_balancer.beyond_v1().is_some();
        Self {
            seq: NotSet,
            id: Set(load_balancer.id.uuid()),
            project_id: Set(load_balancer.project_id.clone()),
            provider: Set(load_balancer.provider.clone()),
            admin_state_up: Set(load_balancer.admin_state_up),
            vip_subnet_id: Set(vip.map(|vip| vip.subnet_id.uuid())),
            vip_port_id: Set(vip.map(|vip| vip.port_id.uuid())),
            vip_address: Set(vip.map(|vip| vip.address.to_string())),
            vip_mac: Set(vip.map(|vip| vip.mac.to_string())),
            generation: Set(number(load_balancer.generation)),
            settled: Set(number(load_balancer.settled)),
            epoch: NotSet,
            stamp: NotSet,
            name: Set(load_balancer.name.clone()),
            description: Set(load_balancer.description.clone()),
            provider_alias: Set(load_balancer.provider_alias.clone()),
            flavor_id: Set(load_balancer.flavor_id.map(|id| id.uuid())),
            availability_zone: Set(load_balancer.availability_zone.clone()),
            flavor_data: Set(load_balancer.flavor_data.clone()),
            vip_network_id: Set(vip.map(|vip| vip.network_id.uuid())),
            vip_additional: Set(vip.map(|vip| more(&vip.additional)).unwrap_or_default()),
            provisioning_status: Set(load_balancer.progress.status.as_str().to_owned()),
            status_description: Set(load_balancer.progress.description.clone()),
            changed: Set(number(load_balancer.progress.changed)),
            tags: Set(tags(&load_balancer.labels)),
            created_at: Set(load_balancer.labels.created_at.0),
            updated_at: Set(load_balancer.labels.updated_at.map(|time| time.0)),
            beyond_v1: Set(beyond_v1),
            http_answers: Set(more(&load_balancer.http_answers)),
            topology: Set(load_balancer.topology.as_str().to_owned()),
        }
    }
}

impl Model {
    pub(crate) fn into_load_balancer(
        self,
        listeners: Parts<Listener>,
        pools: Parts<Pool>,
    ) -> Result<LoadBalancer, Fault> {
        let vip = match (self.vip_subnet_id, self.vip_port_id, self.vip_address, self.vip_mac) {
            (Some(subnet_id), Some(port_id), Some(address), Some(mac)) => Some(Vip {
                subnet_id: subnet_id.into(),
                network_id: self.vip_network_id.unwrap_or_default().into(),
                additional: from_more(&self.vip_additional)?,
                port_id: port_id.into(),
                address: parsed("vip_address", &address)?,
                mac: member_of("vip_mac", &mac, Mac::parse)?,
            }),
            _ => None,
        };
        Ok(LoadBalancer {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            description: self.description,
            provider_alias: self.provider_alias,
            flavor_id: self.flavor_id.map(Into::into),
            availability_zone: self.availability_zone,
            flavor_data: self.flavor_data,
            http_answers: from_more(&self.http_answers)?,
            topology: member_of("topology", &self.topology, Topology::parse)?,
            labels: labels(&self.tags, self.created_at, self.updated_at)?,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
            provider: self.provider,
            admin_state_up: self.admin_state_up,
            vip,
            generation: counter("generation", self.generation)?,
            settled: counter("settled", self.settled)?,
            listeners,
            pools,
        })
    }
}
