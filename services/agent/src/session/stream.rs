//! One stream, from Hello to its end.

use std::{collections::HashSet, time::Duration};

use ballast_abi::features;
use ballast_proto::agent::{
    AgentMessage, Heard, Heartbeat, Hello, SchedulerMessage, Welcome, agent_message::Message,
    agent_session_client::AgentSessionClient, scheduler_message::Message as FromScheduler,
};
use ballast_service::{address::Address, grpc::MAX_MESSAGE};
use tokio::{
    sync::mpsc,
    time::{self, MissedTickBehavior},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, Streaming, transport::Channel};

use super::{
    Session,
    heart::{Beats, Heart},
    reported::Reported,
};
use crate::{
    resync::changed,
    uplink::{Opened, Uplink},
    warden,
    workers::incoming::Authority,
};

/// How many of what is unclaimed a heartbeat names.
const UNCLAIMED_IDS: usize = 100;

/// How long a scheduler may take until its Welcome.
const WELCOME: Duration = Duration::from_secs(10);
/// What may lie between the agent and a scheduler that does not read. Beyond it, the session is begun anew.
const MAILBOX: usize = 16_384;

/// How a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// The agent stops.
    Stopped,
    Drained {
        reason: String,
    },
    Lost {
        welcomed: bool,
        reason: String,
    },
    /// The scheduler did not let it begin.
    Refused {
        status: Status,
    },
}

impl Session {
    /// One session.
    pub(super) async fn once(&self, number: u64, address: &Address, channel: Channel) -> End {
        let mut reported = Reported::default();
        let (sender, receiver) = mpsc::channel(MAILBOX);
        let hello = AgentMessage { message: Some(Message::Hello(self.hello(&mut reported))) };
        if sender.try_send(hello).is_err() {
            return End::Lost { welcomed: false, reason: "the stream is closed".to_owned() };
        }
        let beginning = begin(channel, receiver);
        let (welcome, stream) = tokio::select! {
            () = self.stop.cancelled() => return End::Stopped,
            begun = time::timeout(WELCOME, beginning) => match begun {
                Ok(Ok(begun)) => begun,
                Ok(Err(end)) => return end,
                Err(_) => return End::Lost { welcomed: false, reason: format!("no Welcome within {WELCOME:?}") },
            },
        };
        tracing::info!(scheduler = %address, agent.id = %welcome.agent_id, "a session is open");
        let authority = self.workers.welcome(welcome.cluster_id.clone(), welcome.position).await;
        let overrun = CancellationToken::new();
        let statistics_interval = millis(welcome.statistics_interval_ms);
        self.uplink.open(sender, overrun.clone(), Opened { number, statistics_interval });
        let _open = Open { session: self };
        let (interval, beats) = (millis(welcome.heartbeat_interval_ms), Beats::new(welcome.lease_ms));
        let heart = Heart { reported, interval, overrun, beats };
        self.attend(stream, &authority, heart).await
    }

    fn hello(&self, reported: &mut Reported) -> Hello {
        Hello {
            host: self.identity.host.clone(),
            instance_id: self.identity.instance_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster_id: self.workers.cluster().unwrap_or_default(),
            deployed: self.workers.deployed(),
            drivers: reported.news(self.drivers.reports()),
            zone: self.identity.zone.clone(),
            passes: [features::DEPLOY_SILENT, features::TOPOLOGY_ACTIVE_STANDBY].map(str::to_owned).to_vec(),
        }
    }

    async fn attend(&self, mut stream: Streaming<SchedulerMessage>, authority: &Authority, mut heart: Heart) -> End {
        let mut named = Some(HashSet::new());
        let mut changes = self.drivers.watch();
        let mut beats = time::interval(heart.interval);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // a flood of messages must not delay a heartbeat
                biased;
                () = self.stop.cancelled() => return self.leave(stream).await,
                () = heart.overrun.cancelled() => return lost("it does not read what the agent sends"),
                _ = beats.tick() => self.beat(&mut heart),
                () = changed(&mut changes) => self.beat(&mut heart),
                message = stream.message() => match message {
                    Ok(Some(SchedulerMessage { message: Some(FromScheduler::Schedulers(told)) })) => {
                        self.schedulers.learn(&told.addresses).await;
                    }
                    Ok(Some(SchedulerMessage { message })) => {
                        if let Some(FromScheduler::Heard(Heard { number, position })) = message {
                            self.workers.learn(authority, position);
                            heart.beats.heard(number).into_iter().for_each(|until| self.lease.extend(until));
                        } else if let Some(end) = self.obey(message, authority, &mut named) {
                            return end;
                        }
                    }
                    Ok(None) => return lost("the scheduler closed the stream"),
                    // another agent took over the name, or this one is not wanted
                    Err(status) if status.code() == Code::AlreadyExists => return End::Refused { status },
                    Err(status) => return lost(status.message()),
                },
            }
        }
    }

    fn beat(&self, heart: &mut Heart) {
        let load_balancers = u32::try_from(self.workers.count()).unwrap_or(u32::MAX);
        let drivers = heart.reported.news(self.drivers.reports());
        let now = warden::now();
        let number = heart.beats.sent(now);
        if heart.beats.is_unanswered() {
            self.lease.extend(now + 2 * u64::try_from(heart.interval.as_millis()).unwrap_or_default());
        }
        let unclaimed = self.workers.unclaimed();
        self.uplink.send(Message::Heartbeat(Heartbeat {
            load_balancers,
            drivers,
            number,
            unclaimed: u32::try_from(unclaimed.len()).unwrap_or(u32::MAX),
            unclaimed_ids: unclaimed.into_iter().take(UNCLAIMED_IDS).collect(),
        }));
    }

    /// `named`: what the snapshot has named so far; nothing once it is complete.
    fn obey(
        &self,
        message: Option<FromScheduler>,
        authority: &Authority,
        named: &mut Option<HashSet<String>>,
    ) -> Option<End> {
        match message {
            Some(FromScheduler::Desired(desired)) => {
                let id = self.workers.desire(authority, desired);
                if let Some(named) = named {
                    named.extend(id);
                }
            }
            Some(FromScheduler::Remove(remove)) => self.workers.remove(authority, remove),
            Some(FromScheduler::SnapshotDone(_)) => {
                if let Some(named) = named.take() {
                    self.workers.snapshot_done(authority, &named);
                }
            }
            Some(FromScheduler::Secrets(secrets)) => self.workers.secrets_came(secrets),
            Some(FromScheduler::Foresee(question)) => self.foresight.answer(question),
            Some(FromScheduler::Drain(drain)) => return Some(End::Drained { reason: drain.reason }),
            Some(FromScheduler::Heard(_)) => {}
            Some(FromScheduler::Welcome(_)) => tracing::warn!("a second Welcome in one session is ignored"),
            // of a newer scheduler: what this agent does not know is not for it
            Some(FromScheduler::Schedulers(_)) | None => tracing::debug!("a message of an unknown kind is ignored"),
        }
        None
    }

    /// Closes the stream from this side, so that the scheduler sees an end and not a break.
    async fn leave(&self, mut stream: Streaming<SchedulerMessage>) -> End {
        self.uplink.close();
        let ended = async { while let Ok(Some(_)) = stream.message().await {} };
        let _ = time::timeout(Duration::from_millis(500), ended).await;
        End::Stopped
    }
}

/// An open session: however it ends, the uplink is closed and the scheduler's word about orphans is forgotten.
struct Open<'a> {
    session: &'a Session,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let uplink: &Uplink = &self.session.uplink;
        uplink.close();
        self.session.workers.farewell();
    }
}

async fn begin(
    channel: Channel,
    up: mpsc::Receiver<AgentMessage>,
) -> Result<(Welcome, Streaming<SchedulerMessage>), End> {
    let mut client =
        AgentSessionClient::new(channel).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
    let mut stream = client.connect(Request::new(ReceiverStream::new(up))).await.map_err(unreached)?.into_inner();
    match stream.message().await.map_err(unreached)? {
        Some(SchedulerMessage { message: Some(FromScheduler::Welcome(welcome)) }) => Ok((welcome, stream)),
        Some(SchedulerMessage { message: Some(FromScheduler::Drain(drain)) }) => {
            Err(End::Drained { reason: drain.reason })
        }
        Some(_) => Err(End::Lost { welcomed: false, reason: "its first message is no Welcome".to_owned() }),
        None => Err(End::Lost { welcomed: false, reason: "it closed the stream before its Welcome".to_owned() }),
    }
}

/// A scheduler that cannot be reached is dialled again; one that answers with another status refuses.
fn unreached(status: Status) -> End {
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::Unknown | Code::Internal | Code::DeadlineExceeded => {
            End::Lost { welcomed: false, reason: status.message().to_owned() }
        }
        _ => End::Refused { status },
    }
}

fn lost(reason: &str) -> End {
    End::Lost { welcomed: true, reason: reason.to_owned() }
}

fn millis(interval: u32) -> Duration {
    Duration::from_millis(u64::from(interval.max(100)))
}
