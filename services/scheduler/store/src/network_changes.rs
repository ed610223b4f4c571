//! Changes of networks and subnets, and copies of those that a foreign network service keeps.

use ballast_model::{
    fault::Fault,
    ids::NetworkId,
    network::{Network, Subnetwork, network_not_found},
    subnet::{Subnet, subnet_not_found},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{
    Tx,
    backend::fault_of,
    entity::{network, subnet},
};

impl Tx {
    /// Stores a network's new content.
    ///
    /// # Errors
    /// [`Code::NetworkNotFound`](ballast_model::fault::Code::NetworkNotFound);
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn save_network(&self, network: &Network) -> Result<(), Fault> {
        let before = self.network(network.id).await?.ok_or_else(|| network_not_found(network.id))?;
        // Whoever saw it is told that it is not his to see any longer, and so of its subnets.
        self.note_network(network.id, &network.project_id, network.shared || before.shared);
        if network.shared != before.shared {
            for subnet in self.subnets_of(network.id).await? {
                self.note_shared_subnet(subnet.id);
            }
        }
        let saved = network::Entity::update_many()
            .set(network::ActiveModel::of(network))
            .filter(network::Column::Id.eq(network.id.uuid()))
            .exec(self.db());
        match saved.await.map_err(fault_of)?.rows_affected {
            0 => Err(network_not_found(network.id)),
            _ => Ok(()),
        }
    }

    /// Stores a subnet's new content.
    ///
    /// # Errors
    /// [`Code::SubnetNotFound`](ballast_model::fault::Code::SubnetNotFound), or as [`Self::save_network`].
    pub async fn save_subnet(&self, subnet: &Subnet) -> Result<(), Fault> {
        self.note_subnet(subnet).await?;
        let saved = subnet::Entity::update_many()
            .set(subnet::ActiveModel::of(subnet)?)
            .filter(subnet::Column::Id.eq(subnet.id.uuid()))
            .exec(self.db());
        match saved.await.map_err(fault_of)?.rows_affected {
            0 => Err(subnet_not_found(subnet.id)),
            _ => Ok(()),
        }
    }

    /// Copies a network and a subnet that another service keeps, as they are there now. Both as they were
    /// copied before; none: they were not.
    ///
    /// # Errors
    /// As [`Self::save_network`].
    pub async fn copy_subnetwork(&self, subnetwork: &Subnetwork) -> Result<Option<Subnetwork>, Fault> {
        let Subnetwork { network, subnet } = subnetwork;
        let known_network = self.network(network.id).await?;
        match &known_network {
            Some(known) if known == network => {}
            Some(_) => self.save_network(network).await?,
            None => self.insert_network(network).await?,
        }
        let known_subnet = self.subnet(subnet.id).await?;
        match &known_subnet {
            Some(known) if known == subnet => {}
            Some(_) => self.save_subnet(subnet).await?,
            None => self.insert_subnet(subnet).await?,
        }
        Ok(known_network.zip(known_subnet).map(|(network, subnet)| Subnetwork { network, subnet }))
    }

    /// Whether others than this project have a subnet or a port in the network: then it must stay shared.
    ///
    /// # Errors
    /// As [`Self::save_network`].
    pub async fn others_use(&self, network_id: NetworkId, project_id: &str) -> Result<bool, Fault> {
        let foreign = subnet::Entity::find()
            .filter(subnet::Column::NetworkId.eq(network_id.uuid()))
            .filter(subnet::Column::ProjectId.ne(project_id));
        let has_subnet = foreign.one(self.db()).await.map_err(fault_of)?.is_some();
        Ok(has_subnet || self.others_have_ports(network_id, project_id).await?)
    }
}
