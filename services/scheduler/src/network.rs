//! Who keeps networks, subnets and addresses: the scheduler itself, or a Neutron; in some tests nobody.
//!
//! What the scheduler keeps lies in its store, and a vip and its address are made in one transaction. Another service
//! is asked before and after a transaction, never inside one, and what it told is copied into the store: agents are
//! told from there, whoever keeps the original. It must not decide anything about load balancers.

mod builtin;
mod neutron;
mod noop;

use std::{net::IpAddr, sync::Arc};

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{ListenerId, NetworkId, PortId, SubnetId},
    listener::Mac,
    network::Subnetwork,
};
use ballast_service::config;

/// The port of a vip as its keeper is to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPort {
    pub vip_id: ListenerId,
    pub project_id: String,
    pub network_id: NetworkId,
    pub subnet_id: SubnetId,
    /// Absent: the keeper chooses.
    pub address: Option<IpAddr>,
    /// Where it will be plugged in, when that is known.
    pub host: Option<String>,
    /// It may answer at this address as well, which is another port's.
    pub also: Option<IpAddr>,
}

/// A subnet as callers name it: itself, or its network; and an address that is to be in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NamedSubnet {
    pub subnet_id: Option<SubnetId>,
    pub network_id: Option<NetworkId>,
    pub address: Option<IpAddr>,
}

/// A port that its keeper made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadePort {
    pub id: PortId,
    pub address: IpAddr,
    pub mac: Mac,
}

/// The keeper of networks.
#[tonic::async_trait]
pub trait NetworkProvider: Send + Sync {
    /// Refuses to change here what another service keeps.
    ///
    /// # Errors
    /// [`Code::InvalidInput`](ballast_model::fault::Code::InvalidInput) that says where to ask.
    fn must_be_ours(&self) -> Result<(), Fault>;

    /// The subnet and its network, as they are now; none: they are in the store.
    ///
    /// # Errors
    /// [`Code::SubnetNotFound`](ballast_model::fault::Code::SubnetNotFound);
    /// [`Code::Unavailable`](ballast_model::fault::Code::Unavailable) when the keeper does not answer.
    async fn subnetwork(&self, subnet_id: SubnetId) -> Result<Option<Subnetwork>, Fault>;

    /// The same, of a subnet that is named by more; none, too, where no subnet is named but a network: those that are
    /// known of it are in the store.
    ///
    /// # Errors
    /// As [`Self::subnetwork`].
    async fn subnetwork_named(&self, named: NamedSubnet) -> Result<Option<Subnetwork>, Fault> {
        match named.subnet_id {
            Some(subnet_id) => self.subnetwork(subnet_id).await,
            None => Ok(None),
        }
    }

    /// Makes the port of a vip; none: the store makes it, with the vip.
    ///
    /// # Errors
    /// What is wrong with the address, or as [`Self::subnetwork`].
    async fn make_port(&self, wanted: &WantedPort) -> Result<Option<MadePort>, Fault>;

    /// The port is plugged in on this host.
    ///
    /// # Errors
    /// As [`Self::subnetwork`].
    async fn bind_port(&self, port_id: PortId, host: &str) -> Result<(), Fault>;

    /// Removes the port of a vip, should there be one.
    ///
    /// # Errors
    /// As [`Self::subnetwork`].
    async fn remove_port(&self, vip_id: ListenerId) -> Result<(), Fault>;
}

/// The name of a vip's port: known before the port is there.
#[must_use]
pub fn port_name(vip_id: ListenerId) -> String {
    format!("vip-{vip_id}")
}

/// Of whose port this is the name; none: it is no vip's and no side's.
#[must_use]
pub fn port_key(name: &str) -> Option<Uuid> {
    name.strip_prefix("vip-")?.parse().ok()
}

/// What a port says of the host where it is plugged in.
#[must_use]
pub fn device_of_host(host: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, host.as_bytes()).to_string()
}

/// The one that is configured.
///
/// # Errors
/// One line that names the key at fault.
pub fn provider(settings: &config::Network) -> Result<Arc<dyn NetworkProvider>, String> {
    match settings.provider {
        config::NetworkProvider::Builtin => Ok(Arc::new(builtin::Builtin)),
        config::NetworkProvider::Neutron => Ok(Arc::new(neutron::Neutron::new(settings)?)),
        config::NetworkProvider::Noop => Ok(Arc::new(noop::Noop)),
    }
}
