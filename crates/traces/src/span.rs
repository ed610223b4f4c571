//! One span.

use std::{borrow::Cow, time::SystemTime};

use http::HeaderMap;
use opentelemetry::{
    Context, ContextGuard, KeyValue, Value,
    trace::{Link, SpanBuilder, SpanKind, Status, TraceContextExt as _},
};
use opentelemetry_sdk::trace::SdkTracer;

use crate::{
    Around, Origin, TRACERS,
    origin::{extract, inject},
};

/// Something that is done, from when it was begun until it is dropped; nothing where it is not followed.
#[derive(Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    /// Nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// A request that has come in with these headers. Where they do not say whether it is followed, chance does.
    pub fn of_request(name: impl Into<Cow<'static, str>>, headers: &HeaderMap) -> Self {
        let Some(tracers) = TRACERS.get() else { return Self(None) };
        Self(Some(begin(&tracers.own, name, SpanKind::Server, &extract(headers), Vec::new())))
    }

    /// A part of what this thread does now.
    pub fn part(name: impl Into<Cow<'static, str>>, kind: SpanKind) -> Self {
        let Some(tracers) = TRACERS.get() else { return Self(None) };
        Context::map_current(|now| {
            let followed = now.span().span_context().is_sampled();
            Self(followed.then(|| begin(&tracers.own, name, kind, now, Vec::new())))
        })
    }

    /// What is done because of these, of which the last is the newest: a part of that one, and linked to the others.
    pub fn because_of(name: impl Into<Cow<'static, str>>, kind: SpanKind, origins: &[Origin]) -> Self {
        let (Some(tracers), Some((newest, others))) = (TRACERS.get(), origins.split_last()) else { return Self(None) };
        let parent = Context::new().with_remote_span_context(newest.0.clone());
        let links = others.iter().map(|origin| Link::with_context(origin.0.clone())).collect();
        Self(Some(begin(&tracers.own, name, kind, &parent, links)))
    }

    /// What a driver's process did as a part of this, with its time.
    pub fn of_driver(&self, name: impl Into<Cow<'static, str>>, kind: SpanKind, from: SystemTime) -> Self {
        let (Some(tracers), Some(parent)) = (TRACERS.get(), &self.0) else { return Self(None) };
        let builder = SpanBuilder::from_name(name).with_kind(kind).with_start_time(from);
        let span = builder.start_with_context(&tracers.drivers, parent);
        Self(Some(Context::new().with_span(span)))
    }

    /// Whether it will be told.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.0.as_ref().is_some_and(|context| context.span().is_recording())
    }

    /// It had to do with this.
    pub fn note(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// It did not come to what it was for: why, in our own words.
    pub fn failed(&self, why: impl Into<Cow<'static, str>>) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(why));
        }
    }

    /// It ended then, and not now.
    pub fn ended_at(mut self, end: SystemTime) {
        if let Some(context) = self.0.take() {
            context.span().end_with_timestamp(end);
        }
    }

    /// For what is done elsewhere because of it.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        let context = self.0.as_ref()?;
        let span = context.span();
        let of = span.span_context();
        of.is_sampled().then(|| Origin(of.clone()))
    }

    /// A future within it.
    pub fn around<F>(&self, future: F) -> Around<F> {
        Around { context: self.0.clone(), future }
    }

    /// Within it, for as long as what is returned lives. Not across an `await`.
    #[must_use]
    pub fn within(&self) -> Option<ContextGuard> {
        self.0.clone().map(Context::attach)
    }

    /// It goes along in headers; without it, what this thread does now.
    pub fn go_along(&self, headers: &mut HeaderMap) {
        if TRACERS.get().is_none() {
            return;
        }
        match &self.0 {
            Some(context) => inject(context, headers),
            None => Context::map_current(|now| inject(now, headers)),
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

fn begin(
    tracer: &SdkTracer,
    name: impl Into<Cow<'static, str>>,
    kind: SpanKind,
    parent: &Context,
    links: Vec<Link>,
) -> Context {
    let span = SpanBuilder::from_name(name).with_kind(kind).with_links(links).start_with_context(tracer, parent);
    parent.with_span(span)
}
