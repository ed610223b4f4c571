//! How often a project calls: a bucket for each, that fills by itself.
//!
//! Of a bucket is known only when it is full again. One that is full is the same as none, so what is kept is what is in use;
//! where that is too much, the fullest are forgotten, whose projects gain the least by it.

mod buckets;

use std::{sync::Mutex, sync::PoisonError, time::Duration};

use ballast_metrics::{Counter, Registry, Slots, label, labels};
use tokio::time::Instant;

use self::buckets::Buckets;
use crate::config;

label! {
    /// What a request does.
    pub enum Does { Reads = "read", Writes = "write" }
}

label! {
    enum Outcome { Admitted = "admitted", Refused = "refused", Exempt = "exempt" }
}

labels! {
    struct Asked { does: Does, outcome: Outcome }
}

/// Of all projects, at one process.
#[derive(Debug)]
pub struct RateLimit {
    reads: Option<Mutex<Buckets>>,
    writes: Option<Mutex<Buckets>>,
    counts: RateCounts,
}

/// What came of requests. A clone is another handle of the same.
#[derive(Debug, Clone)]
pub struct RateCounts(Slots<Asked, Counter>);

/// It has called too often: so many seconds until it may again, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooOften {
    pub seconds: u32,
}

impl RateLimit {
    #[must_use]
    pub fn new(settings: &config::RateLimit, counts: RateCounts) -> Self {
        Self {
            reads: Buckets::new(settings.reads_per_second, settings.reads_burst).map(Mutex::new),
            writes: Buckets::new(settings.writes_per_second, settings.writes_burst).map(Mutex::new),
            counts,
        }
    }

    /// One request of a project; `exempt`: of somebody who is not limited.
    ///
    /// # Errors
    /// It is one too many.
    pub fn take(&self, project: &str, does: Does, exempt: bool, now: Instant) -> Result<(), TooOften> {
        let buckets = match does {
            Does::Reads => &self.reads,
            Does::Writes => &self.writes,
        };
        let Some(buckets) = buckets.as_ref().filter(|_| !exempt) else {
            self.counts.count(does, Outcome::Exempt);
            return Ok(());
        };
        let taken = buckets.lock().unwrap_or_else(PoisonError::into_inner).take(project, now);
        self.counts.count(does, if taken.is_ok() { Outcome::Admitted } else { Outcome::Refused });
        taken.map_err(|wait| TooOften { seconds: rounded_up(wait) })
    }
}

impl Default for RateCounts {
    fn default() -> Self {
        let all = Does::ALL
            .iter()
            .copied()
            .flat_map(|does| Outcome::ALL.iter().copied().map(move |outcome| Asked { does, outcome }));
        Self(Slots::new(all).all_told())
    }
}

impl RateCounts {
    /// Tells them.
    pub fn add_to(&self, registry: &mut Registry) {
        registry.add("ballast_rate_limit_total", "Requests, by what became of them by their project's limit", &self.0);
    }

    fn count(&self, does: Does, outcome: Outcome) {
        if let Some(counter) = self.0.at(does as usize * Outcome::ALL.len() + outcome as usize) {
            counter.inc();
        }
    }
}

fn rounded_up(wait: Duration) -> u32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use ballast_metrics::Format;

    use super::*;

    #[test]
    fn reads_and_writes_have_their_own_bounds_and_each_outcome_is_counted() {
        let settings = config::RateLimit { reads_per_second: 1, reads_burst: 2, writes_per_second: 1, writes_burst: 1 };
        let counts = RateCounts::default();
        let (limit, now) = (RateLimit::new(&settings, counts.clone()), Instant::now());
        let take = |project: &str, does| limit.take(project, does, false, now);
        assert_eq!(take("a", Does::Writes), Ok(()));
        assert_eq!(take("a", Does::Writes), Err(TooOften { seconds: 1 }));
        // Neither reading, nor another project, nor an admin is concerned.
        assert_eq!((take("a", Does::Reads), take("b", Does::Writes)), (Ok(()), Ok(())));
        assert_eq!(limit.take("a", Does::Writes, true, now), Ok(()));
        let mut registry = Registry::default();
        counts.add_to(&mut registry);
        let text = registry.text(Format::Prometheus);
        for (does, outcome, count) in
            [("read", "admitted", 1), ("write", "admitted", 2), ("write", "refused", 1), ("write", "exempt", 1)]
        {
            let line = format!("ballast_rate_limit_total{{does=\"{does}\",outcome=\"{outcome}\"}} {count}\n");
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn nobody_is_limited_where_there_is_no_limit() {
        let settings = config::RateLimit { writes_per_second: 0, ..config::RateLimit::default() };
        let (limit, now) = (RateLimit::new(&settings, RateCounts::default()), Instant::now());
        assert!((0..100_000).all(|_| limit.take("a", Does::Writes, false, now).is_ok()));
    }

    #[test]
    fn who_is_told_to_wait_waits_a_whole_number_of_seconds() {
        let rounded = |millis| rounded_up(Duration::from_millis(millis));
        assert_eq!((rounded(0), rounded(999), rounded(1_000), rounded(1_001)), (1, 1, 1, 2));
    }
}
