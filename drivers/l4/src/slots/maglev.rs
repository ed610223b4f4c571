//! Slots that are chosen by a hash of the client: a change of members moves few other clients (Maglev, Eisenbud and others,
//! NSDI 2016, section 3.4).
//!
//! Each member goes through the slots in an order of its own, which its address gives, and takes the first that is free; the
//! members take turns, those of more weight more often. The number of slots is a prime, so that each order meets all.

use std::net::IpAddr;

use super::Candidate;

/// At least ten slots for each member, up to 6,552.
const SIZES: [usize; 5] = [251, 1_021, 4_093, 16_381, 65_521];

pub(crate) fn table(candidates: &[Candidate]) -> Vec<u16> {
    if candidates.is_empty() {
        return Vec::new();
    }
    let size = SIZES.into_iter().find(|size| candidates.len() * 10 <= *size).unwrap_or(SIZES[4]);
    let mut candidates = candidates.to_vec();
    candidates.sort_by_key(|candidate| candidate.address);
    let heaviest = candidates.iter().map(|candidate| u64::from(candidate.weight)).max().unwrap_or(1).max(1);
    let mut walks: Vec<Walk> = candidates.iter().map(|candidate| Walk::new(candidate, size)).collect();
    // Members have numbers from 1.
    let mut table = vec![0; size];
    let mut free = size;
    while free > 0 {
        for (candidate, walk) in candidates.iter().zip(&mut walks) {
            walk.credit += u64::from(candidate.weight);
            if walk.credit >= heaviest && free > 0 {
                walk.credit -= heaviest;
                let slot = walk.next_free(&table);
                table[slot] = candidate.number;
                free -= 1;
            }
        }
    }
    table
}

/// A member's way through the slots.
struct Walk {
    place: usize,
    step: usize,
    /// What it has saved of its weight; the heaviest member's weight buys a slot.
    credit: u64,
}

impl Walk {
    fn new(candidate: &Candidate, size: usize) -> Self {
        let hash = |seed| usize::try_from(hash(candidate, seed) % (1 << 31)).unwrap_or_default();
        Self { place: hash(1) % size, step: hash(2) % (size - 1) + 1, credit: 0 }
    }

    /// One is free, and the way meets all.
    fn next_free(&mut self, table: &[u16]) -> usize {
        while table[self.place] != 0 {
            self.place = (self.place + self.step) % table.len();
        }
        self.place
    }
}

/// By address and port, as they are the same after a restart. It must never change: clients would be moved.
fn hash(candidate: &Candidate, seed: u64) -> u64 {
    let address = match candidate.address.ip() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    let (high, low) = (u128::from(address) >> 64, u128::from(address) & u128::from(u64::MAX));
    let parts = [high, low, candidate.address.port().into()].map(|part| u64::try_from(part).unwrap_or_default());
    parts.into_iter().fold(mix(seed), |mixed, part| mix(mixed ^ part))
}

/// Each bit of the number changes half of the bits of the result (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(count: u16) -> Vec<Candidate> {
        let address = |number: u16| {
            let [high, low] = number.to_be_bytes();
            ([10, 0, high, low], 80).into()
        };
        (1..=count).map(|number| Candidate { number, address: address(number), weight: 1 }).collect()
    }

    fn moved(before: &[u16], after: &[u16]) -> usize {
        before.iter().zip(after).filter(|(before, after)| before != after).count()
    }

    #[test]
    fn every_slot_has_a_member_and_members_have_about_as_many() {
        let table = table(&candidates(20));
        assert_eq!(table.len(), 251);
        for number in 1..=20 {
            let slots = table.iter().filter(|slot| **slot == number).count();
            assert!((12..=13).contains(&slots), "{number}: {slots}");
        }
    }

    #[test]
    fn weights_are_shares() {
        let mut members = candidates(2);
        members[0].weight = 256;
        members[1].weight = 64;
        let second = table(&members).iter().filter(|slot| **slot == 2).count();
        assert!((49..=51).contains(&second), "{second}");
    }

    #[test]
    fn who_leaves_moves_few_others() {
        for count in [3, 25, 100] {
            let all = candidates(count);
            let before = table(&all);
            let own = before.iter().filter(|slot| **slot == count).count();
            let after = table(&all[..usize::from(count) - 1]);
            let others = moved(&before, &after) - own;
            assert!(others < before.len() / 10, "{count}: {others} of {}", before.len());
        }
    }

    #[test]
    fn numbers_and_order_do_not_matter() {
        let members = candidates(5);
        let renumbered: Vec<Candidate> =
            members.iter().map(|member| Candidate { number: member.number + 100, ..*member }).collect();
        let shifted: Vec<u16> = table(&members).iter().map(|number| number + 100).collect();
        assert_eq!(table(&renumbered), shifted);
        let reversed: Vec<Candidate> = members.iter().rev().copied().collect();
        assert_eq!(table(&reversed), table(&members));
    }
}
