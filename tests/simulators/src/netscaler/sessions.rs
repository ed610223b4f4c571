//! Sessions: a limit, an idle time that each login may choose, and a partition that each begins anew in `default`.

use std::{collections::BTreeMap, time::Duration};

use super::DEFAULT;

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) token: String,
    pub(crate) partition: String,
    idle: Duration,
    used: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    open: BTreeMap<String, Entry>,
    pub(crate) limit: usize,
    /// For logins that choose none.
    pub(crate) idle: Duration,
}

impl Default for Sessions {
    /// The vendor's: 20 sessions of one user, 15 minutes.
    fn default() -> Self {
        Self { open: BTreeMap::new(), limit: 20, idle: Duration::from_secs(900) }
    }
}

impl Sessions {
    /// False: there are too many.
    pub(crate) fn open(&mut self, token: &str, idle: Option<Duration>, now: Duration) -> bool {
        if !self.has_room(now) {
            return false;
        }
        let idle = idle.unwrap_or(self.idle);
        let entry = Entry { token: token.to_owned(), partition: DEFAULT.to_owned(), idle, used: now };
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
            DEFAULT.clone_into(&mut entry.partition);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    fn expire(&mut self, now: Duration) {
        self.open.retain(|_, entry| now.saturating_sub(entry.used) < entry.idle);
    }
}
