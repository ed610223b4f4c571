//! Chance from a seed, so that what failed once can be made to fail again.

/// The generator xorshift64*: small, and good enough to vary requests and moments.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self(seed ^ 0x9e37_79b9_7f4a_7c15 | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0 to `end` - 1; 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or_default() % end.max(1)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_chance_and_all_of_a_range_comes() {
        let (mut one, mut other) = (Chance::new(7), Chance::new(7));
        assert_eq!([one.next(), one.next()], [other.next(), other.next()]);
        let mut seen = [false; 5];
        (0..200).for_each(|_| seen[one.below(5)] = true);
        assert_eq!(seen, [true; 5]);
        assert_eq!(Chance::new(0).below(0), 0);
    }
}
