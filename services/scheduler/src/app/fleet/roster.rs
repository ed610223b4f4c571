//! Which agents could run what, ready to be chosen from: what was found for a demand is kept for a moment, and what is
//! bound meanwhile is counted in it at once.
//!
//! To look through all agents takes as long as there are many of them. So it is done again only when something changed
//! of an agent, or its time is over: liveness and drivers that are awaited are then judged again.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use ballast_model::{
    agent::Agent,
    ids::{AgentId, LoadBalancerId},
    network::Attachment,
};
use ballast_store::Moved;

use crate::placement::{Candidate, Demand};

/// How long what was found is good for.
const GOOD_FOR: Duration = Duration::from_millis(100);
/// For how many demands it is kept.
const DEMANDS: usize = 16;

/// How many load balancers an agent has, by driver.
type Load = HashMap<String, u32>;

/// Where load balancers are, and what that makes for each agent.
#[derive(Debug, Default)]
pub(super) struct Roster {
    bound: HashMap<LoadBalancerId, (AgentId, String)>,
    /// Where the sides are that stand by.
    standbys: HashMap<LoadBalancerId, (AgentId, String)>,
    loads: HashMap<AgentId, Load>,
    found: Vec<Found>,
}

/// What was found for a demand.
#[derive(Debug)]
struct Found {
    driver: String,
    features: BTreeSet<String>,
    members: usize,
    network: Option<Attachment>,
    at: Duration,
    /// In the order of their ids.
    candidates: Vec<Candidate>,
    /// How many more each has room for.
    room: Vec<u32>,
}

impl Found {
    fn is_for(&self, demand: Demand<'_>) -> bool {
        self.driver == demand.driver
            && self.members == demand.members
            && self.network.as_ref() == demand.network
            && self.features == *demand.features
    }

    /// One more is on this agent.
    fn count(&mut self, agent_id: AgentId, driver: &str) {
        let Ok(at) = self.candidates.binary_search_by_key(&agent_id, |one| one.agent_id) else { return };
        if let (Some(candidate), Some(room)) = (self.candidates.get_mut(at), self.room.get_mut(at)) {
            candidate.load_balancers = candidate.load_balancers.saturating_add(1);
            if self.driver == driver && *room != u32::MAX {
                *room = room.saturating_sub(1);
            }
            if *room == 0 {
                self.candidates.remove(at);
                self.room.remove(at);
            }
        }
    }
}

impl Roster {
    /// The load balancer is somewhere else now. Returns the agents that have more or fewer.
    pub(super) fn moved(&mut self, Moved { load_balancer_id, standby, to }: Moved) -> [Option<AgentId>; 2] {
        let places = if standby { &mut self.standbys } else { &mut self.bound };
        let from = match &to {
            Some(to) => places.insert(load_balancer_id, to.clone()),
            None => places.remove(&load_balancer_id),
        };
        if from == to {
            return [None; 2];
        }
        let agents = [&from, &to].map(|one| one.as_ref().map(|(agent_id, _)| *agent_id));
        if let Some((agent_id, driver)) = from {
            if let Some(count) = self.loads.get_mut(&agent_id).and_then(|load| load.get_mut(&driver)) {
                *count = count.saturating_sub(1);
            }
            // It has room again, perhaps.
            self.found.clear();
        }
        if let Some((agent_id, driver)) = to {
            for found in &mut self.found {
                found.count(agent_id, &driver);
            }
            // Others are next, where these were the last.
            self.found.retain(|found| !found.candidates.is_empty());
            *self.loads.entry(agent_id).or_default().entry(driver).or_default() += 1;
        }
        agents
    }

    /// Counts what the agent has.
    pub(super) fn count(&self, agent: &mut Agent) {
        let load = self.loads.get(&agent.id);
        agent.load_balancers = load.map_or(0, |load| load.values().sum());
        for driver in &mut agent.drivers {
            driver.load_balancers = load.and_then(|load| load.get(&driver.name)).copied().unwrap_or(0);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = LoadBalancerId> {
        self.bound.keys().chain(self.standbys.keys()).copied()
    }

    /// Who stands by.
    pub(super) fn standby(&self, id: LoadBalancerId) -> Option<AgentId> {
        self.standbys.get(&id).map(|(agent_id, _)| *agent_id)
    }

    /// Something of an agent is not what it was.
    pub(super) fn forget_found(&mut self) {
        self.found.clear();
    }

    pub(super) fn found(&self, demand: Demand<'_>, now: Duration) -> Option<&[Candidate]> {
        let is_good = |found: &&Found| now.saturating_sub(found.at) < GOOD_FOR && found.is_for(demand);
        self.found.iter().find(is_good).map(|found| found.candidates.as_slice())
    }

    /// Keeps what was found: each with how many more it has room for.
    pub(super) fn keep(&mut self, demand: Demand<'_>, mut found: Vec<(Candidate, u32)>, now: Duration) {
        self.found.retain(|found| !found.is_for(demand));
        if self.found.len() >= DEMANDS {
            self.found.remove(0);
        }
        found.sort_unstable_by_key(|(candidate, _)| candidate.agent_id);
        let (candidates, room) = found.into_iter().unzip();
        self.found.push(Found {
            driver: demand.driver.to_owned(),
            features: demand.features.clone(),
            members: demand.members,
            network: demand.network.cloned(),
            at: now,
            candidates,
            room,
        });
    }
}
