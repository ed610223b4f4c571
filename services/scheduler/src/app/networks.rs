//! Networks and subnets: the small built-in IPAM.

use ballast_model::{
    Uuid,
    fault::{Code, Fault},
    network::{Network, network_not_found},
    subnet::{Subnet, subnet_not_found},
};
use ballast_store::{Page, Query, Tx};

use super::{App, Caller};

impl App {
    /// Makes a network.
    ///
    /// # Errors
    /// When the store fails: its attributes were checked when it was made.
    pub async fn create_network(&self, network: Network) -> Result<Network, Fault> {
        self.store.write(|tx, _| Box::pin(tx.insert_network(&network))).await?;
        Ok(network)
    }

    /// The network of this id, and its subnets.
    ///
    /// # Errors
    /// [`Code::NetworkNotFound`]
    pub async fn network(&self, caller: &Caller, id: Uuid) -> Result<(Network, Vec<Uuid>), Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let network = visible_network(tx, caller, id).await?;
                let subnets = subnet_ids(tx, id).await?;
                Ok((network, subnets))
            })
        });
        read.await
    }

    /// Networks, each with its subnets.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn networks(&self, query: Query) -> Result<Page<(Network, Vec<Uuid>)>, Fault> {
        let query = &query;
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let Page { items, more } = tx.networks(query).await?;
                let mut networks = Vec::with_capacity(items.len());
                for network in items {
                    let subnets = subnet_ids(tx, network.id).await?;
                    networks.push((network, subnets));
                }
                Ok(Page { items: networks, more })
            })
        });
        read.await
    }

    /// Removes a network that has no subnets.
    ///
    /// # Errors
    /// [`Code::NetworkNotFound`], [`Code::NetworkInUse`]
    pub async fn delete_network(&self, caller: &Caller, id: Uuid) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let network = visible_network(tx, caller, id).await?;
                must_own(caller, &network.project_id, || network_not_found(id))?;
                if !tx.subnets_of(id).await?.is_empty() {
                    let message = format!(
                        "Unable to complete operation on network {id}. There are one or more subnets in it: delete them first."
                    );
                    return Err(Fault::new(Code::NetworkInUse, message));
                }
                tx.delete_network(id).await
            })
        });
        delete.await
    }

    /// Makes a subnet of a network that the caller sees.
    ///
    /// # Errors
    /// [`Code::NetworkNotFound`], [`Code::SubnetOverlaps`]
    pub async fn create_subnet(&self, caller: &Caller, subnet: Subnet) -> Result<Subnet, Fault> {
        let new = &subnet;
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                let network = visible_network(tx, caller, new.network_id).await?;
                must_own(caller, &network.project_id, || network_not_found(new.network_id))?;
                let others = tx.subnets_of(new.network_id).await?;
                let overlaps =
                    |other: &&Subnet| other.cidr.contains(&new.cidr) || new.cidr.contains(&other.cidr);
                if let Some(other) = others.iter().find(overlaps) {
                    let message = format!(
                        "Invalid input for operation: Requested subnet with cidr: {} for network: {} overlaps with another subnet {}.",
                        new.cidr, new.network_id, other.id
                    );
                    return Err(Fault::new(Code::SubnetOverlaps, message));
                }
                tx.insert_subnet(new).await
            })
        });
        create.await?;
        Ok(subnet)
    }

    /// The subnet of this id.
    ///
    /// # Errors
    /// [`Code::SubnetNotFound`]
    pub async fn subnet(&self, caller: &Caller, id: Uuid) -> Result<Subnet, Fault> {
        self.store.read(|tx, _| Box::pin(visible_subnet(tx, caller, id))).await
    }

    /// Subnets.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn subnets(&self, query: Query) -> Result<Page<Subnet>, Fault> {
        self.store.read(|tx, _| Box::pin(tx.subnets(&query))).await
    }

    /// Removes a subnet that has no addresses in use.
    ///
    /// # Errors
    /// [`Code::SubnetNotFound`], [`Code::SubnetInUse`]
    pub async fn delete_subnet(&self, caller: &Caller, id: Uuid) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let subnet = visible_subnet(tx, caller, id).await?;
                must_own(caller, &subnet.project_id, || subnet_not_found(id))?;
                if !tx.addresses_taken(id).await?.is_empty() {
                    let message = format!(
                        "Unable to complete operation on subnet {id}. One or more ports have an IP allocation from this subnet."
                    );
                    return Err(Fault::new(Code::SubnetInUse, message));
                }
                tx.delete_subnet(id).await
            })
        });
        delete.await
    }
}

async fn subnet_ids(tx: &Tx, network_id: Uuid) -> Result<Vec<Uuid>, Fault> {
    Ok(tx.subnets_of(network_id).await?.into_iter().map(|subnet| subnet.id).collect())
}

/// A shared network is seen by all, and changed by its owner.
fn must_own(caller: &Caller, project_id: &str, not_found: impl FnOnce() -> Fault) -> Result<(), Fault> {
    if caller.sees(project_id) { Ok(()) } else { Err(not_found()) }
}

async fn visible_network(tx: &Tx, caller: &Caller, id: Uuid) -> Result<Network, Fault> {
    let network = tx.network(id).await?.filter(|network| network.shared || caller.sees(&network.project_id));
    network.ok_or_else(|| network_not_found(id))
}

/// The subnet, if its network is the caller's or shared.
pub(super) async fn visible_subnet(tx: &Tx, caller: &Caller, id: Uuid) -> Result<Subnet, Fault> {
    let subnet = tx.subnet(id).await?.ok_or_else(|| subnet_not_found(id))?;
    visible_network(tx, caller, subnet.network_id).await.map_err(|fault| match fault.code() {
        Code::NetworkNotFound => subnet_not_found(id),
        _ => fault,
    })?;
    Ok(subnet)
}
