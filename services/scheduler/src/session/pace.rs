//! How soon a load balancer is sent again that was just sent. Pure.
//!
//! It is sent whole, and an agent takes the newest. What it costs to send one grows with its size, however little of
//! it changed. So it rests, in proportion to its size, and what changes meanwhile is
//! sent together.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use ballast_model::ids::LoadBalancerId;
use tokio::time::Instant;

/// Smaller load balancers do not rest.
const SMALLEST: usize = 32;
/// For each object.
const REST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Until when.
    resting: HashMap<LoadBalancerId, Instant>,
    /// Those that rest and have changed.
    waiting: HashSet<LoadBalancerId>,
}

impl Pace {
    /// It was sent, with so many objects.
    pub(super) fn sent(&mut self, id: LoadBalancerId, size: usize, now: Instant) {
        if size >= SMALLEST {
            let rest = REST.saturating_mul(u32::try_from(size).unwrap_or(u32::MAX)).min(LONGEST);
            self.resting.insert(id, now + rest);
        }
    }

    /// These have changed: those, and of those that wait, that are to be looked at now.
    pub(super) fn due(&mut self, changed: HashSet<LoadBalancerId>, now: Instant) -> HashSet<LoadBalancerId> {
        self.resting.retain(|_, until| *until > now);
        self.waiting.extend(changed);
        let resting = &self.resting;
        self.waiting.extract_if(|id| !resting.contains_key(id)).collect()
    }

    /// When the next of those that wait is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.iter().filter_map(|id| self.resting.get(id)).min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: LoadBalancerId = LoadBalancerId::from_u128(1);
    const LARGE: LoadBalancerId = LoadBalancerId::from_u128(2);

    #[tokio::test]
    async fn a_large_one_that_was_sent_is_due_when_it_has_rested_and_a_small_one_at_once() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        let both: HashSet<_> = [SMALL, LARGE].into();
        assert_eq!((pace.due(both.clone(), begin), pace.next()), (both.clone(), None));
        pace.sent(SMALL, 3, begin);
        pace.sent(LARGE, 1200, begin);
        assert_eq!(pace.due(both.clone(), begin), [SMALL].into());
        let rested = begin + Duration::from_millis(120);
        assert_eq!(pace.next(), Some(rested));
        assert_eq!(pace.due(HashSet::new(), rested - Duration::from_millis(1)), HashSet::new());
        assert_eq!((pace.due(HashSet::new(), rested), pace.next()), ([LARGE].into(), None));
        pace.sent(LARGE, usize::MAX, begin);
        pace.due([LARGE].into(), begin);
        assert_eq!(pace.next(), Some(begin + LONGEST));
    }
}
