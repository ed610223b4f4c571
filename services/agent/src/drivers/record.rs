//! When a driver-host that ended is started again. Pure: chance and durations are arguments.

use std::time::Duration;

use crate::pace::Pace;

/// Who ran for so long starts with a clean record.
const STABLE: Duration = Duration::from_secs(60);
const STARTS: u32 = 5;
/// How often a driver that has failed is given another chance.
const RETRY_FAILED: Duration = Duration::from_secs(180);

/// How a driver-host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The driver will never start with this file and configuration.
    Refused,
    /// It never became ready.
    NotStarted,
    /// It was ready for so long.
    Ran(Duration),
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start again after this time.
    Restart(Duration),
    /// Say that it failed, and start again after this time; `None`: not before a rescan.
    Fail(Option<Duration>),
}

/// A driver's record since it was last stable.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record {
    /// In a row.
    failed_starts: u32,
    endings: u32,
}

impl Record {
    /// Takes note of an ending. `chance`, 0 to 1, spreads restarts of several drivers over half of the delay.
    pub(super) fn ended(&mut self, ending: Ending, chance: f64) -> Next {
        match ending {
            Ending::Refused => return Next::Fail(None),
            Ending::NotStarted => self.failed_starts += 1,
            Ending::Ran(time) => {
                self.failed_starts = 0;
                if time >= STABLE {
                    self.endings = 0;
                }
            }
        }
        if self.failed_starts >= STARTS {
            return Next::Fail(Some(RETRY_FAILED));
        }
        self.endings += 1;
        Next::Restart(Pace::RESTART.wait(self.endings, chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: f64 = 1.0;

    fn millis(next: Next) -> u128 {
        match next {
            Next::Restart(delay) => delay.as_millis(),
            Next::Fail(_) => panic!("it failed"),
        }
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut record = Record::default();
        let delays: Vec<u128> = (0..12).map(|_| millis(record.ended(Ending::Ran(Duration::ZERO), FULL))).collect();
        assert_eq!(delays[..4], [100, 200, 400, 800]);
        assert_eq!(delays[9..], [30_000, 30_000, 30_000]);
    }

    #[test]
    fn chance_spreads_over_the_upper_half_of_a_delay() {
        assert_eq!(millis(Record::default().ended(Ending::NotStarted, 0.0)), 50);
        assert_eq!(millis(Record::default().ended(Ending::NotStarted, FULL)), 100);
    }

    #[test]
    fn a_stable_run_clears_the_record() {
        let mut record = Record::default();
        for _ in 0..6 {
            record.ended(Ending::Ran(Duration::ZERO), FULL);
        }
        assert_eq!(millis(record.ended(Ending::Ran(STABLE), FULL)), 100);
    }

    #[test]
    fn the_fifth_failed_start_in_a_row_is_a_failure_that_is_retried_seldom() {
        let mut record = Record::default();
        for _ in 0..4 {
            assert!(matches!(record.ended(Ending::NotStarted, FULL), Next::Restart(_)));
        }
        assert_eq!(record.ended(Ending::NotStarted, FULL), Next::Fail(Some(RETRY_FAILED)));
        assert_eq!(record.ended(Ending::NotStarted, FULL), Next::Fail(Some(RETRY_FAILED)));
    }

    #[test]
    fn crashes_of_a_driver_that_was_ready_never_make_it_failed() {
        let mut record = Record::default();
        for _ in 0..100 {
            assert!(matches!(record.ended(Ending::Ran(Duration::from_secs(1)), FULL), Next::Restart(_)));
        }
    }

    #[test]
    fn a_refusal_waits_for_a_rescan() {
        assert_eq!(Record::default().ended(Ending::Refused, FULL), Next::Fail(None));
    }
}
