//! The device's clock, moved by the test: sessions end when the test says that time has passed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Time since the device was switched on.
#[derive(Clone, Debug)]
pub struct Clock {
    moved: Arc<AtomicU64>,
    /// Real time goes on too.
    since: Option<Instant>,
}

impl Clock {
    /// Stands still unless it is moved.
    #[must_use]
    pub fn still() -> Self {
        Self { moved: Arc::default(), since: None }
    }

    /// Goes by itself, and can be moved forward besides.
    #[must_use]
    pub fn running() -> Self {
        Self { since: Some(Instant::now()), ..Self::still() }
    }

    /// Moves it forward.
    pub fn advance(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.moved.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        let real = self.since.map(|since| since.elapsed()).unwrap_or_default();
        Duration::from_millis(self.moved.load(Ordering::SeqCst)) + real
    }
}
