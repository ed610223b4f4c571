//! When to end. All signals but the first are swallowed: make passes on the SIGTERM that its whole group has had, and
//! the end, which has deadlines of its own, must not be cut short by that.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::DemoError;

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

    pub(crate) async fn asked_for(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {},
            _ = self.terminate.recv() => {},
            _ = self.hangup.recv() => {},
        }
    }
}
