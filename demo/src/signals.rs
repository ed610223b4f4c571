//! When to end. All signals but the first are swallowed: make passes on the SIGTERM that its whole group has had, and
//! the end, which has deadlines of its own, must not be cut short by that.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::DemoError;

/// How long a signal may take from the process that it ended first to this one.
const GRACE: Duration = Duration::from_millis(200);

/// Ctrl-C, SIGTERM, or a terminal that is closed.
pub(crate) struct Ending {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Ending {
    /// From here on signals do not end the process.
    pub(crate) fn watch() -> Result<Self, DemoError> {
        let watch = |kind| signal(kind).map_err(DemoError::when("cannot watch for signals"));
        Ok(Self {
            interrupt: watch(SignalKind::interrupt())?,
            terminate: watch(SignalKind::terminate())?,
            hangup: watch(SignalKind::hangup())?,
        })
    }

    /// Whether a signal has come by now.
    pub(crate) async fn was_asked_for(&mut self) -> bool {
        tokio::time::timeout(GRACE, self.asked_for()).await.is_ok()
    }

    pub(crate) async fn asked_for(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {},
            _ = self.terminate.recv() => {},
            _ = self.hangup.recv() => {},
        }
    }
}
