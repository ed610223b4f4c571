//! `lbaas.agent.v1`: one stream per agent, dialled by the agent. The full set, "that was all", then changes.
//!
//! A session remembers what it has sent and nothing else. Woken or on its period, it makes the same pass: read what the
//! store desires of this agent, send what has not been sent.

mod aside;
mod bounds;
mod inbound;
mod outbound;
mod pace;
mod patience;
mod reader;
mod secrets;
mod sent;

use std::{collections::HashMap, sync::Arc, time::Duration};

use self::{aside::Aside, pace::Pace, patience::Patience, sent::Sent};
use ballast_model::{
    agent::{Agent, AgentDriver, Unclaimed},
    fault::{Fault, Misfit},
    features::{DEPLOY_SILENT, TOPOLOGY_ACTIVE_STANDBY},
    told::{LONGEST, told},
};
use ballast_proto::{
    agent::{AgentMessage, Hello, SchedulerMessage, Welcome, agent_message, agent_session_server, scheduler_message},
    convert,
    status::{sentence, to_status},
};
use futures_util::Stream;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use self::reader::{Inbound, Open, SILENCE};
use crate::{
    admission::AgentPeer,
    app::{App, Greeting, Listening},
};

/// How often a session looks at everything again, woken or not.
const RESYNC: Duration = Duration::from_secs(10);
/// How many messages of an agent are looked at together.
const BATCH: usize = 64;
/// How many messages may wait for a slow agent.
const OUTBOX: usize = 256;

/// The service.
pub(crate) struct Sessions {
    app: Arc<App>,
    shutdown: CancellationToken,
}

impl Sessions {
    pub(crate) fn new(app: Arc<App>, shutdown: CancellationToken) -> Self {
        Self { app, shutdown }
    }
}

type Outbox = mpsc::Sender<Result<SchedulerMessage, Status>>;

#[tonic::async_trait]
impl agent_session_server::AgentSession for Sessions {
    type ConnectStream = std::pin::Pin<Box<dyn Stream<Item = Result<SchedulerMessage, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let peer = request.extensions().get::<AgentPeer>().cloned();
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.and_then(|first| first.message);
        first.as_ref().map_or(Ok(()), bounds::check).map_err(Status::invalid_argument)?;
        let Some(agent_message::Message::Hello(hello)) = first else {
            return Err(Status::invalid_argument("the first message of a session is Hello"));
        };
        let peer = peer.ok_or_else(|| Status::permission_denied("this agent was not admitted"))?;
        peer.must_be(&hello.host).map_err(|fault| refuse(&hello, &fault))?;
        let outgoing = self.open(hello, inbound, peer.is_private).await?;
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

/// Both directions of a stream.
struct Duplex<S> {
    inbound: S,
    outbox: Outbox,
    /// Secrets may be sent.
    is_private: bool,
}

/// What an agent says.
pub(crate) trait Saying: Stream<Item = Result<AgentMessage, Status>> + Send + Unpin + 'static {}

impl<S: Stream<Item = Result<AgentMessage, Status>> + Send + Unpin + 'static> Saying for S {}

fn refuse(hello: &Hello, fault: &Fault) -> Status {
    tracing::warn!(agent.host = %told(&hello.host), detail = fault.detail(), "refused an agent: {}", sentence(fault));
    to_status(fault)
}

impl Sessions {
    /// Begins the session of an agent that has said hello, and says `inbound` from now on; what it is told.
    pub(crate) async fn open(
        &self,
        hello: Hello,
        inbound: impl Saying,
        is_private: bool,
    ) -> Result<mpsc::Receiver<Result<SchedulerMessage, Status>>, Status> {
        let agent = self.admit(&hello).await.map_err(|fault| refuse(&hello, &fault))?;
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let (app, shutdown) = (Arc::clone(&self.app), self.shutdown.clone());
        tokio::spawn(run(app, agent, hello, Duplex { inbound, outbox, is_private }, shutdown));
        Ok(outgoing)
    }

    /// Knows the agent, unless another instance lives on the same host.
    async fn admit(&self, hello: &Hello) -> Result<Agent, Fault> {
        if hello.host.is_empty() || hello.instance_id.is_empty() {
            return Err(Misfit::HelloIncomplete.into());
        }
        if told(&hello.host) != hello.host {
            return Err(Misfit::HelloHost { most: u32::try_from(LONGEST).unwrap_or(u32::MAX) }.into());
        }
        let reported = hello.drivers.iter().map(|report| convert::from_driver_report(report, None));
        let drivers: Vec<AgentDriver> = reported.map(|driver| passed(driver, &hello.passes)).collect();
        let version = told(&hello.version);
        let (instance, zone) = (&told(&hello.instance_id), &told(&hello.zone));
        let greeting = Greeting { host: &hello.host, instance, version: &version, zone, drivers: &drivers };
        self.app.agent_connected(&greeting).await
    }
}

#[tracing::instrument(skip_all, fields(agent.host = %agent.host, agent.id = %agent.id))]
async fn run<S: Saying>(app: Arc<App>, agent: Agent, hello: Hello, stream: Duplex<S>, shutdown: CancellationToken) {
    let listening = app.wakes.listen(agent.id);
    tracing::info!(instance = %told(&hello.instance_id), version = %agent.version, "agent connected");
    let mut session = Session {
        app: &app,
        agent: &agent,
        outbox: stream.outbox,
        sent: Sent::default(),
        aside: Aside::default(),
        pace: Pace::default(),
        patience: Patience::default(),
        is_told_all: false,
        passes: hello.passes.clone(),
        known: known_of(&agent.drivers),
        unclaimed: agent.unclaimed.clone(),
        is_private: stream.is_private,
        schedulers: Vec::new(),
        position: 0,
        knows_less: false,
    };
    let inbound = Open::new(&app, agent.id).read(stream.inbound);
    let why = match session.go_on(&listening, inbound, &shutdown).await {
        Ok(why) => why,
        Err(fault) => {
            tracing::warn!(detail = fault.detail(), "{fault}");
            "an error".to_owned()
        }
    };
    tracing::info!("agent's session ended: {why}");
    // A newer session of the same agent has its own say about whether it is connected.
    if listening.is_newest() {
        drop(listening);
        if let Err(fault) = app.agent_disconnected(agent.id).await {
            tracing::error!(detail = fault.detail(), "{fault}");
        }
    }
}

/// A message, and those that have come meanwhile. The end of the stream is met again by whoever asks next.
fn with_those_at_hand(first: AgentMessage, inbound: &mut Inbound) -> (Vec<AgentMessage>, Option<Status>) {
    let mut messages = vec![first];
    while messages.len() < BATCH {
        match inbound.try_recv() {
            Ok(Ok(next)) => messages.push(next),
            Ok(Err(status)) => return (messages, Some(status)),
            Err(_) => break,
        }
    }
    (messages, None)
}

/// For ever, when there is nothing to wait for.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// One agent's session.
struct Session<'a> {
    app: &'a App,
    agent: &'a Agent,
    outbox: Outbox,
    sent: Sent,
    /// What was observed where the agent stands by.
    aside: Aside,
    pace: Pace,
    patience: Patience,
    /// The full set was sent.
    is_told_all: bool,
    /// Features for which the agent does what it has to do itself.
    passes: Vec<String>,
    /// Each driver as it was told last, by name: also those that are not there now.
    known: HashMap<String, AgentDriver>,
    /// As it is stored.
    unclaimed: Unclaimed,
    /// Secrets may be sent.
    is_private: bool,
    /// Where schedulers are, as it was told last.
    schedulers: Vec<String>,
    /// How much the database knew when it was last looked.
    position: u64,
    /// Something was sent since that was read.
    knows_less: bool,
}

/// What the agent can do with its driver: features for which it has to do something itself count where it says so.
fn passed(mut driver: AgentDriver, passes: &[String]) -> AgentDriver {
    driver.features.retain(|feature| !BY_THE_AGENT.contains(&feature.as_str()) || passes.contains(feature));
    driver
}

/// What an agent that does not know it would leave out on the way, so that its driver would do something else.
const BY_THE_AGENT: [&str; 2] = [DEPLOY_SILENT, TOPOLOGY_ACTIVE_STANDBY];

fn known_of(drivers: &[AgentDriver]) -> HashMap<String, AgentDriver> {
    drivers.iter().map(|driver| (driver.name.clone(), driver.clone())).collect()
}

impl Session<'_> {
    /// Until the stream ends; says why it did.
    async fn go_on(
        &mut self,
        listening: &Listening<'_>,
        mut inbound: Inbound,
        shutdown: &CancellationToken,
    ) -> Result<String, Fault> {
        self.welcome().await?;
        self.app.place_soon();
        let mut drivers = self.agent.drivers.clone();
        let mut resync = tokio::time::interval(RESYNC);
        resync.reset();
        loop {
            let rested = [self.pace.next(), self.patience.next()].into_iter().flatten().min();
            tokio::select! {
                message = inbound.recv() => match message {
                    None => return Ok("the agent closed it".to_owned()),
                    Some(Err(status)) => return self.broken(&status).await,
                    Some(Ok(message)) => {
                        let (messages, end) = with_those_at_hand(message, &mut inbound);
                        self.receive(messages, &mut drivers).await?;
                        if let Some(status) = end {
                            return self.broken(&status).await;
                        }
                    }
                },
                dirty = listening.woken() => {
                    self.knows_less = true;
                    self.send_changed(dirty).await?;
                }
                question = listening.asked() => self.ask(question).await?,
                () = until(rested) => self.send_rested().await?,
                () = listening.woken_for_all() => self.send_all().await?,
                _ = resync.tick() => {
                    self.send_all().await?;
                    self.position = self.app.position().await?;
                }
                () = listening.ended() => return self.drain("replaced by another session").await,
                () = shutdown.cancelled() => return self.drain("the scheduler stops").await,
            }
        }
    }

    /// Nothing more comes.
    async fn broken(&mut self, status: &Status) -> Result<String, Fault> {
        if status.message() == SILENCE { self.drain(SILENCE).await } else { Ok(status.message().to_owned()) }
    }

    async fn welcome(&mut self) -> Result<(), Fault> {
        self.position = self.app.position().await?;
        let millis = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        let welcome = Welcome {
            agent_id: self.agent.id.to_string(),
            cluster_id: self.app.store.cluster_id().to_string(),
            heartbeat_interval_ms: millis(self.app.heartbeat_interval),
            statistics_interval_ms: millis(self.app.statistics_interval),
            lease_ms: millis(self.app.limits.dead_after * 3 / 4),
            position: self.position,
        };
        self.send(scheduler_message::Message::Welcome(welcome)).await?;
        self.send_all().await?;
        self.is_told_all = true;
        self.send(scheduler_message::Message::SnapshotDone(ballast_proto::agent::SnapshotDone {})).await
    }
}
