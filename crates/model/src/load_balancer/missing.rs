//! The faults of what is not there. The texts are Neutron's, to the letter.

use crate::fault::{Code, Fault};

/// There is no such pool.
#[must_use]
pub fn pool_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::PoolNotFound, format!("Pool {id} could not be found"))
}

/// There is no such vip.
#[must_use]
pub fn vip_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::VipNotFound, format!("Vip {id} could not be found"))
}

/// There is no such member.
#[must_use]
pub fn member_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::MemberNotFound, format!("Member {id} could not be found"))
}

/// There is no such monitor.
#[must_use]
pub fn monitor_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::HealthMonitorNotFound, format!("Health_monitor {id} could not be found"))
}

/// The pool does not have this monitor.
#[must_use]
pub fn association_not_found(monitor: impl std::fmt::Display, pool: impl std::fmt::Display) -> Fault {
    Fault::new(Code::AssociationNotFound, format!("Monitor {monitor} is not associated with Pool {pool}"))
}
