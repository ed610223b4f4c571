//! A future within a span.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
};

use opentelemetry::Context;
use pin_project_lite::pin_project;

pin_project! {
    /// A future, of which all that it does is within a span.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Around<F> {
        pub(crate) context: Option<Context>,
        #[pin]
        pub(crate) future: F,
    }
}

impl<F: Future> Future for Around<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _within = this.context.clone().map(Context::attach);
        this.future.poll(task)
    }
}
