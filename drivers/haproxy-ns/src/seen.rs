//! How processes were when they were last asked. Kept in memory only.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{counters::Counted, haproxy::servers::Members};

/// How a process was when it was last asked.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    pub(crate) pid: i32,
    pub(crate) counted: Counted,
    /// Whether a member was up, where that was known.
    pub(crate) health: Members<bool>,
}

/// How processes were when they were last asked. Losing it costs nothing but a little accuracy.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<String, Glance>>);

impl Seen {
    pub(crate) fn of(&self, id: &str) -> Option<Glance> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn note(&self, id: &str, glance: Glance) {
        self.lock().insert(id.to_owned(), glance);
    }

    pub(crate) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Glance>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
