//! What this scheduler knows of the agents beside their rows: when each was heard of, and since when its drivers start.
//!
//! A session's reader says here what it hears, when it reads it; nothing that is stored, or slow, stands before it. Their
//! rows follow when an agent falls silent or is heard of again ([`App::keep_noting`](super::App::keep_noting)). Of an agent
//! whose session is with another scheduler only its row is known, and whether that scheduler lives: it counts from when
//! that one's beat was seen to change, and no two machines' clocks are ever compared.

mod life;
mod others;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ballast_model::{
    agent::{Agent, Liveness, LivenessLimits, Sign},
    ids::{AgentId, SchedulerId},
    time::Timestamp,
};
use ballast_store::Scheduler;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::{life::Life, others::Others};
use crate::placement::Judged;

/// How often this process shows itself that it runs, and the pause from which on it did not.
const RUNNING: Duration = Duration::from_millis(500);
const STANDSTILL: Duration = Duration::from_secs(2);

/// The agents, as this scheduler has heard of them.
pub struct Fleet {
    scheduler_id: SchedulerId,
    limits: LivenessLimits,
    lives: Mutex<Lives>,
}

#[derive(Default)]
struct Lives {
    of: HashMap<AgentId, Life>,
    others: Others,
    /// When this process was last seen to run, by the machine's clock.
    ran_at: Option<Instant>,
}

/// What the rows of agents with a session here are to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notable {
    /// They are not heard of any more.
    pub late: Vec<AgentId>,
    /// They are heard of again.
    pub back: Vec<AgentId>,
}

impl Notable {
    pub const fn is_empty(&self) -> bool {
        self.late.is_empty() && self.back.is_empty()
    }
}

impl Fleet {
    pub fn new(scheduler_id: SchedulerId, limits: LivenessLimits) -> Self {
        Self { scheduler_id, limits, lives: Mutex::default() }
    }

    /// A session begins, and its row says so. What it says later, it says by this number.
    pub fn open(&self, id: AgentId, now: Duration) -> u64 {
        let mut lives = self.lock();
        let life = lives.of.entry(id).or_default();
        life.sessions += 1;
        (life.open, life.heard_at, life.silent, life.late) = (Some(life.sessions), now, false, false);
        life.sessions
    }

    /// A message was read. Whether the agent was away before.
    pub fn heard(&self, id: AgentId, now: Duration) -> bool {
        let mut lives = self.lock();
        let Some(life) = lives.of.get_mut(&id) else { return false };
        let was_away = life.is_away(now, &self.limits);
        (life.heard_at, life.silent) = (now, false);
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
            life.open = None;
        }
    }

    /// Whether any agent has a session here.
    pub fn has_sessions(&self) -> bool {
        self.lock().of.values().any(|life| life.open.is_some())
    }

    /// The agents that have a session here.
    pub fn sessions(&self) -> Vec<AgentId> {
        let lives = self.lock();
        lives.of.iter().filter(|(_, life)| life.open.is_some()).map(|(id, _)| *id).collect()
    }

    /// Whose row is to say something else from now on; asked again, it is taken to be noted.
    pub fn take_notable(&self, now: Duration) -> Notable {
        let mut notable = Notable::default();
        for (id, life) in self.lock().of.iter_mut().filter(|(_, life)| life.open.is_some()) {
            let is_away = life.is_away(now, &self.limits);
            if is_away != std::mem::replace(&mut life.late, is_away) {
                if is_away { notable.late.push(*id) } else { notable.back.push(*id) }
            }
        }
        notable
    }

    /// It could not be noted.
    pub fn note_later(&self, notable: &Notable) {
        let mut lives = self.lock();
        for (ids, was_late) in [(&notable.late, false), (&notable.back, true)] {
            for id in ids {
                if let Some(life) = lives.of.get_mut(id) {
                    life.late = was_late;
                }
            }
        }
    }

    /// The schedulers of this database, as they were just read.
    pub fn saw(&self, schedulers: &[Scheduler], now: Duration) {
        let others = schedulers.iter().filter(|scheduler| scheduler.id != self.scheduler_id);
        self.lock().others.saw(others, now);
    }

    /// The others whose beat has not changed for so long that their agents' sessions are over, each with that beat.
    pub fn lapsed(&self, now: Duration) -> Vec<(SchedulerId, i64)> {
        self.lock().others.lapsed(now, self.limits.suspect_after)
    }

    /// Whether another instance of the agent's host has to wait: the agent is heard of in a session here, or in one with
    /// another scheduler that may live.
    pub fn is_held(&self, agent: &Agent, now: Duration) -> bool {
        match &agent.session {
            None => false,
            Some(session) if session.scheduler_id == self.scheduler_id => self.liveness(agent, now) == Liveness::Alive,
            Some(session) => {
                agent.connected && self.lock().others.may_live(session.scheduler_id, now, self.limits.suspect_after)
            }
        }
    }

    /// When an agent that has a session was heard of last, `at` which the wall clock says `wall`.
    pub fn heartbeat_at(&self, agent: &Agent, now: Duration, wall: Timestamp) -> Timestamp {
        let mut lives = self.lock();
        match lives.sign(agent, self.scheduler_id, &self.limits, now) {
            sign if sign.connected => {
                let silent_for = i64::try_from(sign.silent_for.as_micros()).unwrap_or(i64::MAX);
                Timestamp(wall.0.saturating_sub(silent_for)).max(agent.started_at)
            }
            _ => agent.heartbeat_at,
        }
    }

    /// The agents that are not among these are gone.
    pub fn keep(&self, agents: &[Agent]) {
        let there: BTreeSet<AgentId> = agents.iter().map(|agent| agent.id).collect();
        self.lock().of.retain(|id, life| life.open.is_some() || there.contains(id));
    }

    /// The agents with what is known of their lives.
    pub fn judge(&self, agents: Vec<Agent>, now: Duration) -> Vec<Judged> {
        let mut lives = self.lock();
        let judged = |agent: Agent| {
            let liveness = self.limits.judge(lives.sign(&agent, self.scheduler_id, &self.limits, now));
            Judged { liveness, awaited: lives.life(agent.id, now).awaited(&agent, now), agent }
        };
        agents.into_iter().map(judged).collect()
    }

    /// Whether the agent lives.
    pub fn liveness(&self, agent: &Agent, now: Duration) -> Liveness {
        self.limits.judge(self.lock().sign(agent, self.scheduler_id, &self.limits, now))
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
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
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
        self.others.stood(stood);
        tracing::warn!("this process stood still for {stood:.1?}, which counts as no agent's silence");
    }
}

impl Lives {
    /// One that is new here counts from now.
    fn life(&mut self, id: AgentId, now: Duration) -> &mut Life {
        self.of.entry(id).or_insert_with(|| Life { heard_at: now, ..Life::default() })
    }

    fn sign(&mut self, agent: &Agent, here: SchedulerId, limits: &LivenessLimits, now: Duration) -> Sign {
        let other = agent.session.as_ref().filter(|session| session.scheduler_id != here);
        let other = other.and_then(|session| self.others.get(session.scheduler_id));
        let life = self.of.entry(agent.id).or_insert_with(|| Life { heard_at: now, ..Life::default() });
        let heard_here = life.open.is_some();
        if !heard_here {
            if life.began.replace(agent.started_at).is_some_and(|before| before != agent.started_at) {
                life.heard_at = now;
            }
            match other {
                Some(other) if agent.connected => {
                    life.late = false;
                    life.heard_at = life.heard_at.max(other.seen_to_beat_at.unwrap_or_default());
                }
                // The one that has its session says so when that has been silent for as long.
                Some(_) if !std::mem::replace(&mut life.late, true) => {
                    life.heard_at = life.heard_at.min(now.saturating_sub(limits.suspect_after));
                }
                _ => {}
            }
        }
        let beats = other.is_some_and(|other| other.was_seen_to_beat(now, limits.suspect_after));
        Sign {
            silent_for: now.saturating_sub(life.heard_at),
            connected: heard_here || agent.connected && beats,
            heard_here: heard_here && !life.silent,
        }
    }
}

#[cfg(test)]
mod tests;
