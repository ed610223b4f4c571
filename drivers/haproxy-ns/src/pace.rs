//! How soon a haproxy may be replaced again. What cannot be told to one that runs waits until then, and whatever was asked
//! for meanwhile goes with it: a burst of changes costs a few processes, not one each.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// When each was replaced last. Losing it costs a process.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    replaced: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, replaced: Mutex::default() }
    }

    /// How long to wait before it may be replaced; none: it may be now.
    pub(crate) fn wait(&self, id: &str, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(*self.lock().get(id)?);
        self.interval.checked_sub(since).filter(|left| !left.is_zero())
    }

    pub(crate) fn note(&self, id: &str, now: Instant) {
        self.lock().insert(id.to_owned(), now);
    }

    pub(crate) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_for_its_own_interval() {
        let (pace, start) = (Pace::new(Duration::from_millis(200)), Instant::now());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(pace.wait("one", start), None);
        pace.note("one", start);
        assert_eq!(pace.wait("one", after(50)), Some(Duration::from_millis(150)));
        assert_eq!(pace.wait("other", after(50)), None);
        assert_eq!(pace.wait("one", after(200)), None);
        pace.forget("one");
        assert_eq!(pace.wait("one", after(1)), None);
    }
}
