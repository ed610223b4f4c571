//! Agents: who they are, what they can run, and whether they live.

use std::{collections::BTreeSet, time::Duration};

use crate::{Uuid, time::Timestamp};

/// What an agent's driver is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DriverState {
    Starting,
    Ready,
    Failed,
}

impl DriverState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Ready => "READY",
            Self::Failed => "FAILED",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Starting, Self::Ready, Self::Failed].into_iter().find(|state| state.as_str() == text)
    }
}

/// A driver as its agent reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentDriver {
    pub name: String,
    pub version: String,
    pub state: DriverState,
    pub reason: String,
    pub features: BTreeSet<String>,
    /// 0: no limit.
    pub max_load_balancers: u32,
    /// Of one load balancer; 0: no limit.
    pub max_members: u32,
    /// How many load balancers are bound to it.
    pub load_balancers: u32,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub id: Uuid,
    pub host: String,
    pub admin_state_up: bool,
    pub description: Option<String>,
    pub version: String,
    pub created_at: Timestamp,
    pub started_at: Timestamp,
    pub heartbeat_at: Timestamp,
    /// Whether it has a session: a lost stream makes an agent Suspect at once.
    pub connected: bool,
    pub drivers: Vec<AgentDriver>,
    /// How many load balancers are bound to it.
    pub load_balancers: u32,
}

/// Whether an agent lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Liveness {
    Alive,
    /// A late heartbeat or a lost stream: something new is placed here only when no other agent is Alive; nothing moves
    /// yet.
    Suspect,
    Dead,
}

/// The ages of the last heartbeat at which an agent is Suspect and Dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivenessLimits {
    pub suspect_after: Duration,
    pub dead_after: Duration,
}

impl LivenessLimits {
    /// Whether the agent lives, by the scheduler's clock.
    #[must_use]
    pub fn judge(&self, agent: &Agent, now: Timestamp) -> Liveness {
        let age = agent.heartbeat_at.age(now);
        if age >= self.dead_after {
            Liveness::Dead
        } else if age >= self.suspect_after || !agent.connected {
            Liveness::Suspect
        } else {
            Liveness::Alive
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LivenessLimits =
        LivenessLimits { suspect_after: Duration::from_secs(12), dead_after: Duration::from_secs(20) };

    fn agent(connected: bool) -> Agent {
        Agent {
            id: Uuid::nil(),
            host: "h".to_owned(),
            admin_state_up: true,
            description: None,
            version: String::new(),
            created_at: Timestamp(0),
            started_at: Timestamp(0),
            heartbeat_at: Timestamp(0),
            connected,
            drivers: Vec::new(),
            load_balancers: 0,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn an_agent_ages_from_alive_to_suspect_to_dead() {
        for (seconds, liveness) in [
            (0, Liveness::Alive),
            (11, Liveness::Alive),
            (12, Liveness::Suspect),
            (19, Liveness::Suspect),
            (20, Liveness::Dead),
        ] {
            assert_eq!(LIMITS.judge(&agent(true), at(seconds)), liveness, "{seconds} s");
        }
    }

    #[test]
    fn a_lost_stream_makes_an_agent_suspect_at_once() {
        assert_eq!(LIMITS.judge(&agent(false), at(0)), Liveness::Suspect);
    }

    #[test]
    fn a_clock_that_went_back_kills_nobody() {
        assert_eq!(LIMITS.judge(&agent(true), at(-100)), Liveness::Alive);
    }
}
