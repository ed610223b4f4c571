//! Who may work on the device at the same time: one call for each partition, and no more calls than sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

/// One lock for each partition: its load balancers share servers.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashMap<String, Arc<Mutex<()>>>>);

impl Locks {
    pub(crate) fn of(&self, partition: &str) -> Arc<Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(partition.to_owned()).or_default())
    }
}

/// Sessions that may still be opened.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Mutex<u16>,
    returned: Condvar,
}

/// Returned when dropped.
pub(crate) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(crate) fn new(count: u16) -> Self {
        Self { free: Mutex::new(count), returned: Condvar::new() }
    }

    /// Waits for one.
    pub(crate) fn take(&self) -> Slot<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.returned.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}
