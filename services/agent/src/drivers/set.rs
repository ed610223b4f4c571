//! All drivers of an agent.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ballast_proto::agent::DriverReport;
use tokio::{
    sync::{Mutex, Notify, watch},
    task::{self, JoinHandle},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::error;

use super::{
    DriverClient, DriverSettings, DriversDirError,
    board::Board,
    files::{self, DriverFile, Found},
    supervise::Supervisor,
};

/// The drivers of an agent, supervised. Dropping it ends their processes too, without waiting for it.
pub struct DriverSet {
    settings: Arc<DriverSettings>,
    board: Arc<Board>,
    stop: CancellationToken,
    supervised: Mutex<BTreeMap<String, Supervised>>,
    _guard: DropGuard,
}

struct Supervised {
    digest: String,
    stop: CancellationToken,
    wake: Arc<Notify>,
    task: JoinHandle<()>,
}

impl DriverSet {
    /// Scans the directory and starts a process for each driver, without waiting until they are ready.
    ///
    /// A file that is no driver is a FAILED report and does not hinder the others.
    ///
    /// # Errors
    /// The drivers directory cannot be read, or the agent's own cannot be written.
    pub async fn start(settings: DriverSettings) -> Result<Self, DriversDirError> {
        let stop = CancellationToken::new();
        let set = Self {
            settings: Arc::new(settings),
            board: Arc::default(),
            stop: stop.clone(),
            supervised: Mutex::default(),
            _guard: stop.drop_guard(),
        };
        set.rescan().await?;
        Ok(set)
    }

    /// Looks at the directory again: starts new drivers, ends those whose file is gone, replaces those whose file has
    /// changed, and gives those that failed another chance.
    ///
    /// # Errors
    /// As for [`DriverSet::start`]; nothing has changed then.
    pub async fn rescan(&self) -> Result<(), DriversDirError> {
        // Held throughout, so that two scans do not undo each other.
        let mut supervised = self.supervised.lock().await;
        let settings = Arc::clone(&self.settings);
        let scan = move || files::scan(&settings.drivers_dir, &settings.state_dir);
        let found = match task::spawn_blocking(scan).await {
            Ok(found) => found?,
            // The scan panicked, or the process is ending.
            Err(error) => {
                error!("the drivers directory was not scanned: {error}");
                return Ok(());
            }
        };
        self.apply(found, &mut supervised).await;
        Ok(())
    }

    async fn apply(&self, found: Found, supervised: &mut BTreeMap<String, Supervised>) {
        for (file, reason) in &found.refused {
            error!(file, "driver refused: {reason}");
        }
        self.board.refuse(found.refused);
        let mut wanted: BTreeMap<String, DriverFile> =
            found.drivers.into_iter().map(|file| (file.note.name.clone(), file)).collect();
        for (name, running) in std::mem::take(supervised) {
            if wanted.get(&name).is_some_and(|file| file.digest == running.digest) {
                running.wake.notify_waiters();
                wanted.remove(&name);
                supervised.insert(name, running);
            } else {
                running.stop.cancel();
                // Its only failure is a panic, and then it has ended as well.
                let _ = running.task.await;
                self.board.remove(&name);
            }
        }
        for (name, file) in wanted {
            self.board.add(&name, &file.note.version);
            supervised.insert(name, self.supervise(file));
        }
    }

    fn supervise(&self, file: DriverFile) -> Supervised {
        let (digest, stop, wake) = (file.digest.clone(), self.stop.child_token(), Arc::new(Notify::new()));
        let supervisor = Supervisor {
            settings: Arc::clone(&self.settings),
            file,
            board: Arc::clone(&self.board),
            stop: stop.clone(),
            wake: Arc::clone(&wake),
        };
        Supervised { digest, stop, wake, task: tokio::spawn(supervisor.run()) }
    }

    /// Every driver and every refused file, with capabilities and their digest as far as they are known.
    #[must_use]
    pub fn reports(&self) -> Vec<DriverReport> {
        self.board.reports()
    }

    /// Ticks at each change of any driver's state. A restart is two ticks at least, which may be seen as one.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.board.watch()
    }

    /// The drivers that are ready, and how often each has become so: a number that grew means a new process, whose
    /// device may run something else than it did.
    #[must_use]
    pub fn starts(&self) -> HashMap<String, u64> {
        self.board.starts()
    }

    /// The driver of this name, whether it is ready or not.
    #[must_use]
    pub fn driver(&self, name: &str) -> Option<DriverClient> {
        let client = || DriverClient::new(name, Arc::clone(&self.board), self.settings.deadlines);
        self.board.has(name).then(client)
    }

    /// Ends every driver-host, and waits for it. What drivers have deployed runs on.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        for (_, running) in std::mem::take(&mut *self.supervised.lock().await) {
            let _ = running.task.await;
        }
    }
}
