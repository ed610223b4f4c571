//! Changes of load balancers that are followed, until an agent is told of them. In memory and bounded: what is not found here
//! any more is delivered like everything else, and its trace ends with the commit.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ballast_model::{counters::Generation, ids::LoadBalancerId};
use ballast_traces::Origin;
use hashlink::LinkedHashMap;

/// Load balancers of which something is kept; the one that changed longest ago goes first.
const MOST: usize = 1_024;
/// Changes of one.
const MOST_OF_ONE: usize = 16;

/// Those that are committed.
#[derive(Debug, Default)]
pub(crate) struct OnTheirWay(Mutex<LinkedHashMap<LoadBalancerId, Vec<(Generation, Origin)>>>);

impl OnTheirWay {
    fn add(&self, changes: Vec<Change>) {
        let mut all = locked(&self.0);
        for Change { id, generation, origin } in changes {
            let mut of_one = all.remove(&id).unwrap_or_default();
            of_one.retain(|(other, _)| *other != generation);
            of_one.push((generation, origin));
            of_one.drain(..of_one.len().saturating_sub(MOST_OF_ONE));
            all.insert(id, of_one);
        }
        while all.len() > MOST {
            all.pop_front();
        }
    }

    /// The newest of a load balancer, which stays.
    pub(crate) fn newest(&self, id: LoadBalancerId) -> Option<Origin> {
        let all = locked(&self.0);
        let newest = all.get(&id)?.iter().max_by_key(|(generation, _)| *generation);
        newest.map(|(_, origin)| origin.clone())
    }

    /// Those of a load balancer up to this generation, the newest last: they are delivered now.
    pub(crate) fn take(&self, id: LoadBalancerId, generation: Generation) -> Vec<Origin> {
        // Most have none, and are not asked twice.
        let mut all = locked(&self.0);
        let Some(mut of_one) = all.remove(&id) else { return Vec::new() };
        of_one.sort_by_key(|(generation, _)| *generation);
        let later = of_one.split_off(of_one.partition_point(|(of, _)| *of <= generation));
        if !later.is_empty() {
            all.insert(id, later);
        }
        of_one.into_iter().map(|(_, origin)| origin).collect()
    }
}

/// A change, and what it comes from.
#[derive(Debug)]
struct Change {
    id: LoadBalancerId,
    generation: Generation,
    origin: Origin,
}

/// Those of a transaction: of the work that is being done, and of what was done before it. Dropped, they were undone.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    to: Option<Arc<OnTheirWay>>,
    work: Mutex<Vec<Change>>,
    before: Mutex<Vec<Change>>,
}

impl Traces {
    pub(crate) fn told_to(way: Arc<OnTheirWay>) -> Self {
        Self { to: Some(way), ..Self::default() }
    }

    /// The load balancer has this generation now, because of what this thread does.
    pub(crate) fn add(&self, id: LoadBalancerId, generation: Generation) {
        if let Some(origin) = Origin::current() {
            locked(&self.work).push(Change { id, generation, origin });
        }
    }

    /// Work begins: what was not kept was undone.
    pub(crate) fn begin(&self) {
        locked(&self.work).clear();
    }

    /// The work is done.
    pub(crate) fn keep(&self) {
        locked(&self.before).append(&mut locked(&self.work));
    }

    /// All that is to be committed; it is told by what is returned, after that.
    pub(crate) fn take(&self) -> impl FnOnce() + Send + use<> {
        let (changes, to) = (mem::take(&mut *locked(&self.before)), self.to.clone());
        move || {
            if let (Some(way), false) = (to, changes.is_empty()) {
                way.add(changes);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: LoadBalancerId = LoadBalancerId::from_u128(1);

    fn origin(number: u64) -> Origin {
        Origin::read(&format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{number:016x}-01")).unwrap()
    }

    fn change(id: u128, generation: u64) -> Change {
        Change { id: LoadBalancerId::from_u128(id), generation: generation.into(), origin: origin(generation) }
    }

    #[test]
    fn what_is_delivered_are_the_changes_up_to_it_the_newest_last() {
        let way = OnTheirWay::default();
        way.add(vec![change(1, 2), change(1, 1), change(1, 4), change(2, 3)]);
        assert_eq!(way.take(ONE, 3.into()), [origin(1), origin(2)]);
        assert!(way.take(ONE, 3.into()).is_empty(), "twice");
        assert_eq!((way.newest(ONE), way.newest(ONE)), (Some(origin(4)), Some(origin(4))));
        assert_eq!(way.take(ONE, 4.into()), [origin(4)]);
        assert_eq!(way.newest(ONE), None);
        assert_eq!(locked(&way.0).len(), 1);
    }

    #[test]
    fn no_more_is_kept_than_is_bounded() {
        let way = OnTheirWay::default();
        way.add((1..=100).map(|generation| change(1, generation)).collect());
        assert_eq!(way.take(ONE, 100.into()).len(), MOST_OF_ONE);
        way.add((0..MOST as u128 * 2).map(|id| change(id, 1)).collect());
        assert_eq!(locked(&way.0).len(), MOST);
        assert!(way.take(LoadBalancerId::from_u128(0), 1.into()).is_empty());
    }

    #[test]
    fn what_is_undone_is_not_told() {
        let way = Arc::<OnTheirWay>::default();
        let traces = Traces::told_to(Arc::clone(&way));
        locked(&traces.work).push(change(1, 1));
        traces.begin();
        locked(&traces.work).push(change(1, 2));
        traces.keep();
        locked(&traces.work).push(change(1, 3));
        traces.begin();
        traces.take()();
        assert_eq!(way.take(ONE, 9.into()), [origin(2)]);
    }
}
