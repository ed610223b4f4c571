//! Sessions: a limit, an idle time, and a partition that each begins anew in `shared`.

use std::{collections::BTreeMap, time::Duration};

use super::SHARED;

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) token: String,
    pub(crate) partition: String,
    used: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    open: BTreeMap<String, Entry>,
    pub(crate) limit: usize,
    pub(crate) idle: Duration,
}

impl Default for Sessions {
    /// The vendor's defaults.
    fn default() -> Self {
        Self { open: BTreeMap::new(), limit: 30, idle: Duration::from_secs(600) }
    }
}

impl Sessions {
    /// False: there are too many.
    pub(crate) fn open(&mut self, token: &str, now: Duration) -> bool {
        self.expire(now);
        if self.open.len() >= self.limit {
            return false;
        }
        let entry = Entry { token: token.to_owned(), partition: SHARED.to_owned(), used: now };
        self.open.insert(token.to_owned(), entry);
        true
    }

    /// The session, used now; none when it has ended.
    pub(crate) fn touch(&mut self, token: &str, now: Duration) -> Option<Entry> {
        self.expire(now);
        let entry = self.open.get_mut(token)?;
        entry.used = now;
        Some(entry.clone())
    }

    pub(crate) fn find(&self, token: &str) -> Option<&Entry> {
        self.open.get(token)
    }

    pub(crate) fn choose(&mut self, token: &str, partition: &str) {
        if let Some(entry) = self.open.get_mut(token) {
            partition.clone_into(&mut entry.partition);
        }
    }

    /// Ends those that have chosen a partition which is no more.
    pub(crate) fn leave(&mut self, partition: &str) {
        self.open.retain(|_, entry| entry.partition != partition);
    }

    pub(crate) fn close(&mut self, token: &str) {
        self.open.remove(token);
    }

    pub(crate) fn close_all(&mut self) {
        self.open.clear();
    }

    /// Puts all back to where they began.
    pub(crate) fn lead_astray(&mut self) {
        for entry in self.open.values_mut() {
            SHARED.clone_into(&mut entry.partition);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    fn expire(&mut self, now: Duration) {
        let idle = self.idle;
        self.open.retain(|_, entry| idle.is_zero() || now.saturating_sub(entry.used) < idle);
    }
}
