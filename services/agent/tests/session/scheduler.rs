//! A scheduler that a test plays: a real server on a Unix socket, whose sessions the test answers by hand.

use std::{collections::VecDeque, path::Path, time::Duration};

use ballast_proto::{
    agent::{
        AgentMessage, Desired, HealthReport, Heartbeat, Hello, Outcome, Remove, Removed, SchedulerMessage,
        SnapshotDone, Welcome,
        agent_message::Message as Up,
        agent_session_server::{AgentSession, AgentSessionServer},
        scheduler_message::Message as Down,
    },
    driver::LoadBalancer,
};
use ballast_service::grpc;
use tokio::{
    net::UnixListener,
    runtime::Runtime,
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

use crate::place::{Place, eventually, named, web};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Between two heartbeats.
pub(crate) const BEAT: Duration = Duration::from_millis(100);

/// It has a runtime of its own, so that its end breaks every connection, as the end of a process does.
pub(crate) struct Scheduler {
    runtime: Option<Runtime>,
    sessions: mpsc::Receiver<Session>,
}

impl Scheduler {
    pub(crate) fn listen(socket: &Path) -> Self {
        Self::start(socket, None)
    }

    /// One that lets nobody in.
    pub(crate) fn refusing(socket: &Path, status: Status) -> Self {
        Self::start(socket, Some(status))
    }

    fn start(socket: &Path, refusal: Option<Status>) -> Self {
        let runtime = Runtime::new().unwrap();
        let (sender, sessions) = mpsc::channel(8);
        let service = AgentSessionServer::new(Service { sessions: sender, refusal });
        let listener = {
            let _inside = runtime.enter();
            bind(socket)
        };
        runtime.spawn(Server::builder().add_service(service).serve_with_incoming(UnixListenerStream::new(listener)));
        Self { runtime: Some(runtime), sessions }
    }

    /// The next session that an agent begins, not yet welcomed.
    pub(crate) async fn session(&mut self) -> Session {
        timeout(PATIENCE, self.sessions.recv()).await.expect("no agent came").unwrap()
    }

    /// The next session, welcomed.
    pub(crate) async fn welcomed(&mut self, cluster: &str) -> Session {
        let session = self.session().await;
        session.welcome(cluster).await;
        session
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A scheduler that was here before may not have let go of the socket yet.
fn bind(socket: &Path) -> UnixListener {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match grpc::bind_unix("socket", socket) {
            Ok(listener) => return listener,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::yield_now();
    }
}

/// One agent's stream.
pub(crate) struct Session {
    pub(crate) hello: Hello,
    up: Streaming<AgentMessage>,
    down: mpsc::Sender<Result<SchedulerMessage, Status>>,
    /// Health that came while something else was waited for: it is told once, before or after an outcome.
    heard: VecDeque<HealthReport>,
}

impl Session {
    pub(crate) async fn welcome(&self, cluster: &str) {
        self.welcome_at(cluster, 0).await;
    }

    /// From a database that knows so much.
    pub(crate) async fn welcome_at(&self, cluster: &str, position: u64) {
        let interval = u32::try_from(BEAT.as_millis()).unwrap();
        self.send(Down::Welcome(Welcome {
            agent_id: "agent-1".to_owned(),
            cluster_id: cluster.to_owned(),
            heartbeat_interval_ms: interval,
            statistics_interval_ms: interval,
            lease_ms: 0,
            position,
        }))
        .await;
    }

    pub(crate) async fn send(&self, message: Down) {
        self.down.send(Ok(SchedulerMessage { message: Some(message) })).await.unwrap();
    }

    pub(crate) async fn desire(&self, load_balancer: LoadBalancer, epoch: u64, generation: u64) {
        let driver = "fault".to_owned();
        self.send(Down::Desired(Desired {
            load_balancer: Some(load_balancer),
            driver,
            epoch,
            generation,
            ..Desired::default()
        }))
        .await;
    }

    pub(crate) async fn remove(&self, id: &str, epoch: u64) {
        self.send(Down::Remove(Remove { load_balancer_id: id.to_owned(), epoch, ..Remove::default() })).await;
    }

    pub(crate) async fn snapshot_done(&self) {
        self.send(Down::SnapshotDone(SnapshotDone {})).await;
    }

    /// The next message that `wanted` takes; others are passed over, but for health.
    pub(crate) async fn next<T>(&mut self, what: &str, mut wanted: impl FnMut(Up) -> Option<T>) -> T {
        let find = async {
            loop {
                let message = self.up.message().await.expect("the stream broke").expect("the stream ended");
                let Some(message) = message.message else { continue };
                let health = if let Up::Health(health) = &message { Some(health.clone()) } else { None };
                if let Some(found) = wanted(message) {
                    return found;
                }
                self.heard.extend(health);
            }
        };
        timeout(PATIENCE, find).await.unwrap_or_else(|_| panic!("no {what} came"))
    }

    pub(crate) async fn outcome(&mut self) -> Outcome {
        self.next("outcome", |up| if let Up::Outcome(outcome) = up { Some(outcome) } else { None }).await
    }

    pub(crate) async fn removed(&mut self) -> Removed {
        self.next("removal", |up| if let Up::Removed(removed) = up { Some(removed) } else { None }).await
    }

    pub(crate) async fn heartbeat(&mut self) -> Heartbeat {
        self.next("heartbeat", |up| if let Up::Heartbeat(beat) = up { Some(beat) } else { None }).await
    }

    pub(crate) async fn health(&mut self) -> HealthReport {
        if let Some(heard) = self.heard.pop_front() {
            return heard;
        }
        self.next("health", |up| if let Up::Health(health) = up { Some(health) } else { None }).await
    }

    /// Asks for a load balancer whose deploy takes a while, and waits until the driver is at it.
    pub(crate) async fn desire_slow(&mut self, place: &Place, id: &str, milliseconds: u64) {
        // once the driver has answered, a load balancer is in the ledger only when its deploy has begun
        self.desire(web("before"), 1, 1).await;
        self.outcome().await;
        self.desire(named(id, &format!("slow {milliseconds}ms")), 1, 1).await;
        eventually("the deploy to begin", || place.ledger_entry(id).exists()).await;
    }

    /// Waits until the agent has closed its side.
    pub(crate) async fn closed(&mut self) {
        let read = async { while let Ok(Some(_)) = self.up.message().await {} };
        timeout(PATIENCE, read).await.expect("the agent does not close its stream");
    }
}

struct Service {
    sessions: mpsc::Sender<Session>,
    refusal: Option<Status>,
}

#[tonic::async_trait]
impl AgentSession for Service {
    type ConnectStream = ReceiverStream<Result<SchedulerMessage, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let mut up = request.into_inner();
        let Some(AgentMessage { message: Some(Up::Hello(hello)) }) = up.message().await? else {
            return Err(Status::invalid_argument("the first message is no Hello"));
        };
        let (down, receiver) = mpsc::channel(1024);
        let session = Session { hello, up, down, heard: VecDeque::new() };
        self.sessions.send(session).await.map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
