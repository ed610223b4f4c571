//! Load balancers.

use ballast_model::{
    fault::Fault,
    listener::{Listener, Mac, Vip},
    load_balancer::LoadBalancer,
    parts::Parts,
    pool::Pool,
};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::codec::{counter, member_of, number, parsed};

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
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(load_balancer: &LoadBalancer) -> Self {
        let vip = load_balancer.vip.as_ref();
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
                port_id: port_id.into(),
                address: parsed("vip_address", &address)?,
                mac: member_of("vip_mac", &mac, Mac::parse)?,
            }),
            _ => None,
        };
        Ok(LoadBalancer {
            id: self.id.into(),
            project_id: self.project_id,
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
