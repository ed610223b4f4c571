//! A scheduler that has one load balancer for its agent, and notes how that stands.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use ballast_proto::agent::{
    AgentMessage, Desired, SchedulerMessage, SnapshotDone, Standing, Welcome,
    agent_message::Message as Up,
    agent_session_server::{AgentSession, AgentSessionServer},
    scheduler_message::Message as Down,
};
use ballast_service::grpc;
use tokio::{runtime::Handle, sync::watch};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

#[derive(Clone)]
pub(crate) struct Played {
    pub(crate) desired: watch::Sender<Desired>,
    pub(crate) standing: Arc<Mutex<Option<Standing>>>,
}

impl Played {
    pub(crate) fn listen(runtime: &Handle, socket: &Path, desired: Desired) -> Self {
        let played = Self { desired: watch::Sender::new(desired), standing: Arc::default() };
        let _inside = runtime.enter();
        let listener = grpc::bind_unix("socket", socket).unwrap();
        let service = AgentSessionServer::new(played.clone());
        runtime.spawn(Server::builder().add_service(service).serve_with_incoming(UnixListenerStream::new(listener)));
        played
    }
}

#[tonic::async_trait]
impl AgentSession for Played {
    type ConnectStream = ReceiverStream<Result<SchedulerMessage, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let mut up = request.into_inner();
        let (down, receiver) = tokio::sync::mpsc::channel(64);
        let (mut desired, standing) = (self.desired.subscribe(), Arc::clone(&self.standing));
        tokio::spawn(async move {
            let message = |message| Ok(SchedulerMessage { message: Some(message) });
            let welcome = Welcome {
                agent_id: "agent".to_owned(),
                cluster_id: "c1".to_owned(),
                heartbeat_interval_ms: 500,
                statistics_interval_ms: 60_000,
                ..Welcome::default()
            };
            let first = desired.borrow_and_update().clone();
            for one in [Down::Welcome(welcome), Down::Desired(first), Down::SnapshotDone(SnapshotDone {})] {
                let _ = down.send(message(one)).await;
            }
            while desired.changed().await.is_ok() {
                let next = desired.borrow_and_update().clone();
                if down.send(message(Down::Desired(next))).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Ok(Some(AgentMessage { message })) = up.message().await {
                match message {
                    Some(Up::Standing(told)) => *standing.lock().unwrap() = Some(told),
                    Some(Up::Outcome(outcome)) => {
                        assert!(outcome.fault.is_none() && outcome.faults.is_empty(), "{outcome:?}");
                    }
                    _ => {}
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
