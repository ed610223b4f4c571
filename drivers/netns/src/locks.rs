//! One lock per load balancer: the host calls from many threads, and two passes over one load balancer must not mix.
//!
//! Who only asks how a load balancer is does without: a pass that takes long must not keep anybody waiting.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};

#[derive(Debug, Default)]
pub struct Locks {
    by_id: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

impl Locks {
    /// The lock of one load balancer.
    #[must_use]
    pub fn of(&self, id: &str) -> Arc<Mutex<()>> {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds can be made again.
        if by_id.len() > 64 && by_id.len().is_power_of_two() {
            by_id.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(by_id.entry(id.to_owned()).or_default())
    }
}

/// A thread that panicked while it held the lock left nothing behind that the next pass does not observe itself.
pub fn hold(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None`: a pass is under way.
pub fn hold_now(lock: &Mutex<()>) -> Option<MutexGuard<'_, ()>> {
    match lock.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
