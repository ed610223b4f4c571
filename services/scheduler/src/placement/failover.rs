//! Failover: whose load balancers are to move. Pure: agents in, a decision out.

use ballast_model::{agent::Liveness, ids::AgentId};

/// An agent, as far as failover goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub agent_id: AgentId,
    pub liveness: Liveness,
    /// How many it has.
    pub load_balancers: u32,
}

/// What to do about agents that are Dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failover {
    /// None is Dead that has load balancers.
    Nothing,
    /// More than half of those that matter are Dead at once: that says more about this scheduler's network than about
    /// them.
    Paused { dead: usize, of: usize },
    /// What these have is to move.
    From(Vec<AgentId>),
}

/// Decides. Agents that are Dead and have nothing do not matter: they may be gone for good.
#[must_use]
pub fn decide(agents: &[Standing]) -> Failover {
    let is_dead = |one: &&Standing| one.liveness == Liveness::Dead;
    let dead: Vec<AgentId> =
        agents.iter().filter(is_dead).filter(|one| one.load_balancers > 0).map(|one| one.agent_id).collect();
    let living = agents.iter().filter(|agent| !is_dead(agent)).count();
    let of = dead.len() + living;
    match dead.len() {
        0 => Failover::Nothing,
        many if many * 2 > of => Failover::Paused { dead: many, of },
        _ => Failover::From(dead),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ballast_model::agent::{LivenessLimits, Sign};
    use proptest::prelude::*;

    use super::*;

    const LIMITS: LivenessLimits =
        LivenessLimits { suspect_after: Duration::from_secs(12), dead_after: Duration::from_secs(20) };

    fn liveness(age: u64) -> Liveness {
        LIMITS.judge(Sign { silent_for: Duration::from_secs(age), connected: true, heard_here: false })
    }

    /// One for each: seconds since its last heartbeat, and how many load balancers it has.
    fn agents(of: &[(u64, u32)]) -> Vec<Standing> {
        let agent = |(n, (age, load_balancers)): (usize, &(u64, u32))| Standing {
            agent_id: AgentId::from_u128(n as u128),
            liveness: liveness(*age),
            load_balancers: *load_balancers,
        };
        of.iter().enumerate().map(agent).collect()
    }

    fn decided(of: &[(u64, u32)]) -> Failover {
        decide(&agents(of))
    }

    #[test]
    fn a_dead_agents_load_balancers_move_and_a_suspect_ones_stay() {
        assert_eq!(decided(&[(25, 3), (1, 0)]), Failover::From(vec![AgentId::from_u128(0)]));
        assert_eq!(decided(&[(15, 3), (1, 0)]), Failover::Nothing);
        assert_eq!(decided(&[]), Failover::Nothing);
    }

    #[test]
    fn when_more_than_half_die_at_once_nothing_moves() {
        assert_eq!(decided(&[(25, 3), (25, 1), (1, 0)]), Failover::Paused { dead: 2, of: 3 });
        assert_eq!(decided(&[(25, 3)]), Failover::Paused { dead: 1, of: 1 });
        let two_of_four = [(25, 3), (25, 1), (1, 0), (1, 0)];
        assert_eq!(decided(&two_of_four), Failover::From(vec![AgentId::from_u128(0), AgentId::from_u128(1)]));
    }

    #[test]
    fn agents_that_died_before_and_have_nothing_left_hold_nothing_up() {
        assert_eq!(decided(&[(99, 0), (99, 0), (99, 0), (25, 3), (1, 0)]), Failover::From(vec![AgentId::from_u128(3)]));
    }

    proptest! {
        #[test]
        fn nothing_ever_moves_off_an_agent_that_is_not_dead(of in prop::collection::vec((0_u64..60, 0_u32..3), 0..8)) {
            if let Failover::From(dead) = decided(&of) {
                for one in agents(&of).iter().filter(|one| dead.contains(&one.agent_id)) {
                    prop_assert_eq!(one.liveness, Liveness::Dead);
                }
            }
        }
    }
}
