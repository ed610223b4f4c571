//! When an agent was heard of, and since when its drivers start.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use ballast_model::{
    agent::{Agent, DriverState, LivenessLimits},
    time::Timestamp,
};

/// How long a driver that starts may yet become ready before nothing is placed on it: as long as an agent pauses
/// between two starts, and the start.
const STARTING: Duration = Duration::from_secs(60);

/// Of one agent. Times are of the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) heartbeat_at: Duration,
    /// When it was heard of, by both clocks, as it was shown last.
    pub(super) shown: Option<(Duration, Timestamp)>,
    /// How many sessions there were here.
    pub(super) sessions: u64,
    /// The newest of them, while it is open.
    pub(super) open: Option<u64>,
    /// The open stream had nothing to read for so long that the agent may be Dead.
    pub(super) silent: bool,
    /// Its row says that it has a session and is not heard of.
    pub(super) late: bool,
    /// When the session in its row began, by somebody's clock.
    pub(super) began: Option<Timestamp>,
    pub(super) starting: HashMap<String, Duration>,
}

impl Life {
    pub(super) fn is_away(&self, now: Duration, limits: &LivenessLimits) -> bool {
        self.silent || now.saturating_sub(self.heartbeat_at) >= limits.suspect_after
    }

    /// The drivers that may become ready in a moment.
    pub(super) fn awaited(&mut self, agent: &Agent, now: Duration) -> BTreeSet<String> {
        let starting: BTreeSet<&String> =
            agent.drivers.iter().filter(|one| one.state == DriverState::Starting).map(|one| &one.name).collect();
        self.starting.retain(|name, _| starting.contains(name));
        for name in starting {
            self.starting.entry(name.clone()).or_insert(now);
        }
        let young = self.starting.iter().filter(|(_, since)| now.saturating_sub(**since) < STARTING);
        young.map(|(name, _)| name.clone()).collect()
    }
}
