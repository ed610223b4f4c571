//! Placement: which agent runs a load balancer. Pure: candidates and a random number in, an agent out.
//!
//! First a filter (lives, admin up, has the driver, the driver knows the features, can plug into the network and has
//! room), then a policy. A new policy is one file and one line in [`policy`].

mod chance;
pub mod failover;
mod least_loaded;

use std::{collections::BTreeSet, sync::Arc};

use ballast_model::{
    agent::{Agent, AgentDriver, DriverState, Liveness},
    ids::AgentId,
    network::Attachment,
};

/// The policies' names, as the configuration spells them.
pub const POLICIES: [&str; 2] = [chance::NAME, least_loaded::NAME];

/// An agent, and what is known of it at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<'a> {
    pub agent: &'a Agent,
    pub liveness: Liveness,
    /// The drivers that start, and not for so long that nobody should wait for them.
    pub awaited: BTreeSet<String>,
}

/// An agent that could run the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub agent_id: AgentId,
    pub load_balancers: u32,
}

/// Chooses among candidates.
pub trait PlacementPolicy: Send + Sync {
    /// One of the candidates; none when there are none. `random` is uniform over all values.
    fn choose(&self, candidates: &[Candidate], random: u64) -> Option<AgentId>;
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
    /// The network that it is to be plugged into; none: it is not known.
    pub network: Option<&'a Attachment>,
}

/// The agents that could run it: those that are Alive and ready; when there is none, those whose driver will be ready
/// in a moment; when none is Alive, those that are not yet Dead. (A scheduler that has just started has not heard of
/// its agents yet.)
#[must_use]
pub fn candidates(agents: &[Judged<'_>], demand: Demand<'_>) -> Vec<Candidate> {
    let choices = [(Liveness::Alive, When::Now), (Liveness::Alive, When::Soon), (Liveness::Suspect, When::Soon)];
    let found = choices.into_iter().map(|(liveness, when)| candidates_that_are(liveness, when, agents, demand));
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// When a driver is to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Now,
    /// Now, or in a moment: it starts.
    Soon,
}

/// The agents of this liveness that could run it.
#[must_use]
pub fn candidates_that_are(
    liveness: Liveness,
    when: When,
    agents: &[Judged<'_>],
    demand: Demand<'_>,
) -> Vec<Candidate> {
    let fits = |judged: &&Judged<'_>| {
        judged.agent.admin_state_up && judged.liveness == liveness && can_run(judged, when, demand)
    };
    let candidate =
        |judged: &Judged<'_>| Candidate { agent_id: judged.agent.id, load_balancers: judged.agent.load_balancers };
    agents.iter().filter(fits).map(candidate).collect()
}

fn can_run(judged: &Judged<'_>, when: When, demand: Demand<'_>) -> bool {
    judged.agent.drivers.iter().any(|driver| {
        driver.name == demand.driver
            && is_ready(judged, when, driver)
            && !driver.full
            && demand.features.is_subset(&driver.features)
            && demand.network.is_none_or(|network| driver.plugs.take(network))
            && (driver.max_load_balancers == 0 || driver.load_balancers < driver.max_load_balancers)
            && (driver.max_members == 0 || demand.members <= driver.max_members as usize)
    })
}

/// For how many more load balancers the agent's driver has room.
#[must_use]
pub fn room(agent: &Agent, driver: &str) -> u32 {
    let drivers = agent.drivers.iter().filter(|one| one.name == driver);
    let room = |driver: &AgentDriver| match driver.max_load_balancers {
        0 => u32::MAX,
        most => most.saturating_sub(driver.load_balancers),
    };
    drivers.map(room).max().unwrap_or(0)
}

/// A driver that starts for the first time has told no features: it fits nothing that asks for one.
fn is_ready(judged: &Judged<'_>, when: When, driver: &AgentDriver) -> bool {
    match driver.state {
        DriverState::Ready => true,
        DriverState::Starting => {
            when == When::Soon && !driver.features.is_empty() && judged.awaited.contains(&driver.name)
        }
        DriverState::Failed => false,
    }
}

#[cfg(test)]
mod tests;
