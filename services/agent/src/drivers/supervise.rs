//! Keeps one driver running: start, watch, decide ([`Record`]), wait, start again.

use std::{sync::Arc, time::Duration};

use ballast_proto::agent::DriverState;
use tokio::{
    sync::Notify,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    DriverSettings,
    backoff::{Ending, Next, Record},
    board::Board,
    files::DriverFile,
    process::{self, Running},
};
use crate::driver_host::start::Refused;

/// Everything that supervising one driver needs.
pub(super) struct Supervisor {
    pub(super) settings: Arc<DriverSettings>,
    pub(super) file: DriverFile,
    pub(super) board: Arc<Board>,
    /// The driver is to end, for good.
    pub(super) stop: CancellationToken,
    /// Do not wait any longer before the next start.
    pub(super) wake: Arc<Notify>,
}

impl Supervisor {
    /// Runs until it is stopped.
    pub(super) async fn run(self) {
        let mut record = Record::default();
        loop {
            let started = tokio::select! {
                started = process::start(&self.settings, &self.file) => started,
                () = self.stop.cancelled() => return,
            };
            let (ending, reason) = match started {
                Err(Refused { reason, permanent: true }) => (Ending::Refused, reason),
                Err(Refused { reason, permanent: false }) => (Ending::NotStarted, reason),
                Ok(running) => match self.watch(running).await {
                    Some((time, reason)) => (Ending::Ran(time), reason),
                    None => return,
                },
            };
            let next = record.ended(ending, rand::random());
            self.say(next, &reason);
            if !self.wait(next).await {
                return;
            }
        }
    }

    /// How long it ran and why it ended; `None` when it was stopped.
    async fn watch(&self, mut running: Running) -> Option<(Duration, String)> {
        let name = self.name();
        info!(driver = name, pid = running.id(), version = running.described.version, "driver is ready");
        self.board.ready(name, running.described.clone(), running.connection.clone());
        let since = Instant::now();
        let reason = tokio::select! {
            reason = running.over() => reason,
            () = self.stop.cancelled() => {
                self.board.down(name, DriverState::Starting, "it is being stopped");
                running.end(self.settings.deadlines.grace).await;
                return None;
            }
        };
        let ran = since.elapsed();
        // Before the end is waited for: no call may go to a process that is about to end.
        self.board.down(name, DriverState::Starting, &reason);
        running.end(self.settings.deadlines.grace).await;
        Some((ran, reason))
    }

    fn say(&self, next: Next, reason: &str) {
        let (driver, file) = (self.name(), &self.file.file_name);
        match next {
            Next::Restart(delay) => {
                warn!(driver, file, "driver-host ended, starts again in {delay:?}: {reason}");
                self.board.down(driver, DriverState::Starting, reason);
            }
            Next::Fail(retry) => {
                let when = retry
                    .map_or_else(|| "given up until a rescan".to_owned(), |delay| format!("tried again in {delay:?}"));
                error!(driver, file, "driver failed, {when}: {reason}");
                self.board.down(driver, DriverState::Failed, reason);
            }
        }
    }

    /// Waits until the next start is due; `false` when it is stopped before.
    async fn wait(&self, next: Next) -> bool {
        let delay = match next {
            Next::Restart(delay) | Next::Fail(Some(delay)) => delay,
            Next::Fail(None) => Duration::MAX,
        };
        tokio::select! {
            () = time::sleep(delay) => true,
            () = self.wake.notified() => true,
            () = self.stop.cancelled() => false,
        }
    }

    fn name(&self) -> &str {
        &self.file.note.name
    }
}
