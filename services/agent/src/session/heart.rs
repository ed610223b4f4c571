//! Heartbeats that were sent, and what it means that one was read. Pure: times are milliseconds since the machine's start.

use std::{collections::VecDeque, time::Duration};

use tokio_util::sync::CancellationToken;

use super::reported::Reported;

/// So many may be on their way. Of those before nothing follows.
const MOST: usize = 64;

/// What beats in a session.
pub(super) struct Heart {
    pub(super) reported: Reported,
    pub(super) interval: Duration,
    pub(super) overrun: CancellationToken,
    pub(super) beats: Beats,
}

/// When each was sent that was not answered yet.
#[derive(Debug, Default)]
pub(super) struct Beats {
    /// How long nothing is given to others after one that was read. 0: of a scheduler that does not say.
    lease: u64,
    last: u64,
    sent: VecDeque<(u64, u64)>,
}

impl Beats {
    pub(super) fn new(lease_ms: u32) -> Self {
        Self { lease: lease_ms.into(), ..Self::default() }
    }

    /// One is sent: its number.
    pub(super) fn sent(&mut self, now: u64) -> u64 {
        self.last += 1;
        if self.sent.len() == MOST {
            self.sent.pop_front();
        }
        self.sent.push_back((self.last, now));
        self.last
    }

    /// One was read: until when nothing is given to others.
    pub(super) fn heard(&mut self, number: u64) -> Option<u64> {
        let (_, sent) = *self.sent.iter().find(|(one, _)| *one == number)?;
        self.sent.retain(|(one, _)| *one > number);
        (self.lease > 0).then_some(sent + self.lease)
    }

    /// A scheduler of a former release answers none: while its session is open, nothing is taken to be given to others.
    pub(super) fn is_unanswered(&self) -> bool {
        self.lease == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lease_runs_from_when_the_heartbeat_was_sent_that_was_read() {
        let mut beats = Beats::new(20_000);
        assert_eq!((beats.sent(100), beats.sent(200), beats.sent(300)), (1, 2, 3));
        assert_eq!(beats.heard(2), Some(20_200));
        assert_eq!(beats.heard(1), None, "something later was read");
        assert_eq!(beats.heard(9), None, "nobody sent that");
        assert_eq!(beats.heard(3), Some(20_300));
        assert!(!beats.is_unanswered());
    }

    #[test]
    fn of_heartbeats_that_nobody_answers_only_some_are_remembered() {
        let mut beats = Beats::new(0);
        for now in 0..1_000 {
            beats.sent(now);
        }
        assert!(beats.sent.len() <= MOST && beats.is_unanswered());
        assert_eq!((beats.heard(1), beats.heard(1_000)), (None, None));
    }
}
