//! Keeps one driver running: start, watch, decide ([`Record`]), wait, start again; and replaces its process when there
//! is another file for it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ballast_abi::host::OwnGroup;
use ballast_proto::agent::DriverState;
use tokio::{
    sync::watch,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    DriverSettings,
    board::Board,
    files::DriverFile,
    metrics::Reason,
    process::{self, Running},
    record::{Ending, Next, Record},
};
use crate::driver_host::start::Refused;

/// Everything that supervising one driver needs.
pub(super) struct Supervisor {
    pub(super) name: String,
    pub(super) settings: Arc<DriverSettings>,
    /// The agent's.
    pub(super) group: Option<OwnGroup>,
    pub(super) board: Arc<Board>,
    /// The file that there is for it. Sent again, even as it was: do not wait any longer before the next start.
    pub(super) wanted: watch::Receiver<DriverFile>,
    /// The file that is used, for others to see.
    pub(super) used: Used,
    /// The driver is to end, for good.
    pub(super) stop: CancellationToken,
}

/// The file that a supervisor starts its driver from.
#[derive(Clone)]
pub(super) struct Used(Arc<Mutex<DriverFile>>);

impl Used {
    pub(super) fn new(file: DriverFile) -> Self {
        Self(Arc::new(Mutex::new(file)))
    }

    pub(super) fn get(&self) -> DriverFile {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, file: DriverFile) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = file;
    }
}

/// What came of an attempt to replace a process.
enum Replacement {
    /// The new one is ready, and the old one has ended.
    Done(Box<Running>),
    /// The old one goes on.
    Kept,
    /// There is none: the new one was refused, and the old one has ended by itself, for this reason.
    Neither(String),
}

const fn reason_of(ending: Ending) -> Reason {
    match ending {
        Ending::Refused => Reason::Refused,
        Ending::NotStarted => Reason::NotStarted,
        Ending::Ran(_) => Reason::Ended,
    }
}

impl Supervisor {
    /// Runs until it is stopped.
    pub(super) async fn run(mut self) {
        let mut record = Record::default();
        self.wanted.mark_unchanged();
        loop {
            let file = self.used.get();
            process::settle_state(&self.settings, &file).await;
            let started = tokio::select! {
                started = process::start(&self.settings, self.group.as_ref(), &file) => started,
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
            self.board.metrics.restarts(&self.name, reason_of(ending));
            let next = record.ended(ending, self.settings.chance.fraction());
            self.say(next, &reason);
            if !self.wait(next).await {
                return;
            }
            if self.take_wanted() {
                record = Record::default();
            }
        }
    }

    /// How long it ran and why it ended; `None` when it was stopped.
    async fn watch(&mut self, mut running: Running) -> Option<(Duration, String)> {
        self.announce(&running);
        let mut since = Instant::now();
        let reason = loop {
            tokio::select! {
                reason = running.over() => break reason,
                () = self.stop.cancelled() => {
                    self.board.down(&self.name, DriverState::Starting, "it is being stopped");
                    running.end(self.settings.deadlines.grace).await;
                    return None;
                }
                Ok(()) = self.wanted.changed() => {}
            }
            let wanted = self.wanted.borrow_and_update().clone();
            if wanted.is_as(&self.used.get()) {
                self.board.note(&self.name, "");
                continue;
            }
            match self.replace(&mut running, &wanted).await {
                Replacement::Done(new) => {
                    let old = std::mem::replace(&mut running, *new);
                    old.end(self.settings.deadlines.grace).await;
                    process::settle_state(&self.settings, &wanted).await;
                    self.used.set(wanted);
                    self.announce(&running);
                    since = Instant::now();
                }
                Replacement::Kept => {}
                Replacement::Neither(reason) => break reason,
            }
        };
        let ran = since.elapsed();
        // Before the end is waited for: no call may go to a process that is about to end.
        self.board.down(&self.name, DriverState::Starting, &reason);
        running.end(self.settings.deadlines.grace).await;
        Some((ran, reason))
    }

    fn announce(&self, running: &Running) {
        let (name, pid) = (&self.name, running.id());
        info!(driver = %name, pid, version = running.described.version, "driver is ready");
        self.board.ready(name, running.described.clone(), running.connection.clone(), pid);
    }

    /// Starts a process for another file beside the one that runs. Only when it is ready does the old one lose its calls,
    /// and only when it has answered those that it has does the new one get any: two processes are never at work on one
    /// device.
    async fn replace(&self, old: &mut Running, wanted: &DriverFile) -> Replacement {
        let (driver, file) = (self.name.as_str(), wanted.file_name.as_str());
        info!(
            driver,
            file,
            version = wanted.note.version,
            "another file or configuration for the driver: starting it beside"
        );
        let starting = process::start(&self.settings, self.group.as_ref(), wanted);
        tokio::pin!(starting);
        let mut ended = None;
        let started = loop {
            tokio::select! {
                started = &mut starting => break started,
                () = self.stop.cancelled() => return Replacement::Kept,
                reason = old.over(), if ended.is_none() => {
                    self.board.down(driver, DriverState::Starting, &reason);
                    ended = Some(reason);
                }
            }
        };
        match (started, ended) {
            (Ok(new), Some(_)) => Replacement::Done(Box::new(new)),
            (Ok(new), None) => {
                self.board.drain(driver);
                let calls = old.connection.calls.clone();
                tokio::select! {
                    () = calls.ended() => {}
                    // A call that hangs costs the old process now.
                    reason = old.over() => warn!(driver, "it ended while it was being replaced: {reason}"),
                    () = self.stop.cancelled() => {}
                }
                Replacement::Done(Box::new(new))
            }
            (Err(refused), Some(reason)) => {
                error!(driver, file, "the new file was refused: {}", refused.reason);
                Replacement::Neither(reason)
            }
            (Err(refused), None) => {
                let version = &old.described.version;
                let said = format!("{file} was refused, version {version} goes on: {}", refused.reason);
                error!(driver, "{said}");
                self.board.note(driver, &said);
                Replacement::Kept
            }
        }
    }

    /// Another file came while there was no process to be replaced.
    fn take_wanted(&mut self) -> bool {
        // Its only failure is that the set is gone, and then this is stopped.
        if !self.wanted.has_changed().unwrap_or(false) {
            return false;
        }
        let wanted = self.wanted.borrow_and_update().clone();
        self.used.set(wanted);
        true
    }

    fn say(&self, next: Next, reason: &str) {
        let (driver, file) = (self.name.as_str(), self.used.get().file_name);
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
    async fn wait(&mut self, next: Next) -> bool {
        let delay = match next {
            Next::Restart(delay) | Next::Fail(Some(delay)) => delay,
            Next::Fail(None) => Duration::MAX,
        };
        let mut wanted = self.wanted.clone();
        tokio::select! {
            () = time::sleep(delay) => true,
            Ok(()) = wanted.changed() => true,
            () = self.stop.cancelled() => false,
        }
    }
}
