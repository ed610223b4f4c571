//! The status tree, and counters.

use ballast_model::{
    listener::Listener,
    load_balancer::LoadBalancer,
    operating::{Traffic, of_monitor},
    outcome::Statistics,
    pool::Pool,
};

use super::balancing::{operating, provisioning};
use crate::{convert::enums::to_monitor_type, v2};

/// How all of a load balancer fares.
#[must_use]
pub fn to_status_tree(load_balancer: &LoadBalancer, is_run: bool) -> v2::StatusTree {
    let traffic = Traffic::new(load_balancer, is_run);
    v2::StatusTree {
        id: load_balancer.id.to_string(),
        name: load_balancer.name.clone(),
        provisioning: provisioning(load_balancer.progress.status).into(),
        operating: operating(traffic.whole()).into(),
        listeners: load_balancer.listeners.iter().map(|one| listener(load_balancer, one, traffic)).collect(),
    }
}

fn listener(load_balancer: &LoadBalancer, listener: &Listener, traffic: Traffic<'_>) -> v2::ListenerStatuses {
    let ids = listener.pool_ids();
    let pools = ids.iter().filter_map(|id| load_balancer.pools.iter().find(|pool| pool.id == *id));
    v2::ListenerStatuses {
        id: listener.id.to_string(),
        name: listener.name.clone(),
        provisioning: provisioning(listener.progress.status).into(),
        operating: operating(traffic.listener(listener)).into(),
        pools: pools.map(|one| pool(one, traffic)).collect(),
    }
}

fn pool(pool: &Pool, traffic: Traffic<'_>) -> v2::PoolStatuses {
    let monitor = pool.monitors.first().map(|one| v2::MonitorStatuses {
        id: one.monitor.id.to_string(),
        name: one.monitor.name.clone(),
        r#type: to_monitor_type(one.monitor.kind).into(),
        provisioning: provisioning(one.progress.status).into(),
        operating: operating(of_monitor(one)).into(),
    });
    let members = pool.members.iter().map(|member| v2::MemberStatuses {
        id: member.id.to_string(),
        name: member.name.clone(),
        provisioning: provisioning(member.progress.status).into(),
        operating: operating(traffic.member(pool, member)).into(),
        address: member.written.clone().unwrap_or_else(|| member.address.to_string()),
        protocol_port: member.protocol_port.into(),
    });
    v2::PoolStatuses {
        id: pool.id.to_string(),
        name: pool.name.clone(),
        provisioning: provisioning(pool.progress.status).into(),
        operating: operating(traffic.pool(pool)).into(),
        health_monitor: monitor,
        members: members.collect(),
    }
}

/// The counters as clients see them.
#[must_use]
pub const fn to_v2_stats(statistics: &Statistics) -> v2::Stats {
    v2::Stats {
        bytes_in: statistics.bytes_in,
        bytes_out: statistics.bytes_out,
        active_connections: statistics.active_connections,
        total_connections: statistics.total_connections,
        request_errors: statistics.request_errors,
    }
}
