//! The streams that are open: how many there may be, and what sends one.
//!
//! A stream is a task between the scheduler's and the client's. It keeps nothing but what waits to be taken: a client
//! that is cut off says where it was, to any gateway.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use ballast_service::config::Settings;
use futures_util::{StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::told;
use crate::{caller::Caller, kit::refusal::Refusal};

/// How many events may wait for a client.
const OUTBOX: usize = 16;

/// Those that are open.
#[derive(Debug)]
pub(crate) struct Streams {
    most: usize,
    most_of_one: usize,
    slow_reader: Duration,
    shutdown: CancellationToken,
    /// How many each caller has.
    open: Mutex<HashMap<String, usize>>,
}

/// One of them, until it is dropped.
pub(super) struct Permit {
    streams: Arc<Streams>,
    caller: String,
}

impl Streams {
    pub(crate) fn new(settings: &Settings, shutdown: CancellationToken) -> Self {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            most: number(settings.gateway.max_streams),
            most_of_one: number(settings.gateway.streams_per_caller),
            slow_reader: Duration::from_millis(settings.events.slow_reader_ms.into()),
            shutdown,
            open: Mutex::default(),
        }
    }

    /// # Errors
    /// 429: there are as many as there may be, of all or of this caller.
    pub(super) fn admit(self: &Arc<Self>, caller: &Caller) -> Result<Permit, Refusal> {
        let caller = caller.name();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(&caller).copied().unwrap_or_default();
        let refused = if own >= self.most_of_one {
            Some(format!("{own} streams are open for this caller, which is the most (gateway.streams_per_caller)."))
        } else if open.values().sum::<usize>() >= self.most {
            Some(format!("{} streams are open here, which is the most (gateway.max_streams).", self.most))
        } else {
            None
        };
        if let Some(message) = refused {
            return Err(Refusal::Http { status: StatusCode::TOO_MANY_REQUESTS, kind: "", message });
        }
        open.insert(caller.clone(), own + 1);
        Ok(Permit { streams: Arc::clone(self), caller })
    }

    /// How many there are.
    pub(crate) fn open(&self) -> i64 {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        i64::try_from(open.values().sum::<usize>()).unwrap_or(i64::MAX)
    }

    fn close(&self, caller: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(caller)),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.streams.close(&self.caller);
    }
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
pub(super) fn respond<F>(permit: Permit, ready: Vec<Bytes>, tell: impl FnOnce(Outbox) -> F) -> Response
where
    F: Future<Output = End> + Send + 'static,
{
    let (events, mut incoming) = mpsc::channel(OUTBOX);
    let (ended, end) = oneshot::channel::<Bytes>();
    let (closed, shutdown) = (events.clone(), permit.streams.shutdown.clone());
    let telling = tell(Outbox { events, slow_reader: permit.streams.slow_reader });
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
    use super::*;

    fn streams(slow_reader_ms: u32) -> Arc<Streams> {
        let mut settings = Settings::default();
        (settings.gateway.max_streams, settings.gateway.streams_per_caller) = (3, 2);
        settings.events.slow_reader_ms = slow_reader_ms;
        Arc::new(Streams::new(&settings, CancellationToken::new()))
    }

    fn permit(streams: &Arc<Streams>, name: &'static str) -> Result<Permit, Refusal> {
        streams.admit(&Caller::named(name))
    }

    #[test]
    fn a_caller_has_as_many_as_he_may_and_all_have_no_more_than_there_may_be() {
        let streams = streams(1);
        let held = [permit(&streams, "a").unwrap(), permit(&streams, "a").unwrap()];
        assert!(permit(&streams, "a").is_err());
        let other = permit(&streams, "b").unwrap();
        assert!(permit(&streams, "c").is_err());
        drop((held, other));
        assert!(streams.open.lock().unwrap().is_empty());
        assert!(permit(&streams, "c").is_ok());
    }

    #[tokio::test]
    async fn who_takes_nothing_is_cut_and_told_so_when_he_takes_again() {
        let streams = streams(50);
        let permit = permit(&streams, "a").unwrap();
        let response = respond(permit, vec![Bytes::from_static(b"first\n")], |outbox| async move {
            loop {
                if let Err(end) = outbox.send(Bytes::from_static(b"more\n")).await {
                    return end;
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(streams.open.lock().unwrap().is_empty(), "his place is free");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.starts_with("first\nmore\n"), "{body}");
        assert!(body.ends_with("\n\n") && body.contains("event: end\n") && body.contains("slow_reader"), "{body}");
        assert_eq!(body.matches("more\n").count(), OUTBOX);
    }

    #[tokio::test]
    async fn the_end_of_the_gateway_is_told() {
        let streams = streams(1000);
        let response = respond(permit(&streams, "a").unwrap(), Vec::new(), |outbox| async move {
            let _outbox = outbox;
            std::future::pending().await
        });
        streams.shutdown.cancel();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(String::from_utf8(body.to_vec()).unwrap().contains("gateway_stops"));
    }
}
