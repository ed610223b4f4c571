//! A name for every request: in its reply, in the logs, and in the calls it makes. And its time: there is one place around
//! each request, as each costs all of them something.

use axum::{
    extract::{Request, State},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};
use tonic::metadata::AsciiMetadataValue;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::Gateway;

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

/// The middleware that names requests, and measures them.
pub(crate) async fn assign(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let under_way = gateway.metrics.begin(&request);
    let response = named(&gateway, request, next).await;
    under_way.answered(response.status());
    response
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
