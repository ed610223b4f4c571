//! The warden's process.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io,
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use ballast_abi::host::OwnGroup;
use ballast_service::{
    process::{Failure, ended},
    telemetry::{self, Log},
};
use nix::{
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        stat::{Mode, umask},
    },
    unistd::setsid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedReadHalf},
    sync::{mpsc, watch},
    time::{self, MissedTickBehavior},
};

use super::{LONGEST, Said, Told, Watched, attend::Ward, build, place, socket_in};

const NAME: &str = "ballast-agent warden";
/// How long an agent may take nothing of what it is told.
const PATIENCE: Duration = Duration::from_secs(10);
/// What may wait for it.
const MAILBOX: usize = 4_096;
/// How often it is looked whether there is something left to watch.
const SWEPT: Duration = Duration::from_secs(30);
/// How often, and with which pause, the lock is tried.
const TRIES: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(20);
/// How many at once do something in namespaces.
const AT_ONCE: usize = 16;

/// Runs it until it has nothing to do any more. To be called before anything else.
pub fn run(state_dir: &Path, log: &Log) -> ExitCode {
    // Fails where it has a session of its own already.
    let _ = setsid();
    ended(NAME, serve(state_dir, log))
}

fn serve(state_dir: &Path, log: &Log) -> Result<(), Failure> {
    telemetry::init(log).map_err(Failure::Config)?;
    let lock = File::create(state_dir.join("warden.lock")).map_err(|error| Failure::run("its lock", error))?;
    // One that ends may hold it a little longer.
    let tries = (0..TRIES).any(|number| {
        if number > 0 {
            thread::sleep(BETWEEN);
        }
        lock.try_lock().is_ok()
    });
    if !tries {
        return Err(Failure::run("another one watches", "it is found by the socket in the state directory"));
    }
    if let Err(error) = OwnGroup::step_aside("ballast-warden") {
        tracing::debug!("no control group of its own: {error}");
    }
    reduce();
    // Of its socket.
    umask(Mode::from_bits_truncate(0o177));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(AT_ONCE).build();
    let runtime = runtime.map_err(|error| Failure::run("cannot start the runtime", error))?;
    let done = runtime.block_on(async {
        let listener = bind(state_dir).map_err(|error| Failure::run("its socket", error))?;
        Process::new(listener).serve().await;
        Ok(())
    });
    // Whoever comes next finds none, and makes its own.
    let _ = fs::remove_file(state_dir.join("warden.sock"));
    drop(lock);
    runtime.shutdown_background();
    done
}

/// It enters namespaces, changes links there and listens to them, and does nothing else.
fn reduce() {
    use caps::{CapSet, Capability};
    let _ = prctl::set_name(c"bl-warden");
    let kept = [Capability::CAP_SYS_ADMIN, Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        let had = caps::read(None, set).unwrap_or_default();
        let wanted = kept.iter().copied().filter(|one| had.contains(one)).collect();
        if let Err(error) = caps::set(None, set, &wanted) {
            tracing::warn!("it may do more than it needs: {error}");
        }
    }
    let _ = prctl::set_no_new_privs();
    // Two sockets for each load balancer.
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

fn bind(state_dir: &Path) -> io::Result<UnixListener> {
    let path = state_dir.join("warden.sock");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let (_open, short) = socket_in(state_dir)?;
    let listener = UnixListener::bind(short)?;
    Ok(listener)
}

/// The way to the agent that is there, if one is.
#[derive(Clone, Default)]
pub(super) struct Voice(Arc<Mutex<Option<mpsc::Sender<Said>>>>);

impl Voice {
    pub(super) fn say(&self, said: Said) {
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that takes nothing is told all of it when it comes again.
        if to.as_ref().is_some_and(|to| to.try_send(said).is_err()) {
            *to = None;
        }
    }

    fn is_heard(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|to| !to.is_closed())
    }

    fn speak_to(&self, to: mpsc::Sender<Said>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
    }
}

struct Process {
    listener: UnixListener,
    wards: HashMap<String, Ward>,
    lease: watch::Sender<u64>,
    voice: Voice,
    /// What was named since the agent's beginning.
    named: HashSet<String>,
    /// Nothing was left to watch when it was last looked.
    idle: bool,
}

impl Process {
    fn new(listener: UnixListener) -> Self {
        let lease = watch::Sender::new(0);
        let (voice, named) = (Voice::default(), HashSet::new());
        Self { listener, wards: HashMap::new(), lease, voice, named, idle: false }
    }

    async fn serve(mut self) {
        let (told, mut orders) = mpsc::channel::<(u64, Told)>(MAILBOX);
        let mut newest = 0;
        let mut sweeps = time::interval(SWEPT);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        sweeps.reset();
        loop {
            tokio::select! {
                come = self.listener.accept() => if let Ok((stream, _)) = come {
                    newest += 1;
                    self.meet(stream, newest, told.clone());
                },
                Some((by, order)) = orders.recv() => {
                    // An agent that was replaced says nothing any more.
                    if by == newest && self.obey(order) {
                        break;
                    }
                }
                _ = sweeps.tick() => if self.has_nothing_left() {
                    tracing::info!("nothing is left to watch");
                    break;
                },
            }
        }
        for (_, ward) in self.wards.drain() {
            ward.end().await;
        }
    }

    fn meet(&mut self, stream: UnixStream, number: u64, told: mpsc::Sender<(u64, Told)>) {
        let (reader, mut writer) = stream.into_split();
        let (sender, mut says) = mpsc::channel::<Said>(MAILBOX);
        self.voice.speak_to(sender);
        tokio::spawn(async move {
            while let Some(said) = says.recv().await {
                let Ok(mut line) = serde_json::to_vec(&said) else { continue };
                line.push(b'\n');
                if !matches!(time::timeout(PATIENCE, writer.write_all(&line)).await, Ok(Ok(()))) {
                    return;
                }
            }
        });
        tokio::spawn(read(reader, number, told));
    }

    /// `true`: it is to end.
    fn obey(&mut self, order: Told) -> bool {
        match order {
            Told::Begin { .. } => {
                self.named.clear();
                self.voice.say(Said::Here { build: build() });
                for standing in self.wards.values().filter_map(Ward::shown) {
                    self.voice.say(Said::Standing(standing));
                }
                for lost in self.wards.values().filter_map(Ward::lost) {
                    self.voice.say(Said::Conflict(lost));
                }
            }
            Told::Watch(watched) => self.watch(watched),
            Told::Whole => {
                let gone: Vec<String> = self.wards.keys().filter(|id| !self.named.contains(*id)).cloned().collect();
                for id in gone {
                    self.forget(&id);
                }
            }
            Told::Forget { id } => self.forget(&id),
            Told::Plugged { id } => {
                if let Some(ward) = self.wards.get(&id) {
                    ward.plugged.notify_one();
                }
            }
            Told::Lease { until } => {
                // What an agent was told holds, also when another one has come that was told nothing yet.
                self.lease.send_modify(|lease| *lease = until.max(*lease));
            }
            Told::End => return true,
        }
        false
    }

    fn watch(&mut self, watched: Watched) {
        self.named.insert(watched.id.clone());
        match self.wards.get(&watched.id) {
            Some(ward) => {
                ward.watched.send_if_modified(|before| {
                    let changed = *before != watched;
                    *before = watched;
                    changed
                });
            }
            None => {
                let id = watched.id.clone();
                self.wards.insert(id, Ward::start(watched, self.lease.subscribe(), self.voice.clone()));
            }
        }
    }

    /// Says so once nothing is open any more.
    fn forget(&mut self, id: &str) {
        let (ward, voice, id) = (self.wards.remove(id), self.voice.clone(), id.to_owned());
        tokio::spawn(async move {
            if let Some(ward) = ward {
                ward.end().await;
            }
            voice.say(Said::Forgot { id });
        });
    }

    /// Twice in a row: an agent that starts anew is given time.
    fn has_nothing_left(&mut self) -> bool {
        let there = |ward: &Ward| place::number(&ward.watched.borrow().namespace).is_some();
        let idle = !self.voice.is_heard() && !self.wards.values().any(there);
        std::mem::replace(&mut self.idle, idle) && idle
    }
}

/// Lines of an agent, until it has gone or says something that is none.
async fn read(reader: OwnedReadHalf, number: u64, told: mpsc::Sender<(u64, Told)>) {
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        match (&mut reader).take(most).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        match serde_json::from_slice(&line) {
            Ok(order) => {
                if told.send((number, order)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!("an agent says what is no order: {error}");
                return;
            }
        }
    }
}
