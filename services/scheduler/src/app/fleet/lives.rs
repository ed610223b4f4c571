//! The lives of agents, and those of the other schedulers that hear of some.

use std::{collections::HashMap, time::Duration};

use ballast_model::{
    agent::{Agent, LivenessLimits, Sign},
    ids::{AgentId, SchedulerId},
};
use tokio::time::Instant;

use super::{life::Life, peers::Peers};

/// The pause from which on a process did not run.
pub(super) const STANDSTILL: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Lives {
    pub(super) of: HashMap<AgentId, Life>,
    pub(super) peers: Peers,
    /// When this process was last seen to run, by the machine's clock.
    ran_at: Option<Instant>,
}

impl Lives {
    /// The process runs. A time in which it did not is nobody's silence: what agents said in it is yet to be read, and
    /// who got no answer may have to dial again first.
    pub(super) fn run(&mut self, now: Instant) {
        let Some(ran_at) = self.ran_at.replace(now) else { return };
        let stood = now.saturating_duration_since(ran_at);
        if stood < STANDSTILL {
            return;
        }
        for life in self.of.values_mut() {
            life.heartbeat_at += stood;
        }
        self.peers.stood(stood);
        tracing::warn!("this process stood still for {stood:.1?}, which counts as no agent's silence");
    }

    /// One that is new here counts from now.
    pub(super) fn life(&mut self, id: AgentId, now: Duration) -> &mut Life {
        self.of.entry(id).or_insert_with(|| Life { heartbeat_at: now, ..Life::default() })
    }

    pub(super) fn sign(&mut self, agent: &Agent, here: SchedulerId, limits: &LivenessLimits, now: Duration) -> Sign {
        let elsewhere = agent.session.as_ref().filter(|session| session.scheduler_id != here);
        let peer = elsewhere.and_then(|session| self.peers.get(session.scheduler_id));
        let life = self.of.entry(agent.id).or_insert_with(|| Life { heartbeat_at: now, ..Life::default() });
        let heard_here = life.open.is_some();
        if !heard_here {
            let is_another = life.began.replace(agent.started_at).is_some_and(|before| before != agent.started_at);
            if is_another && elsewhere.is_some() {
                life.heartbeat_at = now;
            }
            match &peer {
                Some(peer) if agent.connected => {
                    life.late = false;
                    life.heartbeat_at = life.heartbeat_at.max(peer.heartbeat_at.unwrap_or_default());
                }
                // The one that has its session says so when that has been silent for as long.
                Some(_) if !std::mem::replace(&mut life.late, true) => {
                    life.heartbeat_at = life.heartbeat_at.min(now.saturating_sub(limits.suspect_after));
                }
                _ => {}
            }
        }
        let is_alive = peer.is_some_and(|peer| peer.is_alive(now, limits.suspect_after));
        Sign {
            silent_for: now.saturating_sub(life.heartbeat_at),
            connected: heard_here || agent.connected && is_alive,
            heard_here: heard_here && !life.silent,
        }
    }
}
