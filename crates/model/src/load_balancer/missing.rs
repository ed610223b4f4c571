//! The faults of what is not there.

use std::fmt::Display;

use crate::fault::{Fault, Kind, Missing};

/// There is no such pool.
#[must_use]
pub fn pool_not_found(id: impl Display) -> Fault {
    Fault::not_found(Kind::Pool, id)
}

/// There is no such load balancer.
#[must_use]
pub fn load_balancer_not_found(id: impl Display) -> Fault {
    Fault::not_found(Kind::LoadBalancer, id)
}

/// There is no such listener.
#[must_use]
pub fn listener_not_found(id: impl Display) -> Fault {
    Fault::not_found(Kind::Listener, id)
}

/// There is no such policy.
#[must_use]
pub fn policy_not_found(id: impl Display) -> Fault {
    Fault::not_found(Kind::L7Policy, id)
}

/// There is no such rule.
#[must_use]
pub fn rule_not_found(id: impl Display) -> Fault {
    Fault::not_found(Kind::L7Rule, id)
}

/// There is no such vip.
#[must_use]
pub fn vip_not_found(id: impl Display) -> Fault {
    Fault::not_found(Kind::Vip, id)
}

/// There is no such member.
#[must_use]
pub fn member_not_found(id: impl Display) -> Fault {
    Fault::not_found(Kind::Member, id)
}

/// There is no such monitor.
#[must_use]
pub fn monitor_not_found(id: impl Display) -> Fault {
    Fault::not_found(Kind::HealthMonitor, id)
}

/// The pool does not have this monitor.
#[must_use]
pub fn association_not_found(monitor: impl Display, pool: impl Display) -> Fault {
    Missing::Association { monitor_id: monitor.to_string(), pool_id: pool.to_string() }.into()
}
