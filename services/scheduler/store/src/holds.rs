//! Holds: addresses that an agent may still answer at, although nobody has them any more.

use std::net::IpAddr;

use ballast_model::Uuid;

/// An address that an agent may still answer at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub id: Uuid,
    pub subnet_id: Uuid,
    pub address: IpAddr,
    pub port_id: Uuid,
    /// The one that had the address.
    pub load_balancer_id: Uuid,
    pub agent_id: Uuid,
    /// The first generation without the address: confirmed, it ends the hold.
    pub generation: u64,
}
