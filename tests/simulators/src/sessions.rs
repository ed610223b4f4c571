//! Sessions of a device: a limit, an idle time that a login may choose, and a partition, which each begins in the same one.

use std::{collections::BTreeMap, time::Duration};

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) token: String,
    pub(crate) partition: String,
    /// None: the device's.
    idle: Option<Duration>,
    used: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    open: BTreeMap<String, Entry>,
    /// Where each begins.
    first: &'static str,
    pub(crate) limit: usize,
    /// For logins that choose none; zero: for ever.
    pub(crate) idle: Duration,
}

impl Sessions {
    pub(crate) fn new(first: &'static str, limit: usize, idle: Duration) -> Self {
        Self { open: BTreeMap::new(), first, limit, idle }
    }

    /// False: there are too many.
    pub(crate) fn open(&mut self, token: &str, idle: Option<Duration>, now: Duration) -> bool {
        if !self.has_room(now) {
            return false;
        }
        let entry = Entry { token: token.to_owned(), partition: self.first.to_owned(), idle, used: now };
        self.open.insert(token.to_owned(), entry);
        true
    }

    pub(crate) fn has_room(&mut self, now: Duration) -> bool {
        self.expire(now);
        self.open.len() < self.limit
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
            self.first.clone_into(&mut entry.partition);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    fn expire(&mut self, now: Duration) {
        self.open.retain(|_, entry| {
            let idle = entry.idle.unwrap_or(self.idle);
            idle.is_zero() || now.saturating_sub(entry.used) < idle
        });
    }
}
