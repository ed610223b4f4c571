//! Whom the processes of a load balancer run as: never root.
//!
//! Every load balancer has a user and a group of its own, so that a process of one cannot signal or trace another's, nor
//! speak to its socket. Who uses this keeps the number. Where this user namespace does not map the range, all run as the
//! one user, and that is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use nix::unistd::{Group, Uid, User};
use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
}

/// An inclusive range of user ids.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct UidRange {
    pub first: u32,
    pub last: u32,
}

/// Outside of what systemd gives to dynamic users and containers, and of what subordinate ids are taken from.
impl Default for UidRange {
    fn default() -> Self {
        Self { first: 1_900_000_000, last: 1_900_065_535 }
    }
}

impl UidRange {
    fn contains(self, uid: u32) -> bool {
        (self.first..=self.last).contains(&uid)
    }
}

impl TryFrom<String> for UidRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.split_once('-').and_then(|(first, last)| {
            Some(Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? })
        });
        match parsed {
            Some(range) if range.first > 0 && range.first <= range.last => Ok(range),
            _ => Err(format!("{text:?} is no range of user ids: write it as \"200000-265535\", without 0")),
        }
    }
}

/// Whom processes may run as.
#[derive(Clone, Copy, Debug)]
pub struct Users<'a> {
    /// One of these for each load balancer.
    pub range: UidRange,
    /// Where the range is not mapped.
    pub user: &'a str,
    pub group: &'a str,
}

/// The one user or group that all are to run as is not here.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum Unknown {
    #[error("there is no user {0:?} here")]
    User(String),
    #[error("there is no group {0:?} here")]
    Group(String),
}

/// Every user id of the range is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[error("every user id of the range is taken")]
pub struct Taken;

/// All run as one user, so a process that is broken into reaches the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// This user namespace does not map the range.
    Unmapped(u32),
    /// This process, which runs as this user, cannot change to another.
    Unchanged(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Each its own user and group, of one number.
    Own(UidRange),
    One(Identity),
    /// This process cannot change user, so what it starts runs as it does.
    Unchanged,
}

/// What users this process can change to: its user namespace's maps.
pub struct Mapped<'a> {
    pub uids: &'a str,
    pub gids: &'a str,
}

/// Hands out identities.
#[derive(Debug)]
pub struct Identities {
    rule: Rule,
    taken: Mutex<BTreeMap<String, u32>>,
}

impl Identities {
    /// # Errors
    /// When the one user or group is needed and does not exist.
    pub fn new(users: Users<'_>, mapped: &Mapped<'_>) -> Result<Self, Unknown> {
        Ok(Self { rule: rule(users, mapped)?, taken: Mutex::default() })
    }

    /// Whether all run as one.
    #[must_use]
    pub fn shared(&self) -> Option<Shared> {
        match self.rule {
            Rule::Own(_) => None,
            Rule::One(Identity { uid, .. }) => Some(Shared::Unmapped(uid)),
            Rule::Unchanged => Some(Shared::Unchanged(Uid::effective().as_raw())),
        }
    }

    /// One of those that processes run as here.
    #[must_use]
    pub fn anyone(&self) -> Option<Identity> {
        match self.rule {
            Rule::Own(range) => Some(own(range.first)),
            Rule::One(identity) => Some(identity),
            Rule::Unchanged => None,
        }
    }

    /// Whether a load balancer that ran as this one may go on so.
    #[must_use]
    pub fn suits(&self, identity: Option<Identity>) -> bool {
        match self.rule {
            Rule::Own(range) => identity.is_some_and(|one| range.contains(one.uid) && one.gid == one.uid),
            Rule::One(one) => identity == Some(one),
            Rule::Unchanged => identity.is_none(),
        }
    }

    /// Notes whom a load balancer that exists runs as.
    pub fn note(&self, id: &str, identity: Option<Identity>) {
        if let Some(identity) = identity {
            self.taken().insert(id.to_owned(), identity.uid);
        }
    }

    /// The identity of this load balancer: the one it has, or a free one.
    ///
    /// # Errors
    /// When none is free.
    pub fn of(&self, id: &str) -> Result<Option<Identity>, Taken> {
        let Rule::Own(range) = self.rule else { return Ok(self.anyone()) };
        let mut taken = self.taken();
        if let Some(uid) = taken.get(id).filter(|uid| range.contains(**uid)) {
            return Ok(Some(own(*uid)));
        }
        let used: BTreeSet<u32> = taken.values().copied().collect();
        let uid = (range.first..=range.last).find(|uid| !used.contains(uid)).ok_or(Taken)?;
        taken.insert(id.to_owned(), uid);
        Ok(Some(own(uid)))
    }

    pub fn forget(&self, id: &str) {
        self.taken().remove(id);
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn own(number: u32) -> Identity {
    Identity { uid: number, gid: number }
}

fn rule(users: Users<'_>, mapped: &Mapped<'_>) -> Result<Rule, Unknown> {
    let UidRange { first, last } = users.range;
    if !Uid::effective().is_root() {
        return Ok(Rule::Unchanged);
    }
    if is_mapped(mapped.uids, first, last) && is_mapped(mapped.gids, first, last) {
        return Ok(Rule::Own(users.range));
    }
    let user = User::from_name(users.user).ok().flatten().ok_or_else(|| Unknown::User(users.user.to_owned()))?;
    let group = Group::from_name(users.group).ok().flatten().ok_or_else(|| Unknown::Group(users.group.to_owned()))?;
    let (uid, gid) = (user.uid.as_raw(), group.gid.as_raw());
    let possible = is_mapped(mapped.uids, uid, uid) && is_mapped(mapped.gids, gid, gid);
    Ok(if possible { Rule::One(Identity { uid, gid }) } else { Rule::Unchanged })
}

/// Whether these ids exist in this user namespace, by its `/proc/self/uid_map` or `gid_map`.
fn is_mapped(map: &str, first: u32, last: u32) -> bool {
    map.lines().any(|line| {
        let mut words = line.split_whitespace().map(|word| word.parse::<u64>().unwrap_or(0));
        let (begin, _, count) = (words.next().unwrap_or(0), words.next(), words.next().unwrap_or(0));
        begin <= u64::from(first) && u64::from(last) < begin + count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "         0          0 4294967295\n";

    fn identities(first: u32, last: u32) -> Identities {
        Identities { rule: Rule::Own(UidRange { first, last }), taken: Mutex::default() }
    }

    #[test]
    fn each_load_balancer_keeps_a_user_and_a_group_of_its_own() {
        let identities = identities(10, 11);
        identities.note("old", Some(own(10)));
        let one = identities.of("one").unwrap().unwrap();
        assert_eq!(one, own(11));
        assert_eq!(identities.of("one").unwrap().unwrap(), one);
        assert!(identities.of("two").is_err());
        identities.forget("old");
        assert_eq!(identities.of("two").unwrap().unwrap().uid, 10);
    }

    #[test]
    fn who_ran_as_the_one_user_gets_a_user_of_its_own() {
        let identities = identities(10, 11);
        let nobody = Some(Identity { uid: 65534, gid: 65534 });
        identities.note("old", nobody);
        assert!(!identities.suits(nobody) && !identities.suits(None));
        assert!(!identities.suits(Some(Identity { uid: 10, gid: 65534 })));
        assert!(identities.suits(identities.of("old").unwrap()));
    }

    #[test]
    fn by_default_the_range_is_nobody_elses_and_where_it_is_not_mapped_all_are_the_one_user_and_that_is_said() {
        if !Uid::effective().is_root() {
            return ballast_lab::not_run("by_default_the_range_is_nobody_elses", "it needs root");
        }
        let users = Users { range: UidRange::default(), user: "nobody", group: "nogroup" };
        let of = |uids, gids| Identities::new(users, &Mapped { uids, gids }).unwrap();
        let whole = of(ALL, ALL);
        assert_eq!((whole.anyone(), whole.shared()), (Some(own(1_900_000_000)), None));
        let container = "0 100000 65536\n";
        for narrow in [of(container, container), of(ALL, container), of(container, ALL)] {
            assert_eq!(narrow.anyone().map(|one| one.uid), Some(65534));
            assert_eq!(narrow.shared(), Some(Shared::Unmapped(65534)));
        }
        // In a lab of an unprivileged user there is only one user to be.
        let alone = "0 1000 1\n";
        assert_eq!(of(alone, alone).anyone(), None);
        assert_eq!(of(alone, alone).shared(), Some(Shared::Unchanged(0)));
        let strange = Users { user: "no such user", ..users };
        let unknown = Identities::new(strange, &Mapped { uids: alone, gids: alone }).unwrap_err();
        assert_eq!(unknown, Unknown::User("no such user".to_owned()));
    }

    #[test]
    fn a_uid_range_is_read_and_root_is_not_in_it() {
        let read = |text: &str| UidRange::try_from(text.to_owned());
        assert_eq!(read("1000-2000"), Ok(UidRange { first: 1000, last: 2000 }));
        for bad in ["0-10", "10-5", "10", ""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_is_mapped_when_all_of_it_is() {
        assert!(is_mapped(ALL, 65534, 65534));
        assert!(!is_mapped("         0       1000          1\n", 65534, 65534));
        assert!(!is_mapped("0 100000 65536\n", 65000, 65536));
    }
}
