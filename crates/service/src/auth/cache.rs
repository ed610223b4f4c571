//! What Keystone said about tokens: so many at most, by the SHA-256 of each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use super::{Fingerprint, Identity};

/// What is known of a token.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) identity: Arc<Identity>,
    pub(super) expires_at: SystemTime,
    pub(super) validated_at: SystemTime,
}

/// How far an entry can be believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Belief {
    Nothing,
    /// Valid when it was last asked about, and not expired; it may have been revoked.
    Stale(Arc<Identity>),
    Fresh(Arc<Identity>),
}

pub(super) struct Cache {
    size: usize,
    fresh_for: Duration,
    entries: Mutex<HashMap<Fingerprint, Entry>>,
}

impl Cache {
    pub(super) fn new(size: usize, fresh_for: Duration) -> Self {
        Self { size, fresh_for, entries: Mutex::default() }
    }

    pub(super) fn get(&self, token: &Fingerprint, now: SystemTime) -> Belief {
        let mut entries = self.lock();
        let Some(entry) = entries.get(token) else { return Belief::Nothing };
        if entry.expires_at <= now {
            entries.remove(token);
            return Belief::Nothing;
        }
        // A clock that was put back makes everything stale.
        let age = now.duration_since(entry.validated_at).unwrap_or(Duration::MAX);
        let identity = Arc::clone(&entry.identity);
        if age < self.fresh_for { Belief::Fresh(identity) } else { Belief::Stale(identity) }
    }

    /// When there is no room, what has expired goes, else the one that was validated longest ago.
    pub(super) fn put(&self, token: Fingerprint, entry: Entry, now: SystemTime) {
        let mut entries = self.lock();
        if entries.len() >= self.size && !entries.contains_key(&token) {
            entries.retain(|_, entry| entry.expires_at > now);
            if entries.len() >= self.size {
                let oldest = entries.iter().min_by_key(|(_, entry)| entry.validated_at).map(|(token, _)| *token);
                oldest.and_then(|oldest| entries.remove(&oldest));
            }
        }
        entries.insert(token, entry);
    }

    pub(super) fn forget(&self, token: &Fingerprint) {
        self.lock().remove(token);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Roles;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn entry(validated: u64, expires: u64) -> Entry {
        let identity = Identity { project_id: "p".to_owned(), user: "u".to_owned(), roles: Roles::MEMBER };
        Entry { identity: Arc::new(identity), expires_at: at(expires), validated_at: at(validated) }
    }

    #[test]
    fn an_entry_ages_and_ends_with_its_token() {
        let cache = Cache::new(10, Duration::from_secs(60));
        cache.put([1; 32], entry(1_000, 2_000), at(1_000));
        assert!(matches!(cache.get(&[1; 32], at(1_059)), Belief::Fresh(_)));
        assert!(matches!(cache.get(&[1; 32], at(1_060)), Belief::Stale(_)));
        assert!(matches!(cache.get(&[1; 32], at(999)), Belief::Stale(_)), "the clock was put back");
        assert_eq!(cache.get(&[1; 32], at(2_000)), Belief::Nothing);
        assert_eq!(cache.get(&[2; 32], at(1_000)), Belief::Nothing);
    }

    #[test]
    fn it_is_bounded_and_gives_up_the_expired_before_the_oldest() {
        let cache = Cache::new(2, Duration::from_secs(60));
        cache.put([1; 32], entry(1_000, 1_010), at(1_000));
        cache.put([2; 32], entry(900, 2_000), at(1_000));
        cache.put([3; 32], entry(1_020, 2_000), at(1_020));
        assert!(cache.get(&[2; 32], at(1_020)) != Belief::Nothing && cache.lock().len() == 2);
        cache.put([4; 32], entry(1_020, 2_000), at(1_020));
        assert_eq!(cache.get(&[2; 32], at(1_020)), Belief::Nothing);
        assert_eq!(cache.lock().len(), 2);
    }
}
