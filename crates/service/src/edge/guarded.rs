//! A connection with its permit, which ends when its client is silent at the beginning or takes nothing.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};
use tonic::transport::server::Connected;

use super::Permit;
use crate::tls::{Peer, Stream};

/// A connection of a client.
#[derive(Debug)]
pub struct Guarded {
    stream: Stream,
    owed: Owed,
    until: Pin<Box<Sleep>>,
    stall: Stall,
    _permit: Permit,
}

/// How many bytes a client still owes before it is believed to want something.
#[derive(Debug, Clone)]
pub struct Owed(Arc<AtomicUsize>);

impl Owed {
    /// Whoever speaks its protocol has understood what it wants.
    pub fn is_paid(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Guarded {
    pub(super) fn new(stream: Stream, permit: Permit, owed: usize, head: Duration, stalled: Duration) -> Self {
        let until = Box::pin(sleep_until(Instant::now() + head));
        let owed = Owed(Arc::new(AtomicUsize::new(owed)));
        Self { stream, owed, until, stall: Stall { after: stalled, until: None }, _permit: permit }
    }

    #[must_use]
    pub fn owed(&self) -> Owed {
        self.owed.clone()
    }
}

impl Connected for Guarded {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.stream.connect_info()
    }
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if this.owed.left() > 0 && this.until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(late("the client did not say what it speaks")));
        }
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let left = this.owed.left();
        if left > 0 {
            // Whoever says meanwhile that it is paid is on this connection's own task.
            this.owed.0.store(left.saturating_sub(buffer.filled().len() - before), Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

/// How long nothing could be written.
#[derive(Debug)]
struct Stall {
    after: Duration,
    until: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let until = self.until.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + self.after)));
        until.as_mut().poll(cx).map(|()| Err(late("the client takes nothing")))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.stall.watch(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.stall.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.stall.watch(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.stall.watch(cx, shut)
    }
}
