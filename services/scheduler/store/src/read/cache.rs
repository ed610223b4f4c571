//! Load balancers that are held in memory, as they were committed.
//!
//! What is held proves nothing by itself. Each save gives a load balancer's row another stamp, by chance: who finds the
//! row with the stamp of what is held, in the transaction that asks, has what is stored. No order of events has to be
//! right for that: not what other schedulers do, nor whether a database was put back as it was.
//!
//! What a transaction has seen and saved is its own until it is committed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ballast_model::{
    ids::{LoadBalancerId, SubnetId},
    load_balancer::LoadBalancer,
};
use hashlink::LruCache;

/// How much of load balancers is held in memory, in objects that they are made of: those that were not used for the
/// longest time go first. It is bounded by objects, not by bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// None are held when it is 0.
    pub most: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { most: 100_000 }
    }
}

/// The stamp of a row that was not saved since rows have stamps.
const NONE: i64 = 0;

/// Another stamp than any that there is.
pub(crate) fn stamp() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "nothing depends on it but that it is no other's")]
    let stamp = rand::random::<i64>();
    if stamp == NONE { 1 } else { stamp }
}

/// A load balancer as it is, or was, stored.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) stamp: i64,
    pub(crate) load_balancer: LoadBalancer,
}

/// In objects, itself among them.
fn size(held: &Held) -> usize {
    1 + held.load_balancer.size()
}

/// What is held for all.
#[derive(Debug)]
pub(crate) struct Cache {
    memory: Memory,
    shelf: Mutex<Shelf>,
    chosen: Chosen,
}

/// The address that was chosen last in a subnet, while none has become free since: the next one is behind it, and the subnet
/// need not be looked through. Whether that one is free is asked, so it may be wrong.
#[derive(Debug, Default)]
pub(crate) struct Chosen(Mutex<HashMap<SubnetId, IpAddr>>);

impl Chosen {
    fn all(&self) -> MutexGuard<'_, HashMap<SubnetId, IpAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn last(&self, subnet_id: SubnetId) -> Option<IpAddr> {
        self.all().get(&subnet_id).copied()
    }

    pub(crate) fn choose(&self, subnet_id: SubnetId, address: IpAddr) {
        self.all().insert(subnet_id, address);
    }

    /// Some address became free: the lowest one is looked for again.
    pub(crate) fn forget(&self) {
        self.all().clear();
    }
}

#[derive(Debug)]
struct Shelf {
    held: LruCache<LoadBalancerId, Held>,
    size: usize,
}

impl Shelf {
    fn get(&mut self, id: LoadBalancerId) -> Option<Held> {
        self.held.get(&id).cloned()
    }

    fn remove(&mut self, id: LoadBalancerId) {
        if let Some(gone) = self.held.remove(&id) {
            self.size -= size(&gone);
        }
    }

    fn put(&mut self, held: Held, most: usize) {
        let id = held.load_balancer.id;
        self.remove(id);
        self.size += size(&held);
        self.held.insert(id, held);
        while self.size > most {
            let Some((_, oldest)) = self.held.remove_lru() else { return };
            self.size -= size(&oldest);
        }
    }
}

impl Cache {
    pub(crate) fn new(memory: Memory) -> Arc<Self> {
        let shelf = Mutex::new(Shelf { held: LruCache::new_unbounded(), size: 0 });
        Arc::new(Self { memory, shelf, chosen: Chosen::default() })
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_kept(&self, held: &Held) -> bool {
        held.stamp != NONE && size(held) <= self.memory.most
    }
}

/// By load balancer; none: it is not to be held.
type Changes = HashMap<LoadBalancerId, Option<Held>>;

/// What a transaction that writes has seen and saved.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    work: Changes,
    /// By the work before it that was done.
    before: Changes,
}

/// A transaction's side of the cache.
#[derive(Debug)]
pub(crate) struct Desk {
    cache: Arc<Cache>,
    /// None: it only reads.
    seen: Option<Mutex<Seen>>,
}

impl Desk {
    /// The addresses that were chosen last.
    pub(crate) fn chosen(&self) -> &Chosen {
        &self.cache.chosen
    }

    pub(crate) fn of_reader(cache: &Arc<Cache>) -> Self {
        Self { cache: Arc::clone(cache), seen: None }
    }

    pub(crate) fn of_writer(cache: &Arc<Cache>) -> Self {
        Self { cache: Arc::clone(cache), seen: Some(Mutex::default()) }
    }

    fn seen(&self) -> Option<MutexGuard<'_, Seen>> {
        self.seen.as_ref().map(|seen| seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What may be stored still.
    pub(crate) fn held(&self, id: LoadBalancerId) -> Option<Held> {
        self.own(id).or_else(|| self.cache.shelf().get(id))
    }

    /// The same of what this transaction has seen or saved itself.
    fn own(&self, id: LoadBalancerId) -> Option<Held> {
        let seen = self.seen()?;
        seen.work.get(&id).or_else(|| seen.before.get(&id))?.clone()
    }

    /// This is what is stored.
    pub(crate) fn found(&self, held: Held) {
        if !self.cache.is_kept(&held) {
            return;
        }
        if let Some(mut seen) = self.seen() {
            seen.work.insert(held.load_balancer.id, Some(held));
            return;
        }
        let mut shelf = self.cache.shelf();
        let newer = |known: &Held| known.load_balancer.generation > held.load_balancer.generation;
        // A reader may look at what was stored some time ago.
        if !shelf.held.peek(&held.load_balancer.id).is_some_and(newer) {
            shelf.put(held, self.cache.memory.most);
        }
    }

    /// What is held is what is stored.
    pub(crate) fn proven(&self, held: Held) {
        if let Some(mut seen) = self.seen() {
            seen.work.insert(held.load_balancer.id, Some(held));
        }
    }

    /// This was stored as a new one, with this stamp. A monitor is stored apart: it may be another already.
    pub(crate) fn inserted(&self, stamp: i64, load_balancer: &LoadBalancer) {
        if load_balancer.pools.iter().all(|pool| pool.monitors.is_empty()) {
            self.found(Held { stamp, load_balancer: load_balancer.clone() });
        }
    }

    /// This was saved in the place of `before`, with this stamp.
    pub(crate) fn saved(&self, stamp: i64, before: &LoadBalancer, after: &LoadBalancer) {
        // What was loaded elsewhere may lack what others saved since.
        let was_stored = self.own(before.id).is_some_and(|held| held.load_balancer == *before);
        let held = Held { stamp, load_balancer: after.clone() };
        let held = (was_stored && self.cache.is_kept(&held)).then_some(held);
        if let Some(mut seen) = self.seen() {
            seen.work.insert(after.id, held);
        }
    }

    /// It is not what it was.
    pub(crate) fn forget(&self, id: LoadBalancerId) {
        if let Some(mut seen) = self.seen() {
            seen.work.insert(id, None);
        }
    }

    /// Work begins: what was seen by such that failed is forgotten.
    pub(crate) fn begin(&self) {
        if let Some(mut seen) = self.seen() {
            seen.work.clear();
        }
    }

    /// The work is done.
    pub(crate) fn keep(&self) {
        if let Some(mut seen) = self.seen() {
            let work = std::mem::take(&mut seen.work);
            seen.before.extend(work);
        }
    }

    /// What was done, to be given to all once it is committed.
    pub(crate) fn done(&self) -> Done {
        let seen = self.seen().map(|mut seen| std::mem::take(&mut *seen)).unwrap_or_default();
        Done { cache: Arc::clone(&self.cache), changes: seen.before }
    }
}

/// What a transaction has done.
#[must_use]
pub(crate) struct Done {
    cache: Arc<Cache>,
    changes: Changes,
}

impl Done {
    /// It is committed.
    pub(crate) fn publish(self) {
        let mut shelf = self.cache.shelf();
        for (id, held) in self.changes {
            match held {
                Some(held) => shelf.put(held, self.cache.memory.most),
                None => shelf.remove(id),
            }
        }
    }
}

#[cfg(test)]
mod tests;
