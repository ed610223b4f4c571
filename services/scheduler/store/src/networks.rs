//! Networks and subnets.

use ballast_model::{
    fault::{Fault, InUse},
    ids::{NetworkId, SubnetId},
    network::{Network, Subnetwork, network_not_found},
    subnet::{Subnet, subnet_not_found},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use crate::{
    Page, Query, Tx,
    backend::{fault_of, is_reference},
    entity::{network, subnet},
};

impl Tx {
    /// The network with this id.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn network(&self, id: NetworkId) -> Result<Option<Network>, Fault> {
        let row = network::Entity::find().filter(network::Column::Id.eq(id.uuid())).one(self.db());
        row.await.map_err(fault_of)?.map(network::Model::into_network).transpose()
    }

    /// Networks as a caller asks for them.
    ///
    /// # Errors
    /// `Code::InvalidInput`: it cannot be sorted like that; or as [`Self::network`].
    pub async fn networks(&self, query: &Query) -> Result<Page<Network>, Fault> {
        self.page(query, network::Model::into_network).await
    }

    /// Stores a new network.
    ///
    /// # Errors
    /// As [`Self::network`].
    pub async fn insert_network(&self, network: &Network) -> Result<(), Fault> {
        self.note_network(network.id, &network.project_id, network.shared);
        let row = network::ActiveModel::of(network);
        network::Entity::insert(row).exec_without_returning(self.db()).await.map(|_| ()).map_err(fault_of)
    }

    /// Deletes a network that has no subnet.
    ///
    /// # Errors
    /// `Code::NetworkInUse`, `Code::NetworkNotFound`, or as [`Self::network`].
    pub async fn delete_network(&self, id: NetworkId) -> Result<(), Fault> {
        let network = self.network(id).await?.ok_or_else(|| network_not_found(id))?;
        self.note_network(id, &network.project_id, network.shared);
        let gone = network::Entity::delete_many().filter(network::Column::Id.eq(id.uuid())).exec(self.db());
        let gone = gone.await.map_err(|error| {
            if is_reference(&error) {
                return InUse::Network { network_id: id }.into();
            }
            fault_of(error)
        });
        match gone?.rows_affected {
            0 => Err(network_not_found(id)),
            _ => Ok(()),
        }
    }

    /// The subnet with this id.
    ///
    /// # Errors
    /// As [`Self::network`].
    pub async fn subnet(&self, id: SubnetId) -> Result<Option<Subnet>, Fault> {
        let row = subnet::Entity::find().filter(subnet::Column::Id.eq(id.uuid())).one(self.db());
        row.await.map_err(fault_of)?.map(subnet::Model::into_subnet).transpose()
    }

    /// The subnet and its network.
    ///
    /// # Errors
    /// As [`Self::network`].
    pub async fn subnetwork(&self, id: SubnetId) -> Result<Option<Subnetwork>, Fault> {
        let row = subnet::Entity::find()
            .filter(subnet::Column::Id.eq(id.uuid()))
            .find_also_related(network::Entity)
            .one(self.db());
        let Some((subnet, Some(network))) = row.await.map_err(fault_of)? else { return Ok(None) };
        Ok(Some(Subnetwork { network: network.into_network()?, subnet: subnet.into_subnet()? }))
    }

    /// The subnets of a network, oldest first.
    ///
    /// # Errors
    /// As [`Self::network`].
    pub async fn subnets_of(&self, network_id: NetworkId) -> Result<Vec<Subnet>, Fault> {
        let rows = subnet::Entity::find()
            .filter(subnet::Column::NetworkId.eq(network_id.uuid()))
            .order_by_asc(subnet::Column::Seq)
            .all(self.db());
        rows.await.map_err(fault_of)?.into_iter().map(subnet::Model::into_subnet).collect()
    }

    /// Subnets as a caller asks for them.
    ///
    /// # Errors
    /// `Code::InvalidInput`: it cannot be sorted like that; or as [`Self::network`].
    pub async fn subnets(&self, query: &Query) -> Result<Page<Subnet>, Fault> {
        self.page(query, subnet::Model::into_subnet).await
    }

    /// Stores a new subnet.
    ///
    /// # Errors
    /// `Code::NetworkNotFound`, or as [`Self::network`].
    pub async fn insert_subnet(&self, subnet: &Subnet) -> Result<(), Fault> {
        self.note_subnet(subnet).await?;
        let row = subnet::ActiveModel::of(subnet)?;
        subnet::Entity::insert(row)
            .exec_without_returning(self.db())
            .await
            .map(|_| ())
            .map_err(|error| if is_reference(&error) { network_not_found(subnet.network_id) } else { fault_of(error) })
    }

    /// Deletes a subnet that has no port.
    ///
    /// # Errors
    /// `Code::SubnetInUse`, `Code::SubnetNotFound`, or as [`Self::network`].
    pub async fn delete_subnet(&self, id: SubnetId) -> Result<(), Fault> {
        let subnet = self.subnet(id).await?.ok_or_else(|| subnet_not_found(id))?;
        self.note_subnet(&subnet).await?;
        let gone = subnet::Entity::delete_many().filter(subnet::Column::Id.eq(id.uuid())).exec(self.db());
        let gone = gone.await.map_err(|error| {
            if is_reference(&error) {
                return InUse::Subnet { subnet_id: id }.into();
            }
            fault_of(error)
        });
        match gone?.rows_affected {
            0 => Err(subnet_not_found(id)),
            _ => Ok(()),
        }
    }
}
