//! What changes, as it changes: the streams of `lbaas.v1.Events` and `lbaas.v2.Events`.
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
    ids::LoadBalancerId,
};
use ballast_store::{EventKind, Position, Why};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc, oneshot,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use super::refuse;
use crate::{
    app::{App, Caller, Changed, Shown, Wanted},
    metrics::lags::Lag,
};

/// How many messages may wait for a reader.
const OUTBOX: usize = 16;
/// A stream ends after so long, so that its caller is admitted anew: his token may be no good any longer.
const LONGEST: Duration = Duration::from_secs(300);
/// A reader whom nothing concerned for so long gets a cursor all the same, so that his does not become too old.
const CHECKPOINT: Duration = Duration::from_secs(10);

/// The service of each view.
#[derive(Clone)]
pub(super) struct Watches {
    pub(super) app: Arc<App>,
    pub(super) shutdown: CancellationToken,
}

/// What a stream sends.
pub(super) enum Message<E> {
    Event(E),
    SnapshotDone,
    /// Nothing for this caller up to this cursor.
    Checkpoint,
}

/// How a view says it.
pub(super) trait Wire: Sized + Send + 'static {
    type Object: Shown;
    type Event: Send;
    type Response: Send + 'static;

    fn event(app: &App, kind: EventKind, id: &str, object: Option<Self::Object>) -> Result<Self::Event, Fault>;

    /// The event with its load balancer, and the reasons as this caller may know them.
    fn explained(event: Self::Event, owner: Option<LoadBalancerId>, why: &[Why], caller: &Caller) -> Self::Event;

    fn response(cursor: String, message: Message<Self::Event>) -> Self::Response;
}

/// A stream of it.
pub(super) type Outgoing<W> = Pin<Box<dyn Stream<Item = Result<<W as Wire>::Response, Status>> + Send>>;

impl Watches {
    /// A stream of what is wanted, from this cursor on.
    pub(super) fn watch<W: Wire>(
        &self,
        caller: Caller,
        wanted: Wanted,
        cursor: &str,
    ) -> Result<Response<Outgoing<W>>, Status> {
        let start = self.start(cursor).map_err(refuse)?;
        let project_id = caller.project_id.as_deref().unwrap_or_default();
        let permit = self.app.watching.admit(project_id, self.app.events.watches).map_err(refuse)?;
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let (ended, end) = oneshot::channel();
        let (app, shutdown) = (Arc::clone(&self.app), self.shutdown.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let changed = app.watching.listen();
            let (lag, told) = (app.metrics.lags.begin(), Instant::now());
            let watch = Watch::<W> { app: &app, caller, wanted, changed, outbox, lag, told, cursor: None };
            let fault = watch.until(start, &shutdown).await;
            // No one is there to hear it when the client has gone.
            let _ = ended.send(refuse(fault));
        });
        let end = async { Err(end.await.unwrap_or_else(|_| Status::internal("the watch broke off"))) };
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing).chain(stream::once(end)))))
    }

    fn start(&self, cursor: &str) -> Result<Option<Position>, Fault> {
        if cursor.is_empty() { Ok(None) } else { read_cursor(&self.app, cursor).map(Some) }
    }
}

/// Which database it is of, and the position.
pub(super) fn cursor(app: &App, position: Position) -> String {
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
struct Watch<'a, W: Wire> {
    app: &'a App,
    caller: Caller,
    wanted: Wanted,
    changed: broadcast::Receiver<Arc<Changed>>,
    outbox: mpsc::Sender<Result<W::Response, Status>>,
    lag: Lag,
    /// When the reader got a cursor.
    told: Instant,
    /// That cursor.
    cursor: Option<Position>,
}

impl<W: Wire> Watch<'_, W> {
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
        self.lag.behind(self.app.clock.monotonic());
        let mut position = match start {
            Some(position) => position,
            None => self.snapshot().await?,
        };
        loop {
            let batch = self.app.events_after::<W::Object>(&self.caller, &self.wanted, position).await?;
            for told in batch.told {
                let event = W::event(self.app, told.kind, &told.id.to_string(), told.object)?;
                let event = W::explained(event, told.owner, &told.why, &self.caller);
                self.send(Some(told.position), Message::Event(event)).await?;
            }
            position = batch.position;
            if !batch.more {
                self.lag.level();
                position = self.pass_by(position).await?;
                self.lag.behind(self.app.clock.monotonic());
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
                    if changed.after > position || changed.concerns(&self.caller, &self.wanted, position) {
                        return Ok(position);
                    }
                    position = changed.until;
                }
                Ok(Err(RecvError::Lagged(_))) => return Ok(position),
                Ok(Err(RecvError::Closed)) => return Err(Absence::SchedulerStops.into()),
            }
            if self.told.elapsed() > CHECKPOINT && self.cursor.is_none_or(|cursor| position > cursor) {
                self.send(Some(position), Message::Checkpoint).await?;
            }
        }
    }

    /// Everything that the caller sees. What changes meanwhile is told again after it.
    async fn snapshot(&mut self) -> Result<Position, Fault> {
        let position = self.app.end_of_events().await?;
        for kind in self.wanted.kinds.clone() {
            let mut next = Some(0);
            while let Some(after) = next {
                let page = self.app.snapshot::<W::Object>(&self.caller, &self.wanted, (kind, after)).await?;
                for (id, object) in page.objects {
                    let owner = object.owner();
                    let event = W::event(self.app, kind, &id.to_string(), Some(object))?;
                    let event = W::explained(event, owner, &[], &self.caller);
                    self.send(None, Message::Event(event)).await?;
                }
                next = page.next;
            }
        }
        self.send(Some(position), Message::SnapshotDone).await?;
        Ok(position)
    }

    async fn send(&mut self, position: Option<Position>, message: Message<W::Event>) -> Result<(), Fault> {
        let cursor = position.map(|position| cursor(self.app, position)).unwrap_or_default();
        let response = W::response(cursor, message);
        match tokio::time::timeout(self.app.events.slow_reader, self.outbox.send(Ok(response))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Absence::Reader.into()),
            Err(_) => {
                self.app.metrics.slow_readers.inc();
                return Err(Call::ReaderTooSlow.into());
            }
        }
        if position.is_some() {
            (self.told, self.cursor) = (Instant::now(), position);
        }
        Ok(())
    }
}
