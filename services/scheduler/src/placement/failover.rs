//! Failover: whose load balancers are to move. Pure: agents in, a decision out.

use std::time::Duration;

use ballast_model::{agent::Liveness, ids::AgentId};

/// An agent, as far as failover goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub agent_id: AgentId,
    pub liveness: Liveness,
    /// Since when nobody has heard of it.
    pub silent_for: Duration,
    /// How many it has.
    pub load_balancers: u32,
}

/// What to do about agents that are Dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failover {
    /// None is Dead that has load balancers.
    Nothing,
    /// More than a share of those that matter died within a window: that says more about this scheduler's network than about
    /// them.
    Paused { dead: usize, of: usize },
    /// What these have is to move.
    From(Vec<AgentId>),
}

/// When it is too many to believe it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pause {
    /// Of the agents that matter, from 0 to 1.
    pub share: f64,
    /// Within which they fell silent.
    pub window: Duration,
}

/// Decides. Agents that are not Alive and have nothing do not matter: they may be gone for good. Those that die at once are not
/// found Dead at once, as each said last at another time that it lives: so who is Suspect counts as one that dies with them.
#[must_use]
pub fn decide(agents: &[Standing], pause: Pause) -> Failover {
    let is_dead = |one: &&Standing| one.liveness == Liveness::Dead;
    let dead: Vec<&Standing> = agents.iter().filter(is_dead).filter(|one| one.load_balancers > 0).collect();
    let of = agents.iter().filter(|one| one.liveness == Liveness::Alive || one.load_balancers > 0).count();
    if dead.is_empty() {
        return Failover::Nothing;
    }
    let is_silent = |one: &&Standing| one.liveness != Liveness::Alive && one.load_balancers > 0;
    let together = together(agents.iter().filter(is_silent).collect(), pause.window);
    #[expect(clippy::cast_precision_loss, reason = "nobody has so many agents")]
    let too_many = together as f64 > pause.share * of as f64;
    if too_many {
        return Failover::Paused { dead: together, of };
    }
    Failover::From(dead.iter().map(|one| one.agent_id).collect())
}

/// How many fell silent within one window in which one died, whenever that was: they wake up together as well, or not at all.
fn together(mut silent: Vec<&Standing>, window: Duration) -> usize {
    silent.sort_unstable_by_key(|one| one.silent_for);
    let within = |(at, first): (usize, &&Standing)| {
        let with_it = silent[at..].iter().take_while(|last| last.silent_for.saturating_sub(first.silent_for) <= window);
        let (count, has_dead) =
            with_it.fold((0, false), |(count, has_dead), one| (count + 1, has_dead || one.liveness == Liveness::Dead));
        if has_dead { count } else { 0 }
    };
    silent.iter().enumerate().map(within).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
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
            silent_for: Duration::from_secs(*age),
            load_balancers: *load_balancers,
        };
        of.iter().enumerate().map(agent).collect()
    }

    const HALF: Pause = Pause { share: 0.5, window: Duration::from_secs(60) };

    fn decided(of: &[(u64, u32)]) -> Failover {
        decide(&agents(of), HALF)
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
    fn who_dies_one_after_the_other_is_believed_and_who_dies_together_is_not_however_long_ago() {
        assert!(matches!(decided(&[(25, 3), (95, 1), (1, 0)]), Failover::From(_)));
        assert_eq!(decided(&[(25, 3), (85, 1), (1, 0)]), Failover::Paused { dead: 2, of: 3 });
        assert_eq!(decided(&[(9_000, 3), (9_050, 1), (1, 0)]), Failover::Paused { dead: 2, of: 3 });
        assert_eq!(decided(&[(25, 3), (95, 1), (150, 1)]), Failover::Paused { dead: 2, of: 3 });
    }

    #[test]
    fn who_is_suspect_dies_with_those_that_are_found_dead_first() {
        assert_eq!(decided(&[(20, 3), (18, 1), (16, 2), (1, 0)]), Failover::Paused { dead: 3, of: 4 });
        let with_nothing = [(20, 3), (18, 0), (16, 0), (1, 0)];
        assert_eq!(decided(&with_nothing), Failover::From(vec![AgentId::from_u128(0)]));
        let some_with_nothing = [(20, 3), (18, 1), (18, 0), (18, 0), (1, 0)];
        assert_eq!(decided(&some_with_nothing), Failover::Paused { dead: 2, of: 3 });
        let long_ago = [(900, 3), (15, 1), (15, 1), (1, 0)];
        assert_eq!(decided(&long_ago), Failover::From(vec![AgentId::from_u128(0)]));
        assert_eq!(decided(&[(15, 3), (15, 1), (15, 1), (1, 0)]), Failover::Nothing);
    }

    #[test]
    fn how_many_are_too_many_is_configured() {
        let with = |share| decide(&agents(&[(25, 3), (25, 1), (1, 0), (1, 0)]), Pause { share, ..HALF });
        assert_eq!(with(0.25), Failover::Paused { dead: 2, of: 4 });
        assert!(matches!(with(0.5), Failover::From(_)));
        let all = decide(&agents(&[(25, 3), (25, 1)]), Pause { share: 1.0, ..HALF });
        assert!(matches!(all, Failover::From(_)), "never paused");
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
