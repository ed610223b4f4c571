//! An agent that the test plays: a real stream, and no drivers behind it.

use std::time::Duration;

use ballast_proto::{
    agent::{
        AgentMessage, Desired, DriverReport, DriverState, Foreseen, Heartbeat, Hello, Outcome, Removed,
        SchedulerMessage, Secrets, SecretsWanted, Waiting, agent_message, agent_session_client::AgentSessionClient,
        scheduler_message::Message,
    },
    driver::{Capabilities, Connections, Effect, Fault, Preview, Secret},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use crate::services::PATIENCE;

/// One session. Dropped, its stream ends.
pub(crate) struct Agent {
    up: mpsc::Sender<AgentMessage>,
    down: Streaming<SchedulerMessage>,
    pub(crate) id: String,
}

const FEATURES: [&str; 13] = [
    "protocol:TCP",
    "protocol:HTTP",
    "protocol:HTTPS",
    "lb_method:ROUND_ROBIN",
    "lb_method:LEAST_CONNECTIONS",
    "lb_method:SOURCE_IP",
    "persistence:SOURCE_IP",
    "persistence:HTTP_COOKIE",
    "persistence:APP_COOKIE",
    "monitor:PING",
    "monitor:TCP",
    "monitor:HTTP",
    "monitor:HTTPS",
];

pub(crate) fn ready_driver() -> DriverReport {
    DriverReport {
        name: "haproxy-ns".to_owned(),
        version: "1.0.0".to_owned(),
        state: DriverState::Ready.into(),
        digest: "d".to_owned(),
        capabilities: Some(Capabilities { features: FEATURES.map(str::to_owned).to_vec(), ..Capabilities::default() }),
        reason: String::new(),
        full: false,
    }
}

impl Agent {
    /// Connects, and takes Welcome; what follows is for the test.
    pub(crate) async fn connect(channel: &Channel, host: &str, instance: &str) -> Result<Self, Status> {
        Self::with_drivers(channel, host, instance, vec![ready_driver()]).await
    }

    pub(crate) async fn with_drivers(
        channel: &Channel,
        host: &str,
        instance: &str,
        drivers: Vec<DriverReport>,
    ) -> Result<Self, Status> {
        Self::in_zone(channel, (host, ""), instance, drivers).await
    }

    /// The same, which says where its host is.
    pub(crate) async fn in_zone(
        channel: &Channel,
        (host, zone): (&str, &str),
        instance: &str,
        drivers: Vec<DriverReport>,
    ) -> Result<Self, Status> {
        let passes = vec![ballast_limits::features::TOPOLOGY_ACTIVE_STANDBY.to_owned()];
        let hello = Hello { drivers, passes, zone: zone.to_owned(), ..Hello::default() };
        Self::with_hello(channel, (host, instance), hello).await
    }

    /// One that can do everything, and takes part in moves in order.
    pub(crate) async fn in_order(channel: &Channel, host: &str) -> Self {
        let (drivers, passes) = (vec![able_driver()], vec![ballast_limits::features::DEPLOY_SILENT.to_owned()]);
        let hello = Hello { drivers, passes, ..Hello::default() };
        Self::with_hello(channel, (host, "1"), hello).await.expect("a session")
    }

    async fn with_hello(channel: &Channel, (host, instance): (&str, &str), hello: Hello) -> Result<Self, Status> {
        let (up, outgoing) = mpsc::channel(64);
        let (host, instance_id) = (host.to_owned(), instance.to_owned());
        let hello = Hello { host, instance_id, version: "0".to_owned(), ..hello };
        let first = AgentMessage { message: Some(agent_message::Message::Hello(hello)) };
        up.send(first).await.map_err(|_| Status::internal("closed"))?;
        let mut client = AgentSessionClient::new(channel.clone());
        let mut agent =
            Self { up, down: client.connect(ReceiverStream::new(outgoing)).await?.into_inner(), id: String::new() };
        match agent.next().await {
            Message::Welcome(welcome) => agent.id = welcome.agent_id,
            other => panic!("not Welcome first: {other:?}"),
        }
        Ok(agent)
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Message {
        let message = tokio::time::timeout(PATIENCE, self.down.message()).await;
        message.expect("a message in time").expect("an open stream").and_then(|one| one.message).expect("a message")
    }

    /// The next message, however long it takes; none when the stream ends.
    pub(crate) async fn told(&mut self) -> Option<Message> {
        self.down.message().await.ok().flatten()?.message
    }

    /// Waits until the scheduler ends the session.
    pub(crate) async fn ended(&mut self) {
        while let Ok(Some(_)) = self.down.message().await {}
    }

    /// The next Desired; the end of the snapshot may come before it.
    pub(crate) async fn desired(&mut self) -> Desired {
        loop {
            match self.next().await {
                Message::Desired(desired) => return desired,
                Message::SnapshotDone(_) => {}
                other => panic!("not Desired: {other:?}"),
            }
        }
    }

    /// The whole snapshot.
    pub(crate) async fn snapshot(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            match self.next().await {
                Message::SnapshotDone(_) => return messages,
                other => messages.push(other),
            }
        }
    }

    pub(crate) async fn say(&self, message: agent_message::Message) {
        self.up.send(AgentMessage { message: Some(message) }).await.expect("an open stream");
    }

    pub(crate) async fn heartbeat(&self, drivers: Vec<DriverReport>) {
        self.say(agent_message::Message::Heartbeat(Heartbeat { drivers, ..Heartbeat::default() })).await;
    }

    /// Sends heartbeats until this is dropped or the task aborted, however long the test is about something else.
    pub(crate) fn stay_alive(&self) -> JoinHandle<()> {
        let up = self.up.downgrade();
        tokio::spawn(async move {
            while let Some(up) = up.upgrade() {
                let heartbeat = Heartbeat { drivers: vec![ready_driver()], ..Heartbeat::default() };
                if up.send(AgentMessage { message: Some(agent_message::Message::Heartbeat(heartbeat)) }).await.is_err()
                {
                    return;
                }
                drop(up);
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        })
    }

    /// It was deployed.
    pub(crate) async fn deployed(&self, desired: &Desired) {
        self.outcome(desired, None).await;
    }

    pub(crate) async fn outcome(&self, desired: &Desired, fault: Option<&str>) {
        let load_balancer = desired.load_balancer.as_ref().expect("a load balancer");
        let fault =
            fault.map(|message| Fault { code: 1, retryable: true, message: message.to_owned(), ..Fault::default() });
        self.say(agent_message::Message::Outcome(Outcome {
            load_balancer_id: load_balancer.id.clone(),
            epoch: desired.epoch,
            generation: desired.generation,
            fault,
            silent: load_balancer.silent,
            ..Outcome::default()
        }))
        .await;
    }

    /// The device is busy.
    pub(crate) async fn waiting(&self, desired: &Desired, why: &str) {
        let load_balancer = desired.load_balancer.as_ref().expect("a load balancer");
        let fault = Fault { code: 6, retryable: true, message: why.to_owned(), ..Fault::default() };
        self.say(agent_message::Message::Waiting(Waiting {
            load_balancer_id: load_balancer.id.clone(),
            epoch: desired.epoch,
            generation: desired.generation,
            fault: Some(fault),
        }))
        .await;
    }

    /// Asks for all secrets that it names, each by this digest or that which it was told; what it is answered.
    pub(crate) async fn secrets(&mut self, desired: &Desired, digest: Option<&str>) -> Secrets {
        let load_balancer = desired.load_balancer.as_ref().expect("a load balancer");
        let mut secrets: Vec<Secret> = load_balancer.secrets().map(|(_, secret)| secret.clone()).collect();
        if let Some(digest) = digest {
            secrets.iter_mut().for_each(|secret| secret.digest = digest.to_owned());
        }
        let (load_balancer_id, epoch) = (load_balancer.id.clone(), desired.epoch);
        self.say(agent_message::Message::SecretsWanted(SecretsWanted { load_balancer_id, epoch, secrets })).await;
        loop {
            match self.next().await {
                Message::Secrets(secrets) => return secrets,
                Message::SnapshotDone(_) => {}
                other => panic!("not Secrets: {other:?}"),
            }
        }
    }

    pub(crate) async fn removed(&self, load_balancer_id: &str, epoch: u64) {
        let load_balancer_id = load_balancer_id.to_owned();
        self.say(agent_message::Message::Removed(Removed { load_balancer_id, epoch, ..Removed::default() })).await;
    }
}

/// A driver that can do everything that the contract knows.
pub(crate) fn able_driver() -> DriverReport {
    let features = ballast_limits::features::all().map(str::to_owned).collect();
    DriverReport { capabilities: Some(Capabilities { features, ..Capabilities::default() }), ..ready_driver() }
}

/// An agent that deploys whatever it is told, and can do everything.
pub(crate) async fn able(channel: &Channel, host: &str) -> String {
    obedient_with(channel, host, able_driver()).await
}

/// An agent that deploys whatever it is told, until the test ends.
pub(crate) async fn obedient(channel: &Channel, host: &str) -> String {
    obedient_with(channel, host, ready_driver()).await
}

/// The same, with this driver.
pub(crate) async fn obedient_with(channel: &Channel, host: &str, driver: DriverReport) -> String {
    obeying(Agent::with_drivers(channel, host, "1", vec![driver]).await.expect("a session"))
}

/// One that also says what a deploy would do: always the same.
pub(crate) async fn farsighted(channel: &Channel, host: &str) -> String {
    let agent = Agent::with_drivers(channel, host, "1", vec![able_driver()]).await.expect("a session");
    let preview = Preview {
        effect: Effect::Runtime.into(),
        connections: Connections::Kept.into(),
        steps: vec!["tell it while it runs".to_owned()],
        configuration: "global".to_owned(),
        ..Preview::default()
    };
    obeying_with(agent, Some(preview))
}

/// Lets it deploy whatever it is told. As one of a former version, it does not answer questions.
pub(crate) fn obeying(agent: Agent) -> String {
    obeying_with(agent, None)
}

fn obeying_with(mut agent: Agent, foreseen: Option<Preview>) -> String {
    let id = agent.id.clone();
    tokio::spawn(async move {
        while let Some(message) = agent.told().await {
            match message {
                Message::Desired(desired) => agent.deployed(&desired).await,
                Message::Remove(remove) => agent.removed(&remove.load_balancer_id, remove.epoch).await,
                Message::Foresee(question) => {
                    if let Some(preview) = foreseen.clone() {
                        let answer = Foreseen { number: question.number, preview: Some(preview), fault: None };
                        agent.say(agent_message::Message::Foreseen(answer)).await;
                    }
                }
                Message::Welcome(_)
                | Message::SnapshotDone(_)
                | Message::Drain(_)
                | Message::Secrets(_)
                | Message::Schedulers(_)
                | Message::Heard(_) => {}
            }
        }
    });
    id
}
