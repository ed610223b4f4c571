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
