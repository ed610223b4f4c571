//! What v1 has no words for.

use crate::{
    fault::{Balancing, Fault},
    health_monitor::{HealthMonitor, MonitorType},
    listener::{Listener, Protocol, Timeouts},
    load_balancer::LoadBalancer,
    member::Member,
    pool::{LbMethod, Pool},
};

impl LoadBalancer {
    /// Why v1 does not show it; none: v1 can say what it is. Names, descriptions and tags, which change nothing, do not count.
    #[must_use]
    pub fn beyond_v1(&self) -> Option<&'static str> {
        let checks = [
            (!self.is_of_v1(), "its first pool is gone"),
            (self.pools.len() > 1, "several pools"),
            (self.listeners.len() > 1, "several listeners"),
            (!self.admin_state_up, "a load balancer that is switched off"),
            (self.flavor_id.is_some() || self.availability_zone.is_some(), "a flavor or an availability zone"),
            (self.vip.is_some() && self.listeners.is_empty(), "an address without a listener"),
            (self.vip.as_ref().is_some_and(|vip| !vip.additional.is_empty()), "several addresses"),
        ];
        let found = checks.into_iter().find(|(is, _)| *is).map(|(_, what)| what);
        let pools = || self.pools.iter().find_map(of_pool);
        found.or_else(pools).or_else(|| self.listeners.iter().find_map(|listener| self.of_listener(listener)))
    }

    fn of_listener(&self, listener: &Listener) -> Option<&'static str> {
        let pool = listener.default_pool_id.and_then(|id| self.pools.iter().find(|pool| pool.id == id));
        let checks = [
            (!Protocol::V1.contains(&listener.protocol), "the protocol of its listener"),
            (pool.is_none(), "a listener without a pool"),
            (
                pool.is_some_and(|pool| pool.protocol != listener.protocol),
                "a listener that speaks otherwise than its pool",
            ),
            (listener.timeouts != Timeouts::DEFAULT, "timeouts"),
            (listener.insert_headers.is_some(), "headers that are inserted"),
            (!listener.allowed_cidrs.is_empty(), "networks that may connect"),
            (listener.tls.is_some(), "TLS"),
            (!listener.policies.is_empty(), "layer-7 policies"),
        ];
        checks.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
    }

    /// Refuses v1's change of what it has no words for.
    ///
    /// # Errors
    /// [`Balancing::BeyondV1`]
    pub fn must_be_v1s(&self) -> Result<(), Fault> {
        match self.beyond_v1() {
            Some(what) => Err(Balancing::BeyondV1 { load_balancer_id: self.id, what: what.to_owned() }.into()),
            None => Ok(()),
        }
    }
}

fn of_pool(pool: &Pool) -> Option<&'static str> {
    let checks = [
        (!Protocol::V1.contains(&pool.protocol), "the protocol of its pool"),
        (!LbMethod::V1.contains(&pool.lb_method), "the algorithm of its pool"),
        (pool.subnet_id.is_none(), "a pool without a subnet"),
        (pool.tls.is_some(), "TLS to members"),
        (pool.members.iter().any(is_beyond), "members that are backups or checked elsewhere"),
        (pool.monitors.iter().any(|one| is_monitor_beyond(&one.monitor)), "its health monitor"),
    ];
    checks.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}

const fn is_beyond(member: &Member) -> bool {
    member.backup || member.monitor_address.is_some() || member.monitor_port.is_some()
}

/// Whether v1 has no words for the monitor.
pub(super) fn is_monitor_beyond(monitor: &HealthMonitor) -> bool {
    !MonitorType::V1.contains(&monitor.kind)
        || monitor.rise > 1
        || monitor.http_version.is_some()
        || monitor.domain_name.is_some()
}
