//! One lock per load balancer: the host calls from many threads, and two passes over one load balancer must not mix.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::counters::Totals;

/// What is remembered of a load balancer between two calls. Losing it costs nothing but a little accuracy.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// What the process with this pid had counted when it was last asked: all that is left when it dies.
    pub(crate) seen: Option<(i32, Totals)>,
}

#[derive(Debug, Default)]
pub(crate) struct Locks {
    by_id: Mutex<HashMap<String, Arc<Mutex<Remembered>>>>,
}

impl Locks {
    /// The lock of one load balancer.
    pub(crate) fn of(&self, id: &str) -> Arc<Mutex<Remembered>> {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds and that nothing is remembered of belong to load balancers that are gone.
        if by_id.len() > 64 && by_id.len().is_power_of_two() {
            by_id.retain(|_, lock| Arc::strong_count(lock) > 1 || hold(lock).seen.is_some());
        }
        Arc::clone(by_id.entry(id.to_owned()).or_default())
    }
}

/// A thread that panicked while it held the lock left nothing behind that the next pass does not observe itself.
pub(crate) fn hold(lock: &Mutex<Remembered>) -> MutexGuard<'_, Remembered> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
