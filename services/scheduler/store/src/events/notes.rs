//! What a transaction changes, noted until it ends.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ballast_model::{Uuid, ids::LoadBalancerId};

use super::{
    Change, EventKind, Why,
    cause::{self, Cause},
};

/// What a transaction changed so far, each object once: the work that is being done, and what was done before it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    work: Mutex<Noted>,
    before: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    changes: Vec<Change>,
    indices: HashMap<(EventKind, Uuid), usize>,
    looks: Looks,
    cause: Option<Arc<Cause>>,
    /// Of what changes in these load balancers.
    causes: HashMap<LoadBalancerId, Arc<Cause>>,
}

/// Notes of what is in one load balancer.
#[derive(Debug)]
pub(crate) struct Within<'a> {
    notes: &'a Notes,
    load_balancer_id: LoadBalancerId,
}

/// Where other schedulers are to look, beside what events tell.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// At who they are.
    pub(crate) schedulers: bool,
    /// At what these load balancers' agents are to run.
    pub(crate) load_balancers: BTreeSet<LoadBalancerId>,
}

impl Noted {
    /// Each object once for each cause: others' changes of it are told apart.
    fn add(&mut self, change: Change) {
        let key = (change.kind, change.id);
        let known = self.indices.get(&key).and_then(|index| self.changes.get_mut(*index));
        match known.filter(|known| known.why == change.why) {
            Some(known) => {
                known.load_balancer_id = known.load_balancer_id.or(change.load_balancer_id);
                known.project_id = known.project_id.take().filter(|_| change.project_id.is_some());
            }
            None => {
                self.indices.insert(key, self.changes.len());
                self.changes.push(change);
            }
        }
    }

    fn why(&self, load_balancer_id: Option<LoadBalancerId>) -> Why {
        let own = load_balancer_id.and_then(|id| self.causes.get(&id));
        Why { at: None, cause: own.or(self.cause.as_ref()).cloned() }
    }
}

impl Notes {
    /// The object changed. That it concerns everyone wins over that it concerns one project.
    pub(crate) fn note(&self, kind: EventKind, id: Uuid, project_id: Option<&str>) {
        self.note_in(None, kind, id, project_id);
    }

    /// Notes of what is in this load balancer.
    pub(crate) const fn within(&self, load_balancer_id: LoadBalancerId) -> Within<'_> {
        Within { notes: self, load_balancer_id }
    }

    fn note_in(&self, load_balancer_id: Option<LoadBalancerId>, kind: EventKind, id: Uuid, project_id: Option<&str>) {
        let mut work = locked(&self.work);
        let why = work.why(load_balancer_id);
        work.add(Change { load_balancer_id, why, ..Change::of(kind, id, project_id) });
    }

    /// The load balancer changed, because of this.
    pub(crate) fn note_because(&self, id: LoadBalancerId, project_id: Option<&str>, cause: Arc<Cause>) {
        let why = Why { at: None, cause: Some(cause) };
        let change = Change::of(EventKind::LoadBalancer, id.into(), project_id);
        locked(&self.work).add(Change { load_balancer_id: Some(id), why, ..change });
    }

    /// What changes in this load balancer has this cause.
    pub(super) fn note_cause(&self, id: LoadBalancerId, cause: Arc<Cause>) {
        locked(&self.work).causes.insert(id, cause);
    }

    /// Of what changes in this load balancer now.
    pub(crate) fn cause_of(&self, id: LoadBalancerId) -> Option<Arc<Cause>> {
        locked(&self.work).why(Some(id)).cause
    }

    /// What the load balancer's agents are to run changed.
    pub(crate) fn look(&self, id: LoadBalancerId) {
        locked(&self.work).looks.load_balancers.insert(id);
    }

    /// There is another scheduler than before.
    pub(crate) fn look_at_schedulers(&self) {
        locked(&self.work).looks.schedulers = true;
    }

    /// Work begins, for a reason: what was noted of such that failed is forgotten.
    pub(crate) fn begin(&self) {
        *locked(&self.work) = Noted { cause: cause::present(), ..Noted::default() };
    }

    /// The work is done; whether it changed anything.
    pub(crate) fn keep(&self) -> bool {
        let noted = std::mem::take(&mut *locked(&self.work));
        let any = !noted.changes.is_empty();
        let mut before = locked(&self.before);
        noted.changes.into_iter().for_each(|change| before.add(change));
        before.looks.schedulers |= noted.looks.schedulers;
        before.looks.load_balancers.extend(noted.looks.load_balancers);
        any
    }

    /// All that was noted, once.
    pub(super) fn take(&self) -> (Vec<Change>, Looks) {
        let noted = std::mem::take(&mut *locked(&self.before));
        (noted.changes, noted.looks)
    }
}

impl Within<'_> {
    /// As [`Notes::note`].
    pub(crate) fn note(&self, kind: EventKind, id: Uuid, project_id: Option<&str>) {
        self.notes.note_in(Some(self.load_balancer_id), kind, id, project_id);
    }
}

fn locked(noted: &Mutex<Noted>) -> MutexGuard<'_, Noted> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(number: u128, project_id: Option<&str>) -> Change {
        Change::of(EventKind::Pool, Uuid::from_u128(number), project_id)
    }

    #[test]
    fn work_that_failed_leaves_nothing_and_what_others_changed_is_told_once() {
        let notes = Notes::default();
        notes.note(EventKind::Pool, Uuid::from_u128(1), Some("p"));
        assert!(notes.keep());
        notes.note(EventKind::Pool, Uuid::from_u128(2), Some("p"));
        notes.begin();
        notes.note(EventKind::Pool, Uuid::from_u128(3), Some("p"));
        notes.note(EventKind::Pool, Uuid::from_u128(1), None);
        assert!(notes.keep());
        assert!(!notes.keep());
        assert_eq!(notes.take().0, [change(1, None), change(3, Some("p"))]);
        assert!(notes.take().0.is_empty());
    }

    #[tokio::test]
    async fn what_several_change_in_one_commit_is_told_of_each_and_what_one_changes_twice_is_told_once() {
        let notes = Notes::default();
        let by = |who: &str| Arc::new(Cause { who: who.to_owned(), ..Cause::default() });
        for who in ["a", "b", "b"] {
            cause::because(by(who), async {
                notes.begin();
                notes.note(EventKind::Pool, Uuid::from_u128(1), Some("p"));
                notes.within(LoadBalancerId::from_u128(9)).note(EventKind::Pool, Uuid::from_u128(1), Some("p"));
                notes.keep();
            })
            .await;
        }
        let told = |who| {
            let why = Why { at: None, cause: Some(by(who)) };
            Change { load_balancer_id: Some(LoadBalancerId::from_u128(9)), why, ..change(1, Some("p")) }
        };
        assert_eq!(notes.take().0, [told("a"), told("b")]);
    }
}
