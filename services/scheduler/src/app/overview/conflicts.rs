//! Who said of late that an address of a load balancer is theirs: read from the log of changes, which has it in their causes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use ballast_model::{ids::LoadBalancerId, time::Timestamp};
use ballast_store::{By, Cause, Change, EventKind, Position};

/// What such a change is caused by begins so.
pub(crate) const CONFLICT: &str = "conflict: ";
/// Of late, in microseconds: an hour.
pub(super) const OF_LATE: i64 = 3_600 * 1_000_000;
/// How many are kept; of more the newest.
const MOST: usize = 1_000;

/// Those that are known.
#[derive(Debug, Default)]
pub(super) struct Conflicts(VecDeque<(Timestamp, LoadBalancerId, Arc<Cause>)>);

/// Those of one load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contested {
    pub load_balancer_id: LoadBalancerId,
    pub count: u64,
    pub last_at: Timestamp,
    /// The last one, in a sentence.
    pub what: String,
}

impl Conflicts {
    /// Takes those that are among these changes.
    pub(super) fn note(&mut self, changes: &[(Position, Change)]) {
        for (_, change) in changes.iter().filter(|(_, change)| change.kind == EventKind::LoadBalancer) {
            if let (Some(at), Some(cause)) = (change.why.at, &change.why.cause)
                && cause.by == By::Agent
                && cause.what.starts_with(CONFLICT)
            {
                self.0.push_back((at, change.id.into(), Arc::clone(cause)));
            }
        }
        while self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// Those of late, by load balancer, that with the newest first.
    pub(super) fn of_late(&self, now: Timestamp) -> Vec<Contested> {
        let mut all: BTreeMap<LoadBalancerId, Contested> = BTreeMap::new();
        for (at, load_balancer_id, cause) in self.0.iter().filter(|(at, ..)| now.0.saturating_sub(at.0) < OF_LATE) {
            let one = all.entry(*load_balancer_id).or_insert_with(|| Contested {
                load_balancer_id: *load_balancer_id,
                count: 0,
                last_at: *at,
                what: String::new(),
            });
            one.count += 1;
            (one.last_at, one.what) = (*at, cause.what[CONFLICT.len()..].to_owned());
        }
        let mut all: Vec<Contested> = all.into_values().collect();
        all.sort_by_key(|one| std::cmp::Reverse((one.last_at, one.load_balancer_id)));
        all
    }
}

#[cfg(test)]
mod tests {
    use ballast_model::Uuid;
    use ballast_store::Why;

    use super::*;

    fn change(id: u128, at: i64, by: By, what: &str) -> (Position, Change) {
        let cause = Arc::new(Cause { by, what: what.to_owned(), ..Cause::default() });
        let why = Why { at: Some(Timestamp(at)), cause: Some(cause) };
        (Position::default(), Change { why, ..Change::of(EventKind::LoadBalancer, Uuid::from_u128(id), None) })
    }

    #[test]
    fn those_of_the_last_hour_are_counted_and_the_newest_is_told() {
        let mut conflicts = Conflicts::default();
        let now = Timestamp(2 * OF_LATE);
        conflicts.note(&[
            change(1, OF_LATE, By::Agent, "conflict: too old"),
            change(1, OF_LATE + 1, By::Agent, "conflict: a"),
            change(2, OF_LATE + 2, By::Agent, "conflict: b"),
            change(1, OF_LATE + 3, By::Agent, "conflict: c"),
            change(3, OF_LATE + 4, By::User, "conflict: a user's own word"),
            change(3, OF_LATE + 5, By::Agent, "deployed"),
        ]);
        let told: Vec<_> =
            conflicts.of_late(now).into_iter().map(|one| (one.load_balancer_id, one.count, one.what)).collect();
        let id = LoadBalancerId::from_u128;
        assert_eq!(told, [(id(1), 2, "c".to_owned()), (id(2), 1, "b".to_owned())]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut conflicts = Conflicts::default();
        for at in 0..3_000 {
            conflicts.note(&[change(1, at, By::Agent, "conflict: x")]);
        }
        let told = conflicts.of_late(Timestamp(3_000));
        assert_eq!((told[0].count, told[0].last_at), (1_000, Timestamp(2_999)));
    }
}
