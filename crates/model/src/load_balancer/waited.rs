//! How long a change took: from when it was made to the outcome that settles it; and since when one is waited for.

use super::LoadBalancer;
use crate::{
    counters::Generation,
    l7::{L7Policy, L7Rule},
    labels::Labels,
    listener::Listener,
    member::Member,
    pool::Pool,
    status::Progress,
    time::Timestamp,
};

impl LoadBalancer {
    /// When the oldest of the changes was made that have come to their end between this state and `after`, which an
    /// outcome has made of it. None: there is none, as after a move, where nothing else is desired than before.
    #[must_use]
    pub fn oldest_settled(&self, after: &Self) -> Option<Timestamp> {
        let own = since(self.settled, &self.progress, &after.progress, &self.labels);
        let listeners = oldest(self.settled, &self.listeners, &after.listeners);
        own.into_iter().chain(listeners).chain(oldest(self.settled, &self.pools, &after.pools)).min()
    }

    /// When the oldest of the changes was made that are waited for. None: nothing is pending.
    #[must_use]
    pub fn oldest_pending(&self) -> Option<Timestamp> {
        let own = pending(&self.progress, &self.labels);
        own.into_iter().chain(oldest_pending(&self.listeners)).chain(oldest_pending(&self.pools)).min()
    }
}

fn pending(progress: &Progress, labels: &Labels) -> Option<Timestamp> {
    progress.status.is_pending().then(|| labels.updated_at.unwrap_or(labels.created_at))
}

fn oldest_pending<T: Waits>(parts: &[T]) -> Option<Timestamp> {
    let each = parts.iter().flat_map(|part| {
        let (progress, labels) = part.progress();
        pending(progress, labels).into_iter().chain(part.pending_in_it())
    });
    each.min()
}

/// None: it was not pending, is so still, or no write made it so.
fn since(settled: Generation, before: &Progress, after: &Progress, labels: &Labels) -> Option<Timestamp> {
    let has_ended = before.status.is_pending() && !after.status.is_pending() && before.changed > settled;
    has_ended.then(|| labels.updated_at.unwrap_or(labels.created_at))
}

trait Waits {
    fn progress(&self) -> (&Progress, &Labels);

    fn in_it(&self, _settled: Generation, _after: &Self) -> Option<Timestamp> {
        None
    }

    fn pending_in_it(&self) -> Option<Timestamp> {
        None
    }
}

/// An outcome moves nothing: what is in the same place is the same object.
fn oldest<T: Waits>(settled: Generation, before: &[T], after: &[T]) -> Option<Timestamp> {
    let both = before.iter().zip(after);
    let ended = both.flat_map(|(before, after)| {
        let (progress, labels) = before.progress();
        since(settled, progress, after.progress().0, labels).into_iter().chain(before.in_it(settled, after))
    });
    ended.min()
}

impl Waits for Listener {
    fn progress(&self) -> (&Progress, &Labels) {
        (&self.progress, &self.labels)
    }

    fn in_it(&self, settled: Generation, after: &Self) -> Option<Timestamp> {
        oldest(settled, &self.policies, &after.policies)
    }

    fn pending_in_it(&self) -> Option<Timestamp> {
        oldest_pending(&self.policies)
    }
}

impl Waits for L7Policy {
    fn progress(&self) -> (&Progress, &Labels) {
        (&self.progress, &self.labels)
    }

    fn in_it(&self, settled: Generation, after: &Self) -> Option<Timestamp> {
        oldest(settled, &self.rules, &after.rules)
    }

    fn pending_in_it(&self) -> Option<Timestamp> {
        oldest_pending(&self.rules)
    }
}

impl Waits for L7Rule {
    fn progress(&self) -> (&Progress, &Labels) {
        (&self.progress, &self.labels)
    }
}

impl Waits for Pool {
    fn progress(&self) -> (&Progress, &Labels) {
        (&self.progress, &self.labels)
    }

    fn in_it(&self, settled: Generation, after: &Self) -> Option<Timestamp> {
        // A monitor may have been made long before the pool got it, which changed with that.
        oldest(settled, &self.members, &after.members)
    }

    fn pending_in_it(&self) -> Option<Timestamp> {
        oldest_pending(&self.members)
    }
}

impl Waits for Member {
    fn progress(&self) -> (&Progress, &Labels) {
        (&self.progress, &self.labels)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{load_balancer, member};
    use super::*;
    use crate::outcome::Outcome;

    #[test]
    fn a_change_is_waited_for_since_it_was_made_whatever_else_is_seen_meanwhile() {
        let outcome = |generation| Outcome { generation, fault: None, cause: None, faults: Vec::new() };
        let made = load_balancer().stamped(None, Timestamp(5));
        let settled = made.clone().settle(&outcome(made.generation));
        assert_eq!(made.oldest_settled(&settled), Some(Timestamp(5)));
        assert_eq!(settled.oldest_settled(&settled), None);
        assert_eq!((made.oldest_pending(), settled.oldest_pending()), (Some(Timestamp(5)), None));
        let pool_id = settled.pools[0].id;
        let one = settled.clone().add_member(pool_id, member(2)).unwrap().stamped(Some(&settled), Timestamp(7));
        let two = one.clone().add_member(pool_id, member(3)).unwrap().stamped(Some(&one), Timestamp(9));
        assert_eq!(two.oldest_settled(&two.clone().settle(&outcome(one.generation))), Some(Timestamp(7)));
        assert_eq!(two.oldest_settled(&two.clone().settle(&outcome(two.generation))), Some(Timestamp(7)));
        assert_eq!(two.oldest_pending(), Some(Timestamp(7)), "the older member is still pending");
        let moved = settled.moved();
        assert_eq!(moved.oldest_settled(&moved.clone().settle(&outcome(moved.generation))), None);
    }
}
