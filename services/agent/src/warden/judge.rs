//! What is done about who else says that an address is theirs. Pure: times are milliseconds since the machine's start.

/// How late a claim is answered: the order to let go may be on its way.
const PATIENCE: u64 = 1_000;
/// How often at most an address is defended (RFC 5227, 2.4).
const DEFENDED: u64 = 10_000;
/// How often it is announced while who had it before may answer as well.
const CONTESTED: u64 = 5_000;
/// How often it is announced once he has let go, from then on.
const SETTLED: [u64; 3] = [0, 200, 1_000];

/// What is known when somebody is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    pub(super) now: u64,
    /// Until then nobody can have given it to others.
    pub(super) lease: u64,
    pub(super) leaving: bool,
}

impl Situation {
    pub(super) const fn is_ours(self) -> bool {
        !self.leaving && self.now < self.lease
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing new.
    Nothing,
    /// It is ours. Whoever says otherwise is told of, and answered soon.
    Defend,
    /// It is whoever's says so.
    LetGo,
}

/// Of one load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    withdrawn: bool,
    defended: Option<u64>,
    /// When it is to be announced.
    due: Vec<u64>,
    contested: bool,
}

impl Standing {
    /// Somebody else says that it is theirs.
    pub(super) fn claimed(&mut self, at: Situation) -> Verdict {
        if self.withdrawn {
            return Verdict::Nothing;
        }
        if !at.is_ours() {
            self.withdrawn = true;
            self.due.clear();
            return Verdict::LetGo;
        }
        if self.defended.is_some_and(|last| at.now < last.saturating_add(DEFENDED)) {
            return Verdict::Nothing;
        }
        self.defended = Some(at.now + PATIENCE);
        self.due.push(at.now + PATIENCE);
        Verdict::Defend
    }

    /// Whether who had it before may answer as well.
    pub(super) fn contested(&mut self, contested: bool, now: u64) {
        match (self.contested, contested) {
            (false, true) => self.due.push(now + CONTESTED),
            (true, false) => self.due = SETTLED.map(|after| now + after).to_vec(),
            _ => {}
        }
        self.contested = contested;
    }

    /// It was plugged in again.
    pub(super) fn plugged(&mut self, now: u64) {
        self.withdrawn = false;
        if self.contested {
            self.due.push(now + CONTESTED);
        }
    }

    /// Whether it is to be announced now.
    pub(super) fn announces(&mut self, at: Situation) -> bool {
        let before = self.due.len();
        self.due.retain(|due| *due > at.now);
        let is_due = self.due.len() < before;
        if is_due && self.contested && !self.withdrawn && self.due.is_empty() {
            self.due.push(at.now + CONTESTED);
        }
        // One that is not known to be ours is not said to be.
        is_due && !self.withdrawn && at.is_ours()
    }

    /// When it is to be asked next.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.iter().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(now: u64, lease: u64) -> Situation {
        Situation { now, lease, leaving: false }
    }

    #[test]
    fn within_the_lease_it_is_defended_a_second_late_and_once_in_ten() {
        let mut standing = Standing::default();
        assert_eq!(standing.claimed(at(1_000, 90_000)), Verdict::Defend);
        assert_eq!(standing.claimed(at(1_100, 90_000)), Verdict::Nothing);
        assert!(!standing.announces(at(1_999, 90_000)));
        assert!(standing.announces(at(2_000, 90_000)) && !standing.announces(at(2_001, 90_000)));
        assert_eq!(standing.claimed(at(11_999, 90_000)), Verdict::Nothing);
        assert_eq!(standing.claimed(at(12_000, 90_000)), Verdict::Defend);
    }

    #[test]
    fn after_the_lease_the_first_claim_takes_it_and_what_is_told_to_go_goes_at_once() {
        let mut standing = Standing::default();
        assert_eq!(standing.claimed(at(5_000, 5_000)), Verdict::LetGo);
        assert_eq!(standing.claimed(at(5_001, 5_000)), Verdict::Nothing, "that was done");
        standing.plugged(6_000);
        assert_eq!(standing.claimed(Situation { leaving: true, ..at(6_001, 90_000) }), Verdict::LetGo);
    }

    #[test]
    fn a_defence_that_the_lease_does_not_reach_is_none() {
        let mut standing = Standing::default();
        assert_eq!(standing.claimed(at(1_000, 1_500)), Verdict::Defend);
        assert!(!standing.announces(at(2_000, 1_500)));
        assert_eq!(standing.claimed(at(2_001, 1_500)), Verdict::LetGo);
    }

    #[test]
    fn what_is_contested_is_announced_every_five_seconds_and_three_times_when_that_is_over() {
        let mut standing = Standing::default();
        standing.contested(true, 0);
        standing.contested(true, 1_000);
        let mut said = Vec::new();
        for now in (0..20_000).step_by(100) {
            said.extend(standing.announces(at(now, 90_000)).then_some(now));
        }
        assert_eq!(said, [5_000, 10_000, 15_000]);
        standing.contested(false, 20_000);
        let mut said = Vec::new();
        for now in (20_000..40_000).step_by(100) {
            said.extend(standing.announces(at(now, 90_000)).then_some(now));
        }
        assert_eq!(said, [20_000, 20_200, 21_000]);
    }

    proptest! {
        /// Whatever comes in whichever order: nothing is let go of within a lease, unless it is told to go; nothing is
        /// announced without one; and nothing is let go of without a claim.
        #[test]
        fn no_time_alone_takes_it_and_no_claim_within_the_lease(
            steps in prop::collection::vec((0_u64..4_000, 0_u8..5, 0_u64..9_000, any::<bool>()), 0..60)
        ) {
            let (mut standing, mut now, mut lease) = (Standing::default(), 0, 0);
            for (wait, kind, granted, leaving) in steps {
                now += wait;
                let situation = Situation { now, lease, leaving };
                match kind {
                    0 => {
                        let verdict = standing.claimed(situation);
                        prop_assert!(verdict != Verdict::LetGo || leaving || now >= lease);
                        prop_assert!(verdict != Verdict::Defend || (!leaving && now < lease));
                    }
                    1 => standing.contested(leaving, now),
                    2 => standing.plugged(now),
                    3 => lease = lease.max(now + granted),
                    _ => {
                        let before = standing.withdrawn;
                        let announces = standing.announces(situation);
                        prop_assert!(!announces || (!leaving && now < lease && !before));
                        prop_assert_eq!(standing.withdrawn, before);
                        prop_assert!(standing.due.len() < 300);
                    }
                }
            }
        }
    }
}
