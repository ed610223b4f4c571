//! The body of a reply, which may end before it has come.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

pub(crate) struct Body {
    bytes: Option<Bytes>,
    rest: Rest,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Comes,
    /// Does not come, once the head of the reply is on its way.
    Fails,
    FailsNow,
}

impl Body {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Some(Bytes::from(bytes)).filter(|bytes| !bytes.is_empty()), rest: Rest::Comes }
    }

    /// Its length is told, and nothing of it comes.
    pub(crate) fn cut(&mut self) {
        self.rest = Rest::Fails;
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.rest {
            Rest::Comes => Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Rest::Fails => {
                self.rest = Rest::FailsNow;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Rest::FailsNow => Poll::Ready(Some(Err(io::Error::other("cut on request")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}
