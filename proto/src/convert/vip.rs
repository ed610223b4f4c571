//! v1's vip: a listener, its load balancer's address, and its pool's session persistence.

use ballast_model::{listener::Listener, load_balancer::LoadBalancer};

use super::enums::{to_persistence, to_protocol, to_status};
use crate::v1;

/// The vip as clients see it.
#[must_use]
pub fn to_vip(load_balancer: &LoadBalancer, listener: &Listener) -> v1::Vip {
    let (status, status_description) = to_status(&listener.progress);
    let vip = load_balancer.vip.as_ref();
    let pool = load_balancer.pools.iter().find(|pool| Some(pool.id) == listener.default_pool_id);
    v1::Vip {
        id: listener.id.to_string(),
        project_id: listener.project_id.clone(),
        name: listener.name.clone(),
        description: listener.description.clone(),
        subnet_id: vip.map(|vip| vip.subnet_id.to_string()).unwrap_or_default(),
        address: vip.map(|vip| vip.address.to_string()).unwrap_or_default(),
        protocol_port: Some(listener.protocol_port.into()),
        protocol: to_protocol(listener.protocol).into(),
        pool_id: listener.default_pool_id.map(|id| id.to_string()).unwrap_or_default(),
        session_persistence: pool.and_then(|pool| pool.session_persistence.as_ref()).map(to_persistence),
        connection_limit: Some(listener.connection_limit),
        admin_state_up: Some(listener.admin_state_up),
        port_id: vip.map(|vip| vip.port_id.to_string()).unwrap_or_default(),
        status,
        status_description,
    }
}
