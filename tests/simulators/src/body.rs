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
    /// It comes; otherwise the connection ends where it should.
    comes: bool,
}

impl Body {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Some(Bytes::from(bytes)).filter(|bytes| !bytes.is_empty()), comes: true }
    }

    /// Its length is told, and nothing of it comes.
    pub(crate) fn cut(&mut self) {
        self.comes = false;
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let bytes = self.bytes.take();
        let cut = !self.comes;
        Poll::Ready(
            bytes.map(|bytes| if cut { Err(io::Error::other("cut on request")) } else { Ok(Frame::data(bytes)) }),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}
