//! The agent with the fewest bound load balancers.

use ballast_model::ids::AgentId;

use super::{Candidate, PlacementPolicy};

pub(super) const NAME: &str = "least-loaded";

pub(super) struct LeastLoaded;

/// Less is better; the agent's id, last, makes the choice the same on every scheduler.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    load_balancers: u32,
    agent_id: AgentId,
}

impl PlacementPolicy for LeastLoaded {
    fn choose(&self, candidates: &[Candidate], _random: u64) -> Option<AgentId> {
        let score = |one: &Candidate| Score { load_balancers: one.load_balancers, agent_id: one.agent_id };
        candidates.iter().map(score).min().map(|best| best.agent_id)
    }
}
