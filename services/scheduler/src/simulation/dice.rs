//! Numbers by chance, the same ones for a seed.

/// One after the other.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

/// Well mixed (splitmix64).
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Dice {
    /// Those of the `purpose` have nothing to do with those of another.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        Self(purpose.bytes().fold(mix(seed), |state, byte| mix(state ^ u64::from(byte))))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// So often of a hundred.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of so many; none: there are none.
    pub(super) fn index(&mut self, count: usize) -> Option<usize> {
        if count == 0 { None } else { usize::try_from(self.below(count as u64)).ok() }
    }
}

/// A number for a thing, whatever else was drawn before: below `end`.
pub(super) fn drawn_for(seed: u64, what: &str, end: u64) -> u64 {
    Dice::new(seed, what).below(end)
}
