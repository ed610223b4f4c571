//! The agents as an overview shows them.

use std::time::Duration;

use super::Fleet;
use crate::app::AgentSummary;

impl Fleet {
    /// All of them, by their hosts.
    pub fn summaries(&self, now: Duration) -> Vec<AgentSummary> {
        let mut state = self.lock();
        let state = &mut *state;
        let mut summaries = Vec::with_capacity(state.agents.len());
        for agent in state.agents.values() {
            let sign = state.lives.sign(agent, self.scheduler_id, &self.limits, now);
            summaries.push(AgentSummary {
                id: agent.id,
                host: agent.host.clone(),
                silent_for: sign.silent_for,
                liveness: self.limits.judge(sign),
                admin_state_up: agent.admin_state_up,
                load_balancers: agent.load_balancers,
            });
        }
        summaries.sort_unstable_by(|one, other| one.host.cmp(&other.host));
        summaries
    }

    /// The host of an agent; empty: it is not known.
    pub fn host_of(&self, id: ballast_model::ids::AgentId) -> String {
        self.lock().agents.get(&id).map(|agent| agent.host.clone()).unwrap_or_default()
    }

    /// How many load balancers an agent has; none: it is not known.
    pub fn load_of(&self, id: ballast_model::ids::AgentId) -> u32 {
        self.lock().agents.get(&id).map_or(0, |agent| agent.load_balancers)
    }
}
