//! v1's pool.

use ballast_model::{
    ids::{MonitorId, PoolId},
    load_balancer::LoadBalancer,
    outcome::Statistics,
    pool::Pool,
    status::Progress,
};

use super::enums::{to_lb_method, to_protocol, to_status};
use crate::v1;

/// The pool as clients see it.
#[must_use]
pub fn to_pool(load_balancer: &LoadBalancer, pool: &Pool) -> v1::Pool {
    let (status, status_description) = to_status(&pool.progress);
    let listener = load_balancer.listeners.iter().find(|listener| listener.default_pool_id == Some(pool.id));
    v1::Pool {
        id: pool.id.to_string(),
        project_id: pool.project_id.clone(),
        name: pool.name.clone(),
        description: pool.description.clone(),
        subnet_id: pool.subnet_id.map(|id| id.to_string()).unwrap_or_default(),
        protocol: to_protocol(pool.protocol).into(),
        lb_method: to_lb_method(pool.lb_method).into(),
        provider: load_balancer.provider.clone(),
        admin_state_up: Some(pool.admin_state_up),
        vip_id: listener.map(|listener| listener.id.to_string()).unwrap_or_default(),
        member_ids: pool.members.iter().map(|member| member.id.to_string()).collect(),
        health_monitors: pool
            .monitors
            .iter()
            .map(|association| to_monitor_status(pool.id, association.monitor.id, &association.progress))
            .collect(),
        status,
        status_description,
    }
}

/// How far a pool's association with a monitor is.
#[must_use]
pub fn to_monitor_status(pool_id: PoolId, monitor_id: MonitorId, progress: &Progress) -> v1::MonitorStatus {
    let (status, status_description) = to_status(progress);
    v1::MonitorStatus { monitor_id: monitor_id.to_string(), pool_id: pool_id.to_string(), status, status_description }
}

/// The counters as clients see them.
#[must_use]
pub const fn to_statistics(statistics: &Statistics) -> v1::PoolStats {
    v1::PoolStats {
        bytes_in: statistics.bytes_in,
        bytes_out: statistics.bytes_out,
        active_connections: statistics.active_connections,
        total_connections: statistics.total_connections,
    }
}
