//! Agents that are played: each has a connection of its own to a scheduler, says it has deployed what it is told, and that it
//! lives. Behind them is nothing, so that one process has ten thousand of them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ballast_proto::{
    agent::{
        AgentMessage, Desired, DriverReport, DriverState, Heartbeat, Hello, Outcome as OutcomeMessage, Removed,
        agent_message::Message as Said, agent_session_client::AgentSessionClient, scheduler_message::Message,
    },
    driver::Capabilities,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{runtime::Runtime, sync::Semaphore, sync::mpsc, time::MissedTickBehavior};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use crate::{
    Outcome,
    fill::{DRIVER, host},
};

const THREADS: usize = 2;
/// How many dial at once.
const DIALLING: usize = 64;
/// Between two attempts, at most; each waits for another time.
const AGAIN: u64 = 2_000;

struct Shared {
    at: Vec<SocketAddr>,
    heartbeat: Duration,
    dialling: Semaphore,
    /// How many have their full set.
    complete: AtomicUsize,
    desired: AtomicU64,
}

/// All of them. Dropped, they end.
pub(crate) struct Players {
    shared: Arc<Shared>,
    count: usize,
    _runtime: Runtime,
}

impl Players {
    /// So many agents of the hosts from 0 on, each with one of these schedulers.
    pub(crate) fn start(at: Vec<SocketAddr>, count: usize, heartbeat: Duration) -> Outcome<Self> {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let needed = count as u64 * 2 + 200;
        // Root may have more than it was given.
        if setrlimit(Resource::RLIMIT_NOFILE, most.max(needed), most.max(needed)).is_err() {
            return Err(format!("this process may open {most} files, and {count} agents need some {needed}").into());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
        let dialling = Semaphore::new(DIALLING);
        let shared =
            Arc::new(Shared { at, heartbeat, dialling, complete: AtomicUsize::new(0), desired: AtomicU64::new(0) });
        for number in 0..count {
            runtime.spawn(play(Arc::clone(&shared), number));
        }
        Ok(Self { shared, count, _runtime: runtime })
    }

    /// How often any was told what to run.
    pub(crate) fn told(&self) -> u64 {
        self.shared.desired.load(Ordering::Relaxed)
    }

    /// Waits until all have their full set.
    pub(crate) fn until_complete(&self, patience: Duration) -> Outcome<Duration> {
        let begun = Instant::now();
        loop {
            let complete = self.shared.complete.load(Ordering::SeqCst);
            if complete == self.count {
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > patience {
                return Err(
                    format!("{complete} of {} agents have their full set after {patience:?}", self.count).into()
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until one has noticed that its scheduler is gone.
    pub(crate) fn until_incomplete(&self, patience: Duration) -> Outcome<()> {
        let begun = Instant::now();
        while self.shared.complete.load(Ordering::SeqCst) == self.count {
            if begun.elapsed() > patience {
                return Err("no agent has noticed that its scheduler is gone".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Some time below this, another one for each.
fn spread(number: usize, round: u64, most: u64) -> Duration {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
        ^ round.wrapping_mul(0xd6e8_feb8_6659_fd93);
    Duration::from_millis(mixed % most.max(1))
}

async fn play(shared: Arc<Shared>, number: usize) {
    for round in 0.. {
        let complete = AtomicBool::new(false);
        // How it ended says nothing: the next session is begun in any case.
        let _ = Box::pin(session(&shared, number, &complete)).await;
        if complete.into_inner() {
            shared.complete.fetch_sub(1, Ordering::SeqCst);
        }
        tokio::time::sleep(spread(number, round, AGAIN)).await;
    }
}

/// One session, until it ends.
async fn session(shared: &Shared, number: usize, complete: &AtomicBool) -> Outcome<()> {
    let (up, outgoing) = mpsc::channel(64);
    let say = |message| up.send(AgentMessage { message: Some(message) });
    let at = shared.at[number % shared.at.len()];
    let channel = {
        let _dialling = shared.dialling.acquire().await?;
        Endpoint::from_shared(format!("http://{at}"))?.connect().await?
    };
    say(Said::Hello(hello(number))).await?;
    let mut down = AgentSessionClient::new(channel).connect(ReceiverStream::new(outgoing)).await?.into_inner();
    let first = tokio::time::Instant::now() + spread(number, 7, u64::try_from(shared.heartbeat.as_millis())?);
    let mut heartbeats = tokio::time::interval_at(first, shared.heartbeat);
    heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beats = 0;
    loop {
        let message = tokio::select! {
            message = down.message() => message?.and_then(|one| one.message),
            _ = heartbeats.tick() => {
                beats += 1;
                say(Said::Heartbeat(Heartbeat { drivers: vec![driver()], number: beats, ..Heartbeat::default() })).await?;
                continue;
            }
        };
        match message {
            None => return Ok(()),
            Some(Message::Desired(desired)) => {
                shared.desired.fetch_add(1, Ordering::Relaxed);
                say(deployed(desired)).await?;
            }
            Some(Message::Remove(remove)) => {
                let (load_balancer_id, epoch) = (remove.load_balancer_id, remove.epoch);
                say(Said::Removed(Removed { load_balancer_id, epoch, ..Removed::default() })).await?;
            }
            Some(Message::SnapshotDone(_)) => {
                complete.store(true, Ordering::SeqCst);
                shared.complete.fetch_add(1, Ordering::SeqCst);
            }
            Some(Message::Drain(_)) => return Ok(()),
            Some(
                Message::Welcome(_)
                | Message::Foresee(_)
                | Message::Secrets(_)
                | Message::Schedulers(_)
                | Message::Heard(_),
            ) => {}
        }
    }
}

fn deployed(desired: Desired) -> Said {
    let load_balancer_id = desired.load_balancer.map(|one| one.id).unwrap_or_default();
    let (epoch, generation) = (desired.epoch, desired.generation);
    Said::Outcome(OutcomeMessage { load_balancer_id, epoch, generation, ..OutcomeMessage::default() })
}

fn hello(number: usize) -> Hello {
    Hello {
        host: host(number),
        instance_id: format!("played {number}"),
        version: "1".to_owned(),
        drivers: vec![driver()],
        ..Hello::default()
    }
}

/// It can do everything.
fn driver() -> DriverReport {
    let features = ballast_limits::features::all().map(str::to_owned).collect();
    DriverReport {
        name: DRIVER.to_owned(),
        version: "1".to_owned(),
        state: DriverState::Ready.into(),
        digest: "d".to_owned(),
        capabilities: Some(Capabilities { features, ..Capabilities::default() }),
        ..DriverReport::default()
    }
}
