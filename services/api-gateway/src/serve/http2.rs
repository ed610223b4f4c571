//! HTTP/2: many requests of a client over one connection. What bounds a connection of HTTP/1.1 bounds each of them, and the
//! connection ends when there are none for as long.
//!
//! A client that reads the connection may still take nothing of an answer. So answers go out in small pieces, and the time
//! between two of them is looked at: what hyper does not ask for has not been taken.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use ballast_service::edge::{Edge, Permit};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

use super::{Connection, DRAIN, Dialler};

/// How many requests a connection has under way, those included of whose answers the last piece is not taken.
const STREAMS: u32 = 100;
/// All headers of a request, in bytes.
const HEADERS: u32 = 64 << 10;
/// What of an answer goes out at once.
const PIECE: usize = 16 << 10;
/// Between two looks at what is under way, at most.
const PACE: Duration = Duration::from_secs(5);

/// Serves a connection until it ends, or is over.
pub(super) async fn serve<S>(connection: Connection, edge: Edge, service: S, shutdown: CancellationToken)
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let Connection { dialler, stream, .. } = connection;
    let (owed, under_way) = (stream.owed(), UnderWay::default());
    let bounds = Bounds { idle: edge.idle_timeout(), stalled: edge.stall_timeout() };
    let answer = {
        let under_way = under_way.clone();
        service_fn(move |request: hyper::Request<Incoming>| {
            owed.is_paid();
            let admitted = edge.admit_request(dialler.0).map(|permit| (under_way.begin(), permit));
            answer(service.clone(), dialler, request, admitted)
        })
    };
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(HEADERS);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), answer));
    let mut looks = tokio::time::interval((bounds.idle.min(bounds.stalled) / 4).min(PACE));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = None;
    loop {
        let ends = tokio::select! {
            // A client that breaks off is no error of ours.
            _ = connection.as_mut() => return,
            () = shutdown.cancelled(), if end.is_none() => true,
            _ = looks.tick() => match under_way.over(&bounds, Instant::now()) {
                Some(Over::Stalled) => return,
                Some(Over::Idle) => true,
                None => false,
            },
        };
        match end {
            None if ends => {
                connection.as_mut().graceful_shutdown();
                end = Some(Instant::now() + DRAIN);
            }
            Some(end) if Instant::now() >= end => return,
            _ => {}
        }
    }
}

async fn answer<S>(
    service: S,
    dialler: Dialler,
    mut request: hyper::Request<Incoming>,
    admitted: Option<(Stream, Permit)>,
) -> Result<Response<Answer>, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let Some(held) = admitted else {
        return Ok(too_many().map(|body| Answer { body, rest: Bytes::new(), held: None }));
    };
    request.extensions_mut().insert(dialler);
    let response = service.oneshot(request.map(Body::new)).await?;
    Ok(response.map(|body| Answer { body, rest: Bytes::new(), held: Some(held) }))
}

fn too_many() -> Response {
    let mut response = Response::new(Body::from("There are too many requests under way; try again."));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

struct Bounds {
    idle: Duration,
    stalled: Duration,
}

/// Why a connection is over.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    /// There was no request for so long.
    Idle,
    /// Its client takes nothing of an answer.
    Stalled,
}

/// The requests of a connection that are under way. Clones are the same.
#[derive(Debug, Clone)]
struct UnderWay(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    next: u64,
    /// By number, since when a piece of its answer waits for its client.
    streams: HashMap<u64, Option<Instant>>,
    idle_since: Instant,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Book { next: 0, streams: HashMap::new(), idle_since: Instant::now() })))
    }
}

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Stream {
        let mut book = self.lock();
        let number = book.next;
        book.next += 1;
        book.streams.insert(number, None);
        Stream { of: self.clone(), number }
    }

    fn over(&self, bounds: &Bounds, now: Instant) -> Option<Over> {
        let book = self.lock();
        if book.streams.is_empty() {
            return (now.saturating_duration_since(book.idle_since) >= bounds.idle).then_some(Over::Idle);
        }
        let longest = book.streams.values().filter_map(|since| Some(now.saturating_duration_since((*since)?))).max();
        longest.is_some_and(|longest| longest >= bounds.stalled).then_some(Over::Stalled)
    }
}

/// A request that is under way, until it is dropped.
#[derive(Debug)]
struct Stream {
    of: UnderWay,
    number: u64,
}

impl Stream {
    fn waits(&self, since: Option<Instant>) {
        if let Some(stream) = self.of.lock().streams.get_mut(&self.number) {
            *stream = since;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut book = self.of.lock();
        book.streams.remove(&self.number);
        book.idle_since = Instant::now();
    }
}

/// The body of an answer, in pieces, each of which is asked for once its client has room for it.
struct Answer {
    body: Body,
    rest: Bytes,
    /// None: it was refused.
    held: Option<(Stream, Permit)>,
}

impl Answer {
    fn waits(&self, since: Option<Instant>) {
        if let Some((stream, _)) = &self.held {
            stream.waits(since);
        }
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.waits(None);
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.waits(Some(Instant::now()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (of_body, rest) = (self.body.size_hint(), u64::try_from(self.rest.len()).unwrap_or(u64::MAX));
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower().saturating_add(rest));
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Body as _;

    use super::*;

    #[test]
    fn a_connection_is_over_without_requests_and_when_an_answer_is_not_taken() {
        let (began, under_way) = (Instant::now(), UnderWay::default());
        let bounds = Bounds { idle: PACE, stalled: PACE * 2 };
        let over = |after: Duration| under_way.over(&bounds, began + after);
        assert_eq!((over(PACE / 2), over(PACE * 2)), (None, Some(Over::Idle)));
        let (first, second) = (under_way.begin(), under_way.begin());
        // One that is silent by itself, as a stream of events, is not waited for.
        assert_eq!(over(PACE * 9), None);
        first.waits(Some(began + PACE));
        drop(second);
        assert_eq!((over(PACE * 2), over(PACE * 3)), (None, Some(Over::Stalled)));
        first.waits(None);
        assert_eq!(over(PACE * 9), None);
        drop(first);
        assert_eq!((over(PACE / 2), over(PACE * 9)), (None, Some(Over::Idle)));
    }

    #[tokio::test]
    async fn an_answer_goes_out_in_pieces_and_none_is_lost() {
        let whole: Vec<u8> = (0..40_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let under_way = UnderWay::default();
        let edge = Edge::new(&ballast_service::config::Connections::default());
        let held = under_way.begin();
        let permit = edge.admit_request([127, 0, 0, 1].into()).unwrap();
        let mut answer = Answer { body: Body::from(whole.clone()), rest: Bytes::new(), held: Some((held, permit)) };
        assert_eq!(answer.size_hint().exact(), Some(40_000));
        let (mut sizes, mut told) = (Vec::new(), Vec::new());
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut answer).poll_frame(cx)).await {
            let data = frame.unwrap().into_data().unwrap();
            sizes.push(data.len());
            told.extend_from_slice(&data);
            assert_eq!(answer.size_hint().exact(), Some(40_000 - u64::try_from(told.len()).unwrap()));
        }
        assert_eq!((sizes, told), (vec![PIECE, PIECE, 40_000 - 2 * PIECE], whole));
        assert!(answer.is_end_stream());
    }
}
