//! Spans of a trace, and the context that goes along from process to process (W3C Trace Context).
//!
//! Where nothing is followed, a span is nothing: no id is made for it, no time is read, and no context goes along. Which
//! requests are followed is decided where they come in, by their client or by chance; what comes of one is followed with it.
//!
//! Spans have ids, numbers and our own words, and never a tenant's text or an address.

mod around;
mod origin;
mod span;

use std::sync::OnceLock;

use opentelemetry_sdk::trace::SdkTracer;

pub use opentelemetry::trace::SpanKind;

pub use self::{around::Around, origin::Origin, span::Span};

/// Who makes spans: this process, and for an agent the processes of its drivers, which tell it what they did.
#[derive(Debug)]
pub struct Tracers {
    pub own: SdkTracer,
    pub drivers: SdkTracer,
}

static TRACERS: OnceLock<Tracers> = OnceLock::new();

/// Requests are followed from now on. Who was first stays.
pub fn follow(tracers: Tracers) {
    // As said.
    let _ = TRACERS.set(tracers);
}

/// Whether requests are followed here.
#[must_use]
pub fn are_followed() -> bool {
    TRACERS.get().is_some()
}

/// The id of the trace that this thread works for now, in hex; none: it is not followed.
#[must_use]
pub fn current_id() -> Option<String> {
    TRACERS.get()?;
    Origin::current().map(|origin| origin.trace_id())
}
