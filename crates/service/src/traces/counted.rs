//! How many spans wait, and what became of the others.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ballast_metrics::{Counter, Registry, Slots, label, labels};
use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};

use super::QUEUE;

label! {
    /// What became of a span: the collector took it, or did not, or it found no place in the queue.
    enum Outcome { Sent = "sent", Failed = "failed", Dropped = "dropped" }
}

labels! {
    struct Ended { outcome: Outcome }
}

/// Of all that this process follows.
static SPANS: LazyLock<Slots<Ended, Counter>> =
    LazyLock::new(|| Slots::new(Outcome::ALL.iter().map(|outcome| Ended { outcome: *outcome })).all_told());

/// Tells them.
pub(crate) fn add_to(registry: &mut Registry) {
    registry.add("ballast_trace_spans_total", "Spans of requests that are followed", &*SPANS);
}

fn count(outcome: Outcome, spans: usize) {
    if let Some(counter) = SPANS.at(outcome as usize) {
        counter.inc_by(spans as u64);
    }
}

/// Lets as many through as may wait.
#[derive(Debug)]
pub(super) struct Counted<P> {
    pub(super) inner: P,
    pub(super) waiting: Arc<AtomicUsize>,
}

impl<P: SpanProcessor> SpanProcessor for Counted<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return count(Outcome::Dropped, 1);
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts what is handed to a collector, which then waits no more.
#[derive(Debug)]
pub(super) struct Handed<E> {
    inner: E,
    waiting: Arc<AtomicUsize>,
    /// The collector did not take the batch before.
    failing: AtomicBool,
}

impl<E> Handed<E> {
    pub(super) fn to(inner: E) -> (Self, Arc<AtomicUsize>) {
        let waiting = Arc::<AtomicUsize>::default();
        (Self { inner, waiting: Arc::clone(&waiting), failing: AtomicBool::new(false) }, waiting)
    }

    /// Said once, and not for each batch.
    fn say(&self, done: &OTelSdkResult) {
        match (self.failing.swap(done.is_err(), Ordering::Relaxed), done) {
            (false, Err(why)) => {
                tracing::warn!("the collector of traces does not take spans, which are dropped: {why}")
            }
            (true, Ok(())) => tracing::info!("the collector of traces takes spans again"),
            _ => {}
        }
    }
}

impl<E: SpanExporter> SpanExporter for Handed<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let done = self.inner.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        self.say(&done);
        count(if done.is_ok() { Outcome::Sent } else { Outcome::Failed }, spans);
        done
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
