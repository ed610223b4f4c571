//! How long to wait before the next attempt. Chance is an argument.

use std::time::Duration;

/// A wait that doubles with each failure up to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    first: Duration,
    limit: Duration,
}

impl Pace {
    /// Between two attempts to reach a scheduler.
    pub(crate) const DIAL: Self = Self { first: Duration::from_millis(100), limit: Duration::from_secs(5) };
    /// Between two attempts at a session that a scheduler refuses because of this agent's name.
    pub(crate) const REFUSED: Self = Self { first: Duration::from_secs(5), limit: Duration::from_secs(5) };
    /// Between the end of a driver-host and its next start.
    pub(crate) const RESTART: Self = Self { first: Duration::from_millis(100), limit: Duration::from_secs(30) };
    /// Between two calls of a driver that failed but may succeed.
    pub(crate) const RETRY: Self = Self { first: Duration::from_secs(1), limit: Duration::from_secs(60) };
    /// Between two calls of a driver that said that a repetition does not help.
    pub(crate) const HOPELESS: Self = Self { first: Duration::from_secs(300), limit: Duration::from_secs(300) };

    /// The wait after `failures` in a row (1: the first), between a half and the whole of it. `chance`: 0 to 1.
    pub(crate) fn wait(self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let whole = self.first.saturating_mul(1 << doublings).min(self.limit);
        whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let waits: Vec<_> = [0, 1, 2, 3, 7, u32::MAX].map(|failures| Pace::DIAL.wait(failures, 1.0).as_millis()).into();
        assert_eq!(waits, [100, 100, 200, 400, 5000, 5000]);
    }

    #[test]
    fn chance_takes_away_at_most_a_half() {
        assert_eq!(Pace::RETRY.wait(1, 0.0), Duration::from_millis(500));
        assert_eq!(Pace::RETRY.wait(1, 7.0), Duration::from_secs(1));
    }
}
