//! Which of the two sides of a load balancer answers: what one of them makes of what it hears. Pure: times are milliseconds since
//! the machine's start, and what the other one says is taken for true ([`talk`](super::talk) sees to that).
//!
//! Who answers does so in a term. The higher term is right, and of one term the side with the lower number. Whoever hears nobody who
//! answers begins a term that is higher than all that he knows; a scheduler begins one for the side that it names. Whoever answers in
//! a lower one and hears of it stops.

#[cfg(test)]
mod simulation;

/// How often each side says how it is.
pub(super) const INTERVAL: u64 = 150;
/// After so long without a word who answered is taken for gone: three words and a little.
const SILENCE: u64 = 500;
/// So soon a word of it is missing, two words and a little.
const MISSED: u64 = 320;
/// The second side waits for so much longer, so that not both begin at once.
const STAGGER: u64 = 100;

/// What a side says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// The highest term that it knows of; of one that answers, its own.
    pub(super) term: u64,
    pub(super) active: bool,
    /// It could answer.
    pub(super) ready: bool,
}

/// What is to be done, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Acts {
    /// The addresses are to be there no more.
    pub(super) let_go: bool,
    /// They are to be there, and announced.
    pub(super) take: bool,
    /// The other side is to be told at once.
    pub(super) say: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has just begun, or was asleep: it does nothing before it could have heard the other.
    Listening,
    Standby,
    Active,
}

/// Of one load balancer, as one of its sides sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Election {
    number: u8,
    phase: Phase,
    /// The highest in which somebody is known to have begun to answer.
    term: u64,
    /// What a scheduler wants, from this term on: that this side answers, or that the other does.
    ordered: Option<(u64, bool)>,
    ready: bool,
    /// When, and what.
    heard: Option<(u64, Word)>,
    /// When the other one was last heard to answer, or this side began to wait for that.
    waits_since: u64,
    said: u64,
    looked: u64,
}

impl Election {
    /// `term`: the highest that is remembered.
    pub(super) fn begin(number: u8, term: u64, now: u64) -> Self {
        let (phase, waits_since, looked) = (Phase::Listening, now, now);
        Self { number, phase, term, ordered: None, ready: false, heard: None, waits_since, said: 0, looked }
    }

    pub(super) const fn term(&self) -> u64 {
        self.term
    }

    pub(super) fn is_active(&self) -> bool {
        self.phase == Phase::Active
    }

    /// Whether the other one was heard a moment ago.
    pub(super) fn hears(&self, now: u64) -> bool {
        self.heard.is_some_and(|(at, _)| now < at.saturating_add(SILENCE))
    }

    /// Whether a word of the other one is missing, and this one is about to answer for that.
    pub(super) fn misses(&self, now: u64) -> bool {
        let since = self.heard.map_or(self.waits_since, |(at, _)| at);
        let missing = since.saturating_add(MISSED)..since.saturating_add(self.patience());
        !self.is_active() && missing.contains(&now)
    }

    /// Whether the other one would answer if this one did not.
    pub(super) fn is_backed(&self, now: u64) -> bool {
        self.hears(now) && self.heard.is_some_and(|(_, word)| word.ready)
    }

    pub(super) fn word(&self) -> Word {
        Word { term: self.term, active: self.is_active(), ready: self.ready }
    }

    /// When it is to be looked at again at the latest.
    pub(super) fn next(&self) -> u64 {
        let said = self.said.saturating_add(INTERVAL);
        match self.phase {
            Phase::Active => said,
            Phase::Listening | Phase::Standby => said.min(self.waits_since.saturating_add(self.patience())),
        }
    }

    fn patience(&self) -> u64 {
        SILENCE + STAGGER * u64::from(self.number.saturating_sub(1))
    }

    /// Time has passed.
    pub(super) fn look(&mut self, now: u64) -> Acts {
        let mut acts = self.wake(now);
        self.consider(now, &mut acts);
        if now >= self.said.saturating_add(INTERVAL) {
            acts.say = true;
        }
        if acts.say {
            self.said = now;
        }
        acts
    }

    /// The other side says this.
    pub(super) fn hear(&mut self, word: Word, now: u64) -> Acts {
        let mut acts = self.wake(now);
        self.heard = Some((now, word));
        match (word.active, self.phase) {
            (true, Phase::Active) => {
                let is_right = (word.term, self.number) > (self.term, 3 - self.number);
                if is_right {
                    self.stop(&mut acts);
                }
                // One of the two stops: the sooner he hears of it the better.
                acts.say = true;
            }
            (true, Phase::Listening) => self.stop(&mut acts),
            (true, Phase::Standby) => {}
            // He has answered in a term that was not known here, and does not any more: what was ordered before it is of the past.
            (false, Phase::Active) if word.term > self.term => self.start(word.term.saturating_add(1), &mut acts),
            (false, _) => {}
        }
        if word.active && !self.is_active() {
            self.waits_since = now;
        }
        if !self.is_active() {
            self.term = self.term.max(word.term);
        }
        self.consider(now, &mut acts);
        if acts.say {
            self.said = now;
        }
        acts
    }

    /// A scheduler wants this side to answer from that term on, or the other one. What is no news is nothing.
    pub(super) fn order(&mut self, term: u64, active: bool, now: u64) -> Acts {
        let mut acts = self.wake(now);
        if self.ordered.is_none_or(|(before, _)| term > before) {
            self.ordered = Some((term, active));
        }
        self.consider(now, &mut acts);
        acts
    }

    /// Whether it could answer.
    pub(super) fn be_ready(&mut self, ready: bool, now: u64) -> Acts {
        let mut acts = self.wake(now);
        acts.say = std::mem::replace(&mut self.ready, ready) != ready;
        self.consider(now, &mut acts);
        acts
    }

    /// It has nothing to answer with any more, wherever its addresses are.
    pub(super) fn lose(&mut self, now: u64) {
        (self.phase, self.heard, self.waits_since, self.looked) = (Phase::Listening, None, now, now);
    }

    /// It is about to end: where the other one is there, he is to answer.
    pub(super) fn resign(&mut self, now: u64) -> Acts {
        let mut acts = Acts::default();
        self.ready = false;
        if self.is_active() && self.is_backed(now) {
            self.stop(&mut acts);
        }
        acts.say = true;
        acts
    }

    /// Whoever else has the addresses has them, whether or not the other side is there.
    pub(super) fn give_up(&mut self, now: u64) -> Acts {
        let mut acts = self.wake(now);
        self.ready = false;
        if self.is_active() {
            self.stop(&mut acts);
        }
        acts.say = true;
        acts
    }

    /// Who was asleep for longer than the other one waits for is to listen first: by now another may answer. One that was heard by
    /// nobody before has nobody to wait for.
    fn wake(&mut self, now: u64) -> Acts {
        let mut acts = Acts::default();
        let before = std::mem::replace(&mut self.looked, now);
        if now.saturating_sub(before) < SILENCE {
            return acts;
        }
        let was_alone = self.is_active() && !self.hears(before);
        if !was_alone {
            if self.is_active() {
                self.stop(&mut acts);
            }
            (self.phase, self.heard, self.waits_since) = (Phase::Listening, None, now);
        }
        acts
    }

    fn consider(&mut self, now: u64, acts: &mut Acts) {
        if !self.ready {
            if self.is_active() && self.is_backed(now) {
                self.stop(acts);
                acts.say = true;
            }
            return;
        }
        let wanted = self.ordered.filter(|(term, active)| *active && *term > self.term).map(|(term, _)| term);
        let other = self.heard.filter(|_| self.hears(now)).map(|(_, word)| word);
        let is_time = now >= self.waits_since.saturating_add(self.patience());
        let is_free = other.is_some_and(|word| !word.active);
        let begins = match self.phase {
            // It answers already: what it begins is a number.
            Phase::Active => wanted,
            Phase::Listening if is_free && wanted.is_some() => wanted,
            Phase::Standby if wanted.is_some() => wanted,
            Phase::Standby if is_free && other.is_some_and(|word| !word.ready) => Some(self.another()),
            Phase::Listening | Phase::Standby if is_time => Some(wanted.unwrap_or_else(|| self.another())),
            Phase::Listening | Phase::Standby => None,
        };
        if let Some(term) = begins {
            self.start(term, acts);
        }
    }

    /// A term that nobody has begun, nor was told to begin.
    fn another(&self) -> u64 {
        self.term.max(self.ordered.map_or(0, |(term, _)| term)).saturating_add(1)
    }

    fn start(&mut self, term: u64, acts: &mut Acts) {
        (self.phase, self.term) = (Phase::Active, term);
        (acts.take, acts.let_go, acts.say) = (true, false, true);
    }

    fn stop(&mut self, acts: &mut Acts) {
        self.phase = Phase::Standby;
        (acts.take, acts.let_go) = (false, true);
    }
}
