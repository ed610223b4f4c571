//! The features that a load balancer uses. Placement compares them with what drivers declare: a feature that a driver
//! does not know must never be silently ignored.

use std::{collections::BTreeSet, net::IpAddr};

use ballast_limits::shapes::Outline;
pub use ballast_limits::shapes::SHAPES;

use crate::load_balancer::LoadBalancer;

/// What a driver must know to run this load balancer, as in `protocol:HTTP` or `listeners:many`.
#[must_use]
pub fn used(load_balancer: &LoadBalancer) -> BTreeSet<String> {
    let outline = Outline {
        has_address: load_balancer.vip.is_some(),
        listeners: load_balancer.listeners.iter().map(|listener| listener.default_pool_id).collect(),
        pools: load_balancer.pools.iter().map(|pool| pool.id).collect(),
    };
    let mut features: BTreeSet<String> = outline.shapes().into_iter().map(str::to_owned).collect();
    if load_balancer.vip.as_ref().is_some_and(|vip| vip.address.is_ipv6()) {
        features.insert("ipv6".to_owned());
    }
    for listener in &load_balancer.listeners {
        features.insert(format!("protocol:{}", listener.protocol.as_str()));
    }
    for pool in &load_balancer.pools {
        features.insert(format!("protocol:{}", pool.protocol.as_str()));
        features.insert(format!("lb_method:{}", pool.lb_method.as_str()));
        if let Some(persistence) = &pool.session_persistence {
            features.insert(format!("persistence:{}", persistence.kind()));
        }
        for association in &pool.monitors {
            features.insert(format!("monitor:{}", association.monitor.kind.as_str()));
        }
        if pool.members.iter().any(|member| matches!(member.address, IpAddr::V6(_))) {
            features.insert("ipv6".to_owned());
        }
    }
    features
}
