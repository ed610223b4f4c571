//! Slots that are taken in turn: each member has as many as its weight says, spread evenly.

use super::Candidate;

/// More than this many are not made for the sake of a weight.
const MOST: u64 = 4_096;

/// The members' numbers in the order in which they are served. A new rule counts from 0 again: so that frequent changes do
/// not favour who is first, another one is first after each.
pub(crate) fn turns(candidates: &[Candidate], generation: u64) -> Vec<u16> {
    let weights = weights(candidates);
    // The middle of each of a member's stretches of the whole, so that the turns of two members mix.
    let mut turns = Vec::new();
    for (candidate, weight) in candidates.iter().zip(weights) {
        turns.extend((0..weight).map(|turn| ((2 * turn + 1) << 32) / weight).map(|place| (place, candidate.number)));
    }
    // Stable: members of the same weight stay in their order.
    turns.sort_by_key(|(place, _)| *place);
    let mut numbers: Vec<u16> = turns.into_iter().map(|(_, number)| number).collect();
    if !numbers.is_empty() {
        let first = generation % numbers.len() as u64;
        numbers.rotate_left(usize::try_from(first).unwrap_or_default());
    }
    numbers
}

/// The weights without what they have in common, and not more than fit.
fn weights(candidates: &[Candidate]) -> Vec<u64> {
    let common = candidates.iter().fold(0, |common, candidate| divisor(common, candidate.weight));
    let weights = candidates.iter().map(|candidate| u64::from(candidate.weight / common.max(1)));
    let sum: u64 = weights.clone().sum();
    if sum <= MOST {
        return weights.collect();
    }
    weights.map(|weight| ((weight * MOST + sum / 2) / sum).max(1)).collect()
}

fn divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(weights: &[u32]) -> Vec<Candidate> {
        let candidate = |(number, weight): (u16, &u32)| Candidate {
            number,
            address: ([10, 0, 0, 1], number).into(),
            weight: *weight,
        };
        (1..).zip(weights).map(candidate).collect()
    }

    #[test]
    fn equal_members_are_served_one_after_the_other() {
        assert_eq!(turns(&candidates(&[7, 7, 7]), 0), [1, 2, 3]);
        assert_eq!(turns(&candidates(&[7, 7, 7]), 4), [2, 3, 1]);
        assert!(turns(&[], 3).is_empty());
    }

    #[test]
    fn a_weight_is_a_share_and_it_is_spread() {
        let turns = turns(&candidates(&[10, 6, 2]), 0);
        let count = |number| turns.iter().filter(|turn| **turn == number).count();
        assert_eq!((count(1), count(2), count(3)), (5, 3, 1));
        assert!(turns.windows(3).all(|three| three.iter().any(|turn| *turn != 1)), "{turns:?}");
    }

    #[test]
    fn weights_that_have_nothing_in_common_are_scaled() {
        let slots = turns(&candidates(&[1_000_003, 500_009, 1]), 0);
        assert!((4_000..=4_100).contains(&slots.len()), "{}", slots.len());
        assert_eq!(slots.iter().filter(|turn| **turn == 3).count(), 1);
        let all: Vec<u32> = (1..=5_000).collect();
        assert!(turns(&candidates(&all), 0).len() >= 5_000);
    }
}
