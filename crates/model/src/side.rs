//! A load balancer with a standby: its two sides, and which of them is the active one.
//!
//! Which side answers is between the two, over the network. Here it is decided what the database makes of what they say: the
//! higher term is right, and what is said of a lower one is of the past.

use crate::counters::Term;

/// On how many hosts a load balancer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Topology {
    #[default]
    Single,
    /// On two: one of them answers.
    ActiveStandby,
}

impl Topology {
    pub const ALL: [Self; 2] = [Self::Single, Self::ActiveStandby];

    /// As it is stored, and as flavors say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "SINGLE",
            Self::ActiveStandby => "ACTIVE_STANDBY",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topology| topology.as_str() == text)
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SideNumber {
    One,
    Two,
}

impl SideNumber {
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    #[must_use]
    pub fn of(number: i64) -> Option<Self> {
        [Self::One, Self::Two].into_iter().find(|side| i64::from(side.number()) == number)
    }

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }
}

/// What a side said last of which of the two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// In which the one that answers began to.
    pub term: Term,
    /// It answers itself.
    pub active: bool,
    /// It hears the other one.
    pub peer_heard: bool,
}

/// Which side is the active one, and since which term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    pub active: SideNumber,
    pub term: Term,
}

impl Ruling {
    /// What is right after a side has said this. Of one term the first side is right, as both sides have it.
    #[must_use]
    pub fn after(self, from: SideNumber, said: Said, has_other: bool) -> Self {
        match (said.active, has_other) {
            (true, _) if said.term > self.term || said.term == self.term && from < self.active => {
                Self { active: from, term: said.term }
            }
            (false, true) if said.term > self.term => Self { active: from.other(), term: said.term },
            // The one that it means is gone: this one is to answer.
            (false, false) if said.term > self.term => Self { active: from, term: said.term.next() },
            _ => self,
        }
    }

    /// The other side is to answer. `said` is what both said last.
    #[must_use]
    pub fn swapped(self, said: [Option<Said>; 2]) -> Self {
        Self { active: self.active.other(), term: self.next_term(said) }
    }

    /// One that is higher than whatever is known.
    #[must_use]
    pub fn next_term(self, said: [Option<Said>; 2]) -> Term {
        said.into_iter().flatten().map(|said| said.term).fold(self.term, Term::max).next()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(term: u64, active: bool) -> Said {
        Said { term: term.into(), active, peer_heard: true }
    }

    fn ruling(active: SideNumber, term: u64) -> Ruling {
        Ruling { active, term: term.into() }
    }

    #[test]
    fn the_higher_term_is_right_and_a_lower_one_does_nothing() {
        use SideNumber::{One, Two};
        for (from, said, has_other, then) in [
            (Two, said(4, true), true, ruling(Two, 4)),
            (One, said(4, false), true, ruling(Two, 4)),
            (One, said(4, true), true, ruling(One, 4)),
            (Two, said(4, false), true, ruling(One, 4)),
            (One, said(4, false), false, ruling(One, 5)),
            (Two, said(2, true), true, ruling(One, 3)),
            (Two, said(3, true), true, ruling(One, 3)),
            (One, said(3, false), true, ruling(One, 3)),
        ] {
            assert_eq!(ruling(One, 3).after(from, said, has_other), then, "{from:?} {said:?} {has_other:?}");
        }
        assert_eq!(ruling(Two, 3).after(One, said(3, true), true), ruling(One, 3), "both began it");
        assert_eq!(ruling(Two, 3).after(One, said(3, false), true), ruling(Two, 3));
    }

    #[test]
    fn who_is_to_answer_begins_a_term_that_nobody_knows() {
        let one = ruling(SideNumber::One, 3);
        assert_eq!(one.swapped([None, None]), ruling(SideNumber::Two, 4));
        assert_eq!(one.swapped([Some(said(7, false)), Some(said(2, true))]), ruling(SideNumber::Two, 8));
    }

    /// Who answers in each term: as many as there are; then what each says, as far as it has heard.
    fn histories() -> impl Strategy<Value = (Vec<bool>, Vec<(bool, prop::sample::Index)>)> {
        let says = prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..40);
        (prop::collection::vec(any::<bool>(), 1..8), says)
    }

    proptest! {
        #[test]
        fn in_whatever_order_it_is_said_the_side_of_the_highest_term_is_the_active_one((terms, says) in histories()) {
            let side = |one: bool| if one { SideNumber::One } else { SideNumber::Two };
            let mut now = ruling(side(terms[0]), 1);
            let mut highest = 1;
            for (from, at) in says {
                let term = at.index(terms.len());
                let say = said(term as u64 + 1, terms[term] == from);
                let then = now.after(side(from), say, true);
                prop_assert!(then.term >= now.term, "a term never goes back");
                prop_assert!(then.term > now.term || then == now, "one side in each term");
                now = then;
                highest = highest.max(term + 1);
            }
            prop_assert_eq!(now, ruling(side(terms[highest - 1]), highest as u64));
        }
    }
}
