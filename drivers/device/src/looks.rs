//! Which partitions are to be looked at, in which order, and what was seen there. The time is an argument.
//!
//! The agent asks for all at once and each second, which costs it nothing and a device a login. What was seen not long ago
//! is not looked for again. Partitions that do not answer come last, and after a pause: they cost only themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// After the second failure in a row; doubled with each other one. The first may have been a lost reply.
const PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Looks<T>(Mutex<Kept<T>>);

#[derive(Debug)]
struct Kept<T> {
    /// Grows with each change of the device: what was seen across one is not kept.
    changes: u64,
    /// The partitions are known.
    listed: bool,
    of: BTreeMap<String, Look<T>>,
}

#[derive(Debug)]
struct Look<T> {
    due: Instant,
    failures: u32,
    seen: Option<T>,
}

impl<T> Default for Looks<T> {
    fn default() -> Self {
        Self(Mutex::new(Kept { changes: 0, listed: false, of: BTreeMap::new() }))
    }
}

impl<T: Clone> Looks<T> {
    /// Whether there is anything to look for.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let kept = self.lock();
        !kept.listed || kept.of.values().any(|look| look.due <= now)
    }

    /// Of these partitions, which are all, those to look at.
    pub(crate) fn due(&self, now: Instant, partitions: &[String]) -> Vec<String> {
        let mut kept = self.lock();
        kept.listed = true;
        let all: BTreeSet<&String> = partitions.iter().collect();
        kept.of.retain(|partition, _| all.contains(partition));
        for partition in all {
            kept.of.entry(partition.clone()).or_insert(Look { due: now, failures: 0, seen: None });
        }
        let mut due: Vec<_> = kept.of.iter().filter(|(_, look)| look.due <= now).collect();
        due.sort_by_key(|(_, look)| (look.failures > 0, look.due));
        due.into_iter().map(|(partition, _)| partition.clone()).collect()
    }

    /// To be handed to [`seen`](Self::seen): how often something has changed until now.
    pub(crate) fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Seen after so many changes; to be looked at again at `due`, or at once when more has changed.
    pub(crate) fn seen(&self, partition: &str, changes: u64, seen: T, due: Instant) {
        let mut kept = self.lock();
        let changed = kept.changes != changes;
        if let Some(look) = kept.of.get_mut(partition) {
            look.failures = 0;
            look.due = if changed { look.due } else { due };
            look.seen = Some(seen);
        }
    }

    /// Returns whether it is time to say so.
    pub(crate) fn failed(&self, partition: &str, now: Instant) -> bool {
        let mut kept = self.lock();
        let Some(look) = kept.of.get_mut(partition) else { return false };
        look.failures = look.failures.saturating_add(1);
        if look.failures > 1 {
            let pause = PAUSE.saturating_mul(1 << (look.failures - 2).min(8)).min(LONGEST_PAUSE);
            (look.due, look.seen) = (now + pause, None);
        }
        look.failures == 2
    }

    /// Something else may be seen in this partition from now on, which may be a new one.
    pub(crate) fn forget(&self, partition: &str, now: Instant) {
        let mut kept = self.lock();
        (kept.changes, kept.listed) = (kept.changes + 1, false);
        if let Some(look) = kept.of.get_mut(partition) {
            *look = Look { due: now, failures: 0, seen: None };
        }
    }

    /// What was seen last; none where that was nothing.
    pub(crate) fn all(&self) -> Vec<(String, Option<T>)> {
        self.lock().of.iter().map(|(partition, look)| (partition.clone(), look.seen.clone())).collect()
    }

    /// Whether there are partitions, and none of them has answered.
    pub(crate) fn none_answers(&self) -> bool {
        let kept = self.lock();
        !kept.of.is_empty() && kept.of.values().all(|look| look.failures > 0)
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn seen(looks: &Looks<u8>, partition: &str, value: u8, due: Instant) {
        looks.seen(partition, looks.changes(), value, due);
    }

    #[test]
    fn what_was_seen_is_kept_for_its_time_and_until_something_changes() {
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        let looks = Looks::default();
        assert!(looks.is_due(now));
        assert_eq!(looks.due(now, &names(&["a", "b"])), ["a", "b"]);
        seen(&looks, "a", 1, later);
        assert_eq!(looks.due(now, &names(&["a", "b"])), ["b"]);
        seen(&looks, "b", 2, later);
        assert!(!looks.is_due(now) && looks.is_due(later));
        let before = looks.changes();
        looks.forget("a", now);
        assert!(looks.is_due(now));
        assert_eq!(looks.due(now, &names(&["a", "b"])), ["a"]);
        // Begun before the change.
        looks.seen("a", before, 1, later);
        assert!(looks.is_due(now));
        assert_eq!(looks.due(now, &names(&["b"])), [""; 0]);
        assert_eq!(looks.all(), [("b".to_owned(), Some(2))]);
    }

    #[test]
    fn what_does_not_answer_comes_last_and_after_a_pause_that_grows() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let looks: Looks<u8> = Looks::default();
        let all = names(&["a", "b"]);
        assert_eq!(looks.due(begun, &all), all);
        seen(&looks, "a", 1, begun);
        seen(&looks, "b", 2, begun);
        // Once: it is asked again, and what was seen is still told.
        assert!(!looks.failed("a", begun));
        assert_eq!(looks.due(after(1), &all), ["b", "a"]);
        assert_eq!(looks.all()[0].1, Some(1));
        assert!(looks.failed("a", after(1)));
        assert_eq!((looks.due(after(10), &all), looks.all()[0].1), (names(&["b"]), None));
        assert_eq!(looks.due(after(11), &all), ["b", "a"]);
        assert!(!looks.failed("a", after(11)));
        assert_eq!(looks.due(after(30), &all), ["b"]);
        assert_eq!(looks.due(after(31), &all), ["b", "a"]);
        assert!(!looks.none_answers());
        looks.failed("b", after(31));
        assert!(looks.none_answers());
        seen(&looks, "a", 1, after(31));
        assert_eq!(looks.due(after(31), &all), ["a", "b"]);
    }
}
