//! Whom haproxy runs as: never root.
//!
//! With `uid_range` every load balancer has a user of its own, so that one haproxy cannot signal or trace another. The
//! number is kept in the load balancer's state, because an old process can only be told to stop by one of its own user.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use ballast_abi::DriverError;
use nix::unistd::{Group, Uid, User};
use serde::{Deserialize, Serialize};

use crate::config::{Config, UidRange};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Hands out identities.
#[derive(Debug)]
pub(crate) struct Identities {
    /// `None`: this process cannot change user, so haproxy runs as it does.
    shared: Option<Identity>,
    range: Option<UidRange>,
    taken: Mutex<BTreeMap<String, u32>>,
}

impl Identities {
    /// # Errors
    /// INVALID_CONFIG when the user or group does not exist.
    pub(crate) fn new(config: &Config, uid_map: &str) -> Result<Self, DriverError> {
        let wrong = |key: &str, name: &str| DriverError::invalid_config(format!("{key}: there is no {name:?} here"));
        let user = User::from_name(&config.user).ok().flatten().ok_or_else(|| wrong("user", &config.user))?;
        let group = Group::from_name(&config.user_group)
            .ok()
            .flatten()
            .ok_or_else(|| wrong("user_group", &config.user_group))?;
        let (uid, gid) = (user.uid.as_raw(), group.gid.as_raw());
        let highest = config.uid_range.map_or(uid, |range| range.last);
        let shared = if Uid::effective().is_root() && is_mapped(uid_map, highest) && is_mapped(uid_map, uid) {
            Some(Identity { uid, gid })
        } else {
            tracing::warn!("this process cannot change to another user: haproxy runs as user {}", Uid::effective());
            None
        };
        Ok(Self { shared, range: config.uid_range, taken: Mutex::default() })
    }

    /// One of those that haproxies run as here.
    pub(crate) fn anyone(&self) -> Option<Identity> {
        self.shared.map(|shared| Identity { uid: self.range.map_or(shared.uid, |range| range.first), ..shared })
    }

    /// Notes whom a load balancer that exists runs as.
    pub(crate) fn note(&self, id: &str, identity: Option<Identity>) {
        if let Some(identity) = identity {
            self.taken().insert(id.to_owned(), identity.uid);
        }
    }

    /// The identity of this load balancer: the one it has, or a free one.
    pub(crate) fn of(&self, id: &str) -> Result<Option<Identity>, DriverError> {
        let (Some(shared), Some(range)) = (self.shared, self.range) else {
            return Ok(self.shared);
        };
        let mut taken = self.taken();
        if let Some(uid) = taken.get(id).filter(|uid| (range.first..=range.last).contains(uid)) {
            return Ok(Some(Identity { uid: *uid, ..shared }));
        }
        let used: BTreeSet<u32> = taken.values().copied().collect();
        let Some(uid) = (range.first..=range.last).find(|uid| !used.contains(uid)) else {
            let error = DriverError::unavailable("the host has no room for another load balancer");
            return Err(error.with_detail("every user id of uid_range is taken: widen the range"));
        };
        taken.insert(id.to_owned(), uid);
        Ok(Some(Identity { uid, ..shared }))
    }

    pub(crate) fn forget(&self, id: &str) {
        self.taken().remove(id);
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a user id exists in this user namespace, by its `/proc/self/uid_map`.
fn is_mapped(uid_map: &str, uid: u32) -> bool {
    uid_map.lines().any(|line| {
        let mut words = line.split_whitespace().map(|word| word.parse::<u64>().unwrap_or(0));
        let (first, _, count) = (words.next().unwrap_or(0), words.next(), words.next().unwrap_or(0));
        (first..first + count).contains(&u64::from(uid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identities(range: Option<UidRange>) -> Identities {
        Identities { shared: Some(Identity { uid: 65534, gid: 65534 }), range, taken: Mutex::default() }
    }

    #[test]
    fn each_load_balancer_keeps_a_user_of_its_own() {
        let identities = identities(Some(UidRange { first: 10, last: 11 }));
        identities.note("old", Some(Identity { uid: 10, gid: 1 }));
        let one = identities.of("one").unwrap().unwrap();
        assert_eq!(one.uid, 11);
        assert_eq!(identities.of("one").unwrap().unwrap(), one);
        assert!(identities.of("two").is_err());
        identities.forget("old");
        assert_eq!(identities.of("two").unwrap().unwrap().uid, 10);
    }

    #[test]
    fn without_a_range_all_share_one_user() {
        let identities = identities(None);
        assert_eq!(identities.of("one").unwrap(), identities.of("two").unwrap());
    }

    #[test]
    fn a_user_that_the_namespace_does_not_map_is_told() {
        assert!(is_mapped("         0          0 4294967295\n", 65534));
        assert!(!is_mapped("         0       1000          1\n", 65534));
    }
}
