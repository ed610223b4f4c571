//! Sends what a driver logs, and its panics, to the host.
//!
//! A `cdylib` has its own copy of `std` and `tracing`: without this, a driver's `tracing::info!` goes nowhere and its
//! panics to a standard error that nobody reads.

use std::{fmt, panic};

use abi_stable::std_types::{RSlice, RStr};
use tracing::{
    Event, Id, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

use crate::{
    ffi::{DynHostLog, LogField, LogLine},
    rehearsal,
};

const ERROR: u8 = 1;

/// Installs the layer and the panic hook of this copy of `std` and `tracing`. A driver that has set a subscriber of
/// its own keeps it.
pub(crate) fn install(log: &DynHostLog) {
    let layer = tracing_subscriber::registry().with(Forward(log.clone()));
    // Refused only when there is a subscriber already: the driver's own, or an earlier instance's.
    let _ = tracing::subscriber::set_global_default(layer);
    let log = log.clone();
    panic::set_hook(Box::new(move |panic| {
        let message = panic.to_string();
        log.log(&LogLine {
            level: ERROR,
            target: RStr::from_str("panic"),
            message: message.as_str().into(),
            fields: RSlice::EMPTY,
        });
    }));
}

struct Forward(DynHostLog);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Forward {
    // The host's level can change while the driver runs: no answer is kept.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Spans carry the load balancer's id to records of any level.
        metadata.is_span() || self.0.enabled(number(*metadata.level()), RStr::from_str(metadata.target()))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Fields::default();
        event.record(&mut said);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<Fields>() {
                said.fields.extend(fields.fields.iter().cloned());
            }
        }
        let fields: Vec<LogField<'_>> = said
            .fields
            .iter()
            .map(|(key, value)| LogField { key: (*key).into(), value: value.as_str().into() })
            .collect();
        let metadata = event.metadata();
        self.0.log(&LogLine {
            level: number(*metadata.level()),
            target: metadata.target().into(),
            message: said.message.as_str().into(),
            fields: fields.as_slice().into(),
        });
        rehearsal::strike();
    }
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => ERROR,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.push((field.name(), value));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use abi_stable::{sabi_trait::TD_Opaque, std_types::RArc};

    use super::*;
    use crate::ffi::{HostLog, HostLog_TO};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl HostLog for Kept {
        fn enabled(&self, level: u8, _: RStr<'_>) -> bool {
            level <= 3
        }

        fn log(&self, line: &LogLine<'_>) {
            let fields: Vec<String> =
                line.fields.iter().map(|field| format!("{}={}", field.key, field.value)).collect();
            self.0.lock().unwrap().push(format!("{} {} {}", line.level, line.message, fields.join(" ")));
        }
    }

    #[test]
    fn a_record_carries_its_own_fields_and_those_of_its_spans_and_the_host_decides_the_level() {
        let kept = Kept::default();
        let log = HostLog_TO::from_ptr(RArc::new(kept.clone()), TD_Opaque);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Forward(log)), || {
            let _span = tracing::debug_span!("deploy", load_balancer = "lb-1").entered();
            tracing::info!(members = 3, "written");
            tracing::debug!("not asked for");
        });
        assert_eq!(*kept.0.lock().unwrap(), ["3 written members=3 load_balancer=lb-1"]);
    }
}
