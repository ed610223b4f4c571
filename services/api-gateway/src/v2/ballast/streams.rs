//! The streams that are open, and what sends one.
//!
//! A stream is a task between the scheduler's and the client's. It keeps nothing but what waits to be taken: a client
//! that is cut off says where it was, to any gateway.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use ballast_service::{
    config::Settings,
    streams::{Permit, Streams as Open},
};
use futures_util::{StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::told;
use crate::{caller::Caller, kit::refusal::Refusal};

/// How many events may wait for a client.
const OUTBOX: usize = 16;

/// Those that are open, and when they end.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) open: Arc<Open>,
    slow_reader: Duration,
    shutdown: CancellationToken,
}

impl Streams {
    pub(crate) fn new(settings: &Settings, shutdown: CancellationToken) -> Self {
        Self {
            open: Arc::new(Open::new(settings)),
            slow_reader: Duration::from_millis(settings.events.slow_reader_ms.into()),
            shutdown,
        }
    }

    /// # Errors
    /// 429: there are as many as there may be, of all or of this caller.
    pub(super) fn admit(self: &Arc<Self>, caller: &Caller) -> Result<Admitted, Refusal> {
        match self.open.admit(caller.name()) {
            Ok(permit) => Ok(Admitted { streams: Arc::clone(self), permit }),
            Err(message) => Err(Refusal::Http { status: StatusCode::TOO_MANY_REQUESTS, kind: "", message }),
        }
    }
}

/// Leave to open one.
pub(super) struct Admitted {
    streams: Arc<Streams>,
    permit: Permit,
}

/// Why a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// For programs.
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl End {
    pub(super) fn new(reason: &'static str, message: &str) -> Self {
        Self { reason, message: message.to_owned() }
    }

    fn stops() -> Self {
        Self::new("gateway_stops", "The gateway stops: go on from the last id, here or at another one.")
    }

    fn slow() -> Self {
        Self::new("slow_reader", "Events were not taken for too long: go on from the last id.")
    }

    /// Nobody is there to be told.
    fn gone() -> Self {
        Self::new("gone", "")
    }
}

/// Where events go.
pub(super) struct Outbox {
    events: mpsc::Sender<Bytes>,
    slow_reader: Duration,
}

impl Outbox {
    /// # Errors
    /// The client takes nothing, or is gone.
    pub(super) async fn send(&self, event: Bytes) -> Result<(), End> {
        match tokio::time::timeout(self.slow_reader, self.events.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::gone()),
            Err(_) => Err(End::slow()),
        }
    }
}

/// 200, and what `tell` sends until it ends; why it does is told last. What is ready is sent first.
pub(super) fn respond<F>(admitted: Admitted, ready: Vec<Bytes>, tell: impl FnOnce(Outbox) -> F) -> Response
where
    F: Future<Output = End> + Send + 'static,
{
    let (events, mut incoming) = mpsc::channel(OUTBOX);
    let (ended, end) = oneshot::channel::<Bytes>();
    let Admitted { streams, permit } = admitted;
    let (closed, shutdown) = (events.clone(), streams.shutdown.clone());
    let telling = tell(Outbox { events, slow_reader: streams.slow_reader });
    tokio::spawn(async move {
        let end = tokio::select! {
            end = telling => end,
            () = shutdown.cancelled() => End::stops(),
            () = closed.closed() => End::gone(),
        };
        // A place is free once nothing is sent any more, however long the client takes for what is left.
        drop((permit, closed));
        // Who is gone is told nothing.
        let _ = ended.send(told::end(end.reason, &end.message));
    });
    let next = move |cx: &mut std::task::Context<'_>| incoming.poll_recv(cx);
    let last = stream::once(end).filter_map(|last| std::future::ready(last.ok()));
    let body = stream::iter(ready).chain(stream::poll_fn(next)).chain(last).map(Ok::<_, Infallible>);
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that gathers what it sends on would keep events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use ballast_service::{auth::Roles, caller::Call};
    use tonic::metadata::AsciiMetadataValue;

    use super::*;

    fn streams(slow_reader_ms: u32) -> Arc<Streams> {
        let mut settings = Settings::default();
        settings.events.slow_reader_ms = slow_reader_ms;
        Arc::new(Streams::new(&settings, CancellationToken::new()))
    }

    fn permit(streams: &Arc<Streams>) -> Admitted {
        let project = AsciiMetadataValue::from_static("a");
        streams.admit(&Caller::new(project, Roles::MEMBER, None, Call::default())).unwrap()
    }

    #[tokio::test]
    async fn who_takes_nothing_is_cut_and_told_so_when_he_takes_again() {
        let streams = streams(50);
        let permit = permit(&streams);
        let response = respond(permit, vec![Bytes::from_static(b"first\n")], |outbox| async move {
            loop {
                if let Err(end) = outbox.send(Bytes::from_static(b"more\n")).await {
                    return end;
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(streams.open.are_closed(), "his place is free");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.starts_with("first\nmore\n"), "{body}");
        assert!(body.ends_with("\n\n") && body.contains("event: end\n") && body.contains("slow_reader"), "{body}");
        assert_eq!(body.matches("more\n").count(), OUTBOX);
    }

    #[tokio::test]
    async fn the_end_of_the_gateway_is_told() {
        let streams = streams(1000);
        let response = respond(permit(&streams), Vec::new(), |outbox| async move {
            let _outbox = outbox;
            std::future::pending().await
        });
        streams.shutdown.cancel();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(String::from_utf8(body.to_vec()).unwrap().contains("gateway_stops"));
    }
}
