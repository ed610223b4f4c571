//! Networks and subnets: the small built-in IPAM, or copies of what a foreign network service keeps.

use ballast_model::{
    fault::{Addressing, Fault, InUse},
    ids::{NetworkId, SubnetId},
    network::{Network, NetworkChange, Subnetwork, network_not_found, stays_shared},
    port::address_in_use,
    quota::Resource,
    subnet::{Subnet, SubnetChange, subnet_not_found},
};
use ballast_store::{Claim, Page, Query, Tx};

use super::{App, Caller, Wake};

impl App {
    /// Makes a network.
    ///
    /// # Errors
    /// `Code::OverQuota`: its attributes were checked when it was made.
    pub async fn create_network(&self, network: Network, claim: Option<&Claim>) -> Result<Network, Fault> {
        self.network.must_be_ours()?;
        let new = &network;
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.claim(claim).await?;
                self.admit(tx, Resource::Network, &new.project_id).await?;
                tx.insert_network(new).await
            })
        });
        create.await?;
        Ok(network)
    }

    /// Changes a network.
    ///
    /// # Errors
    /// `Code::NetworkNotFound`; `Code::PolicyNotAuthorized` when another than an admin shares it;
    /// `Code::SharedInUse`.
    pub async fn update_network(
        &self,
        caller: &Caller,
        id: NetworkId,
        change: NetworkChange,
    ) -> Result<(Network, Vec<SubnetId>), Fault> {
        self.network.must_be_ours()?;
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = visible_network(tx, caller, id).await?;
                must_own(caller, &before.project_id, || network_not_found(id))?;
                if change.shared.is_some_and(|shared| shared != before.shared) {
                    caller.must_be_admin("update_network")?;
                }
                let after = before.clone().change(change.clone())?;
                if before.shared && !after.shared && tx.others_use(id, &before.project_id).await? {
                    return Err(stays_shared(id));
                }
                tx.save_network(&after).await?;
                let subnets = subnet_ids(tx, id).await?;
                let mut wakes = Vec::new();
                if after.mtu != before.mtu {
                    for subnet in &subnets {
                        wakes.extend(tell_subnet(tx, *subnet).await?);
                    }
                }
                Ok(((after, subnets), wakes))
            })
        });
        let (changed, wakes) = update.await?;
        self.wake(wakes);
        Ok(changed)
    }

    /// The network of this id, and its subnets.
    ///
    /// # Errors
    /// `Code::NetworkNotFound`
    pub async fn network(&self, caller: &Caller, id: NetworkId) -> Result<(Network, Vec<SubnetId>), Fault> {
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
    pub async fn networks(&self, query: Query) -> Result<Page<(Network, Vec<SubnetId>)>, Fault> {
        let query = &query;
        let read = self.store.read_list(query, |tx, _| {
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

    /// Removes a network, with its subnets, that has no ports.
    ///
    /// # Errors
    /// `Code::NetworkNotFound`, `Code::NetworkInUse`
    pub async fn delete_network(&self, caller: &Caller, id: NetworkId) -> Result<(), Fault> {
        self.network.must_be_ours()?;
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let network = visible_network(tx, caller, id).await?;
                must_own(caller, &network.project_id, || network_not_found(id))?;
                let subnets = tx.subnets_of(id).await?;
                let mut in_use = tx.network_has_ports(id).await?;
                for subnet in &subnets {
                    in_use |= !tx.addresses_taken(subnet.id).await?.is_empty();
                }
                if in_use {
                    return Err(InUse::Network { network_id: id }.into());
                }
                for subnet in &subnets {
                    tx.delete_subnet(subnet.id).await?;
                }
                tx.delete_network(id).await
            })
        });
        delete.await
    }

    /// Makes a subnet of a network that the caller sees.
    ///
    /// # Errors
    /// `Code::NetworkNotFound`, `Code::SubnetOverlaps`, `Code::OverQuota`
    pub async fn create_subnet(&self, caller: &Caller, subnet: Subnet, claim: Option<&Claim>) -> Result<Subnet, Fault> {
        self.network.must_be_ours()?;
        let new = &subnet;
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.claim(claim).await?;
                self.admit(tx, Resource::Subnet, &new.project_id).await?;
                let network = visible_network(tx, caller, new.network_id).await?;
                must_own(caller, &network.project_id, || network_not_found(new.network_id))?;
                let others = tx.subnets_of(new.network_id).await?;
                let overlaps = |other: &&Subnet| other.cidr.contains(&new.cidr) || new.cidr.contains(&other.cidr);
                if let Some(other) = others.iter().find(overlaps) {
                    let (cidr, network_id, subnet_id) = (new.cidr, new.network_id, other.id);
                    return Err(Addressing::Overlap { cidr, network_id, subnet_id }.into());
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
    /// `Code::SubnetNotFound`
    pub async fn subnet(&self, caller: &Caller, id: SubnetId) -> Result<Subnet, Fault> {
        self.store.read(|tx, _| Box::pin(visible_subnet(tx, caller, id))).await
    }

    /// Subnets.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn subnets(&self, query: Query) -> Result<Page<Subnet>, Fault> {
        self.store.read_list(&query, |tx, _| Box::pin(tx.subnets(&query))).await
    }

    /// Changes a subnet. Where that changes how those who live in it reach others, their agents are told.
    ///
    /// # Errors
    /// `Code::SubnetNotFound`, `Code::AddressInUse` when the new gateway is a port's, and the rules of
    /// [`Subnet::change`].
    pub async fn update_subnet(&self, caller: &Caller, id: SubnetId, change: SubnetChange) -> Result<Subnet, Fault> {
        self.network.must_be_ours()?;
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = visible_subnet(tx, caller, id).await?;
                must_own(caller, &before.project_id, || subnet_not_found(id))?;
                let after = before.clone().change(change.clone())?;
                if let Some(gateway) = after.gateway_ip.filter(|gateway| before.gateway_ip != Some(*gateway))
                    && tx.address_in_use(id, gateway).await?
                {
                    return Err(address_in_use(after.network_id, gateway));
                }
                tx.save_subnet(&after).await?;
                let wakes = if after.routes_differ(&before) { tell_subnet(tx, id).await? } else { Vec::new() };
                Ok((after, wakes))
            })
        });
        let (after, wakes) = update.await?;
        self.wake(wakes);
        Ok(after)
    }

    /// Removes a subnet that has no addresses in use.
    ///
    /// # Errors
    /// `Code::SubnetNotFound`, `Code::SubnetInUse`
    pub async fn delete_subnet(&self, caller: &Caller, id: SubnetId) -> Result<(), Fault> {
        self.network.must_be_ours()?;
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let subnet = visible_subnet(tx, caller, id).await?;
                must_own(caller, &subnet.project_id, || subnet_not_found(id))?;
                if !tx.addresses_taken(id).await?.is_empty() {
                    return Err(InUse::Subnet { subnet_id: id }.into());
                }
                tx.delete_subnet(id).await
            })
        });
        delete.await
    }
}

async fn subnet_ids(tx: &Tx, network_id: NetworkId) -> Result<Vec<SubnetId>, Fault> {
    Ok(tx.subnets_of(network_id).await?.into_iter().map(|subnet| subnet.id).collect())
}

/// A shared network is seen by all, and changed by its owner.
fn must_own(caller: &Caller, project_id: &str, not_found: impl FnOnce() -> Fault) -> Result<(), Fault> {
    if caller.sees(project_id) { Ok(()) } else { Err(not_found()) }
}

/// Copies what another service keeps.
pub(super) async fn copy_subnetwork(tx: &Tx, subnetwork: Option<&Subnetwork>) -> Result<(), Fault> {
    let Some(subnetwork) = subnetwork else { return Ok(()) };
    let known = tx.copy_subnetwork(subnetwork).await?;
    if known.is_some_and(|known| subnetwork.plugs_differ(&known)) {
        // Its agents are told with their next change, or when they connect.
        tell_subnet(tx, subnetwork.subnet.id).await?;
    }
    Ok(())
}

/// The load balancers whose vips are in the subnet are desired anew.
pub(super) async fn tell_subnet(tx: &Tx, id: SubnetId) -> Result<Vec<Wake>, Fault> {
    let here = tx.load_balancers_in(id).await?;
    let mut wakes = Vec::with_capacity(here.len());
    for before in tx.load_many_placed(&here).await? {
        let after = before.load_balancer.clone().subnet_changed();
        // Nothing that a user sees of it has changed: it keeps its times.
        tx.save(&before.load_balancer, &after).await?;
        wakes.extend(before.binding.as_ref().map(Wake::from));
    }
    Ok(wakes)
}

pub(super) async fn visible_network(tx: &Tx, caller: &Caller, id: NetworkId) -> Result<Network, Fault> {
    let network = tx.network(id).await?.filter(|network| network.shared || caller.sees(&network.project_id));
    network.ok_or_else(|| network_not_found(id))
}

/// The subnet, if its network is the caller's or shared.
pub(super) async fn visible_subnet(tx: &Tx, caller: &Caller, id: SubnetId) -> Result<Subnet, Fault> {
    visible_subnetwork(tx, caller, id).await.map(|found| found.subnet)
}

/// The same, with its network.
pub(super) async fn visible_subnetwork(tx: &Tx, caller: &Caller, id: SubnetId) -> Result<Subnetwork, Fault> {
    let found = tx.subnetwork(id).await?;
    let visible = found.filter(|found| found.network.shared || caller.sees(&found.network.project_id));
    visible.ok_or_else(|| subnet_not_found(id))
}
