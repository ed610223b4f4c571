//! What counters say of listeners and members. Pure.
//!
//! Bytes are those of IP packets with their headers, handshakes and what was sent twice: a proxy, which counts what it
//! reads, has less. Connections are first packets that were sent on to a member, each exactly once.

use std::{
    collections::BTreeMap,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

use crate::{
    mark::Mark,
    numbers::{Numbers, Owner},
    table::Count,
};

/// Of a table, by their names.
pub type Counters = BTreeMap<String, Count>;

/// Since the beginning. They never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub connections: u64,
    pub packets_in: u64,
    pub bytes_in: u64,
    pub packets_out: u64,
    pub bytes_out: u64,
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            connections: self.connections.saturating_add(other.connections),
            packets_in: self.packets_in.saturating_add(other.packets_in),
            bytes_in: self.bytes_in.saturating_add(other.bytes_in),
            packets_out: self.packets_out.saturating_add(other.packets_out),
            bytes_out: self.bytes_out.saturating_add(other.bytes_out),
        }
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Of a pool, with members that are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pooled {
    pub totals: Totals,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Totals>,
}

impl Totals {
    /// What the counters of one mark say.
    #[must_use]
    pub fn of(mark: Mark, counters: &Counters) -> Self {
        let count = |what: char| counters.get(&format!("{mark}{what}")).copied().unwrap_or_default();
        let (new, forth, back) = (count('n'), count('i'), count('o'));
        Self {
            connections: new.packets,
            packets_in: forth.packets,
            bytes_in: forth.bytes,
            packets_out: back.packets,
            bytes_out: back.bytes,
        }
    }
}

/// Of members, with those that are gone and were not released.
#[must_use]
pub fn by_member(counters: &Counters, numbers: &Numbers) -> BTreeMap<Owner, Totals> {
    let mut totals = BTreeMap::<Owner, Totals>::new();
    for (mark, owner) in numbers.owners() {
        *totals.entry(owner).or_default() += Totals::of(mark, counters);
    }
    totals
}

/// Of pools and their members, whichever listener it was. `pool_of`: the pool of a listener where that is not noted.
#[must_use]
pub fn by_pool(counters: &Counters, numbers: &Numbers, pool_of: impl Fn(&str) -> String) -> BTreeMap<String, Pooled> {
    let mut pools = numbers.released_pools().clone();
    for (mark, Owner { listener, pool, member }) in numbers.owners() {
        let totals = Totals::of(mark, counters);
        let pool = pools.entry(if pool.is_empty() { pool_of(&listener) } else { pool }).or_default();
        pool.totals += totals;
        *pool.members.entry(member).or_default() += totals;
    }
    pools
}

/// Of listeners that are there, by their ids, with members that are gone.
#[must_use]
pub fn by_listener(counters: &Counters, numbers: &Numbers) -> BTreeMap<String, Totals> {
    let mut totals: BTreeMap<String, Totals> =
        numbers.listeners().map(|id| (id.to_owned(), numbers.released(id))).collect();
    for (mark, owner) in numbers.owners() {
        if let Some(totals) = totals.get_mut(&owner.listener) {
            *totals += Totals::of(mark, counters);
        }
    }
    totals
}

/// Of all that is and was.
#[must_use]
pub fn whole(counters: &Counters, numbers: &Numbers) -> Totals {
    let live = numbers.owners().map(|(mark, _)| Totals::of(mark, counters));
    live.fold(numbers.released_in_all(), Add::add)
}

/// Packets of clients that were refused: by address, or because there were too many. `None`: there is no such listener.
#[must_use]
pub fn denied(counters: &Counters, numbers: &Numbers, listener: &str) -> Option<u64> {
    let number = numbers.of_listener(listener)?;
    counters.get(&format!("l{number}d")).map(|count| count.packets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn counters(marks: &[(u16, u16, u64)]) -> Counters {
        let counters = marks.iter().flat_map(|(listener, member, number)| {
            let mark = Mark::new(*listener, *member);
            ["n", "i", "o"].map(|what| (format!("{mark}{what}"), Count { packets: *number, bytes: number * 10 }))
        });
        counters.collect()
    }

    #[test]
    fn a_pool_counts_for_all_its_listeners_and_keeps_what_members_had_that_are_gone() {
        let mut numbers = Numbers::default();
        let mut service = samples::service(2);
        service.listeners.push(crate::desired::Listener {
            id: "other".to_owned(),
            port: 81,
            ..service.listeners[0].clone()
        });
        numbers.assign(&service).unwrap();
        let read = counters(&[(1, 1, 5), (1, 2, 7), (2, 1, 30), (2, 2, 40)]);
        let of_pool = |read: &Counters, numbers: &Numbers| -> (u64, Vec<u64>) {
            let pool = by_pool(read, numbers, |_| unreachable!()).remove("p").unwrap_or_default();
            (pool.totals.connections, pool.members.values().map(|member| member.connections).collect())
        };
        assert_eq!(of_pool(&read, &numbers), (82, vec![35, 47]));
        // Each is another member by now, as its address has changed, or has one listener less, or goes.
        service.listeners[0].members[0].address.set_port(8080);
        service.listeners[1].members.pop();
        numbers.assign(&service).unwrap();
        service.listeners.pop();
        numbers.assign(&service).unwrap();
        assert_eq!(of_pool(&read, &numbers), (82, vec![35, 47]), "it is still to be released");
        let retired: Vec<Mark> = numbers.retired().collect();
        retired.into_iter().for_each(|mark| numbers.release(mark, &read));
        let now = counters(&[(1, 2, 8), (1, 3, 1)]);
        assert_eq!(of_pool(&now, &numbers), (84, vec![36, 48]));
        numbers.forget(|_| true, |_, member| member == "m1");
        assert_eq!(of_pool(&now, &numbers), (84, vec![36, 8]), "what is forgotten of a member stays its pool's");
        numbers.forget(|_| false, |_, _| false);
        assert_eq!(of_pool(&now, &numbers), (9, vec![1, 8]));
    }

    /// As 0.4.0 has numbered them.
    #[test]
    fn members_without_a_pool_go_by_the_one_that_their_listener_has() {
        let mut numbers = Numbers::default();
        numbers.assign(&samples::service(1)).unwrap();
        let noted = serde_json::to_string(&numbers).unwrap().replace(r#""pool":"p","#, "");
        let mut numbers: Numbers = serde_json::from_str(&noted).unwrap();
        let read = counters(&[(1, 1, 5)]);
        let of_pool = |numbers: &Numbers, pool: &str| -> u64 {
            by_pool(&read, numbers, |_| "known".to_owned()).remove(pool).unwrap_or_default().totals.connections
        };
        assert_eq!((of_pool(&numbers, "known"), of_pool(&numbers, "p")), (5, 0));
        numbers.assign(&samples::service(1)).unwrap();
        assert_eq!((of_pool(&numbers, "known"), of_pool(&numbers, "p")), (0, 5));
    }

    #[test]
    fn what_is_gone_still_counts_for_its_listener_and_then_for_the_whole() {
        let mut numbers = Numbers::default();
        numbers.assign(&samples::service(2)).unwrap();
        numbers.assign(&samples::service(1)).unwrap();
        let read = counters(&[(1, 1, 5), (1, 2, 7)]);
        let of_listener = |numbers: &Numbers, read| by_listener(read, numbers)["l"].connections;
        assert_eq!(of_listener(&numbers, &read), 12);
        numbers.release(Mark::new(1, 2), &read);
        let read = counters(&[(1, 1, 6)]);
        assert_eq!((of_listener(&numbers, &read), by_member(&read, &numbers).len()), (13, 1));
        numbers.assign(&crate::desired::Service::default()).unwrap();
        assert!(by_listener(&read, &numbers).is_empty());
        assert_eq!(whole(&read, &numbers).connections, 13);
        numbers.release(Mark::new(1, 1), &read);
        assert_eq!(whole(&Counters::new(), &numbers).bytes_out, 130);
    }
}
