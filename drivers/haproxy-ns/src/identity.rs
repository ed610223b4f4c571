//! Whom haproxy runs as: never root.
//!
//! Every load balancer has a user and a group of its own, so that one haproxy cannot signal or trace another, nor speak to
//! its socket. The number is kept in the load balancer's state. Where this user namespace does not map the range, all run
//! as the one user, and that is said.

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Each its own user and group, of one number.
    Own(UidRange),
    One(Identity),
    /// This process cannot change user, so haproxy runs as it does.
    Unchanged,
}

/// What users this process can change to: its user namespace's maps.
pub(crate) struct Mapped<'a> {
    pub(crate) uids: &'a str,
    pub(crate) gids: &'a str,
}

/// Hands out identities.
#[derive(Debug)]
pub(crate) struct Identities {
    rule: Rule,
    taken: Mutex<BTreeMap<String, u32>>,
}

impl Identities {
    /// # Errors
    /// INVALID_CONFIG when the one user or group is needed and does not exist.
    pub(crate) fn new(config: &Config, mapped: &Mapped<'_>) -> Result<Self, DriverError> {
        Ok(Self { rule: rule(config, mapped)?, taken: Mutex::default() })
    }

    /// What an operator has to know of it.
    pub(crate) fn warning(&self) -> Option<String> {
        match self.rule {
            Rule::Own(_) => None,
            Rule::One(Identity { uid, .. }) => Some(format!(
                "all haproxies run as user {uid}: this user namespace does not map uid_range, so one that is broken into \
                 reaches the others"
            )),
            Rule::Unchanged => {
                let own = Uid::effective();
                Some(format!("all haproxies run as user {own}, as this process cannot change to another user"))
            }
        }
    }

    /// One of those that haproxies run as here.
    pub(crate) fn anyone(&self) -> Option<Identity> {
        match self.rule {
            Rule::Own(range) => Some(own(range.first)),
            Rule::One(identity) => Some(identity),
            Rule::Unchanged => None,
        }
    }

    /// Whether a load balancer that ran as this one may go on so.
    pub(crate) fn suits(&self, identity: Option<Identity>) -> bool {
        match self.rule {
            Rule::Own(range) => identity.is_some_and(|one| range.contains(one.uid) && one.gid == one.uid),
            Rule::One(one) => identity == Some(one),
            Rule::Unchanged => identity.is_none(),
        }
    }

    /// Notes whom a load balancer that exists runs as.
    pub(crate) fn note(&self, id: &str, identity: Option<Identity>) {
        if let Some(identity) = identity {
            self.taken().insert(id.to_owned(), identity.uid);
        }
    }

    /// The identity of this load balancer: the one it has, or a free one.
    pub(crate) fn of(&self, id: &str) -> Result<Option<Identity>, DriverError> {
        let Rule::Own(range) = self.rule else { return Ok(self.anyone()) };
        let mut taken = self.taken();
        if let Some(uid) = taken.get(id).filter(|uid| range.contains(**uid)) {
            return Ok(Some(own(*uid)));
        }
        let used: BTreeSet<u32> = taken.values().copied().collect();
        let Some(uid) = (range.first..=range.last).find(|uid| !used.contains(uid)) else {
            let error = DriverError::unavailable("the host has no room for another load balancer");
            return Err(error.with_detail("every user id of uid_range is taken: widen the range"));
        };
        taken.insert(id.to_owned(), uid);
        Ok(Some(own(uid)))
    }

    pub(crate) fn forget(&self, id: &str) {
        self.taken().remove(id);
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn own(number: u32) -> Identity {
    Identity { uid: number, gid: number }
}

fn rule(config: &Config, mapped: &Mapped<'_>) -> Result<Rule, DriverError> {
    let UidRange { first, last } = config.uid_range;
    if !Uid::effective().is_root() {
        return Ok(Rule::Unchanged);
    }
    if is_mapped(mapped.uids, first, last) && is_mapped(mapped.gids, first, last) {
        return Ok(Rule::Own(config.uid_range));
    }
    let wrong = |key: &str, name: &str| DriverError::invalid_config(format!("{key}: there is no {name:?} here"));
    let user = User::from_name(&config.user).ok().flatten().ok_or_else(|| wrong("user", &config.user))?;
    let group =
        Group::from_name(&config.user_group).ok().flatten().ok_or_else(|| wrong("user_group", &config.user_group))?;
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
        let config = Config::default();
        let of = |uids, gids| Identities::new(&config, &Mapped { uids, gids }).unwrap();
        let whole = of(ALL, ALL);
        assert_eq!((whole.anyone(), whole.warning()), (Some(own(1_900_000_000)), None));
        let container = "0 100000 65536\n";
        for narrow in [of(container, container), of(ALL, container), of(container, ALL)] {
            assert_eq!(narrow.anyone().map(|one| one.uid), Some(65534));
            assert!(narrow.warning().unwrap().starts_with("all haproxies run as user 65534"));
        }
        // In a lab of an unprivileged user there is only one user to be.
        let alone = "0 1000 1\n";
        assert_eq!(of(alone, alone).anyone(), None);
        assert!(of(alone, alone).warning().is_some());
    }

    #[test]
    fn a_range_is_mapped_when_all_of_it_is() {
        assert!(is_mapped(ALL, 65534, 65534));
        assert!(!is_mapped("         0       1000          1\n", 65534, 65534));
        assert!(!is_mapped("0 100000 65536\n", 65000, 65536));
    }
}
