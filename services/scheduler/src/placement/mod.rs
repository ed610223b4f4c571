//! Placement: which agent runs a load balancer. Pure: candidates and a random number in, an agent out.
//!
//! First a filter (lives, admin up, has the driver, the driver knows the features and has room), then a policy. A new policy
//! is one file and one line in [`policy`].

mod chance;
pub mod failover;
mod least_loaded;

use std::{collections::BTreeSet, sync::Arc};

use ballast_model::{
    Uuid,
    agent::{Agent, DriverState, Liveness, LivenessLimits},
    time::Timestamp,
};

/// The policies' names, as the configuration spells them.
pub const POLICIES: [&str; 2] = [chance::NAME, least_loaded::NAME];

/// An agent that could run the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub agent_id: Uuid,
    pub load_balancers: u32,
}

/// Chooses among candidates.
pub trait PlacementPolicy: Send + Sync {
    /// One of the candidates; none when there are none. `random` is uniform over all values.
    fn choose(&self, candidates: &[Candidate], random: u64) -> Option<Uuid>;
}

/// The policy of this name.
#[must_use]
pub fn policy(name: &str) -> Option<Arc<dyn PlacementPolicy>> {
    match name {
        chance::NAME => Some(Arc::new(chance::Chance)),
        least_loaded::NAME => Some(Arc::new(least_loaded::LeastLoaded)),
        _ => None,
    }
}

/// What a load balancer asks of an agent.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    pub driver: &'a str,
    pub features: &'a BTreeSet<String>,
    pub members: usize,
}

/// The agents that could run it: those that are Alive, or, when none is, those that are not yet Dead. (A scheduler that
/// has just started has not heard of its agents yet.)
#[must_use]
pub fn candidates(agents: &[Agent], demand: Demand<'_>, limits: &LivenessLimits, now: Timestamp) -> Vec<Candidate> {
    let of = |liveness| candidates_that_are(liveness, agents, demand, (limits, now));
    let alive = of(Liveness::Alive);
    if alive.is_empty() { of(Liveness::Suspect) } else { alive }
}

/// The agents of this liveness that could run it.
#[must_use]
pub fn candidates_that_are(
    liveness: Liveness,
    agents: &[Agent],
    demand: Demand<'_>,
    (limits, now): (&LivenessLimits, Timestamp),
) -> Vec<Candidate> {
    let fits = |agent: &&Agent| agent.admin_state_up && limits.judge(agent, now) == liveness && can_run(agent, demand);
    let candidate = |agent: &Agent| Candidate { agent_id: agent.id, load_balancers: agent.load_balancers };
    agents.iter().filter(fits).map(candidate).collect()
}

fn can_run(agent: &Agent, demand: Demand<'_>) -> bool {
    agent.drivers.iter().any(|driver| {
        driver.name == demand.driver
            && driver.state == DriverState::Ready
            && demand.features.is_subset(&driver.features)
            && (driver.max_load_balancers == 0 || driver.load_balancers < driver.max_load_balancers)
            && (driver.max_members == 0 || demand.members <= driver.max_members as usize)
    })
}

#[cfg(test)]
mod tests;
