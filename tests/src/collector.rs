//! A collector of spans, as who follows requests has one: OTLP over gRPC, at a Unix socket.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, Span, span::SpanKind, status::StatusCode},
};
use tokio::{net::UnixListener, runtime::Runtime};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// A collector. Dropped, it ends.
pub struct Collector {
    told: Arc<Mutex<Vec<ResourceSpans>>>,
    _runtime: Runtime,
}

/// A span, as it was told.
#[derive(Debug, Clone)]
pub struct Told {
    /// `service.name`
    pub process: String,
    pub trace: Vec<u8>,
    pub id: Vec<u8>,
    pub parent: Vec<u8>,
    pub links: usize,
    pub name: String,
    pub kind: &'static str,
    pub from: u64,
    pub until: u64,
    pub failed: bool,
    pub attributes: BTreeMap<String, String>,
}

struct Taking(Arc<Mutex<Vec<ResourceSpans>>>);

#[tonic::async_trait]
impl TraceService for Taking {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(request.into_inner().resource_spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// # Panics
    /// When it cannot listen there.
    #[must_use]
    pub fn at(socket: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let told = Arc::<Mutex<Vec<ResourceSpans>>>::default();
        let listener = runtime.block_on(async { UnixListener::bind(socket) }).expect("a collector's socket");
        let service = TraceServiceServer::new(Taking(Arc::clone(&told)));
        let serving = Server::builder().add_service(service).serve_with_incoming(UnixListenerStream::new(listener));
        runtime.spawn(serving);
        Self { told, _runtime: runtime }
    }

    /// All spans that came, in the order of their beginnings.
    #[must_use]
    pub fn spans(&self) -> Vec<Told> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spans: Vec<Told> = told.iter().flat_map(of_process).collect();
        spans.sort_by_key(|span| span.from);
        spans
    }
}

fn of_process(of: &ResourceSpans) -> impl Iterator<Item = Told> {
    let resource = of.resource.as_ref().map(|resource| texts(&resource.attributes)).unwrap_or_default();
    let process = resource.get("service.name").cloned().unwrap_or_default();
    let spans = of.scope_spans.iter().flat_map(|scope| &scope.spans);
    spans.map(move |span| told(process.clone(), span))
}

fn told(process: String, span: &Span) -> Told {
    let kind = match span.kind() {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal | SpanKind::Unspecified => "internal",
    };
    Told {
        process,
        trace: span.trace_id.clone(),
        id: span.span_id.clone(),
        parent: span.parent_span_id.clone(),
        links: span.links.len(),
        name: span.name.clone(),
        kind,
        from: span.start_time_unix_nano,
        until: span.end_time_unix_nano,
        failed: span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error),
        attributes: texts(&span.attributes),
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &AnyValue| match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |one: &KeyValue| one.value.as_ref().map(text).unwrap_or_default();
    attributes.iter().map(|one| (one.key.clone(), value(one))).collect()
}
