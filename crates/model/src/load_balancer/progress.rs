//! The progress of everything in a load balancer.
//!
//! What a change leaves as it is stays shared with the state before: of a load balancer of a thousand objects, an outcome
//! mostly concerns one, and nobody has to compare the others.

use super::LoadBalancer;
use crate::{
    ids::ObjectId,
    l7::{L7Policy, L7Rule},
    listener::Listener,
    member::Member,
    parts::Parts,
    pool::{Association, Pool},
    status::Progress,
};

/// What becomes of the progress of an object; none: it stays as it is.
type Change<'a> = dyn Fn(ObjectId, &Progress) -> Option<Progress> + 'a;

impl LoadBalancer {
    /// Changes the progress of everything in it, but not its own.
    pub(super) fn change_progress(&mut self, change: &Change<'_>) {
        change_all(&mut self.listeners, change);
        change_all(&mut self.pools, change);
    }

    /// The same, and its own.
    pub(super) fn with_progress(mut self, change: &Change<'_>) -> Self {
        self.change_progress(change);
        self.progress = change(self.id.into(), &self.progress).unwrap_or(self.progress);
        self
    }

    /// The progress of everything in it, what is in an object behind the object.
    #[cfg(test)]
    pub(super) fn progress_of_all(&self) -> Vec<(ObjectId, Progress)> {
        let seen = std::cell::RefCell::new(Vec::new());
        let see = |id: ObjectId, progress: &Progress| {
            seen.borrow_mut().push((id, progress.clone()));
            None
        };
        assert!(
            !self.listeners.iter().any(|one| changes(one, &see)) && !self.pools.iter().any(|one| changes(one, &see))
        );
        seen.into_inner()
    }
}

/// An object, with its progress and what is in it.
trait Object: Clone {
    fn progress(&self) -> (ObjectId, &Progress);

    fn progress_mut(&mut self) -> &mut Progress;

    fn parts_change(&self, _change: &Change<'_>) -> bool {
        false
    }

    fn change_parts(&mut self, _change: &Change<'_>) {}
}

fn changes<T: Object>(object: &T, change: &Change<'_>) -> bool {
    let (id, progress) = object.progress();
    change(id, progress).is_some() || object.parts_change(change)
}

fn change_all<T: Object>(objects: &mut Parts<T>, change: &Change<'_>) {
    for object in objects.iter_mut_of(|object| changes(object, change)) {
        let (id, progress) = object.progress();
        if let Some(changed) = change(id, progress) {
            *object.progress_mut() = changed;
        }
        object.change_parts(change);
    }
}

impl Object for Listener {
    fn progress(&self) -> (ObjectId, &Progress) {
        (self.id.into(), &self.progress)
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn parts_change(&self, change: &Change<'_>) -> bool {
        self.policies.iter().any(|policy| changes(policy, change))
    }

    fn change_parts(&mut self, change: &Change<'_>) {
        change_all(&mut self.policies, change);
    }
}

impl Object for L7Policy {
    fn progress(&self) -> (ObjectId, &Progress) {
        (self.id.into(), &self.progress)
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn parts_change(&self, change: &Change<'_>) -> bool {
        self.rules.iter().any(|rule| changes(rule, change))
    }

    fn change_parts(&mut self, change: &Change<'_>) {
        change_all(&mut self.rules, change);
    }
}

impl Object for L7Rule {
    fn progress(&self) -> (ObjectId, &Progress) {
        (self.id.into(), &self.progress)
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }
}

impl Object for Pool {
    fn progress(&self) -> (ObjectId, &Progress) {
        (self.id.into(), &self.progress)
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn parts_change(&self, change: &Change<'_>) -> bool {
        self.members.iter().any(|member| changes(member, change))
            || self.monitors.iter().any(|one| changes(one, change))
    }

    fn change_parts(&mut self, change: &Change<'_>) {
        change_all(&mut self.members, change);
        change_all(&mut self.monitors, change);
    }
}

impl Object for Member {
    fn progress(&self) -> (ObjectId, &Progress) {
        (self.id.into(), &self.progress)
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }
}

impl Object for Association {
    fn progress(&self) -> (ObjectId, &Progress) {
        (self.monitor.id.into(), &self.progress)
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        counters::Generation,
        load_balancer::tests::{load_balancer, member, succeeded},
        outcome::MemberHealth,
        status::OperatingStatus,
    };

    #[test]
    fn what_an_outcome_or_a_look_leaves_as_it_is_stays_shared() {
        let pool_id = load_balancer().pools[0].id;
        let asked = load_balancer().add_member(pool_id, member(2)).unwrap();
        let settled = asked.clone().settle(&succeeded(asked.generation));
        assert!(!settled.pools.is_same(&asked.pools) && settled.listeners.is_same(&asked.listeners));
        assert!(!settled.pools[0].members.is_same(&asked.pools[0].members));
        assert!(settled.pools[0].monitors.is_same(&asked.pools[0].monitors));
        let again = settled.clone().settle(&succeeded(asked.generation));
        let seen = vec![MemberHealth { member_id: member(2).id, status: OperatingStatus::Online }];
        for same in [again, settled.clone().observe(&seen), settled.clone().waits(Generation::new(u64::MAX), "busy")] {
            assert!(same.pools.is_same(&settled.pools), "nobody checks, and nothing is pending");
        }
    }
}
