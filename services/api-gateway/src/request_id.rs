//! A name for every request: in its reply, in the logs, and in the calls it makes. And its time: there is one place around
//! each request, as each costs all of them something.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use ballast_traces::Span;
use tonic::metadata::AsciiMetadataValue;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{Gateway, metrics::OTHER_METHOD};

const HEADER: &str = "x-openstack-request-id";
/// No client's is longer, and a log is not a place for what is.
const LONGEST: usize = 64;

/// `req-<uuid>`
#[derive(Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    fn new(id: Uuid) -> Option<Self> {
        HeaderValue::try_from(format!("req-{id}")).ok().map(Self)
    }

    /// The id as metadata of a call.
    pub(crate) fn metadata(&self) -> Option<AsciiMetadataValue> {
        AsciiMetadataValue::try_from(self.0.as_bytes()).ok()
    }
}

/// The middleware that names requests, measures them, and follows them.
pub(crate) async fn assign(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let under_way = gateway.metrics.begin(&request);
    let span = followed(&request);
    let response = span.around(named(&gateway, request, next)).await;
    under_way.answered(response.status());
    if span.is_followed() {
        span.note("http.response.status_code", i64::from(response.status().as_u16()));
        if let Some(id) = response.headers().get(HEADER).and_then(|id| id.to_str().ok()) {
            span.note("ballast.request_id", id.to_owned());
        }
        if response.status().is_server_error() {
            span.failed(response.status().as_str().to_owned());
        }
    }
    response
}

/// As OpenTelemetry has it (semantic conventions for HTTP): what was asked for by its route, and not by its path.
fn followed(request: &Request) -> Span {
    if !ballast_traces::are_followed() {
        return Span::none();
    }
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = known(request.method());
    let verb = if method == OTHER_METHOD { "HTTP" } else { method };
    let span = Span::of_request(format!("{verb} {route}").trim_end().to_owned(), request.headers());
    span.note("http.request.method", method);
    span.note("http.route", route.to_owned());
    span
}

/// A method may be any word of a client's, and spans have none.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| method == *known).unwrap_or(OTHER_METHOD)
}

async fn named(gateway: &Gateway, mut request: Request, next: Next) -> Response {
    let Some(id) = RequestId::new(gateway.chance.id()) else { return next.run(request).await };
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!(
        "rest",
        request_id = id.0.to_str().unwrap_or_default(),
        method = %request.method(),
        path = request.uri().path(),
        client_request_id = tracing::field::Empty
    );
    // What the client calls it, or what called the client.
    if let Some(theirs) = request.headers().get(HEADER).and_then(|id| id.to_str().ok()) {
        span.record("client_request_id", theirs.get(..LONGEST).unwrap_or(theirs));
    }
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(HEADER, id.0);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_own_word_for_a_method_is_in_no_span() {
        assert_eq!(known(&Method::PUT), "PUT");
        for word in ["get", "SHOP-10.0.0.1", "TRACE"] {
            assert_eq!(known(&Method::from_bytes(word.as_bytes()).unwrap()), OTHER_METHOD, "{word}");
        }
    }
}
