//! Networks.

use ballast_model::{
    fault::Fault,
    network::{Attachment, Network, NetworkType},
};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::codec::{member_of, natural};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "network")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub shared: bool,
    pub admin_state_up: bool,
    pub network_type: String,
    pub physical_network: String,
    pub segmentation_id: i64,
    pub mtu: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(network: &Network) -> Self {
        Self {
            seq: NotSet,
            id: Set(network.id.uuid()),
            project_id: Set(network.project_id.clone()),
            name: Set(network.name.clone()),
            shared: Set(network.shared),
            admin_state_up: Set(network.admin_state_up),
            network_type: Set(network.attachment.network_type.as_str().to_owned()),
            physical_network: Set(network.attachment.physical_network.clone()),
            segmentation_id: Set(network.attachment.segmentation_id.into()),
            mtu: Set(network.mtu.into()),
        }
    }
}

impl Model {
    pub(crate) fn into_network(self) -> Result<Network, Fault> {
        Ok(Network {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            shared: self.shared,
            admin_state_up: self.admin_state_up,
            attachment: Attachment {
                network_type: member_of("network_type", &self.network_type, NetworkType::parse)?,
                physical_network: self.physical_network,
                segmentation_id: natural("segmentation_id", self.segmentation_id)?,
            },
            mtu: natural("mtu", self.mtu)?,
        })
    }
}
