//! The addresses of ports: each of a subnet once.

use ballast_model::ids::PortId;
use ballast_model::{fault::Fault, port::FixedIp};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::codec::parsed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fixed_ip")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub port_id: Uuid,
    pub subnet_id: Uuid,
    pub address: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(port_id: PortId, fixed_ip: &FixedIp) -> Self {
        Self {
            seq: NotSet,
            port_id: Set(port_id.uuid()),
            subnet_id: Set(fixed_ip.subnet_id.uuid()),
            address: Set(fixed_ip.address.to_string()),
        }
    }
}

impl Model {
    pub(crate) fn into_fixed_ip(self) -> Result<FixedIp, Fault> {
        Ok(FixedIp { subnet_id: self.subnet_id.into(), address: parsed("address", &self.address)? })
    }
}
