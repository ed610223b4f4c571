//! Where something comes from: a span of this process or of another, as it is told in texts and headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator as _},
    trace::{SpanContext, TraceContextExt as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// As the W3C has it: version 00, the trace, the span, and whether it is followed.
const FIELD: &str = "traceparent";

/// A span that is followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin(pub(crate) SpanContext);

impl Origin {
    /// The span that this thread is within; none: nothing is followed.
    #[must_use]
    pub fn current() -> Option<Self> {
        crate::TRACERS.get()?;
        Context::map_current(|context| {
            let span = context.span();
            let of = span.span_context();
            of.is_sampled().then(|| Self(of.clone()))
        })
    }

    /// What a message says, as in `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. None: it says nothing, nothing
    /// that can be read, or that it is not followed.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &One(text));
        let span = context.span();
        let of = span.span_context();
        of.is_sampled().then(|| Self(of.clone()))
    }

    /// The id of the trace, in hex.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// As [`Self::read`] reads it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("00-{}-{}-{:02x}", self.0.trace_id(), self.0.span_id(), self.0.trace_flags().to_u8())
    }
}

/// One text, as if it were headers.
struct One<'a>(&'a str);

impl Extractor for One<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == FIELD).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![FIELD]
    }
}

/// What a request's headers say.
pub(crate) fn extract(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Read(headers))
}

/// The context goes along in headers; what they said before does not.
pub(crate) fn inject(context: &Context, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(context, &mut Write(headers));
}

struct Read<'a>(&'a HeaderMap);

impl Extractor for Read<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Write<'a>(&'a mut HeaderMap);

impl Injector for Write<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_told_is_read_again() {
        let origin = Origin::read(TEXT).unwrap();
        assert_eq!((origin.text().as_str(), origin.trace_id().as_str()), (TEXT, &TEXT[3..35]));
    }

    #[test]
    fn what_cannot_be_read_or_is_not_followed_is_nothing() {
        let (zeros, not_followed) = (TEXT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)), "-00");
        let unsampled = format!("{}{not_followed}", &TEXT[..52]);
        for text in ["", "00", "x", &TEXT[..54], &zeros, &unsampled, &TEXT.replace("00-4", "ff-4"), "\u{fc}-\n"] {
            assert_eq!(Origin::read(text), None, "{text}");
        }
    }

    #[test]
    fn headers_that_are_written_are_read() {
        let mut headers = HeaderMap::new();
        headers.insert(FIELD, HeaderValue::from_static("nonsense"));
        let context = Context::new().with_remote_span_context(Origin::read(TEXT).unwrap().0);
        inject(&context, &mut headers);
        assert_eq!(headers[FIELD], TEXT);
        assert_eq!(extract(&headers).span().span_context().span_id().to_string(), TEXT[36..52]);
    }
}
