//! How the traffic of each object of a load balancer fares, as v2 shows it: from admin states, and what its agent observes.
//!
//! Nothing is ONLINE by an outcome alone: a listener has to be seen to answer.

use crate::{
    l7::{L7Policy, L7Rule},
    listener::{Answering, Listener},
    load_balancer::LoadBalancer,
    member::Member,
    pool::{Association, Pool},
    status::{OperatingStatus, Progress, ProvisioningStatus},
};

/// v2's operating status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operating {
    Online,
    Offline,
    Degraded,
    Error,
    Draining,
    NoMonitor,
}

impl Operating {
    pub const ALL: [Self; 6] =
        [Self::Online, Self::Offline, Self::Degraded, Self::Error, Self::Draining, Self::NoMonitor];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Offline => "OFFLINE",
            Self::Degraded => "DEGRADED",
            Self::Error => "ERROR",
            Self::Draining => "DRAINING",
            Self::NoMonitor => "NO_MONITOR",
        }
    }
}

/// A load balancer, looked at for its traffic.
#[derive(Debug, Clone, Copy)]
pub struct Traffic<'a> {
    load_balancer: &'a LoadBalancer,
    /// Whether its agent can be believed to run it: one that is Dead cannot.
    is_run: bool,
}

impl<'a> Traffic<'a> {
    #[must_use]
    pub const fn new(load_balancer: &'a LoadBalancer, is_run: bool) -> Self {
        Self { load_balancer, is_run }
    }

    /// ERROR before DEGRADED before ONLINE, of the listeners that answer and their pools.
    #[must_use]
    pub fn whole(self) -> Operating {
        let listeners = self.load_balancer.listeners.iter().map(|listener| self.listener(listener));
        let mut worst = Operating::Offline;
        for status in listeners.filter(|status| *status != Operating::Offline) {
            worst = worse(worst, status);
        }
        if worst == Operating::Offline {
            return worst;
        }
        let pools = self.load_balancer.pools.iter().map(|pool| self.pool(pool));
        pools.filter(|status| *status != Operating::Offline).fold(worst, worse)
    }

    #[must_use]
    pub fn listener(self, listener: &Listener) -> Operating {
        if !self.is_run || !self.load_balancer.admin_state_up || !listener.admin_state_up {
            return Operating::Offline;
        }
        match listener.answering {
            Answering::No => Operating::Offline,
            Answering::Yes => Operating::Online,
            Answering::Full => Operating::Degraded,
        }
    }

    /// OFFLINE where no listener that answers uses it; otherwise by its members.
    #[must_use]
    pub fn pool(self, pool: &Pool) -> Operating {
        if !pool.admin_state_up || !self.is_served(pool) {
            return Operating::Offline;
        }
        let enabled: Vec<&Member> = pool.members.iter().filter(|member| member.admin_state_up).collect();
        let failing = enabled.iter().filter(|member| self.member(pool, member) == Operating::Error).count();
        if enabled.is_empty() {
            Operating::Online
        } else if failing == enabled.len() || enabled.iter().all(|member| member.weight == 0) {
            Operating::Error
        } else if failing > 0 {
            Operating::Degraded
        } else {
            Operating::Online
        }
    }

    /// Whether a listener that answers uses it.
    fn is_served(self, pool: &Pool) -> bool {
        self.load_balancer.listeners_of(pool.id).any(|listener| self.listener(listener) != Operating::Offline)
    }

    /// One that is switched off is OFFLINE; but as Octavia has it, without a monitor only where it would be used.
    #[must_use]
    pub fn member(self, pool: &Pool, member: &Member) -> Operating {
        if !pool.is_monitored() && (member.admin_state_up || !self.is_served(pool)) {
            return Operating::NoMonitor;
        }
        if !member.admin_state_up {
            return Operating::Offline;
        }
        match member.operating_status {
            _ if !self.is_run => Operating::Offline,
            OperatingStatus::Unknown => Operating::Offline,
            OperatingStatus::Offline => Operating::Error,
            OperatingStatus::Online if member.weight == 0 => Operating::Draining,
            OperatingStatus::Online => Operating::Online,
        }
    }
}

/// Of what has no traffic of its own: ONLINE once it is deployed.
fn deployed(admin_state_up: bool, progress: &Progress) -> Operating {
    match progress.status {
        ProvisioningStatus::PendingCreate | ProvisioningStatus::Error => Operating::Offline,
        _ if admin_state_up => Operating::Online,
        _ => Operating::Offline,
    }
}

/// Of a health monitor.
#[must_use]
pub fn of_monitor(association: &Association) -> Operating {
    deployed(association.monitor.admin_state_up, &association.progress)
}

/// Of a policy.
#[must_use]
pub fn of_policy(policy: &L7Policy) -> Operating {
    deployed(policy.admin_state_up, &policy.progress)
}

/// Of a rule.
#[must_use]
pub fn of_rule(rule: &L7Rule) -> Operating {
    deployed(rule.admin_state_up, &rule.progress)
}

const fn rank(status: Operating) -> u8 {
    match status {
        Operating::Error => 3,
        Operating::Degraded => 2,
        Operating::Online => 1,
        Operating::Offline | Operating::Draining | Operating::NoMonitor => 0,
    }
}

const fn worse(one: Operating, other: Operating) -> Operating {
    if rank(other) > rank(one) { other } else { one }
}

#[cfg(test)]
mod tests;
