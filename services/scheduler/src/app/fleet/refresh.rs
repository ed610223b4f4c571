//! What was read of agents and of where load balancers are.

use std::collections::{HashMap, HashSet};

use ballast_model::{
    agent::Agent,
    ids::{AgentId, LoadBalancerId},
};
use ballast_store::{Moved, Told};

use super::{Fleet, State};

impl State {
    /// What was told; whether any of it is to be read.
    pub(super) fn apply(&mut self, told: Vec<Told>) -> bool {
        for told in told {
            match told {
                Told::Moved(moved) => {
                    if let Some(meanwhile) = &mut self.moved {
                        meanwhile.insert(moved.load_balancer_id);
                    }
                    self.apply_move(moved);
                }
                Told::Stale(id) => {
                    self.stale.insert(id);
                }
            }
        }
        !self.stale.is_empty()
    }

    fn apply_move(&mut self, moved: Moved) {
        for agent_id in self.roster.moved(moved).into_iter().flatten() {
            if let Some(agent) = self.agents.get_mut(&agent_id) {
                self.roster.count(agent);
            }
        }
    }

    fn insert(&mut self, mut agent: Agent) {
        self.roster.count(&mut agent);
        self.agents.insert(agent.id, agent);
    }
}

impl Fleet {
    /// Waits until it is to be read where some load balancers are.
    pub async fn until_stale(&self) {
        self.became_stale.notified().await;
    }

    /// Which are to be read; from now on it is kept what moves meanwhile.
    pub fn take_stale(&self) -> Vec<LoadBalancerId> {
        let mut state = self.lock();
        state.moved = Some(HashSet::new());
        std::mem::take(&mut state.stale).into_iter().collect()
    }

    /// It is to be read where they are.
    pub fn mark_stale(&self, ids: impl IntoIterator<Item = LoadBalancerId>) {
        self.lock().stale.extend(ids);
        self.became_stale.notify_one();
    }

    /// Where these load balancers are, as was read since it was asked which are to be. What moved meanwhile is newer.
    pub fn set_bindings(&self, ids: &[LoadBalancerId], bound: Vec<Moved>) {
        let mut bound: HashMap<(LoadBalancerId, bool), _> =
            bound.into_iter().map(|moved| ((moved.load_balancer_id, moved.standby), moved.to)).collect();
        let mut state = self.lock();
        let meanwhile = state.moved.take().unwrap_or_default();
        for id in ids.iter().copied().filter(|id| !meanwhile.contains(id)) {
            for standby in [false, true] {
                let to = bound.remove(&(id, standby)).flatten();
                state.apply_move(Moved { load_balancer_id: id, standby, to });
            }
        }
    }

    /// Who stands by of these load balancers.
    pub fn standbys(&self, ids: impl Iterator<Item = LoadBalancerId>) -> Vec<(LoadBalancerId, AgentId)> {
        let state = self.lock();
        ids.filter_map(|id| Some((id, state.roster.standby(id)?))).collect()
    }

    /// These agents are as was just read; of `ids`, or of all, no others are there. Returns those with a session here
    /// whose row says that it is somebody else's.
    pub fn set_agents(&self, ids: Option<&[AgentId]>, agents: Vec<Agent>) -> Vec<AgentId> {
        let mut state = self.lock();
        let state = &mut *state;
        state.roster.forget_found();
        let found: HashSet<AgentId> = agents.iter().map(|agent| agent.id).collect();
        let is_here =
            |agent: &Agent| agent.session.as_ref().is_some_and(|session| session.scheduler_id == self.scheduler_id);
        let here: HashSet<AgentId> = agents.iter().filter(|agent| is_here(agent)).map(|agent| agent.id).collect();
        match ids {
            None => {
                state.agents.clear();
                state.lives.of.retain(|id, life| life.open.is_some() || found.contains(id));
            }
            Some(ids) => ids.iter().filter(|id| !found.contains(id)).for_each(|id| {
                state.agents.remove(id);
            }),
        }
        for agent in agents {
            state.insert(agent);
        }
        let open = state.lives.of.iter().filter(|(_, life)| life.open.is_some()).map(|(id, _)| *id);
        let asked = open.filter(|id| ids.is_none_or(|ids| ids.contains(id)));
        asked.filter(|id| !here.contains(id)).collect()
    }

    /// The agent is about to go: nothing is placed on it any more.
    pub fn forget(&self, id: AgentId) {
        let mut state = self.lock();
        state.agents.remove(&id);
        state.roster.forget_found();
    }

    /// Where all load balancers are that are somewhere, as was read since it was asked which are to be.
    pub fn set_all_bindings(&self, bound: Vec<Moved>) {
        let mut ids: HashSet<LoadBalancerId> = bound.iter().map(|moved| moved.load_balancer_id).collect();
        ids.extend(self.lock().roster.all());
        self.set_bindings(&ids.into_iter().collect::<Vec<_>>(), bound);
    }
}
