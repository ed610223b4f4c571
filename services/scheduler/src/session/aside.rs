//! What an agent has observed of load balancers of which it has the side that stands by. It counts for nothing there; once the
//! side is the active one it does, and the agent says no more than what changes.

use std::collections::HashMap;

use ballast_model::ids::LoadBalancerId;

use crate::app::{Instruction, Observed};

#[derive(Debug, Default)]
pub(super) struct Aside(HashMap<LoadBalancerId, Observed>);

impl Aside {
    /// Keeps what was observed beside what was observed before.
    pub(super) fn keep(&mut self, mut observed: Observed) {
        let id = observed.owner.load_balancer_id;
        let before = self.0.remove(&id).filter(|before| before.owner.epoch == observed.owner.epoch);
        let is_told = |id| observed.members.iter().any(|member| member.member_id == id);
        let others = before.into_iter().flat_map(|before| before.members);
        let others: Vec<_> = others.filter(|member| !is_told(member.member_id)).collect();
        observed.members.extend(others);
        self.0.insert(id, observed);
    }

    /// What was observed of what this makes the active one, or takes away.
    pub(super) fn active(&mut self, instruction: &Instruction) -> Option<Observed> {
        match instruction {
            Instruction::Desired(desired) if desired.beside.as_ref().is_some_and(|beside| !beside.is_active) => None,
            Instruction::Desired(desired) => {
                let observed = self.0.remove(&desired.load_balancer.id)?;
                (observed.owner.epoch == desired.epoch).then_some(observed)
            }
            Instruction::Remove { load_balancer_id, .. } => {
                self.0.remove(load_balancer_id);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ballast_model::{ids::MemberId, outcome::MemberHealth, status::OperatingStatus};

    use super::*;
    use crate::app::Owner;

    #[test]
    fn what_is_observed_again_takes_the_place_of_what_was() {
        use OperatingStatus::{Offline, Online};
        let observed = |epoch: u64, members: &[(u128, OperatingStatus)]| Observed {
            owner: Owner { agent_id: Default::default(), load_balancer_id: Default::default(), epoch: epoch.into() },
            members: members
                .iter()
                .map(|(id, status)| MemberHealth { member_id: MemberId::from_u128(*id), status: *status })
                .collect(),
            listeners: HashMap::new(),
        };
        let mut aside = Aside::default();
        aside.keep(observed(1, &[(1, Online), (2, Online)]));
        aside.keep(observed(1, &[(1, Offline)]));
        let kept = |aside: &Aside| {
            let members = aside.0.values().flat_map(|one| &one.members);
            members.map(|one| (one.member_id, one.status)).collect::<Vec<_>>()
        };
        assert_eq!(kept(&aside), [(MemberId::from_u128(1), Offline), (MemberId::from_u128(2), Online)]);
        aside.keep(observed(2, &[(3, Online)]));
        assert_eq!(kept(&aside), [(MemberId::from_u128(3), Online)], "another placement");
    }
}
