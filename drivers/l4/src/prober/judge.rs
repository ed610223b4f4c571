//! One member: when a check is due, and what its ends mean. Pure: the time is an argument.

use std::time::{Duration, Instant};

use super::{Outcome, Probe, Timing, Verdict};

/// Whatever is asked for: a delay of nothing would take a core.
const LEAST: Duration = Duration::from_millis(10);

#[derive(Clone, Debug)]
pub(super) struct Judge {
    timing: Timing,
    due: Instant,
    /// When the check that is under way began.
    begun: Option<Instant>,
    passed: u32,
    failed: u32,
    verdict: Verdict,
}

impl Judge {
    pub(super) fn new(probe: &Probe, now: Instant) -> Self {
        let verdict = Verdict { up: probe.known, ..Verdict::default() };
        Self { timing: probe.timing, due: now, begun: None, passed: 0, failed: 0, verdict }
    }

    /// Goes on with other times. A check that is under way is given up: the next comes at once, where that is due.
    pub(super) fn go_on(&mut self, timing: Timing, now: Instant) {
        self.timing = timing;
        if self.begun.take().is_some() {
            self.due = now;
        }
        self.due = self.due.min(now + timing.delay);
    }

    pub(super) fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// When something is to be done: a check is due, or has taken too long.
    pub(super) fn next(&self) -> Instant {
        self.begun.map_or(self.due, |begun| begun + self.timing.timeout)
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.begun.is_none() && self.due <= now
    }

    /// Whether the check that is under way has taken too long.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.begun.is_some() && self.next() <= now
    }

    /// Not before then.
    pub(super) fn postpone(&mut self, until: Instant) {
        self.due = self.due.max(until);
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.begun = Some(now);
        self.due = now + self.timing.delay.max(LEAST);
    }

    /// Whole milliseconds since the check began.
    pub(super) fn milliseconds(&self, now: Instant) -> u64 {
        let taken = self.begun.map_or_else(Default::default, |begun| now.saturating_duration_since(begun));
        u64::try_from(taken.as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether it is up now and was not, or the other way round.
    pub(super) fn end(&mut self, outcome: Outcome, now: Instant) -> bool {
        self.begun = None;
        // One that took longer than the time between two is not followed at once.
        self.due = self.due.max(now);
        let passed = outcome.reason.passed();
        self.verdict.last = Some(outcome);
        let Some(passed) = passed else { return false };
        let (count, other) =
            if passed { (&mut self.passed, &mut self.failed) } else { (&mut self.failed, &mut self.passed) };
        *count = count.saturating_add(1);
        *other = 0;
        let needed = match (passed, self.verdict.up) {
            (true, Some(false)) => self.timing.rise,
            (true, None | Some(true)) => 1,
            (false, _) => self.timing.fall,
        };
        if self.verdict.up == Some(passed) || *count < needed.max(1) {
            return false;
        }
        self.verdict.up = Some(passed);
        self.verdict.since = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Check, Reason},
        *,
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn judge(known: Option<bool>, now: Instant) -> Judge {
        let timing = Timing { delay: 5 * SECOND, timeout: 2 * SECOND, rise: 2, fall: 3 };
        Judge::new(&Probe { check: Check::Tcp, address: "10.0.0.1:80".parse().unwrap(), timing, known }, now)
    }

    fn outcome(reason: Reason) -> Outcome {
        Outcome { reason, code: None, text: String::new(), milliseconds: 0 }
    }

    /// One check, from one to the next. Whether the verdict changed.
    fn check(judge: &mut Judge, now: &mut Instant, reason: Reason) -> bool {
        assert!(judge.is_due(*now));
        judge.begin(*now);
        assert!(!judge.is_due(*now + 10 * SECOND));
        let changed = judge.end(outcome(reason), *now + SECOND);
        *now = judge.next();
        changed
    }

    #[test]
    fn the_first_check_that_passes_is_enough_for_one_that_is_not_known() {
        let mut now = Instant::now();
        let mut unknown = judge(None, now);
        assert!(!check(&mut unknown, &mut now, Reason::Refused));
        assert_eq!(unknown.verdict().up, None);
        let begun = now;
        assert!(check(&mut unknown, &mut now, Reason::Passed));
        assert_eq!((unknown.verdict().up, unknown.verdict().since), (Some(true), Some(begun + SECOND)));
    }

    #[test]
    fn so_many_in_a_row_fail_until_it_is_down_and_pass_until_it_is_up() {
        let mut now = Instant::now();
        let mut member = judge(Some(true), now);
        let reasons = [Reason::TimedOut, Reason::Refused, Reason::Passed, Reason::Closed, Reason::Closed];
        assert!(!reasons.into_iter().any(|reason| check(&mut member, &mut now, reason)));
        assert!(check(&mut member, &mut now, Reason::WrongCode));
        assert!(!check(&mut member, &mut now, Reason::Passed));
        assert!(!check(&mut member, &mut now, Reason::NoTls));
        assert!(!check(&mut member, &mut now, Reason::Passed));
        assert!(check(&mut member, &mut now, Reason::Silent));
        assert_eq!(member.verdict().last, Some(outcome(Reason::Silent)));
    }

    #[test]
    fn what_could_not_be_tried_says_nothing() {
        let mut now = Instant::now();
        let mut member = judge(Some(false), now);
        check(&mut member, &mut now, Reason::Passed);
        for _ in 0..5 {
            assert!(!check(&mut member, &mut now, Reason::NotTried));
        }
        assert!(check(&mut member, &mut now, Reason::Passed));
    }

    #[test]
    fn checks_are_a_delay_apart_and_end_in_time() {
        let start = Instant::now();
        let mut member = judge(None, start);
        member.begin(start);
        assert!(!member.is_late(start + SECOND) && member.is_late(start + 2 * SECOND));
        assert_eq!(member.milliseconds(start + Duration::from_micros(1_999)), 1);
        member.end(outcome(Reason::TimedOut), start + 2 * SECOND);
        assert_eq!(member.next(), start + 5 * SECOND);
        member.postpone(start + 6 * SECOND);
        assert!(!member.is_due(start + 5 * SECOND));
    }

    #[test]
    fn other_times_hold_at_once_and_what_is_known_stays() {
        let start = Instant::now();
        let mut member = judge(Some(true), start);
        member.begin(start);
        member.end(outcome(Reason::Passed), start);
        member.go_on(Timing { delay: SECOND, timeout: SECOND, rise: 1, fall: 1 }, start);
        assert_eq!((member.next(), member.verdict().up), (start + SECOND, Some(true)));
        member.begin(start + SECOND);
        member.go_on(Timing { delay: 9 * SECOND, timeout: SECOND, rise: 1, fall: 1 }, start + SECOND);
        assert!(member.is_due(start + SECOND));
    }
}
