//! All drivers of an agent.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ballast_abi::{host::OwnGroup, note::Needs};
use ballast_proto::agent::DriverReport;
use ballast_service::config::Grant;
use serde_json::{Map, Value};
use tokio::{
    sync::{Mutex, watch},
    task::{self, JoinHandle},
    time::{self, MissedTickBehavior},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

use super::{
    DriverClient, DriverSettings, DriversDirError,
    board::Board,
    copy::Copy,
    files::{self, DriverFile, Found},
    grant,
    metrics::Metrics,
    named::{self, Named},
    notice::{self, Look},
    supervise::{Supervisor, Used},
};
use crate::host::Scarcity;

/// How often the drivers directory is looked at; a change is acted on when two looks in a row are the same.
const LOOK: Duration = Duration::from_secs(1);
/// How many looks pass before what the machine could not take is tried again.
const LOOKS_UNTIL_AGAIN: u32 = 5;

/// The drivers of an agent, supervised. Dropping it ends their processes too, without waiting for it.
pub struct DriverSet {
    settings: Arc<DriverSettings>,
    board: Arc<Board>,
    stop: CancellationToken,
    supervised: Mutex<AllSupervised>,
    group: Option<OwnGroup>,
    _guard: DropGuard,
}

#[derive(Default)]
struct AllSupervised {
    drivers: BTreeMap<String, Supervised>,
    /// Each driver's section of the configuration.
    configs: HashMap<String, Value>,
    /// The drivers directory as it was when it was scanned last.
    seen: Look,
    /// The scan left something to be tried again, though nothing in the directory changes.
    again: bool,
    /// What was refused last, so that each is said once.
    refused: Vec<(String, String)>,
}

struct Supervised {
    wanted: watch::Sender<DriverFile>,
    used: Used,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervised {
    /// Of the files that a process may be started from.
    fn copies(&self) -> [Copy; 2] {
        [self.used.get().copy, self.wanted.borrow().copy.clone()]
    }

    /// Of what its section names, those that are another file than it has been given, and than it has been tried with.
    fn replaced(&self) -> Vec<Named> {
        let (used, wanted) = (self.used.get().named, self.wanted.borrow().named.clone());
        let given = |now: &Named| used.iter().any(|given| now.is_as(given));
        let now = wanted.iter().map(|tried| Named::look(tried.path.clone()));
        now.zip(&wanted).filter(|(now, tried)| now != *tried && !given(now)).map(|(now, _)| now).collect()
    }
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
        let configs = settings.configs.clone();
        let group = own_group(&settings.state_dir);
        let set = Self {
            settings: Arc::new(settings),
            board: Arc::default(),
            stop: stop.clone(),
            supervised: Mutex::new(AllSupervised { configs, ..AllSupervised::default() }),
            group,
            _guard: stop.drop_guard(),
        };
        set.rescan().await?;
        Ok(set)
    }

    /// Looks at the directory again: starts new drivers, ends those whose file is gone, and gives those that failed
    /// another chance. A driver whose file or configuration has changed gets another process beside the one that runs, which takes over
    /// once it is ready; a driver that runs goes on when its new file cannot be used.
    ///
    /// # Errors
    /// As for [`DriverSet::start`]; nothing has changed then.
    pub async fn rescan(&self) -> Result<(), DriversDirError> {
        // Held throughout, so that two scans do not undo each other.
        let mut supervised = self.supervised.lock().await;
        let settings = Arc::clone(&self.settings);
        // Before the files are read: what changes meanwhile is another look.
        supervised.seen = notice::look(&settings.drivers_dir).unwrap_or_default();
        supervised.again = true;
        let held: Vec<Copy> = supervised.drivers.values().flat_map(Supervised::copies).collect();
        let mut configs = supervised.configs.clone();
        let scan = move || {
            let mut found = files::scan(&settings.drivers_dir, &settings.state_dir, &held)?;
            for file in &mut found.drivers {
                file.config = configs.remove(&file.note.name).unwrap_or_else(|| Value::Object(Map::new()));
                if grant::granted(&settings, &file.note) == Grant::Nothing {
                    file.named = named::paths(&file.config).into_iter().map(Named::look).collect();
                }
            }
            Ok(found)
        };
        let found = match task::spawn_blocking(scan).await {
            Ok(found) => found?,
            // The scan panicked, or the process is ending.
            Err(error) => {
                error!("the drivers directory was not scanned: {error}");
                return Ok(());
            }
        };
        supervised.again = found.again;
        if found.drivers.is_empty() && found.refused.is_empty() {
            let exists = if self.settings.drivers_dir.is_dir() { "has no driver in it" } else { "does not exist" };
            warn!("{} {exists}: nothing can be deployed here until there is one", self.settings.drivers_dir.display());
        }
        let former = std::mem::replace(&mut supervised.refused, found.refused.clone());
        for (file, reason) in found.refused.iter().filter(|refused| !former.contains(refused)) {
            error!(file, "driver refused: {reason}");
        }
        self.apply(found, &mut supervised.drivers).await;
        Ok(())
    }

    /// Takes other sections of the configuration; they take effect with the next rescan.
    pub async fn configure(&self, configs: HashMap<String, Value>) {
        self.supervised.lock().await.configs = configs;
    }

    /// Rescans when the drivers directory has changed, or a file that a section names is another one, and has settled
    /// since: a file may be copied in slowly. What the machine could not take is tried again by time.
    pub async fn rescan_when_changed(&self) {
        let mut ticks = time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut last, mut looks) = ((Look::default(), Vec::new()), 0);
        loop {
            ticks.tick().await;
            let Ok(look) = notice::look(&self.settings.drivers_dir) else { continue };
            let (changed, again, replaced) = {
                let supervised = self.supervised.lock().await;
                let replaced: Vec<Named> = supervised.drivers.values().flat_map(Supervised::replaced).collect();
                (look != supervised.seen, supervised.again, replaced)
            };
            let others: Vec<PathBuf> = replaced.iter().map(|named| named.path.clone()).collect();
            let now = (look, replaced);
            let settled = now == std::mem::replace(&mut last, now.clone());
            looks = if again { looks + 1 } else { 0 };
            if !settled || !(changed || !others.is_empty() || looks >= LOOKS_UNTIL_AGAIN) {
                continue;
            }
            looks = 0;
            if changed {
                info!("the drivers directory has changed: looking at it again");
            }
            if !others.is_empty() {
                info!("sections of drivers name other files than before: {others:?}");
            }
            if let Err(error) = self.rescan().await {
                error!("{error}; the drivers stay as they are");
            }
        }
    }

    async fn apply(&self, found: Found, supervised: &mut BTreeMap<String, Supervised>) {
        let mut wanted: BTreeMap<String, DriverFile> =
            found.drivers.into_iter().map(|file| (file.note.name.clone(), file)).collect();
        for (name, running) in std::mem::take(supervised) {
            if let Some(file) = wanted.remove(&name) {
                running.wanted.send_replace(file);
                supervised.insert(name, running);
            } else if let Some(reason) = self.goes_on(&name, &running.used.get(), &found.refused) {
                self.board.note(&name, &reason);
                supervised.insert(name, running);
            } else {
                running.stop.cancel();
                // Its only failure is a panic, and then it has ended as well.
                let _ = running.task.await;
                self.board.remove(&name);
            }
        }
        self.board.refuse(found.refused);
        for (name, file) in wanted {
            let plugs = file.note.needs == Some(Needs::NetworkNamespaces);
            self.board.add(&name, &file.note.version, plugs);
            supervised.insert(name, self.supervise(file));
        }
    }

    /// Why a driver runs on though there is no file for it: its file is there, and is refused as it is now.
    fn goes_on(&self, name: &str, used: &DriverFile, refused: &[(String, String)]) -> Option<String> {
        let (file, reason) = refused.iter().find(|(file, _)| *file == used.file_name)?;
        let reason = format!("{file} was refused, version {} goes on: {reason}", used.note.version);
        self.board.is_ready(name).then_some(reason)
    }

    fn supervise(&self, file: DriverFile) -> Supervised {
        let (sender, wanted) = watch::channel(file.clone());
        let (name, used, stop) = (file.note.name.clone(), Used::new(file), self.stop.child_token());
        let supervisor = Supervisor {
            name,
            settings: Arc::clone(&self.settings),
            group: self.group.clone(),
            board: Arc::clone(&self.board),
            wanted,
            used: used.clone(),
            stop: stop.clone(),
        };
        Supervised { wanted: sender, used, stop, task: tokio::spawn(supervisor.run()) }
    }

    /// Every driver and every refused file, with capabilities and their digest as far as they are known.
    #[must_use]
    pub fn reports(&self) -> Vec<DriverReport> {
        self.board.reports()
    }

    /// What the host has too little of: it is reported of the drivers that it concerns.
    pub(crate) fn note_host(&self, scarcity: &Scarcity) {
        self.board.note_host(scarcity);
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

    /// What is measured of drivers.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.board.metrics
    }

    /// The processes of the drivers that are ready.
    pub(crate) fn processes(&self) -> Vec<(String, u32)> {
        self.board.processes()
    }

    /// The driver of this name, whether it is ready or not.
    #[must_use]
    pub fn driver(&self, name: &str) -> Option<DriverClient> {
        let client = || DriverClient::new(name, Arc::clone(&self.board), self.settings.deadlines);
        self.board.has(name).then(client)
    }

    /// The program that is run as driver-host, and as warden.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.settings.program
    }

    /// Ends every driver-host, and waits for it. What drivers have deployed runs on.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        for (_, running) in std::mem::take(&mut self.supervised.lock().await.drivers) {
            let _ = running.task.await;
        }
        if let Some(Err(error)) = self.group.as_ref().map(OwnGroup::clear) {
            warn!("what the agent's control group lends could not be taken back: {error}");
        }
    }
}

/// The control group below which drivers get theirs, left by the agent for one below where it may be.
fn own_group(state_dir: &Path) -> Option<OwnGroup> {
    match OwnGroup::find(&files::states(state_dir)) {
        Ok(group) => {
            if !group.strangers().is_empty() {
                warn!(
                    "load balancers cannot be limited in what they take: somebody else is in the agent's control group: {}",
                    group.strangers().join(", ")
                );
            }
            Some(group)
        }
        Err(reason) => {
            info!("drivers run in the agent's own control group: {reason}");
            None
        }
    }
}
