//! The agents, in memory: as their rows are, when each was heard of, what it has, and since when its drivers start. Who
//! places asks here, and reads no table of agents.
//!
//! A session's reader says here what it hears, when it reads it; nothing that is stored, or slow, stands before it.
//! Their rows follow when an agent falls silent or is heard of again
//! ([`App::keep_heartbeat`](super::App::keep_heartbeat)). Of an agent whose session is with another scheduler, a peer,
//! only its row is known, and whether that peer lives: it counts from when its heartbeat was seen to change, and no two
//! machines' clocks are ever compared.

mod choosing;
mod life;
mod lives;
mod options;
mod peers;
mod refresh;
mod roster;
mod summaries;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ballast_model::{
    agent::{Agent, Liveness, LivenessLimits},
    ids::{AgentId, LoadBalancerId, SchedulerId},
    time::Timestamp,
};
use ballast_store::{Journal, Scheduler};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

pub(super) use self::choosing::Beside;
pub use self::choosing::Looked;
use self::{lives::Lives, roster::Roster};

/// How often this process shows itself that it runs, and the pause from which on it did not.
const RUNNING: Duration = Duration::from_millis(500);

/// The agents, as this scheduler has heard of them.
pub struct Fleet {
    scheduler_id: SchedulerId,
    limits: LivenessLimits,
    journal: Arc<Journal>,
    state: Mutex<State>,
    /// Something is to be read.
    became_stale: Notify,
}

#[derive(Default)]
struct State {
    lives: Lives,
    /// As their rows are. What they have is counted here.
    agents: HashMap<AgentId, Agent>,
    roster: Roster,
    /// Where these load balancers are is to be read.
    stale: HashSet<LoadBalancerId>,
    /// Those that moved since it began to be read where load balancers are.
    moved: Option<HashSet<LoadBalancerId>>,
}

/// What the rows of agents with a session here are to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unrecorded {
    /// They are not heard of any more.
    pub late: Vec<AgentId>,
    /// They are heard of again.
    pub back: Vec<AgentId>,
}

impl Unrecorded {
    pub const fn is_empty(&self) -> bool {
        self.late.is_empty() && self.back.is_empty()
    }
}

impl Fleet {
    /// `journal` tells where load balancers go.
    pub fn new(scheduler_id: SchedulerId, limits: LivenessLimits, journal: Arc<Journal>) -> Self {
        Self { scheduler_id, limits, journal, state: Mutex::default(), became_stale: Notify::new() }
    }

    /// A session begins, and its row says so. What it says later, it says by this number.
    pub fn open(&self, id: AgentId, now: Duration) -> u64 {
        let mut state = self.lock();
        let lives = &mut state.lives;
        let life = lives.of.entry(id).or_default();
        life.sessions += 1;
        (life.open, life.heartbeat_at, life.silent, life.late) = (Some(life.sessions), now, false, false);
        let number = life.sessions;
        state.roster.forget_found();
        number
    }

    /// A message was read, which counts as a heartbeat. Whether the agent was away before.
    pub fn heartbeat(&self, id: AgentId, now: Duration) -> bool {
        let mut state = self.lock();
        let lives = &mut state.lives;
        let Some(life) = lives.of.get_mut(&id) else { return false };
        let was_away = life.is_away(now, &self.limits);
        (life.heartbeat_at, life.silent) = (now, false);
        if was_away {
            state.roster.forget_found();
        }
        was_away
    }

    /// Since when there was nothing to read.
    pub fn silent_for(&self, id: AgentId, now: Duration) -> Duration {
        self.lock().lives.of.get(&id).map_or(Duration::ZERO, |life| now.saturating_sub(life.heartbeat_at))
    }

    /// There was nothing to read for too long, though it was looked for.
    pub fn silent(&self, id: AgentId, number: u64) {
        let mut state = self.lock();
        if let Some(life) = state.lives.of.get_mut(&id).filter(|life| life.open == Some(number)) {
            life.silent = true;
            state.roster.forget_found();
        }
    }

    /// The session ended.
    pub fn close(&self, id: AgentId, number: u64) {
        let mut state = self.lock();
        if let Some(life) = state.lives.of.get_mut(&id).filter(|life| life.open == Some(number)) {
            life.open = None;
            state.roster.forget_found();
        }
    }

    /// Whether any agent has a session here.
    pub fn has_sessions(&self) -> bool {
        self.lock().lives.of.values().any(|life| life.open.is_some())
    }

    /// The agents that have a session here.
    pub fn sessions(&self) -> Vec<AgentId> {
        self.lock().lives.of.iter().filter(|(_, life)| life.open.is_some()).map(|(id, _)| *id).collect()
    }

    /// Whose row is to say something else from now on; asked again, it is taken to be recorded.
    pub fn take_unrecorded(&self, now: Duration) -> Unrecorded {
        let mut unrecorded = Unrecorded::default();
        for (id, life) in self.lock().lives.of.iter_mut().filter(|(_, life)| life.open.is_some()) {
            let is_away = life.is_away(now, &self.limits);
            if is_away != std::mem::replace(&mut life.late, is_away) {
                if is_away { unrecorded.late.push(*id) } else { unrecorded.back.push(*id) }
            }
        }
        unrecorded
    }

    /// It could not be recorded.
    pub fn put_back(&self, unrecorded: &Unrecorded) {
        let mut state = self.lock();
        let lives = &mut state.lives;
        for (ids, was_late) in [(&unrecorded.late, false), (&unrecorded.back, true)] {
            for id in ids {
                if let Some(life) = lives.of.get_mut(id) {
                    life.late = was_late;
                }
            }
        }
    }

    /// The schedulers of this database, as they were just read.
    pub fn set_peers(&self, schedulers: &[Scheduler], now: Duration) {
        let peers = schedulers.iter().filter(|scheduler| scheduler.id != self.scheduler_id);
        self.lock().lives.peers.set(peers, now);
    }

    /// Whether there are peers, as far as it was seen.
    pub fn has_peers(&self) -> bool {
        self.lock().lives.peers.any()
    }

    /// How many schedulers there are, as far as it was seen.
    pub fn count_schedulers(&self) -> usize {
        self.lock().lives.peers.count() + 1
    }

    /// Where agents reach the peers.
    pub fn advertised_by_peers(&self) -> Vec<String> {
        self.lock().lives.peers.advertised().map(str::to_owned).collect()
    }

    /// The peers whose heartbeat has not changed for so long that their agents' sessions are over, each with that one.
    pub fn lapsed(&self, now: Duration) -> Vec<(SchedulerId, i64)> {
        self.lock().lives.peers.lapsed(now, self.limits.suspect_after)
    }

    /// Whether another instance of the agent's host has to wait: the agent is heard of in a session here, or in one
    /// with another scheduler that may live.
    pub fn is_held(&self, agent: &Agent, now: Duration) -> bool {
        match &agent.session {
            None => false,
            Some(session) if session.scheduler_id == self.scheduler_id => self.liveness(agent, now) == Liveness::Alive,
            Some(session) => {
                agent.connected
                    && self.lock().lives.peers.may_live(session.scheduler_id, now, self.limits.suspect_after)
            }
        }
    }

    /// When an agent that has a session was heard of last, `at` which the wall clock says `wall`.
    pub fn heartbeat_at(&self, agent: &Agent, now: Duration, wall: Timestamp) -> Timestamp {
        let mut state = self.lock();
        let lives = &mut state.lives;
        match lives.sign(agent, self.scheduler_id, &self.limits, now) {
            sign if sign.connected => {
                let silent_for = i64::try_from(sign.silent_for.as_micros()).unwrap_or(i64::MAX);
                let heard_at = now.saturating_sub(sign.silent_for);
                // Two clocks are read one after the other, so the same moment would be shown a little otherwise each
                // time.
                let shown = &mut lives.life(agent.id, now).shown;
                let (_, at) = match shown {
                    Some(kept) if kept.0 == heard_at => *kept,
                    _ => *shown.insert((heard_at, Timestamp(wall.0.saturating_sub(silent_for)))),
                };
                at.max(agent.started_at)
            }
            _ => agent.heartbeat_at,
        }
    }

    /// Whether the agent lives.
    pub fn liveness(&self, agent: &Agent, now: Duration) -> Liveness {
        self.limits.judge(self.lock().lives.sign(agent, self.scheduler_id, &self.limits, now))
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

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lives.run(Instant::now());
        let told = self.journal.take();
        if state.apply(told) {
            self.became_stale.notify_one();
        }
        state
    }
}

#[cfg(test)]
mod tests;
