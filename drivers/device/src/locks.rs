//! Who may work on the device at the same time: one call for each partition, and no more calls than sessions. Nobody waits
//! without an end: a tenant whose changes hang must not use up the time of all others.

use std::{
    collections::BTreeSet,
    sync::{Condvar, Mutex, PoisonError},
    time::Instant,
};

/// One holder for each partition: its load balancers share servers.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    held: Mutex<BTreeSet<String>>,
    returned: Condvar,
}

/// Returned when dropped.
pub(crate) struct Lock<'a> {
    locks: &'a Locks,
    partition: String,
}

impl Locks {
    /// None: it was not returned in time.
    pub(crate) fn take(&self, partition: &str, deadline: Instant) -> Option<Lock<'_>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.returned.wait_timeout_while(held, left, |held| held.contains(partition));
        let (mut held, _) = waited.unwrap_or_else(PoisonError::into_inner);
        held.insert(partition.to_owned()).then(|| Lock { locks: self, partition: partition.to_owned() })
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        self.locks.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.partition);
        self.locks.returned.notify_all();
    }
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Change,
    /// There is room for it whatever changes hang, unless one session is all.
    Look,
}

/// Sessions that may still be opened.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Mutex<u16>,
    kept_for_looks: u16,
    returned: Condvar,
}

/// Returned when dropped.
pub(crate) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(crate) fn new(count: u16) -> Self {
        Self { free: Mutex::new(count), kept_for_looks: u16::from(count > 1), returned: Condvar::new() }
    }

    /// None: there was none in time.
    pub(crate) fn take(&self, purpose: Purpose, deadline: Instant) -> Option<Slot<'_>> {
        let kept = if purpose == Purpose::Look { 0 } else { self.kept_for_looks };
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.returned.wait_timeout_while(free, left, |free| *free <= kept);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *free <= kept {
            return None;
        }
        *free -= 1;
        Some(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_comes_too_late_gets_nothing_and_a_look_has_room_beside_changes_that_hang() {
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(60));
        let locks = Locks::default();
        let held = locks.take("a", later).unwrap();
        assert!(locks.take("a", now).is_none() && locks.take("b", now).is_some());
        drop(held);
        assert!(locks.take("a", now).is_some());
        let slots = Slots::new(2);
        let change = slots.take(Purpose::Change, later).unwrap();
        assert!(slots.take(Purpose::Change, now).is_none());
        let look = slots.take(Purpose::Look, now).unwrap();
        assert!(slots.take(Purpose::Look, now).is_none());
        drop((change, look));
        assert!(slots.take(Purpose::Change, now).is_some());
        assert!(Slots::new(1).take(Purpose::Change, now).is_some());
    }
}
