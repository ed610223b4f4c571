//! The lives of agents, and those of the other schedulers that hear of some.

use std::{collections::HashMap, time::Duration};

use ballast_model::{
    agent::{Agent, LivenessLimits, Sign},
    ids::{AgentId, SchedulerId},
};
use tokio::time::Instant;

use super::{life::Life, others::Others};

/// The pause from which on a process did not run.
pub(super) const STANDSTILL: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Lives {
    pub(super) of: HashMap<AgentId, Life>,
    pub(super) others: Others,
    /// When this process was last seen to run, by the machine's clock.
    ran_at: Option<Instant>,
}

impl Lives {
    /// The process runs. A time in which it did not is nobody's silence: what agents said in it is yet to be read, and who
    /// got no answer may have to dial again first.
    pub(super) fn run(&mut self, now: Instant) {
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

    /// One that is new here counts from now.
    pub(super) fn life(&mut self, id: AgentId, now: Duration) -> &mut Life {
        self.of.entry(id).or_insert_with(|| Life { heard_at: now, ..Life::default() })
    }

    pub(super) fn sign(&mut self, agent: &Agent, here: SchedulerId, limits: &LivenessLimits, now: Duration) -> Sign {
        let elsewhere = agent.session.as_ref().filter(|session| session.scheduler_id != here);
        let other = elsewhere.and_then(|session| self.others.get(session.scheduler_id));
        let life = self.of.entry(agent.id).or_insert_with(|| Life { heard_at: now, ..Life::default() });
        let heard_here = life.open.is_some();
        if !heard_here {
            let is_another = life.began.replace(agent.started_at).is_some_and(|before| before != agent.started_at);
            if is_another && elsewhere.is_some() {
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
