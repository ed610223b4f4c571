//! Where spans go: to a collector over OTLP (gRPC), in batches, by a thread of its own. Nothing that is followed waits for it:
//! what a collector does not take is dropped, and counted.

mod counted;
mod headers;

use std::{path::Path, sync::Arc, time::Duration};

use ballast_traces::Tracers;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider},
};
use rustls::{ClientConfig, RootCertStore};
use tonic::transport::Channel;
use uuid::Uuid;

pub(crate) use self::counted::add_to;
use self::counted::{Counted, Handed};
pub use self::headers::{Served, Traced};
use crate::{
    config::{Collector, Traces},
    grpc,
    tls::{H2, person, provider, roots},
};

/// Spans that wait for a collector; more are dropped.
const QUEUE: usize = 4_096;
/// Spans in one message.
const BATCH: usize = 512;
/// How long spans gather.
const GATHER: Duration = Duration::from_secs(1);
/// How long a collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a process waits at its end for what is still to be sent.
const AT_THE_END: Duration = Duration::from_secs(2);

/// Spans are sent for as long as this lives.
#[derive(Debug, Default)]
pub struct Sending(Vec<SdkTracerProvider>);

impl Sending {
    /// Follows requests as configured, for a process that calls itself so, as in `ballast-scheduler`. Nothing where no
    /// collector is configured. Within a runtime.
    ///
    /// # Errors
    /// One line that names the key.
    pub fn start(settings: &Traces, process: &str) -> Result<Self, String> {
        let Some(collector) = settings.collector()? else { return Ok(Self::default()) };
        let channel = channel(&collector, &settings.ca)?;
        #[expect(clippy::disallowed_methods, reason = "a name of this process for people: nothing is decided by it")]
        let instance = Uuid::new_v4().to_string();
        let own = provided(settings, channel.clone(), process, &instance)?;
        let drivers = provided(settings, channel, "ballast-driver-host", &instance)?;
        ballast_traces::follow(Tracers { own: own.tracer("ballast"), drivers: drivers.tracer("ballast") });
        tracing::info!(collector = %collector.address, sample = settings.sample, "requests are followed");
        Ok(Self(vec![own, drivers]))
    }

    /// What is still to be sent is, within bounds.
    pub async fn end(self) {
        let wait = move || self.0.iter().for_each(|provider| drop(provider.shutdown_with_timeout(AT_THE_END)));
        if tokio::task::spawn_blocking(wait).await.is_err() {
            tracing::warn!("spans were not sent: the thread for it failed");
        }
    }
}

fn provided(settings: &Traces, channel: Channel, process: &str, instance: &str) -> Result<SdkTracerProvider, String> {
    let exporter = SpanExporter::builder().with_tonic().with_channel(channel).build();
    let exporter = exporter.map_err(|error| format!("traces.endpoint = \"{}\": {error}", settings.endpoint))?;
    let (exporter, waiting) = Handed::to(exporter);
    let config = BatchConfigBuilder::default()
        // More than are let through.
        .with_max_queue_size(QUEUE * 2)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(GATHER)
        .build();
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    let resource = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", process.to_owned()),
        KeyValue::new("service.instance.id", instance.to_owned()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ]);
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample)));
    Ok(SdkTracerProvider::builder()
        .with_span_processor(Counted { inner: batches, waiting })
        .with_sampler(sampler)
        .with_resource(resource.build())
        .build())
}

fn channel(collector: &Collector, ca: &Path) -> Result<Channel, String> {
    let tls = if collector.encrypted { Some(tls(ca)?) } else { None };
    grpc::collector(&collector.address, tls, PATIENCE).map_err(|error| format!("traces.endpoint: {error}"))
}

fn tls(ca: &Path) -> Result<Arc<ClientConfig>, String> {
    let mut trusted: RootCertStore = person::native_roots();
    if !ca.as_os_str().is_empty() {
        trusted.extend(roots("traces.ca", ca)?.roots);
    }
    if trusted.is_empty() {
        return Err("traces.endpoint: this machine trusts no CA; set traces.ca".to_owned());
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    config.alpn_protocols = vec![H2.to_vec()];
    Ok(Arc::new(config))
}
