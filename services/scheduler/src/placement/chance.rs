//! Uniformly random.

use ballast_model::ids::AgentId;

use super::{Candidate, PlacementPolicy};

pub(super) const NAME: &str = "chance";

pub(super) struct Chance;

impl PlacementPolicy for Chance {
    fn choose(&self, candidates: &[Candidate], random: u64) -> Option<AgentId> {
        let count = u64::try_from(candidates.len()).ok()?;
        let at = usize::try_from(random.checked_rem(count)?).ok()?;
        candidates.get(at).map(|candidate| candidate.agent_id)
    }
}
