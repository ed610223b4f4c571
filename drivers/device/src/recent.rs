//! What was seen not long ago. The agent asks each second, which costs it nothing and a device a login.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ballast_abi::Observation;

#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Grows with each change of the device: what was seen across one is not kept.
    changes: u64,
    seen: Option<(Instant, Vec<Observation>)>,
}

impl Recent {
    /// What was seen no longer ago than this. Otherwise look, and [`keep`](Self::keep) it with this number.
    pub(crate) fn within(&self, time: Duration) -> Result<Vec<Observation>, u64> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &kept.seen {
            Some((when, seen)) if when.elapsed() < time => Ok(seen.clone()),
            Some(_) | None => Err(kept.changes),
        }
    }

    pub(crate) fn keep(&self, changes: u64, seen: &[Observation]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.changes == changes {
            kept.seen = Some((Instant::now(), seen.to_vec()));
        }
    }

    /// Something else may be seen from now on.
    pub(crate) fn forget(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.changes += 1;
        kept.seen = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_kept_for_its_time_and_until_something_changes() {
        let hour = Duration::from_secs(3600);
        let recent = Recent::default();
        let before = recent.within(hour).unwrap_err();
        recent.keep(before, &[Observation::default()]);
        assert_eq!(recent.within(hour).unwrap().len(), 1);
        assert!(recent.within(Duration::ZERO).is_err());
        recent.forget();
        assert!(recent.within(hour).is_err());
        // Begun before the change.
        recent.keep(before, &[]);
        assert!(recent.within(hour).is_err());
    }
}
