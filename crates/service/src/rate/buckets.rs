//! Buckets of projects, all of one size.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// How many are in use at once, at most.
const MOST: usize = 10_000;

#[derive(Debug)]
pub(super) struct Buckets {
    /// In how long one more may call.
    each: Duration,
    /// In how long an empty one is full.
    whole: Duration,
    most: usize,
    /// When each is full again.
    full_at: HashMap<Box<str>, Instant>,
}

impl Buckets {
    /// None: there is no limit.
    pub(super) fn new(per_second: u32, burst: u32) -> Option<Self> {
        let each = Duration::from_secs(1).checked_div(per_second)?;
        Some(Self { each, whole: each * burst.max(1), most: MOST, full_at: HashMap::new() })
    }

    /// One call of a project.
    ///
    /// # Errors
    /// It is one too many: in how long it is not.
    pub(super) fn take(&mut self, project: &str, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.get(project).map_or(now, |full_at| (*full_at).max(now));
        let after = full_at + self.each;
        let missing = after.saturating_duration_since(now);
        if missing > self.whole {
            return Err(missing - self.whole);
        }
        if let Some(known) = self.full_at.get_mut(project) {
            *known = after;
        } else {
            self.make_room(now);
            self.full_at.insert(project.into(), after);
        }
        Ok(())
    }

    fn make_room(&mut self, now: Instant) {
        if self.full_at.len() < self.most {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < self.most {
            return;
        }
        // A tenth at once: to look at all of them is worth it only now and then.
        let mut all: Vec<Instant> = self.full_at.values().copied().collect();
        let at = all.len() / 10;
        let (_, bound, _) = all.select_nth_unstable(at);
        let bound = *bound;
        self.full_at.retain(|_, full_at| *full_at > bound);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(begin: Instant, millis: u64) -> Instant {
        begin + Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_is_let_through_and_then_as_many_as_come_in() {
        let (mut buckets, begin) = (Buckets::new(10, 3).unwrap(), Instant::now());
        let mut take = |millis| buckets.take("a", after(begin, millis));
        assert!((0..3).all(|_| take(0).is_ok()));
        assert_eq!(take(0), Err(Duration::from_millis(100)));
        assert_eq!(take(40), Err(Duration::from_millis(60)));
        assert_eq!((take(100), take(100)), (Ok(()), Err(Duration::from_millis(100))));
        // However long it waits, it has no more than a burst.
        assert_eq!((0..9).filter(|_| take(60_000).is_ok()).count(), 3);
    }

    #[test]
    fn what_is_kept_is_bounded_and_who_floods_is_not_forgotten_first() {
        let (mut buckets, now) = (Buckets::new(1, 50).unwrap(), Instant::now());
        buckets.most = 100;
        assert_eq!((0..60).filter(|_| buckets.take("flood", now).is_ok()).count(), 50);
        for number in 0..5_000 {
            assert_eq!(buckets.take(&number.to_string(), now), Ok(()));
            assert!(buckets.full_at.len() <= 100);
        }
        assert!(buckets.take("flood", now).is_err());
        // All are full after this, and one that is full is none.
        let later = after(now, 60_000);
        assert_eq!(buckets.take("one", later), Ok(()));
        buckets.most = buckets.full_at.len();
        assert_eq!(buckets.take("two", later), Ok(()));
        assert_eq!(buckets.full_at.len(), 2);
    }

    proptest! {
        /// Whatever comes when: in no span of time is more let through than a burst and what came in meanwhile, and who is
        /// told to wait is let through after that.
        #[test]
        fn no_span_has_more_than_it_may(
            per_second in 1_u32..50, burst in 1_u32..20, steps in prop::collection::vec(0_u64..400, 1..200),
        ) {
            let (mut buckets, begin) = (Buckets::new(per_second, burst).unwrap(), Instant::now());
            let (mut millis, mut let_through) = (0, Vec::new());
            for step in steps {
                millis += step;
                let now = after(begin, millis);
                match buckets.take("a", now) {
                    Ok(()) => let_through.push(millis),
                    Err(wait) => {
                        let mut copy = Buckets { full_at: buckets.full_at.clone(), ..Buckets::new(per_second, burst).unwrap() };
                        prop_assert!(wait > Duration::ZERO);
                        prop_assert_eq!(copy.take("a", now + wait), Ok(()));
                    }
                }
            }
            for (first, from) in let_through.iter().enumerate() {
                for (last, to) in let_through.iter().enumerate().skip(first) {
                    let count = u64::try_from(last - first + 1).unwrap();
                    // Each thousandth of a second's share, rounded up.
                    let came_in = (to - from) * u64::from(per_second) / 1_000 + 1;
                    prop_assert!(count <= u64::from(burst) + came_in, "{} in {} ms", count, to - from);
                }
            }
        }
    }
}
