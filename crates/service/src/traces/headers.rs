//! Calls of gRPC as spans: of who makes them and of who answers them.

use std::task::{Context, Poll};

use ballast_traces::{Around, Span, SpanKind};
use pin_project_lite::pin_project;
use tonic::{Code, Status};
use tower::Service;

/// A channel whose calls are parts of what makes them, where that is followed.
#[derive(Debug, Clone)]
pub struct Traced<S>(S);

impl<S> Traced<S> {
    pub const fn new(inner: S) -> Self {
        Self(inner)
    }

    /// Without spans.
    pub const fn inner(&self) -> &S {
        &self.0
    }
}

impl<S, B, R> Service<http::Request<B>> for Traced<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Call<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        if !ballast_traces::are_followed() {
            return Call { span: Span::none(), future: Span::none().around(self.0.call(request)) };
        }
        let span = named(&request, |name| Span::part(name, SpanKind::Client));
        span.go_along(request.headers_mut());
        Call { future: span.around(self.0.call(request)), span }
    }
}

/// A service whose calls are spans: of what their caller does, or the first of a trace.
#[derive(Debug, Clone)]
pub struct Served<S> {
    inner: S,
    /// Whether a method is followed, by its path.
    which: fn(&str) -> bool,
}

impl<S> Served<S> {
    pub const fn new(inner: S, which: fn(&str) -> bool) -> Self {
        Self { inner, which }
    }
}

impl<S, B, R> Service<http::Request<B>> for Served<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Call<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if !ballast_traces::are_followed() || !(self.which)(request.uri().path()) {
            return Call { span: Span::none(), future: Span::none().around(self.inner.call(request)) };
        }
        let span = named(&request, |name| Span::of_request(name, request.headers()));
        // What its handler is made of is made within it.
        let future = {
            let _within = span.within();
            self.inner.call(request)
        };
        Call { future: span.around(future), span }
    }
}

/// As OpenTelemetry has it (semantic conventions for RPC).
fn named<B>(request: &http::Request<B>, begin: impl FnOnce(String) -> Span) -> Span {
    let path = request.uri().path().trim_start_matches('/');
    let span = begin(path.to_owned());
    if span.is_followed() {
        let (service, method) = path.split_once('/').unwrap_or((path, ""));
        span.note("rpc.system", "grpc");
        span.note("rpc.service", service.to_owned());
        span.note("rpc.method", method.to_owned());
    }
    span
}

pin_project! {
    /// A call until its answer begins.
    pub struct Call<F> {
        #[pin]
        future: Around<F>,
        span: Span,
    }
}

impl<F, R, E> Future for Call<F>
where
    F: Future<Output = Result<http::Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = std::task::ready!(this.future.poll(context));
        if this.span.is_followed() {
            // Without a status at its head, an answer follows.
            let status = answer.as_ref().ok().map(|response| Status::from_header_map(response.headers()));
            let code = status.map_or(Code::Unavailable, |status| status.map_or(Code::Ok, |status| status.code()));
            this.span.note("rpc.grpc.status_code", i64::from(i32::from(code)));
            if is_failure(code) {
                this.span.failed(format!("{code:?}"));
            }
        }
        drop(std::mem::take(this.span));
        Poll::Ready(answer)
    }
}

/// Whether it is the service that has failed, and not what was asked of it.
const fn is_failure(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
