//! The only place that reads a clock. Everything else is told the time, so tests can tell it any.
//!
//! There are two. The wall clock is what people read, and it jumps: it is set, or the machine slept. How long something has
//! lasted is asked of the other one, which only goes on.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    monotonic: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl Clock {
    /// The machine's clocks.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        Self::from_fn(SystemTime::now)
    }

    /// A wall clock that says what `now` says; the other one is the machine's.
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        let start = Instant::now();
        Self { wall: Arc::new(now), monotonic: Arc::new(move || start.elapsed()) }
    }

    /// The same wall clock; the other one says what `monotonic` says.
    #[must_use]
    pub fn with_monotonic(self, monotonic: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { monotonic: Arc::new(monotonic), ..self }
    }

    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.wall)()
    }

    /// The time since some beginning, of this process and no other. It never goes back, and does not jump.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        (self.monotonic)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_jumps_does_not_move_the_other() {
        let clock = Clock::from_fn(|| SystemTime::UNIX_EPOCH).with_monotonic(|| Duration::from_secs(7));
        assert_eq!((clock.now(), clock.monotonic()), (SystemTime::UNIX_EPOCH, Duration::from_secs(7)));
        let before = Clock::system();
        assert!(before.monotonic() <= before.monotonic());
    }
}
