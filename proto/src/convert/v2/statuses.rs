//! The status tree, and counters.

use ballast_model::{
    listener::Listener,
    load_balancer::LoadBalancer,
    member::Member,
    operating::{Traffic, of_monitor},
    outcome::Statistics,
    pool::Pool,
    time::Timestamp,
};

use super::balancing::{operating, provisioning};
use crate::{
    convert::{agent::timestamp, enums::to_monitor_type},
    driver, v2,
};

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

/// Since when a member is as it is, and how its last check ended, where that is known.
pub type SaidOfMember<'a> = dyn Fn(&Member) -> Option<(Option<Timestamp>, Option<driver::CheckAnswer>)> + 'a;

/// How its members fare. `said` is asked of those that are checked.
#[must_use]
pub fn to_load_balancer_health(
    load_balancer: &LoadBalancer,
    is_run: bool,
    said: &SaidOfMember<'_>,
) -> v2::LoadBalancerHealth {
    let traffic = Traffic::new(load_balancer, is_run);
    let of = |pool: &Pool, member: &Member| {
        let is_checked = pool.is_monitored() && member.admin_state_up;
        let (since, answer) = Some(member).filter(|_| is_checked).and_then(said).unwrap_or_default();
        v2::MemberHealth {
            id: member.id.to_string(),
            pool_id: pool.id.to_string(),
            name: member.name.clone(),
            address: address(member),
            protocol_port: member.protocol_port.into(),
            operating: operating(traffic.member(pool, member)).into(),
            since: since.map(timestamp),
            answer,
        }
    };
    let members = load_balancer.pools.iter().flat_map(|pool| pool.members.iter().map(move |member| of(pool, member)));
    v2::LoadBalancerHealth { id: load_balancer.id.to_string(), members: members.collect() }
}

/// As it was written.
fn address(member: &Member) -> String {
    member.written.clone().unwrap_or_else(|| member.address.to_string())
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
        address: address(member),
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
