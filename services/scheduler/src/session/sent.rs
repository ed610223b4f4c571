//! What a session has sent of each load balancer. Pure.

use std::collections::HashMap;

use ballast_model::{
    counters::{Epoch, Generation, Term},
    ids::LoadBalancerId,
};
use ballast_store::{BoundLoadBalancer, Phase};

use crate::app::Instruction;

/// Stands for a generation after all others: that of a removal.
const REMOVAL: Generation = Generation::new(u64::MAX);

/// What was last sent of each load balancer that the agent has, or is to remove: the epoch, whether it is to answer, the
/// generation, the term, and whether nobody else may have it still. In each of them more is newer.
#[derive(Debug, Default)]
pub(super) struct Sent(HashMap<LoadBalancerId, Mark>);

type Mark = (Epoch, bool, Generation, Term, bool);

impl Sent {
    /// Whether there is something to send.
    pub(super) fn lacks(&self, bound: &BoundLoadBalancer) -> bool {
        // One that is contested or silent is looked at each time: who had it before may have let go.
        let newest = match bound.binding.phase {
            Phase::Bound | Phase::Standby => (bound.binding.epoch, true, bound.generation, bound.term, true),
            Phase::Removing => (bound.binding.epoch, true, REMOVAL, Term::NONE, true),
        };
        self.0.get(&bound.binding.load_balancer_id).is_none_or(|sent| *sent < newest)
    }

    /// Records an instruction that is about to be sent; `false`: it, or a newer one, was.
    pub(super) fn record(&mut self, instruction: &Instruction) -> bool {
        let (id, mark) = match instruction {
            Instruction::Desired(desired) => {
                let term = desired.beside.as_ref().map_or(Term::NONE, |beside| beside.term);
                let mark = (desired.epoch, !desired.is_silent, desired.generation, term, !desired.is_contested);
                (desired.load_balancer.id, mark)
            }
            Instruction::Remove { load_balancer_id, epoch, .. } => {
                (*load_balancer_id, (*epoch, true, REMOVAL, Term::NONE, true))
            }
        };
        if self.0.get(&id).is_some_and(|sent| *sent >= mark) {
            return false;
        }
        self.0.insert(id, mark);
        true
    }

    /// The agent has let go of what it had by this epoch: without this a stream would remember whatever it ever had.
    pub(super) fn removed(&mut self, id: LoadBalancerId, epoch: Epoch) {
        if self.0.get(&id).is_some_and(|(sent, ..)| *sent <= epoch) {
            self.0.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ID: LoadBalancerId = LoadBalancerId::from_u128(1);

    fn removal(epoch: u64) -> Instruction {
        Instruction::Remove { load_balancer_id: ID, epoch: epoch.into(), finish: Duration::ZERO }
    }

    #[test]
    fn what_was_removed_is_forgotten_unless_it_came_back_meanwhile() {
        let mut sent = Sent::default();
        assert!(sent.record(&removal(1)));
        assert!(!sent.record(&removal(1)), "twice");
        sent.removed(ID, Epoch::FIRST);
        assert!(sent.0.is_empty());
        assert!(sent.record(&removal(3)));
        sent.removed(ID, 2.into());
        assert!(!sent.record(&removal(3)));
    }
}
