//! How long one of two sides keeps off its addresses, as others have them and no scheduler says whose they are. Pure: times are
//! milliseconds since the machine's start.
//!
//! A side that was replaced is not told, and hears no word of the other one any more, as that one talks with its successor.
//! So it asks the network before it answers, and goes on asking for as long as somebody has them.

use ballast_netns::claims::Claim;

/// Whoever else has the addresses has them for so long at least.
const STRANGER: u64 = 10_000;
/// The other side's host has them for two seconds after its warden has ended.
const OTHER_SIDE: u64 = 2_500;
/// How long before the end it is asked whether that is still so.
const ASKED: [u64; 3] = [1_000, 600, 200];
/// For so long the other side may claim them without a word: it is about to be heard.
const DOUBTED: u64 = 600;

#[derive(Clone, Debug, Default)]
pub(super) struct Bar {
    until: u64,
    /// Who has them, and whether that was known to be the other side.
    by: [u8; 6],
    of_other_side: bool,
    due: Vec<u64>,
    doubted: Option<(u64, Claim)>,
}

impl Bar {
    /// Whether it is to keep off.
    pub(super) fn is_up(&self, now: u64) -> bool {
        now < self.until
    }

    /// Somebody who is not the other side has them.
    pub(super) fn raise(&mut self, now: u64, by: [u8; 6]) {
        (self.by, self.of_other_side) = (by, false);
        self.rise(now, STRANGER);
    }

    /// The other side has them, and is not heard.
    pub(super) fn raise_for_other_side(&mut self, now: u64, by: [u8; 6]) {
        if !self.is_up(now) || self.of_other_side {
            (self.by, self.of_other_side) = (by, true);
            self.rise(now, OTHER_SIDE);
        }
    }

    fn rise(&mut self, now: u64, length: u64) {
        (self.until, self.doubted) = (now.saturating_add(length), None);
        self.due = ASKED.map(|before| self.until.saturating_sub(before)).to_vec();
    }

    /// The other side has them, is not heard, and this one answers.
    pub(super) fn doubt(&mut self, now: u64, claim: Claim) {
        self.doubted.get_or_insert((now, claim));
    }

    /// The other side is heard, with this MAC address: between the two it is settled who answers.
    pub(super) fn trust(&mut self, mac: [u8; 6]) {
        self.doubted = None;
        if self.by == mac {
            (self.until, self.due) = (0, Vec::new());
        }
    }

    /// A scheduler says whose they are.
    pub(super) fn confirm(&mut self) {
        self.doubted = None;
        self.due.clear();
    }

    /// The claim that was in doubt for long enough.
    pub(super) fn proven(&mut self, now: u64) -> Option<Claim> {
        let (_, claim) = self.doubted.take_if(|(since, _)| now >= since.saturating_add(DOUBTED))?;
        Some(claim)
    }

    /// Whether the network is to be asked now.
    pub(super) fn asks(&mut self, now: u64) -> bool {
        let before = self.due.len();
        self.due.retain(|due| *due > now);
        self.due.len() < before
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    const OTHER: [u8; 6] = [2; 6];
    const SOMEBODY: [u8; 6] = [4; 6];
    const CLAIM: Claim = Claim { address: IpAddr::V4(Ipv4Addr::LOCALHOST), mac: OTHER };

    type Raise = fn(&mut Bar, u64, [u8; 6]);

    /// Looked at every 100 ms, with an owner who answers each question for so long: when it is up no more.
    fn over(mut bar: Bar, owner_until: u64, raise: Raise) -> u64 {
        let mut now = 0;
        while bar.is_up(now) {
            if bar.asks(now) && now < owner_until {
                raise(&mut bar, now, OTHER);
            }
            now += 100;
        }
        now
    }

    #[test]
    fn it_lasts_for_as_long_as_somebody_answers_and_ends_by_itself() {
        for (raise, length) in [(Bar::raise as Raise, STRANGER), (Bar::raise_for_other_side, OTHER_SIDE)] {
            let mut bar = Bar::default();
            raise(&mut bar, 0, OTHER);
            assert_eq!(over(bar.clone(), 0, raise), length);
            let end = over(bar, 100_000, raise);
            assert!((100_000..100_000 + length + 100).contains(&end), "{end}");
        }
    }

    #[test]
    fn a_word_of_the_other_side_ends_what_was_for_it_and_nothing_else() {
        let mut bars = [Bar::default(), Bar::default(), Bar::default()];
        let [known, unknown, strange] = &mut bars;
        known.raise_for_other_side(0, OTHER);
        // It was not known yet whose that is.
        unknown.raise(0, OTHER);
        strange.raise(0, SOMEBODY);
        strange.raise_for_other_side(1, OTHER);
        bars.iter_mut().for_each(|bar| bar.trust(OTHER));
        assert_eq!(bars.each_ref().map(|bar| bar.is_up(1)), [false, false, true]);
        assert!(bars[2].is_up(STRANGER - 1) && !bars[2].is_up(STRANGER));
    }

    #[test]
    fn what_is_in_doubt_is_proven_by_time_and_ended_by_a_word_or_a_scheduler() {
        let mut bar = Bar::default();
        bar.doubt(1_000, CLAIM);
        bar.doubt(1_500, CLAIM);
        assert_eq!(bar.proven(1_000 + DOUBTED - 1), None);
        assert_eq!(bar.proven(1_000 + DOUBTED), Some(CLAIM));
        assert_eq!(bar.proven(9_000), None, "once");
        for end in [|bar: &mut Bar| bar.trust(OTHER), Bar::confirm] {
            bar.doubt(2_000, CLAIM);
            end(&mut bar);
            assert_eq!(bar.proven(9_000), None);
        }
    }

    proptest! {
        /// Whatever comes in whichever order: without a claim for as long as the longest there is, nothing keeps it off.
        #[test]
        fn it_is_never_up_for_longer_than_the_last_claim_lets_it(
            steps in prop::collection::vec((0_u64..3_000, 0_u8..6), 0..60)
        ) {
            let (mut bar, mut now, mut claimed) = (Bar::default(), 0_u64, None);
            for (wait, kind) in steps {
                now += wait;
                if kind < 2 {
                    claimed = Some(now);
                }
                match kind {
                    0 => bar.raise(now, SOMEBODY),
                    1 => bar.raise_for_other_side(now, OTHER),
                    2 => bar.doubt(now, CLAIM),
                    3 => bar.trust(OTHER),
                    4 => bar.confirm(),
                    _ => drop(bar.asks(now)),
                }
                prop_assert!(!bar.is_up(now) || claimed.is_some_and(|at| now < at + STRANGER));
            }
        }
    }
}
