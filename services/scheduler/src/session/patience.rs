//! How long a load balancer that moves waits for what its former agent hands over. Pure.
//!
//! A former agent that does not let go keeps the load balancer from its clients no longer than this.

use std::{collections::HashMap, time::Duration};

use ballast_model::{counters::Epoch, ids::LoadBalancerId};
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Of what is not sent yet: the placement, and when it is sent all the same; nothing: it is due.
    waiting: HashMap<LoadBalancerId, (Epoch, Option<Instant>)>,
}

impl Patience {
    /// Whether it is not to be sent yet. The time runs from when this was asked first of a placement.
    pub(super) fn waits(&mut self, id: LoadBalancerId, epoch: Epoch, (now, longest): (Instant, Duration)) -> bool {
        let new = (epoch, Some(now + longest));
        let waiting = self.waiting.entry(id).or_insert(new);
        if waiting.0 != epoch {
            *waiting = new;
        }
        waiting.1.is_some_and(|until| now < until)
    }

    /// It is sent.
    pub(super) fn sent(&mut self, id: LoadBalancerId) {
        self.waiting.remove(&id);
    }

    /// Those that have waited for long enough. They are due once.
    pub(super) fn due(&mut self, now: Instant) -> Vec<LoadBalancerId> {
        // What was due before and was not sent is gone.
        self.waiting.retain(|_, (_, until)| until.is_some());
        let over = self.waiting.iter_mut().filter(|(_, (_, until))| until.is_some_and(|until| until <= now));
        over.map(|(id, (_, until))| {
            *until = None;
            *id
        })
        .collect()
    }

    /// When the next one has.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.values().filter_map(|(_, until)| *until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(2);
    const ID: LoadBalancerId = LoadBalancerId::from_u128(1);

    #[tokio::test]
    async fn it_waits_once_for_each_placement_and_not_for_longer_than_that() {
        let (mut patience, begin) = (Patience::default(), Instant::now());
        let late = begin + LONGEST;
        assert!(patience.waits(ID, 2.into(), (begin, LONGEST)));
        assert!(
            patience.waits(ID, 2.into(), (late - Duration::from_millis(1), LONGEST)),
            "asking again gives no more time"
        );
        assert_eq!((patience.next(), patience.due(begin)), (Some(late), Vec::new()));
        assert_eq!((patience.due(late), patience.next()), (vec![ID], None));
        assert!(!patience.waits(ID, 2.into(), (late, LONGEST)));
        assert!(patience.due(late).is_empty(), "twice");
        assert!(patience.waits(ID, 3.into(), (late, LONGEST)));
        assert!(patience.waits(ID, 4.into(), (late + Duration::from_secs(1), LONGEST)), "another placement");
        assert_eq!(patience.next(), Some(late + Duration::from_secs(1) + LONGEST));
        patience.sent(ID);
        assert_eq!(patience.next(), None);
    }
}
