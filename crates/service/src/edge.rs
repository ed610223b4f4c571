//! The edge of a process: how many connections it takes, of whom, and how long those may be silent who have not yet said
//! what they want. It knows no protocol beyond the number of bytes that one begins with.

mod guarded;
mod permits;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

pub use guarded::{Guarded, Owed};
pub use permits::Permit;
use permits::{Bounds, Permits, Whose};

use crate::{config::Connections, tls::Stream};

/// The pause after the machine could not accept, as when it has no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Where clients connect.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    /// A socket that only its owner can open.
    Unix(UnixListener),
}

/// What stands before a process's listeners. Clones share the bounds.
#[derive(Debug, Clone)]
pub struct Edge {
    permits: Arc<Permits>,
    /// Of requests that share a connection with others.
    requests: Arc<Permits>,
    /// How long a client may take to say what it wants.
    head: Duration,
    stalled: Duration,
    idle: Duration,
}

impl Edge {
    /// As configured, and within what this process may have open.
    #[must_use]
    pub fn new(settings: &Connections) -> Self {
        let bounds = |descriptors| Bounds::new(settings.max, settings.per_peer, descriptors);
        Self {
            permits: Arc::new(Permits::new(bounds(descriptors()), "a connection was closed")),
            requests: Arc::new(Permits::new(bounds(usize::MAX), "a request was refused")),
            head: Duration::from_millis(settings.head_timeout_ms.into()),
            stalled: Duration::from_millis(settings.stall_timeout_ms.into()),
            idle: Duration::from_millis(settings.idle_timeout_ms.into()),
        }
    }

    /// How long a client may take for the head of a request.
    #[must_use]
    pub const fn head_timeout(&self) -> Duration {
        self.head
    }

    /// How long a client may ask for nothing.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        self.idle
    }

    /// How long a client may take nothing.
    #[must_use]
    pub const fn stall_timeout(&self) -> Duration {
        self.stalled
    }

    /// A permit for one of many requests of a connection: who has many in one connection has no more of them under way than
    /// with a connection for each.
    #[must_use]
    pub fn admit_request(&self, of: IpAddr) -> Option<Permit> {
        self.requests.take(Whose::of(of))
    }

    /// The next connection for which there is room. Others are closed.
    pub async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr, Permit) {
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    if let Some(permit) = self.permits.take(Whose::of(address.ip())) {
                        return (stream, address, permit);
                    }
                }
                Err(error) => self.rest(&error).await,
            }
        }
    }

    /// As [`Self::accept`], from any listener, and no handshake follows.
    pub async fn accept_any(&self, listener: &Listener) -> (Stream, Permit) {
        match listener {
            Listener::Tcp(tcp) => {
                let (stream, address, permit) = self.accept(tcp).await;
                (Stream::plain(stream, address), permit)
            }
            Listener::Unix(unix) => {
                let (stream, permit) = self.accept_unix(unix).await;
                (Stream::unix(stream), permit)
            }
        }
    }

    async fn accept_unix(&self, listener: &UnixListener) -> (UnixStream, Permit) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Some(permit) = self.permits.take(Whose::Owner) {
                        return (stream, permit);
                    }
                }
                Err(error) => self.rest(&error).await,
            }
        }
    }

    /// A client that has gone before it was accepted is nothing; what the machine has not got may be there in a moment.
    async fn rest(&self, error: &io::Error) {
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        if self.permits.not_accepted.again() {
            tracing::warn!(%error, "a connection could not be accepted");
        }
        tokio::time::sleep(PAUSE).await;
    }

    /// A connection that is over when it stalls, or has not sent so many bytes in time.
    #[must_use]
    pub fn guard(&self, stream: Stream, permit: Permit, owed: usize) -> Guarded {
        Guarded::new(stream, permit, owed, self.head, self.stalled)
    }
}

/// How many files this process may have open, after it has asked for as many as it can get.
fn descriptors() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard);
    raised.try_into().unwrap_or(usize::MAX)
}
