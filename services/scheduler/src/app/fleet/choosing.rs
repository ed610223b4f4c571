//! Who could run what, as the agents are at this moment.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use ballast_model::{
    agent::{Agent, Liveness, LivenessLimits},
    ids::{AgentId, SchedulerId},
};

use super::{Fleet, lives::Lives};
use crate::placement::{
    Candidate, Demand, Judged, When, candidates, candidates_that_are, considered, failover::Standing, room,
};

/// An agent that was looked at for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub agent_id: AgentId,
    pub host: String,
    pub load_balancers: u32,
    /// What keeps it from running it; none: it could.
    pub obstacle: Option<String>,
}

/// Where a standby is not to be.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct Beside<'a> {
    /// The active side is there.
    pub(in crate::app) agent_id: AgentId,
    /// Nor on these.
    pub(in crate::app) not: &'a [AgentId],
}

/// The agents with what is known of their lives.
fn judge<'a>(
    agents: &'a HashMap<AgentId, Agent>,
    lives: &mut Lives,
    here: SchedulerId,
    limits: &LivenessLimits,
    now: Duration,
) -> Vec<Judged<'a>> {
    let judged = |agent: &'a Agent| {
        let liveness = limits.judge(lives.sign(agent, here, limits, now));
        Judged { liveness, awaited: lives.life(agent.id, now).awaited(agent, now), agent }
    };
    agents.values().map(judged).collect()
}

impl Fleet {
    /// Gives those that could run it to `choose`, in the order of their ids.
    pub fn choose<T>(&self, demand: Demand<'_>, now: Duration, choose: impl FnOnce(&[Candidate]) -> T) -> T {
        let mut state = self.lock();
        let state = &mut *state;
        if state.roster.found(demand, now).is_none() {
            let judged = judge(&state.agents, &mut state.lives, self.scheduler_id, &self.limits, now);
            let found = candidates(&judged, demand).into_iter();
            let found = found.map(|candidate| {
                let agent = state.agents.get(&candidate.agent_id);
                (candidate, agent.map_or(u32::MAX, |agent| room(agent, demand.driver)))
            });
            state.roster.keep(demand, found.collect(), now);
        }
        choose(state.roster.found(demand, now).unwrap_or_default())
    }

    /// All of them, in the order of their ids, each with what keeps it from running it.
    pub fn consider(&self, demand: Demand<'_>, now: Duration) -> Vec<Looked> {
        let mut state = self.lock();
        let state = &mut *state;
        let judged = judge(&state.agents, &mut state.lives, self.scheduler_id, &self.limits, now);
        let (found, rejected) = considered(&judged, demand);
        let looked = |agent: &Agent, obstacle: Option<String>| Looked {
            agent_id: agent.id,
            host: agent.host.clone(),
            load_balancers: agent.load_balancers,
            obstacle,
        };
        let rejected = rejected.into_iter().map(|(agent, obstacle)| looked(agent, Some(obstacle.to_string())));
        let mut all: Vec<Looked> = found.into_iter().map(|agent| looked(agent, None)).chain(rejected).collect();
        all.sort_unstable_by_key(|one| one.agent_id);
        all
    }

    /// As [`Self::choose`], among those that are Alive and ready.
    pub fn choose_alive<T>(&self, demand: Demand<'_>, now: Duration, choose: impl FnOnce(&[Candidate]) -> T) -> T {
        let mut state = self.lock();
        let state = &mut *state;
        let judged = judge(&state.agents, &mut state.lives, self.scheduler_id, &self.limits, now);
        let mut found = candidates_that_are(Liveness::Alive, When::Now, &judged, demand);
        found.sort_unstable_by_key(|candidate| candidate.agent_id);
        choose(&found)
    }

    /// As [`Self::choose_alive`], for a standby: in another zone where one could run it there. Whether it is in the same one, as
    /// far as is known.
    pub(in crate::app) fn choose_beside<T>(
        &self,
        demand: Demand<'_>,
        now: Duration,
        beside: Beside<'_>,
        choose: impl FnOnce(&[Candidate]) -> T,
    ) -> (T, bool) {
        let mut state = self.lock();
        let state = &mut *state;
        let judged = judge(&state.agents, &mut state.lives, self.scheduler_id, &self.limits, now);
        let mut found = candidates_that_are(Liveness::Alive, When::Now, &judged, demand);
        found.retain(|one| one.agent_id != beside.agent_id && !beside.not.contains(&one.agent_id));
        found.sort_unstable_by_key(|candidate| candidate.agent_id);
        let zone = |id: &AgentId| state.agents.get(id).map_or("", |agent| agent.zone.as_str());
        let own = zone(&beside.agent_id);
        let is_elsewhere = |one: &&Candidate| !["", own].contains(&zone(&one.agent_id));
        let elsewhere: Vec<Candidate> = found.iter().filter(is_elsewhere).copied().collect();
        let is_together = !own.is_empty() && elsewhere.is_empty() && !found.is_empty();
        (choose(if own.is_empty() || elsewhere.is_empty() { &found } else { &elsewhere }), is_together)
    }

    /// Those of these features that no agent has whose driver of this name said what it can do; none has said so: none.
    pub fn lacking(&self, driver: &str, features: BTreeSet<String>) -> BTreeSet<String> {
        let state = self.lock();
        let drivers = state.agents.values().flat_map(|agent| &agent.drivers);
        let told: Vec<_> = drivers.filter(|one| one.name == driver && !one.features.is_empty()).collect();
        let lacks = |feature: &String| !told.iter().any(|one| one.features.contains(feature));
        if told.is_empty() { BTreeSet::new() } else { features.into_iter().filter(lacks).collect() }
    }

    /// Whether the agent's driver of this name has all of these features; one that is not known, or has not said: yes.
    pub fn has(&self, id: AgentId, driver: &str, features: &BTreeSet<String>) -> bool {
        let state = self.lock();
        let Some(agent) = state.agents.get(&id) else { return true };
        let one = agent.drivers.iter().find(|one| one.name == driver && !one.features.is_empty());
        one.is_none_or(|one| features.is_subset(&one.features))
    }

    /// Whether the agent's driver of this name says that it has this.
    pub fn declares(&self, id: AgentId, driver: &str, feature: &str) -> bool {
        let state = self.lock();
        let drivers = state.agents.get(&id).map(|agent| agent.drivers.as_slice()).unwrap_or_default();
        drivers.iter().any(|one| one.name == driver && one.features.contains(feature))
    }

    /// Whether it lives; `None`: it is not known.
    pub fn liveness_of(&self, id: AgentId, now: Duration) -> Option<Liveness> {
        let mut state = self.lock();
        let state = &mut *state;
        let agent = state.agents.get(&id)?;
        Some(self.limits.judge(state.lives.sign(agent, self.scheduler_id, &self.limits, now)))
    }

    /// Whether each agent lives, and how much it has.
    pub fn standings(&self, now: Duration) -> Vec<Standing> {
        let mut state = self.lock();
        let state = &mut *state;
        let standing = |agent: &Agent| {
            let sign = state.lives.sign(agent, self.scheduler_id, &self.limits, now);
            Standing {
                agent_id: agent.id,
                liveness: self.limits.judge(sign),
                silent_for: sign.silent_for,
                load_balancers: agent.load_balancers,
            }
        };
        let mut standings: Vec<Standing> = state.agents.values().map(standing).collect();
        standings.sort_unstable_by_key(|standing| standing.agent_id);
        standings
    }

    /// Those that are switched off, not Dead, and have load balancers, in the order of their ids; each with its host.
    pub fn switched_off(&self, now: Duration) -> Vec<(AgentId, String)> {
        let mut state = self.lock();
        let state = &mut *state;
        let is_off = |agent: &&Agent| {
            let has_some = !agent.admin_state_up && agent.load_balancers > 0;
            has_some
                && self.limits.judge(state.lives.sign(agent, self.scheduler_id, &self.limits, now)) != Liveness::Dead
        };
        let mut off: Vec<_> =
            state.agents.values().filter(is_off).map(|agent| (agent.id, agent.host.clone())).collect();
        off.sort_unstable();
        off
    }

    /// Whether it is known, and Dead.
    pub fn is_dead(&self, id: AgentId, now: Duration) -> bool {
        let mut state = self.lock();
        let state = &mut *state;
        let agent = state.agents.get(&id);
        agent.is_some_and(|agent| {
            self.limits.judge(state.lives.sign(agent, self.scheduler_id, &self.limits, now)) == Liveness::Dead
        })
    }
}
