//! One pinged member: when to send, and what answers and silence mean. Pure: the time is an argument.

use std::time::{Duration, Instant};

use ballast_abi::CheckAnswer;

use super::Echoes;

#[derive(Clone, Debug)]
pub(super) struct Pinged {
    pub(super) echoes: Echoes,
    sequence: u16,
    due: Instant,
    /// The echo that is under way: its sequence and when it counts as lost.
    waiting: Option<(u16, Instant)>,
    lost: u32,
    answered: u32,
    /// `None`: not known yet.
    pub(super) up: Option<bool>,
    /// haproxy has not been told of `up` yet.
    pub(super) untold: bool,
    /// It was down before, and haproxy has not been told that it is up.
    pub(super) returns: bool,
    /// Since when `up` is what it is.
    since: Option<Instant>,
    /// How the last echo ended: whether it was answered, and what it took.
    last: Option<(bool, Duration)>,
}

impl Pinged {
    pub(super) fn new(echoes: Echoes, now: Instant) -> Self {
        Self {
            echoes,
            sequence: 0,
            due: now,
            waiting: None,
            lost: 0,
            answered: 0,
            up: None,
            untold: false,
            returns: false,
            since: None,
            last: None,
        }
    }

    /// For how many milliseconds it has been as it is, and how the last echo ended. `None`: none has.
    pub(super) fn said(&self, now: Instant) -> Option<(u64, CheckAnswer)> {
        let (answered, took) = self.last?;
        let whole = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let answer = CheckAnswer {
            result: if answered { "L3OK" } else { "L3TOUT" }.to_owned(),
            milliseconds: u32::try_from(whole(took)).unwrap_or(u32::MAX),
            ..CheckAnswer::default()
        };
        Some((self.since.map_or(0, |since| whole(now.saturating_duration_since(since))), answer))
    }

    fn took(&self, now: Instant) -> Duration {
        let timeout = Duration::from_secs(self.echoes.timeout.into());
        let sent = self.waiting.and_then(|(_, deadline)| deadline.checked_sub(timeout));
        sent.map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent))
    }

    /// Takes over what is known of the same member, when only times have changed.
    pub(super) fn continued(echoes: Echoes, before: &Pinged) -> Self {
        // The process may be a new one, so it is told again.
        Self { untold: before.up.is_some(), echoes, ..before.clone() }
    }

    /// When [`Pinged::tick`] has to be called.
    pub(super) fn next(&self) -> Instant {
        self.waiting.map_or(self.due, |(_, deadline)| deadline)
    }

    /// The sequence number of an echo to send now, if one is due.
    pub(super) fn tick(&mut self, now: Instant) -> Option<u16> {
        if self.waiting.is_some_and(|(_, deadline)| deadline <= now) {
            self.silence(now);
        }
        if self.waiting.is_some() || self.due > now {
            return None;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.due = now + Duration::from_secs(self.echoes.delay.into());
        self.waiting = Some((self.sequence, now + Duration::from_secs(self.echoes.timeout.into())));
        Some(self.sequence)
    }

    /// An answer. A late one does not count.
    pub(super) fn answer(&mut self, sequence: u16, now: Instant) {
        if self.waiting.is_none_or(|(expected, _)| expected != sequence) {
            return;
        }
        self.last = Some((true, self.took(now)));
        self.waiting = None;
        self.lost = 0;
        self.answered = self.answered.saturating_add(1);
        if self.up.is_none() || self.up == Some(false) && self.answered >= self.echoes.rise {
            // Until then haproxy may keep it out: it was started so, or by a former process of this driver.
            self.untold = true;
            self.returns = self.up.is_some();
            self.up = Some(true);
            self.since = Some(now);
        }
    }

    /// Nothing came, or it could not be sent.
    pub(super) fn silence(&mut self, now: Instant) {
        self.last = Some((false, self.took(now)));
        self.waiting = None;
        self.answered = 0;
        self.lost = self.lost.saturating_add(1);
        if self.up != Some(false) && self.lost >= self.echoes.max_retries {
            self.up = Some(false);
            self.since = Some(now);
            self.returns = false;
            self.untold = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinged(now: Instant) -> Pinged {
        let (pool, member) = (String::from("p"), String::from("m"));
        let address = "10.0.0.1".parse().unwrap();
        let (rise, checked, also) = (2, false, Vec::new());
        Pinged::new(Echoes { pool, member, address, delay: 5, timeout: 2, max_retries: 3, rise, checked, also }, now)
    }

    #[test]
    fn the_first_answer_is_enough_and_haproxy_is_told_as_it_may_have_kept_the_member_out() {
        let now = Instant::now();
        let mut member = pinged(now);
        let sequence = member.tick(now).unwrap();
        member.answer(sequence, now + Duration::from_millis(7));
        assert_eq!((member.up, member.untold), (Some(true), true));
        let (so_for, answer) = member.said(now + Duration::from_secs(3)).unwrap();
        assert_eq!((so_for, answer.result.as_str(), answer.milliseconds), (2993, "L3OK", 7));
    }

    #[test]
    fn so_many_lost_echoes_make_it_down_and_two_answers_up_again() {
        let mut now = Instant::now();
        let mut member = pinged(now);
        for lost in 0..3 {
            assert_eq!(member.up, None, "{lost}");
            assert!(member.tick(now).is_some());
            now += Duration::from_secs(2);
            assert_eq!(member.tick(now), None);
            now += Duration::from_secs(3);
        }
        assert_eq!((member.up, member.untold), (Some(false), true));
        for expected in [Some(false), Some(true)] {
            let sequence = member.tick(now).unwrap();
            member.answer(sequence, now);
            assert_eq!(member.up, expected);
            now += Duration::from_secs(5);
        }
    }

    #[test]
    fn a_late_answer_does_not_count() {
        let now = Instant::now();
        let mut member = pinged(now);
        let sequence = member.tick(now).unwrap();
        assert_eq!(member.tick(now + Duration::from_secs(2)), None);
        member.answer(sequence, now + Duration::from_secs(2));
        assert_eq!(member.up, None);
    }
}
