//! `lbaas.v1.Events`
//!
//! Each stream is a task that goes on from position to position, at its reader's pace: a slow reader costs a few
//! messages of memory, and one that takes nothing is told to start again. One reader for all says what has changed and
//! whom it concerns; only those read the store.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use ballast_model::{
    check,
    fault::{Absence, Call, Fault, Form},
};
use ballast_proto::{
    convert,
    v1::{
        self, Checkpoint, Deleted, Event, SnapshotDone, WatchRequest, WatchResponse, event, events_server,
        watch_response::Message,
    },
};
use ballast_store::{EventKind, Position};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc, oneshot,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{decode::caller, health_monitors, members, pools::to_pool, refuse, vips};
use crate::app::{App, Caller, Changed, Object};

/// How many messages may wait for a reader.
const OUTBOX: usize = 16;
/// A stream ends after so long, so that its caller is admitted anew: his token may be no good any longer.
const LONGEST: Duration = Duration::from_secs(300);
/// A reader whom nothing concerned for so long gets a cursor all the same, so that his does not become too old.
const CHECKPOINT: Duration = Duration::from_secs(10);

/// The service.
pub(super) struct Watches {
    pub(super) app: Arc<App>,
    pub(super) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl events_server::Events for Watches {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (caller, request) = (caller(&request), request.into_inner());
        let kinds = kinds(&request.kinds).map_err(refuse)?;
        let start = self.start(&request.cursor).map_err(refuse)?;
        let permit = self
            .app
            .watching
            .admit(caller.project_id.as_deref().unwrap_or_default(), self.app.events.watches)
            .map_err(refuse)?;
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let (ended, end) = oneshot::channel();
        let (app, shutdown) = (Arc::clone(&self.app), self.shutdown.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let changed = app.watching.listen();
            let watch = Watch { app: &app, caller, kinds, changed, outbox, told: Instant::now(), cursor: None };
            let fault = watch.until(start, &shutdown).await;
            // No one is there to hear it when the client has gone.
            let _ = ended.send(refuse(fault));
        });
        let end = async { Err(end.await.unwrap_or_else(|_| Status::internal("the watch broke off"))) };
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing).chain(stream::once(end)))))
    }
}

impl Watches {
    fn start(&self, cursor: &str) -> Result<Option<Position>, Fault> {
        if cursor.is_empty() { Ok(None) } else { read_cursor(&self.app, cursor).map(Some) }
    }
}

/// The kinds that are asked for, in the order of a snapshot.
fn kinds(asked: &[i32]) -> Result<Vec<EventKind>, Fault> {
    for number in asked {
        if !matches!(v1::Kind::try_from(*number), Ok(kind) if kind != v1::Kind::Unspecified) {
            return Err(check::malformed("kinds", &number.to_string(), Form::EventKind));
        }
    }
    let wanted = |kind: &EventKind| asked.is_empty() || asked.contains(&to_kind(*kind).into());
    Ok(EventKind::ALL.into_iter().filter(wanted).collect())
}

const fn to_kind(kind: EventKind) -> v1::Kind {
    match kind {
        EventKind::Pool => v1::Kind::Pool,
        EventKind::Listener => v1::Kind::Vip,
        EventKind::Member => v1::Kind::Member,
        EventKind::HealthMonitor => v1::Kind::HealthMonitor,
        EventKind::Agent => v1::Kind::Agent,
        EventKind::Network => v1::Kind::Network,
        EventKind::Subnet => v1::Kind::Subnet,
    }
}

/// Which database it is of, and the position.
fn cursor(app: &App, position: Position) -> String {
    format!("{}.{}.{}", app.store.cluster_id().simple(), position.transaction_id, position.seq)
}

fn read_cursor(app: &App, text: &str) -> Result<Position, Fault> {
    let parts: Vec<&str> = text.split('.').collect();
    let position = match parts.as_slice() {
        [_, transaction_id, seq] => transaction_id.parse().ok().zip(seq.parse().ok()),
        _ => None,
    };
    let Some((transaction_id, seq)) = position else {
        return Err(check::malformed("cursor", text, Form::Cursor));
    };
    if parts.first() != Some(&app.store.cluster_id().simple().to_string().as_str()) {
        return Err(Call::CursorExpired.into());
    }
    Ok(Position { transaction_id, seq })
}

/// One stream.
struct Watch<'a> {
    app: &'a App,
    caller: Caller,
    kinds: Vec<EventKind>,
    changed: broadcast::Receiver<Arc<Changed>>,
    outbox: mpsc::Sender<Result<WatchResponse, Status>>,
    /// When the reader got a cursor.
    told: Instant,
    /// That cursor.
    cursor: Option<Position>,
}

impl Watch<'_> {
    /// Until it ends; why it does.
    async fn until(mut self, start: Option<Position>, shutdown: &CancellationToken) -> Fault {
        let outbox = self.outbox.clone();
        let watched = tokio::select! {
            watched = self.go_on(start) => watched,
            () = shutdown.cancelled() => Err(Absence::SchedulerStops.into()),
            () = tokio::time::sleep(LONGEST) => Err(Absence::StreamEnds.into()),
            () = outbox.closed() => Err(Absence::Reader.into()),
        };
        match watched {
            Err(fault) => fault,
            Ok(never) => match never {},
        }
    }

    async fn go_on(&mut self, start: Option<Position>) -> Result<Infallible, Fault> {
        let mut position = match start {
            Some(position) => position,
            None => self.snapshot().await?,
        };
        loop {
            let batch = self.app.events_after(&self.caller, &self.kinds, position).await?;
            for told in batch.told {
                let message = Message::Event(encode(self.app, told.kind, &told.id.to_string(), told.object)?);
                self.send(Some(told.position), message).await?;
            }
            position = batch.position;
            if !batch.more {
                position = self.pass_by(position).await?;
            }
        }
    }

    /// Waits for a change that concerns the caller, or that nobody told; where it is to be read on from.
    async fn pass_by(&mut self, mut position: Position) -> Result<Position, Fault> {
        loop {
            match tokio::time::timeout(CHECKPOINT, self.changed.recv()).await {
                Err(_) => {}
                Ok(Ok(changed)) if changed.until <= position => {}
                Ok(Ok(changed)) => {
                    if changed.after > position || changed.concerns(&self.caller, &self.kinds, position) {
                        return Ok(position);
                    }
                    position = changed.until;
                }
                Ok(Err(RecvError::Lagged(_))) => return Ok(position),
                Ok(Err(RecvError::Closed)) => return Err(Absence::SchedulerStops.into()),
            }
            if self.told.elapsed() > CHECKPOINT && self.cursor.is_none_or(|cursor| position > cursor) {
                self.send(Some(position), Message::Checkpoint(Checkpoint {})).await?;
            }
        }
    }

    /// Everything that the caller sees. What changes meanwhile is told again after it.
    async fn snapshot(&mut self) -> Result<Position, Fault> {
        let position = self.app.end_of_events().await?;
        for kind in self.kinds.clone() {
            let mut next = Some(0);
            while let Some(after) = next {
                let page = self.app.snapshot(&self.caller, kind, after).await?;
                for (id, object) in page.objects {
                    let message = Message::Event(encode(self.app, kind, &id.to_string(), Some(object))?);
                    self.send(None, message).await?;
                }
                next = page.next;
            }
        }
        self.send(Some(position), Message::SnapshotDone(SnapshotDone {})).await?;
        Ok(position)
    }

    async fn send(&mut self, position: Option<Position>, message: Message) -> Result<(), Fault> {
        let cursor = position.map(|position| cursor(self.app, position)).unwrap_or_default();
        let response = WatchResponse { cursor, message: Some(message) };
        match tokio::time::timeout(self.app.events.slow_reader, self.outbox.send(Ok(response))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Absence::Reader.into()),
            Err(_) => return Err(Call::ReaderTooSlow.into()),
        }
        if position.is_some() {
            (self.told, self.cursor) = (Instant::now(), position);
        }
        Ok(())
    }
}

fn encode(app: &App, kind: EventKind, id: &str, object: Option<Object>) -> Result<Event, Fault> {
    let object = match object {
        None => event::Object::Deleted(Deleted {}),
        Some(Object::Pool(load_balancer)) => event::Object::Pool(to_pool(&load_balancer)?),
        Some(Object::Vip(load_balancer, id)) => event::Object::Vip(vips::encode(&load_balancer, id)?),
        Some(Object::Member(load_balancer, id)) => event::Object::Member(members::encode(&load_balancer, id)?),
        Some(Object::HealthMonitor(found)) => event::Object::HealthMonitor(health_monitors::encode(&found)),
        Some(Object::Agent(agent)) => event::Object::Agent(convert::to_agent(&agent, app.liveness(&agent))),
        Some(Object::Network(network, subnets)) => event::Object::Network(convert::to_network(&network, &subnets)),
        Some(Object::Subnet(subnet)) => event::Object::Subnet(convert::to_subnet(&subnet)),
    };
    Ok(Event { kind: to_kind(kind).into(), id: id.to_owned(), object: Some(object) })
}
