//! A scheduler, as it is: the use cases, all of its own work, and the sessions, on a runtime of its own whose time the
//! simulation makes go on. So it can be stopped and killed as a process is.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, SystemTime},
};

use ballast_proto::agent::{AgentMessage, Hello, SchedulerMessage};
use ballast_service::{background::Background, chance::Chance, clock::Clock, config::Settings, sources::Sources};
use ballast_store::Store;
use futures_util::FutureExt as _;
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    task::yield_now,
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::dice::Dice;
use crate::{app::App, session::Sessions, work};

/// What something under way came to; none: it still is.
pub(super) type Slot<T> = Arc<Mutex<Option<T>>>;
/// What an agent is told.
pub(super) type Down = mpsc::Receiver<Result<SchedulerMessage, Status>>;
/// What it says.
pub(super) type Up = mpsc::UnboundedSender<Result<AgentMessage, Status>>;

/// When the simulation begins, in seconds since 1970.
const BEGINNING: u64 = 1_800_000_000;
/// Rounds without anything to do until nothing is.
const QUIET: u32 = 3;

/// What is the same for all schedulers of a run.
pub(super) struct Site {
    pub(super) url: String,
    pub(super) settings: Settings,
    pub(super) seed: u64,
    /// Others serve the same database.
    pub(super) several: bool,
    /// Which round of it is under way, and since when, in milliseconds.
    pub(super) round: Arc<Mutex<(u64, u64)>>,
}

/// A process that runs, or is stopped.
pub(super) struct Machine {
    runtime: Option<Runtime>,
    pub(super) app: Arc<App>,
    sessions: Arc<Sessions>,
    background: Option<Background>,
    /// Milliseconds of the simulation, as this process has them.
    at: Arc<AtomicU64>,
    /// Since when it is stopped.
    pub(super) stopped: Option<u64>,
    /// Of all that ever ran: no two have the same.
    pub(super) number: u64,
}

impl Machine {
    /// One that starts now.
    pub(super) fn start(site: &Site, number: u64, now: u64) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            // What another thread has done is looked at once there is nothing else to do: so the order of things is the same
            // each time.
            .global_queue_interval(u32::MAX)
            .event_interval(u32::MAX)
            .build()
            .unwrap();
        let at = Arc::new(AtomicU64::new(now));
        let sources = Sources { clock: clock(&at), chance: chance(site, number, &at) };
        let shutdown = CancellationToken::new();
        let (app, background) = patiently(&runtime, async {
            let store = Store::open(&site.url).await.unwrap();
            let mut app = App::new(&site.settings, store, sources, &format!("scheduler {number}")).unwrap();
            app.is_shared = site.several;
            app.start().await.unwrap();
            let app = Arc::new(app);
            let background = work::start(&app, &shutdown);
            (app, background)
        });
        let sessions = Arc::new(Sessions::new(Arc::clone(&app), shutdown));
        Self { runtime: Some(runtime), app, sessions, background: Some(background), at, stopped: None, number }
    }

    /// Its time is `now`, and it does what is to be done. One that was stopped goes on.
    pub(super) fn go_on(&mut self, now: u64) {
        self.stopped = None;
        self.work(now, None);
        // One of its tasks has panicked.
        let failed = self.background.as_mut().and_then(|background| background.failed().now_or_never());
        if let Some(failure) = failed {
            panic!("scheduler {}: {failure}", self.number);
        }
    }

    /// It is stopped somewhere in what it does at this time, but in no transaction that writes: a database ends those.
    pub(super) fn stop(&mut self, now: u64, after: u64) {
        self.work(now, Some(after));
        self.stopped = Some(now);
    }

    fn work(&mut self, now: u64, most: Option<u64>) {
        let passed = Duration::from_millis(now - self.at.swap(now, Ordering::SeqCst));
        let Some(runtime) = &self.runtime else { return };
        let store = &self.app.store;
        runtime.block_on(async {
            tokio::time::advance(passed).await;
            let (mut quiet, mut rounds) = (0, 0);
            while quiet < QUIET {
                yield_now().await;
                if most.is_some_and(|most| rounds >= most) && store.writing() == 0 {
                    return;
                }
                rounds += 1;
                if store.reading() + store.writing() == 0 {
                    quiet += 1;
                } else {
                    quiet = 0;
                    let_others_run(rounds);
                }
            }
        });
    }

    /// Does this at once, while its time stands still.
    pub(super) fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        patiently(self.runtime.as_ref().unwrap(), question)
    }

    /// Something that somebody waits for.
    pub(super) fn begin<T, F>(&self, work: F) -> Slot<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let slot: Slot<T> = Arc::default();
        let filled = Arc::clone(&slot);
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                let value = work.await;
                *filled.lock().unwrap() = Some(value);
            });
        }
        slot
    }

    /// An agent dials.
    pub(super) fn connect(&self, hello: Hello) -> (Up, Slot<Result<Down, Status>>) {
        let (up, inbound) = mpsc::unbounded_channel();
        let sessions = Arc::clone(&self.sessions);
        let opened = self.begin(async move { sessions.open(hello, UnboundedReceiverStream::new(inbound), true).await });
        (up, opened)
    }
}

/// It is killed, with all that it was about.
impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            let _within = runtime.enter();
            drop(self.background.take());
        }
    }
}

fn clock(at: &Arc<AtomicU64>) -> Clock {
    let (wall, monotonic) = (Arc::clone(at), Arc::clone(at));
    let passed = |at: &AtomicU64| Duration::from_millis(at.load(Ordering::SeqCst));
    Clock::from_fn(move || SystemTime::UNIX_EPOCH + Duration::from_secs(BEGINNING) + passed(&wall))
        .with_monotonic(move || passed(&monotonic))
}

/// What is drawn at a time of a round has nothing to do with what was drawn before: should two tasks draw in another order
/// once, what follows is the same nevertheless.
fn chance(site: &Site, number: u64, at: &Arc<AtomicU64>) -> Chance {
    let (seed, at, round) = (site.seed, Arc::clone(at), Arc::clone(&site.round));
    let drawn = Mutex::new((None, Dice::new(seed, "")));
    Chance::from_fn(move || {
        let (mut drawn, now, (round, begun)) =
            (drawn.lock().unwrap(), at.load(Ordering::SeqCst), *round.lock().unwrap());
        if drawn.0 != Some(now) {
            let since = now.saturating_sub(begun);
            *drawn = (Some(now), Dice::new(seed, &format!("scheduler {number} in round {round} after {since} ms")));
        }
        drawn.1.number()
    })
}

/// Until it is done. The runtime's time would go on by itself while this thread waits for SQLite's: so it does not wait.
fn patiently<T>(runtime: &Runtime, work: impl Future<Output = T>) -> T {
    runtime.block_on(async {
        let (mut work, mut rounds) = (pin!(work), 0);
        loop {
            if let Poll::Ready(value) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
                return value;
            }
            yield_now().await;
            rounds += 1;
            let_others_run(rounds);
        }
    })
}

/// SQLite has threads of its own, which want the processor.
fn let_others_run(rounds: u64) {
    if rounds < 20 { std::thread::yield_now() } else { std::thread::sleep(Duration::from_micros(20)) }
}
