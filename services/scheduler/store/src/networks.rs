//! Networks, subnets, and the ports that take addresses from them.

use std::net::IpAddr;

use ballast_model::{Uuid, listener::Mac};

/// An address of a subnet, taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub network_id: Uuid,
    pub subnet_id: Uuid,
    pub address: IpAddr,
    pub mac: Mac,
    pub device_owner: String,
    pub device_id: String,
    pub admin_state_up: bool,
}
