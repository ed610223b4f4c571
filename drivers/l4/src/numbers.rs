//! The numbers of listeners and members, of which marks are made. To be kept on disk, with the rule set's generation.
//!
//! A number is not given again while flows with it may live, and the counters of what is gone stay until somebody has read
//! them for the last time: both end with [`Numbers::release`]. Numbers go round through all of 16 bits, so that what a client
//! is remembered for is long forgotten when one comes again.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use crate::{
    desired::{Listener, Service},
    mark::Mark,
    statistics::{Counters, Pooled, Totals},
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Of the last rule set that was laid out.
    pub(crate) generation: u64,
    last: u16,
    listeners: BTreeMap<String, Numbered>,
    retired: BTreeMap<Mark, Owner>,
    /// What members that were released have counted, by their listeners.
    released: BTreeMap<String, Totals>,
    /// The same of listeners that are gone.
    gone: Totals,
    /// The same by pool and member, whichever listener it was. Notes of former releases lack it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    released_pools: BTreeMap<String, Pooled>,
}

/// A listener and its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Numbered {
    number: u16,
    last: u16,
    /// Notes of former releases lack it.
    #[serde(default)]
    pool: String,
    members: BTreeMap<String, Seat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seat {
    number: u16,
    /// With another address it is another member: flows go on to where they were sent.
    address: SocketAddr,
}

/// Whose a mark is or was, by their ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    pub listener: String,
    /// Empty: a former release has noted it.
    #[serde(default)]
    pub pool: String,
    pub member: String,
}

/// All 65,535 numbers are in use.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("there are too many {what}")]
pub struct TooMany {
    what: &'static str,
}

impl Numbers {
    /// Gives numbers to all that is new, and retires those of what is gone.
    ///
    /// # Errors
    /// There are none left. What was given stays given.
    pub fn assign(&mut self, service: &Service) -> Result<(), TooMany> {
        let wanted: BTreeSet<&str> = service.listeners.iter().map(|listener| listener.id.as_str()).collect();
        let gone: Vec<String> = self.listeners.keys().filter(|id| !wanted.contains(id.as_str())).cloned().collect();
        for id in gone {
            self.retire_listener(&id);
        }
        for listener in &service.listeners {
            let number = self.listener(&listener.id)?;
            self.members(listener, number)?;
        }
        Ok(())
    }

    fn retire_listener(&mut self, id: &str) {
        let Some(Numbered { number, pool, members, .. }) = self.listeners.remove(id) else { return };
        for (member, seat) in members {
            let owner = Owner { listener: id.to_owned(), pool: pool.clone(), member };
            self.retired.insert(Mark::new(number, seat.number), owner);
        }
        self.gone += self.released.remove(id).unwrap_or_default();
    }

    fn listener(&mut self, id: &str) -> Result<u16, TooMany> {
        if let Some(known) = self.listeners.get(id) {
            return Ok(known.number);
        }
        let retired = self.retired.keys().map(|mark| mark.listener());
        let taken = self.listeners.values().map(|listener| listener.number).chain(retired).collect();
        let number = next(self.last, &taken).ok_or(TooMany { what: "listeners" })?;
        self.last = number;
        let listener = Numbered { number, last: 0, pool: String::new(), members: BTreeMap::new() };
        self.listeners.insert(id.to_owned(), listener);
        Ok(number)
    }

    fn members(&mut self, asked: &Listener, number: u16) -> Result<(), TooMany> {
        let members = asked.members.iter().map(|member| (member.id.as_str(), member.address));
        let wanted: BTreeMap<&str, SocketAddr> = members.collect();
        let Some(listener) = self.listeners.get_mut(&asked.id) else { return Ok(()) };
        if listener.pool.is_empty() {
            listener.pool.clone_from(&asked.pool);
        }
        let pool = std::mem::replace(&mut listener.pool, asked.pool.clone());
        let stays = |member: &str, seat: &Seat| wanted.get(member) == Some(&seat.address) && pool == asked.pool;
        let gone = listener.members.extract_if(.., |member, seat| !stays(member, seat));
        for (member, seat) in gone {
            let owner = Owner { listener: asked.id.clone(), pool: pool.clone(), member };
            self.retired.insert(Mark::new(number, seat.number), owner);
        }
        if listener.members.len() == wanted.len() {
            return Ok(());
        }
        let all = Mark::new(number, 0)..=Mark::new(number, u16::MAX);
        let retired = self.retired.range(all).map(|(mark, _)| mark.member());
        let mut taken: BTreeSet<u16> = listener.members.values().map(|seat| seat.number).chain(retired).collect();
        for (member, address) in wanted {
            if !listener.members.contains_key(member) {
                let number = next(listener.last, &taken).ok_or(TooMany { what: "members" })?;
                taken.insert(number);
                listener.last = number;
                listener.members.insert(member.to_owned(), Seat { number, address });
            }
        }
        Ok(())
    }

    /// The number of a listener.
    #[must_use]
    pub fn of_listener(&self, id: &str) -> Option<u16> {
        self.listeners.get(id).map(|listener| listener.number)
    }

    #[must_use]
    pub fn of_member(&self, listener: &str, member: &str) -> Option<Mark> {
        let listener = self.listeners.get(listener)?;
        listener.members.get(member).map(|seat| Mark::new(listener.number, seat.number))
    }

    /// All marks that count, and whose they are: those of members that are gone and were not released as well.
    pub fn owners(&self) -> impl Iterator<Item = (Mark, Owner)> {
        let live = self.listeners.iter().flat_map(|(id, listener)| {
            listener.members.iter().map(move |(member, seat)| {
                let owner = Owner { listener: id.clone(), pool: listener.pool.clone(), member: member.clone() };
                (Mark::new(listener.number, seat.number), owner)
            })
        });
        live.chain(self.retired.iter().map(|(mark, owner)| (*mark, owner.clone())))
    }

    /// Marks of members that are gone.
    pub fn retired(&self) -> impl Iterator<Item = Mark> {
        self.retired.keys().copied()
    }

    /// The flows of a member that is gone have been ended, and these are its counters since: they are noted here. The next
    /// plan takes them away.
    pub fn release(&mut self, mark: Mark, counters: &Counters) {
        let Some(owner) = self.retired.remove(&mark) else { return };
        let totals = Totals::of(mark, counters);
        let noted = self.listeners.get(&owner.listener).map(|listener| listener.pool.clone());
        let pool = if owner.pool.is_empty() { noted.unwrap_or_default() } else { owner.pool };
        let pool = self.released_pools.entry(pool).or_default();
        pool.totals += totals;
        *pool.members.entry(owner.member).or_default() += totals;
        if self.listeners.contains_key(&owner.listener) {
            *self.released.entry(owner.listener).or_default() += totals;
        } else {
            self.gone += totals;
        }
    }

    /// What was released of pools and members that are no more is forgotten. It is in all that is told of others.
    pub fn forget(&mut self, is_pool: impl Fn(&str) -> bool, is_member: impl Fn(&str, &str) -> bool) {
        self.released_pools.retain(|pool, _| is_pool(pool));
        for (id, pool) in &mut self.released_pools {
            pool.members.retain(|member, _| is_member(id, member));
        }
    }

    /// What members that were released have counted, by their pools.
    pub(crate) fn released_pools(&self) -> &BTreeMap<String, Pooled> {
        &self.released_pools
    }

    pub(crate) fn listeners(&self) -> impl Iterator<Item = &str> {
        self.listeners.keys().map(String::as_str)
    }

    /// What members of a listener that were released have counted.
    pub(crate) fn released(&self, listener: &str) -> Totals {
        self.released.get(listener).copied().unwrap_or_default()
    }

    pub(crate) fn released_in_all(&self) -> Totals {
        self.released.values().fold(self.gone, |all, totals| all + *totals)
    }
}

/// The next number that is free, after the last that was given.
fn next(last: u16, taken: &BTreeSet<u16>) -> Option<u16> {
    (last..=u16::MAX).skip(1).chain(1..=last).find(|number| !taken.contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_number_stays_and_is_not_given_again_before_it_is_released() {
        let mut numbers = Numbers::default();
        let mut service = samples::service(3);
        numbers.assign(&service).unwrap();
        let second = numbers.of_member("l", "m2").unwrap();
        let gone = service.listeners[0].members.remove(0);
        numbers.assign(&service).unwrap();
        assert_eq!(numbers.of_member("l", "m2"), Some(second));
        assert_eq!(numbers.retired().collect::<Vec<_>>(), [Mark::new(1, 1)]);
        service.listeners[0].members.push(gone);
        numbers.assign(&service).unwrap();
        assert_eq!(numbers.of_member("l", "m1"), Some(Mark::new(1, 4)));
        assert_eq!(numbers.owners().count(), 4);
        numbers.release(Mark::new(1, 1), &Counters::new());
        assert_eq!(numbers.owners().count(), 3);
    }

    #[test]
    fn another_address_is_another_member() {
        let mut numbers = Numbers::default();
        let mut service = samples::service(1);
        numbers.assign(&service).unwrap();
        service.listeners[0].members[0].address.set_port(81);
        numbers.assign(&service).unwrap();
        assert_eq!(numbers.of_member("l", "m1"), Some(Mark::new(1, 2)));
        service.listeners.clear();
        numbers.assign(&service).unwrap();
        assert_eq!(numbers.retired().collect::<Vec<_>>(), [Mark::new(1, 1), Mark::new(1, 2)]);
    }

    #[test]
    fn numbers_go_round_and_end() {
        let taken = BTreeSet::from([1, 2, u16::MAX]);
        assert_eq!(next(u16::MAX - 2, &taken), Some(u16::MAX - 1));
        assert_eq!(next(u16::MAX - 1, &taken), Some(3));
        assert_eq!(next(u16::MAX, &taken), Some(3));
        assert_eq!(next(7, &(1..=u16::MAX).collect()), None);
    }

    #[test]
    fn what_is_kept_on_disk_is_the_same_when_it_comes_back() {
        let mut numbers = Numbers::default();
        numbers.assign(&samples::service(2)).unwrap();
        numbers.assign(&samples::service(1)).unwrap();
        let kept = serde_json::to_string(&numbers).unwrap();
        assert_eq!(serde_json::from_str::<Numbers>(&kept).unwrap(), numbers);
    }
}
