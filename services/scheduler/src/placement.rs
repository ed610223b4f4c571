//! Placement: which agent runs a load balancer. Pure: candidates and a random number in, an agent out.
//!
//! First a filter (lives, admin up, has the driver, the driver knows the features, can plug into the network and has
//! room), then a policy. A new policy is one file and one line in [`policy`].

mod chance;
pub mod failover;
mod least_loaded;

use std::{collections::BTreeSet, fmt, sync::Arc};

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

/// Whose turn it is, one after the other: those that are Alive and ready; when there is none, those whose driver will be
/// ready in a moment; when none is Alive, those that are not yet Dead. (A scheduler that has just started has not heard of
/// its agents yet.)
const TURNS: [(Liveness, When); 3] =
    [(Liveness::Alive, When::Now), (Liveness::Alive, When::Soon), (Liveness::Suspect, When::Soon)];

/// The agents that could run it.
#[must_use]
pub fn candidates(agents: &[Judged<'_>], demand: Demand<'_>) -> Vec<Candidate> {
    let found = TURNS.into_iter().map(|(liveness, when)| candidates_that_are(liveness, when, agents, demand));
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
    let fits =
        |judged: &&Judged<'_>| judged.liveness == liveness && obstacle(judged, (liveness, when), demand).is_none();
    agents.iter().filter(fits).map(Judged::candidate).collect()
}

/// Those that could run it, and of each other one what keeps it from that.
#[must_use]
pub fn considered<'a>(
    agents: &'a [Judged<'a>],
    demand: Demand<'a>,
) -> (Vec<&'a Agent>, Vec<(&'a Agent, Obstacle<'a>)>) {
    let has_some = |turn: &(Liveness, When)| !candidates_that_are(turn.0, turn.1, agents, demand).is_empty();
    // Where nobody could, it is said what keeps them from it now.
    let turn = TURNS.into_iter().find(has_some).unwrap_or(TURNS[0]);
    let (mut found, mut rejected) = (Vec::new(), Vec::new());
    for judged in agents {
        match obstacle(judged, turn, demand) {
            None => found.push(judged.agent),
            Some(obstacle) => rejected.push((judged.agent, obstacle)),
        }
    }
    (found, rejected)
}

/// What keeps an agent from running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle<'a> {
    /// It is of another liveness than those whose turn it is.
    Lives(Liveness),
    /// An operator has taken it out of placement.
    Out,
    NoDriver,
    NotReady(&'a AgentDriver),
    /// The driver's host has no room.
    NoRoom,
    Lacks(BTreeSet<&'a str>),
    CannotPlug,
    HasAll(u32),
    TakesNoMore(u32),
}

impl fmt::Display for Obstacle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lives(Liveness::Alive) => f.write_str("Alive"),
            Self::Lives(Liveness::Suspect) => f.write_str("Suspect"),
            Self::Lives(Liveness::Dead) => f.write_str("Dead"),
            Self::Out => f.write_str("taken out of placement"),
            Self::NoDriver => f.write_str("it does not have the driver"),
            Self::NotReady(driver) if driver.reason.is_empty() => write!(f, "its driver is {}", driver.state.as_str()),
            Self::NotReady(driver) => write!(f, "its driver is {}: {}", driver.state.as_str(), driver.reason),
            Self::NoRoom => f.write_str("its host has no room"),
            Self::Lacks(features) => {
                let features: Vec<&str> = features.iter().copied().collect();
                write!(f, "its driver lacks {}", features.join(", "))
            }
            Self::CannotPlug => f.write_str("it cannot plug into this network"),
            Self::HasAll(most) => write!(f, "its driver has the {most} load balancers that it may have"),
            Self::TakesNoMore(most) => write!(f, "its driver takes {most} members at most"),
        }
    }
}

/// None: it could run it, when it is the turn of such.
fn obstacle<'a>(judged: &Judged<'a>, (liveness, when): (Liveness, When), demand: Demand<'a>) -> Option<Obstacle<'a>> {
    if judged.liveness == Liveness::Dead {
        return Some(Obstacle::Lives(Liveness::Dead));
    }
    if !judged.agent.admin_state_up {
        return Some(Obstacle::Out);
    }
    let mut found = Some(Obstacle::NoDriver);
    for driver in judged.agent.drivers.iter().filter(|driver| driver.name == demand.driver) {
        found = obstacle_of_driver(judged, when, driver, demand);
        if found.is_none() {
            break;
        }
    }
    found.or_else(|| (judged.liveness != liveness).then_some(Obstacle::Lives(judged.liveness)))
}

fn obstacle_of_driver<'a>(
    judged: &Judged<'a>,
    when: When,
    driver: &'a AgentDriver,
    demand: Demand<'a>,
) -> Option<Obstacle<'a>> {
    if !is_ready(judged, when, driver) {
        return Some(Obstacle::NotReady(driver));
    }
    if driver.full {
        return Some(Obstacle::NoRoom);
    }
    if !demand.features.is_subset(&driver.features) {
        return Some(Obstacle::Lacks(demand.features.difference(&driver.features).map(String::as_str).collect()));
    }
    if !demand.network.is_none_or(|network| driver.plugs.take(network)) {
        return Some(Obstacle::CannotPlug);
    }
    if driver.max_load_balancers != 0 && driver.load_balancers >= driver.max_load_balancers {
        return Some(Obstacle::HasAll(driver.max_load_balancers));
    }
    if driver.max_members != 0 && demand.members > driver.max_members as usize {
        return Some(Obstacle::TakesNoMore(driver.max_members));
    }
    None
}

impl Judged<'_> {
    const fn candidate(&self) -> Candidate {
        Candidate { agent_id: self.agent.id, load_balancers: self.agent.load_balancers }
    }
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
