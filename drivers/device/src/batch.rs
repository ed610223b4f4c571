//! Steps that one request carries, where a device takes lists. Pure.

use std::collections::BTreeMap;

use crate::{Key, Kind, Step, Vendor, names};

/// Objects in one request, without the children in them. More make it slow, and cost more when one of them is refused.
pub(crate) const MOST: usize = 100;

/// The steps in their order, but for children, which go with what they are in. `most` in a batch; 0: each by itself.
pub(crate) fn batches<V: Vendor>(steps: &[Step<V::Kind>], most: usize) -> Vec<Vec<Step<V::Kind>>> {
    let mut batches: Vec<Vec<Step<V::Kind>>> = Vec::new();
    let mut made = BTreeMap::new();
    for step in steps {
        let nested = parent_batch(step, &made)
            .filter(|at| most > 0 && V::nests(step.key().kind) && batches[*at].len() < 2 * most);
        if let Some(at) = nested {
            batches[at].push(step.clone());
            continue;
        }
        match batches.last_mut().filter(|batch| batch.len() < most && !marks(step) && !batch.iter().any(marks)) {
            Some(batch) if V::joins(batch, step) => batch.push(step.clone()),
            Some(_) | None => batches.push(vec![step.clone()]),
        }
        if let Step::Make(key, _) = step {
            made.insert(key.clone(), batches.len() - 1);
        }
    }
    batches
}

/// The batch that makes what a child is in.
fn parent_batch<K: Kind>(step: &Step<K>, made: &BTreeMap<Key<K>, usize>) -> Option<usize> {
    match step {
        Step::Make(key, _) if key.child.is_some() => made.get(&Key::top(key.kind.top(), &key.name)).copied(),
        Step::Make(..) | Step::Change(..) | Step::Remove(..) => None,
    }
}

/// What says how far a deploy has come does so at its own time.
fn marks<K: Kind>(step: &Step<K>) -> bool {
    step.key().kind == K::MARKER && names::is_marker(&step.key().name)
}
