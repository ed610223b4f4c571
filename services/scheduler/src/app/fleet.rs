//! What this scheduler knows of the agents beside their rows: when each was heard of, and since when its drivers start.
//!
//! A session's reader says here what it hears, when it reads it; nothing that is stored, or slow, stands before it. The rows
//! follow, all agents' together ([`App::keep_noting`]). Of an agent whose stream is another scheduler's only the row is
//! known: it counts from when this scheduler saw the row change, and no two machines' clocks are ever compared.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ballast_model::{
    agent::{Agent, DriverState, Liveness, LivenessLimits, Sign},
    ids::AgentId,
    time::Timestamp,
};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::placement::Judged;

/// How long a driver that starts may yet become ready before nothing is placed on it: as long as an agent pauses between
/// two starts, and the start.
const STARTING: Duration = Duration::from_secs(60);

/// How often this process shows itself that it runs, and the pause from which on it did not.
const RUNNING: Duration = Duration::from_millis(500);
const STANDSTILL: Duration = Duration::from_secs(2);

/// The agents, as this scheduler has heard of them.
#[derive(Default)]
pub struct Fleet(Mutex<Lives>);

#[derive(Default)]
struct Lives {
    of: HashMap<AgentId, Life>,
    /// When this process was last seen to run, by the machine's clock.
    ran_at: Option<Instant>,
}

/// Of one agent. Times are of the monotonic clock.
#[derive(Debug, Default)]
struct Life {
    heard_at: Duration,
    /// How many sessions there were here.
    sessions: u64,
    /// The newest of them, while it is open.
    open: Option<u64>,
    /// The newest session here has ended, and nobody else's was seen since: whatever its row says yet.
    closed: bool,
    /// The open stream had nothing to read for so long that the agent may be Dead.
    silent: bool,
    /// Heard since the row was written.
    unnoted: bool,
    /// The heartbeat in the row as it was seen last.
    row: Option<Timestamp>,
    starting: HashMap<String, Duration>,
}

impl Fleet {
    /// A session begins. What it says later, it says by this number.
    pub fn open(&self, id: AgentId, now: Duration) -> u64 {
        let mut lives = self.lock();
        let life = lives.of.entry(id).or_default();
        life.sessions += 1;
        (life.open, life.heard_at, life.silent, life.closed) = (Some(life.sessions), now, false, false);
        life.sessions
    }

    /// A message was read. Whether the agent was away before.
    pub fn heard(&self, id: AgentId, now: Duration, suspect_after: Duration) -> bool {
        let mut lives = self.lock();
        let Some(life) = lives.of.get_mut(&id) else { return false };
        let was_away = life.silent || now.saturating_sub(life.heard_at) >= suspect_after;
        (life.heard_at, life.silent, life.unnoted) = (now, false, true);
        was_away
    }

    /// Since when there was nothing to read.
    pub fn silent_for(&self, id: AgentId, now: Duration) -> Duration {
        self.lock().of.get(&id).map_or(Duration::ZERO, |life| now.saturating_sub(life.heard_at))
    }

    /// There was nothing to read for too long, though it was looked for.
    pub fn silent(&self, id: AgentId, number: u64) {
        if let Some(life) = self.lock().of.get_mut(&id).filter(|life| life.open == Some(number)) {
            life.silent = true;
        }
    }

    /// The session ended.
    pub fn close(&self, id: AgentId, number: u64) {
        if let Some(life) = self.lock().of.get_mut(&id).filter(|life| life.open == Some(number)) {
            (life.open, life.closed) = (None, true);
        }
    }

    /// Those that were heard of since this was asked last, and have a session: whose row may say so.
    pub fn take_unnoted(&self) -> Vec<AgentId> {
        let mut lives = self.lock();
        let open = lives.of.iter_mut().filter(|(_, life)| life.open.is_some());
        let heard = open.filter_map(|(id, life)| std::mem::take(&mut life.unnoted).then_some(*id));
        heard.collect()
    }

    /// They could not be noted.
    pub fn note_later(&self, ids: &[AgentId]) {
        let mut lives = self.lock();
        for id in ids {
            if let Some(life) = lives.of.get_mut(id) {
                life.unnoted = true;
            }
        }
    }

    /// The agents that are not among these are gone.
    pub fn keep(&self, agents: &[Agent]) {
        let there: BTreeSet<AgentId> = agents.iter().map(|agent| agent.id).collect();
        self.lock().of.retain(|id, life| life.open.is_some() || there.contains(id));
    }

    /// The agents with what is known of their lives.
    pub fn judge(&self, agents: Vec<Agent>, limits: &LivenessLimits, now: Duration) -> Vec<Judged> {
        let mut lives = self.lock();
        let judged = |agent: Agent| {
            let life = lives.of.entry(agent.id).or_insert_with(|| Life { heard_at: now, ..Life::default() });
            let liveness = limits.judge(life.sign(&agent, now));
            Judged { liveness, awaited: life.awaited(&agent, now), agent }
        };
        agents.into_iter().map(judged).collect()
    }

    /// Whether the agent lives.
    pub fn liveness(&self, agent: &Agent, limits: &LivenessLimits, now: Duration) -> Liveness {
        let mut lives = self.lock();
        let life = lives.of.entry(agent.id).or_insert_with(|| Life { heard_at: now, ..Life::default() });
        limits.judge(life.sign(agent, now))
    }

    /// Notices when this process stands still, until the end: it or its machine was stopped, or has too much to do.
    pub async fn keep_running(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(RUNNING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => drop(self.lock()),
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lives> {
        let mut lives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lives.run(Instant::now());
        lives
    }
}

impl Lives {
    /// The process runs. A time in which it did not is nobody's silence: what agents said in it is yet to be read, and who
    /// got no answer may have to dial again first.
    fn run(&mut self, now: Instant) {
        let Some(ran_at) = self.ran_at.replace(now) else { return };
        let stood = now.saturating_duration_since(ran_at);
        if stood < STANDSTILL {
            return;
        }
        for life in self.of.values_mut() {
            life.heard_at += stood;
        }
        tracing::warn!("this process stood still for {stood:.1?}, which counts as no agent's silence");
    }
}

impl Life {
    fn sign(&mut self, agent: &Agent, now: Duration) -> Sign {
        let here = self.open.is_some();
        if self.row.replace(agent.heartbeat_at).is_some_and(|before| before != agent.heartbeat_at) && !here {
            (self.heard_at, self.closed) = (now, false);
        }
        Sign {
            silent_for: now.saturating_sub(self.heard_at),
            connected: here || agent.connected && !self.closed,
            heard_here: here && !self.silent,
        }
    }

    /// The drivers that may become ready in a moment.
    fn awaited(&mut self, agent: &Agent, now: Duration) -> BTreeSet<String> {
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

#[cfg(test)]
mod tests;
