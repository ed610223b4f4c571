//! Agents: who they are, what they can run, and whether they live.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    flavor::ProfileKind,
    ids::{AgentId, SchedulerId},
    plugs::Plugs,
    time::Timestamp,
};

/// What an agent's driver is up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DriverState {
    Starting,
    Ready,
    #[default]
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

/// How many remarks of a driver are kept.
pub const REMARKS: usize = 32;

/// A driver as its agent reported it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentDriver {
    pub name: String,
    pub version: String,
    pub state: DriverState,
    pub reason: String,
    /// Its host has no room for one more of its load balancers.
    pub full: bool,
    pub features: BTreeSet<String>,
    /// 0: no limit.
    pub max_load_balancers: u32,
    /// Of one load balancer; 0: no limit.
    pub max_members: u32,
    pub plugs: Plugs,
    /// What its host lacks or has too little of; at most [`REMARKS`].
    pub remarks: Vec<String>,
    pub options: DriverOptions,
    /// How many load balancers are bound to it.
    pub load_balancers: u32,
}

/// What flavors and availability zones may say to a driver: keys, and what each is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriverOptions {
    pub flavor: BTreeMap<String, String>,
    pub availability_zone: BTreeMap<String, String>,
}

impl DriverOptions {
    #[must_use]
    pub const fn of(&self, kind: ProfileKind) -> &BTreeMap<String, String> {
        match kind {
            ProfileKind::Flavor => &self.flavor,
            ProfileKind::AvailabilityZone => &self.availability_zone,
        }
    }
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub id: AgentId,
    pub host: String,
    /// Where its host is, as its operator calls it; empty: not said.
    pub zone: String,
    pub admin_state_up: bool,
    pub description: Option<String>,
    pub version: String,
    pub created_at: Timestamp,
    pub started_at: Timestamp,
    pub heartbeat_at: Timestamp,
    /// Whether it has a session in which it is heard of: a lost stream makes an agent Suspect at once.
    pub connected: bool,
    pub session: Option<Session>,
    pub drivers: Vec<AgentDriver>,
    /// How many load balancers are bound to it.
    pub load_balancers: u32,
    pub unclaimed: Unclaimed,
}

/// How many ids of what is unclaimed are kept.
pub const UNCLAIMED_IDS: usize = 100;

/// What an agent goes on running though no scheduler knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unclaimed {
    pub count: u32,
    /// Some of them: at most [`UNCLAIMED_IDS`].
    pub ids: Vec<String>,
}

/// A session of an agent. There is one at a time, whichever scheduler it is with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub scheduler_id: SchedulerId,
    /// The process of the agent: made anew at each of its starts.
    pub instance: String,
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

/// What is known of an agent's life. All of it is of a clock that only goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// Since it was heard of last.
    pub silent_for: Duration,
    /// Whether it has a stream.
    pub connected: bool,
    /// Whether its stream is open here, and was found to have something to read whenever it was looked at.
    pub heard_here: bool,
}

/// The ages of the last sign of life at which an agent is Suspect and Dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivenessLimits {
    pub suspect_after: Duration,
    pub dead_after: Duration,
}

impl LivenessLimits {
    /// Whether the agent lives. One whose stream is open and not silent is never Dead: what keeps it from being heard is
    /// here.
    #[must_use]
    pub fn judge(&self, sign: Sign) -> Liveness {
        if sign.silent_for >= self.dead_after && !sign.heard_here {
            Liveness::Dead
        } else if sign.silent_for >= self.suspect_after || !sign.connected {
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

    const fn sign(seconds: u64, connected: bool, heard_here: bool) -> Sign {
        Sign { silent_for: Duration::from_secs(seconds), connected, heard_here }
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
            assert_eq!(LIMITS.judge(sign(seconds, true, false)), liveness, "{seconds} s");
        }
    }

    #[test]
    fn a_lost_stream_makes_an_agent_suspect_at_once() {
        assert_eq!(LIMITS.judge(sign(0, false, false)), Liveness::Suspect);
    }

    #[test]
    fn an_agent_with_an_open_stream_that_was_heard_of_is_never_dead() {
        assert_eq!(LIMITS.judge(sign(3600, true, true)), Liveness::Suspect);
    }
}
