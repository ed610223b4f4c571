//! The other schedulers of the database, as far as their heartbeats were seen to change.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ballast_model::ids::SchedulerId;
use ballast_store::Scheduler;

use super::lives::STANDSTILL;

/// Another scheduler. Times are of this process's monotonic clock.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    heartbeat: i64,
    /// Where agents reach it; empty: nowhere.
    advertised: Arc<str>,
    /// When this heartbeat was seen first.
    since: Duration,
    /// When a heartbeat was seen to change; none: it may be of a process that ended before this one began.
    pub(super) heartbeat_at: Option<Duration>,
}

impl Peer {
    /// Whether it lives, as far as it was seen.
    pub(super) fn is_alive(&self, now: Duration, patience: Duration) -> bool {
        self.heartbeat_at.is_some_and(|at| now.saturating_sub(at) < patience)
    }
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    of: HashMap<SchedulerId, Peer>,
    /// When they were looked at last.
    looked_at: Option<Duration>,
}

impl Peers {
    pub(super) fn set<'a>(&mut self, schedulers: impl Iterator<Item = &'a Scheduler>, now: Duration) {
        // A time in which nobody looked, as when the database was away, is no silence of theirs.
        let unseen = self.looked_at.replace(now).map_or(Duration::ZERO, |before| now.saturating_sub(before));
        if unseen >= STANDSTILL {
            self.stood(unseen);
        }
        let mut found = HashMap::new();
        for scheduler in schedulers {
            let next = match self.of.get(&scheduler.id) {
                Some(known) if known.heartbeat == scheduler.heartbeat => known.clone(),
                known => Peer {
                    heartbeat: scheduler.heartbeat,
                    advertised: scheduler.advertised.as_str().into(),
                    since: now,
                    heartbeat_at: known.map(|_| now),
                },
            };
            found.insert(scheduler.id, next);
        }
        self.of = found;
    }

    pub(super) fn any(&self) -> bool {
        !self.of.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.of.len()
    }

    /// So much time does not count.
    pub(super) fn stood(&mut self, time: Duration) {
        for peer in self.of.values_mut() {
            peer.since += time;
            peer.heartbeat_at = peer.heartbeat_at.map(|at| at + time);
        }
    }

    pub(super) fn get(&self, id: SchedulerId) -> Option<Peer> {
        self.of.get(&id).cloned()
    }

    /// Where agents reach them.
    pub(super) fn advertised(&self) -> impl Iterator<Item = &str> {
        self.of.values().map(|peer| &*peer.advertised).filter(|address| !address.is_empty())
    }

    pub(super) fn lapsed(&self, now: Duration, patience: Duration) -> Vec<(SchedulerId, i64)> {
        let lapsed = self.of.iter().filter(|(_, peer)| now.saturating_sub(peer.since) >= patience);
        lapsed.map(|(id, peer)| (*id, peer.heartbeat)).collect()
    }

    /// One that has just started, and that nobody has looked for yet, may live too.
    pub(super) fn may_live(&self, id: SchedulerId, now: Duration, patience: Duration) -> bool {
        self.of.get(&id).is_none_or(|peer| now.saturating_sub(peer.since) < patience)
    }
}
