//! How long watches have had something to tell that their readers have not got.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Of all watches.
#[derive(Debug, Default)]
pub(crate) struct Lags(Mutex<Vec<Weak<AtomicU64>>>);

/// Of one, until it is dropped: since when it is behind, in microseconds; 0: it is not.
#[derive(Debug)]
pub(crate) struct Lag(Arc<AtomicU64>);

impl Lags {
    pub(crate) fn begin(&self) -> Lag {
        let lag = Arc::default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(&lag));
        Lag(lag)
    }

    /// Of the watch that is furthest behind.
    pub(crate) fn longest(&self, now: Duration) -> Duration {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = all.iter().filter_map(Weak::upgrade).map(|one| one.load(Ordering::Relaxed));
        let first = since.filter(|since| *since > 0).min();
        first.map_or(Duration::ZERO, |since| now.saturating_sub(Duration::from_micros(since)))
    }
}

impl Lag {
    /// There is something to tell, at this time.
    pub(crate) fn behind(&self, now: Duration) {
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX).max(1);
        // One that is behind already goes on being so.
        let _ = self.0.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// All was told.
    pub(crate) fn level(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_is_furthest_behind_counts_until_it_has_told_all_or_ends() {
        let (lags, second) = (Lags::default(), Duration::from_secs);
        let (one, other) = (lags.begin(), lags.begin());
        assert_eq!(lags.longest(second(9)), Duration::ZERO);
        other.behind(second(5));
        one.behind(second(3));
        one.behind(second(7));
        assert_eq!(lags.longest(second(9)), second(6));
        one.level();
        assert_eq!(lags.longest(second(9)), second(4));
        drop(other);
        assert_eq!(lags.longest(second(9)), Duration::ZERO);
    }
}
