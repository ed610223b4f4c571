//! What a transaction changes, noted until it ends.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ballast_model::{Uuid, ids::LoadBalancerId};

use super::{Change, EventKind};

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
    fn add(&mut self, change: Change) {
        let next = self.changes.len();
        let index = *self.indices.entry((change.kind, change.id)).or_insert(next);
        match self.changes.get_mut(index) {
            Some(known) if change.project_id.is_none() => known.project_id = None,
            Some(_) => {}
            None => self.changes.push(change),
        }
    }
}

impl Notes {
    /// The object changed. That it concerns everyone wins over that it concerns one project.
    pub(crate) fn note(&self, kind: EventKind, id: Uuid, project_id: Option<&str>) {
        locked(&self.work).add(Change { kind, id, project_id: project_id.map(str::to_owned) });
    }

    /// What the load balancer's agents are to run changed.
    pub(crate) fn look(&self, id: LoadBalancerId) {
        locked(&self.work).looks.load_balancers.insert(id);
    }

    /// There is another scheduler than before.
    pub(crate) fn look_at_schedulers(&self) {
        locked(&self.work).looks.schedulers = true;
    }

    /// Work begins: what was noted of such that failed is forgotten.
    pub(crate) fn begin(&self) {
        std::mem::take(&mut *locked(&self.work));
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

fn locked(noted: &Mutex<Noted>) -> MutexGuard<'_, Noted> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(number: u128, project_id: Option<&str>) -> Change {
        Change { kind: EventKind::Pool, id: Uuid::from_u128(number), project_id: project_id.map(str::to_owned) }
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
}
