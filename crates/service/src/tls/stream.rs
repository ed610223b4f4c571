//! A connection of any kind, and who is at its other end.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsStream;
use tonic::transport::server::Connected;

use super::{Role, guests::End};

/// Who is at the other end of a connection, as far as the connection itself tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Could open a socket that only its owner can.
    Unix,
    /// Anyone who reaches the port.
    Plain { address: SocketAddr },
    /// Over TLS; with a role if it has shown a certificate.
    Tls { address: SocketAddr, role: Option<Role> },
}

/// A connection.
#[derive(Debug)]
pub struct Stream {
    transport: Transport,
    peer: Peer,
    /// Of who has shown a certificate.
    end: Option<End>,
}

#[derive(Debug)]
enum Transport {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    #[must_use]
    pub fn unix(stream: UnixStream) -> Self {
        Self { transport: Transport::Unix(stream), peer: Peer::Unix, end: None }
    }

    #[must_use]
    pub fn plain(stream: TcpStream, address: SocketAddr) -> Self {
        // What is sent is small and waited for. A peer that has gone already is noticed when it is read.
        let _ = stream.set_nodelay(true);
        Self { transport: Transport::Tcp(stream), peer: Peer::Plain { address }, end: None }
    }

    /// The other end's address; of a Unix socket's, nobody's.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self.peer {
            Peer::Unix => SocketAddr::from(([0, 0, 0, 0], 0)),
            Peer::Plain { address } | Peer::Tls { address, .. } => address,
        }
    }

    /// Whether both ends have agreed on HTTP/2, which they do over TLS alone.
    #[must_use]
    pub fn is_http2(&self) -> bool {
        match &self.transport {
            Transport::Unix(_) | Transport::Tcp(_) => false,
            Transport::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(super::H2),
        }
    }

    pub(crate) fn tls(stream: impl Into<TlsStream<TcpStream>>, address: SocketAddr, role: Option<Role>) -> Self {
        Self { transport: Transport::Tls(Box::new(stream.into())), peer: Peer::Tls { address, role }, end: None }
    }
}

impl Stream {
    /// Breaks off at this end, whenever it comes.
    pub(super) fn until(self, end: End) -> Self {
        Self { end: Some(end), ..self }
    }
}

impl Connected for Stream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

/// Does the same with whichever transport it is.
macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match &mut $stream.get_mut().transport {
            Transport::Unix($inner) => $call,
            Transport::Tcp($inner) => $call,
            Transport::Tls($inner) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.end.as_mut().is_some_and(|end| end.poll(cx).is_ready()) {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "its certificate is good no more",
            )));
        }
        either!(self, inner => Pin::new(inner).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, inner => Pin::new(inner).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => Pin::new(inner).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Unix(inner) => inner.is_write_vectored(),
            Transport::Tcp(inner) => inner.is_write_vectored(),
            Transport::Tls(inner) => inner.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_shutdown(cx))
    }
}
