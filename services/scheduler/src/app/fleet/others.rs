//! The other schedulers of the database, as far as their beats were seen to change.

use std::{collections::HashMap, time::Duration};

use ballast_model::ids::SchedulerId;
use ballast_store::Scheduler;

use super::lives::STANDSTILL;

/// Another scheduler. Times are of this process's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Other {
    beat: i64,
    /// When this beat was seen first.
    since: Duration,
    /// When a beat was seen to change; none: it may be of a process that ended before this one began.
    pub(super) seen_to_beat_at: Option<Duration>,
}

impl Other {
    /// Whether it lives, as far as it was seen.
    pub(super) fn was_seen_to_beat(&self, now: Duration, patience: Duration) -> bool {
        self.seen_to_beat_at.is_some_and(|at| now.saturating_sub(at) < patience)
    }
}

#[derive(Debug, Default)]
pub(super) struct Others {
    of: HashMap<SchedulerId, Other>,
    /// When they were looked at last.
    looked_at: Option<Duration>,
}

impl Others {
    pub(super) fn saw<'a>(&mut self, schedulers: impl Iterator<Item = &'a Scheduler>, now: Duration) {
        // A time in which nobody looked, as when the database was away, is no silence of theirs.
        let unseen = self.looked_at.replace(now).map_or(Duration::ZERO, |before| now.saturating_sub(before));
        if unseen >= STANDSTILL {
            self.stood(unseen);
        }
        let mut found = HashMap::new();
        for scheduler in schedulers {
            let next = match self.of.get(&scheduler.id) {
                Some(known) if known.beat == scheduler.beat => *known,
                known => Other { beat: scheduler.beat, since: now, seen_to_beat_at: known.map(|_| now) },
            };
            found.insert(scheduler.id, next);
        }
        self.of = found;
    }

    pub(super) fn any(&self) -> bool {
        !self.of.is_empty()
    }

    /// So much time does not count.
    pub(super) fn stood(&mut self, time: Duration) {
        for other in self.of.values_mut() {
            other.since += time;
            other.seen_to_beat_at = other.seen_to_beat_at.map(|at| at + time);
        }
    }

    pub(super) fn get(&self, id: SchedulerId) -> Option<Other> {
        self.of.get(&id).copied()
    }

    pub(super) fn lapsed(&self, now: Duration, patience: Duration) -> Vec<(SchedulerId, i64)> {
        let lapsed = self.of.iter().filter(|(_, other)| now.saturating_sub(other.since) >= patience);
        lapsed.map(|(id, other)| (*id, other.beat)).collect()
    }

    /// One that has just started, and that nobody has looked for yet, may live too.
    pub(super) fn may_live(&self, id: SchedulerId, now: Duration, patience: Duration) -> bool {
        self.of.get(&id).is_none_or(|other| now.saturating_sub(other.since) < patience)
    }
}
