//! gRPC servers and clients: listening on TCP and Unix sockets, and channels to them.

use std::{
    io,
    net::SocketAddr,
    os::unix::{fs::PermissionsExt, net::UnixStream as StdUnixStream},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::{
    net::{TcpListener, UnixListener, UnixStream},
    sync::mpsc,
};
use tokio_stream::{Stream as TokioStream, StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::{Channel, Endpoint, Server},
};
use tower::service_fn;

use crate::{
    address::Address,
    config::Connections,
    edge::{Edge, Guarded, Listener, Permit},
    folder::make_passable,
    process::Failure,
    tls::{self, Stream, connect, handshakes},
};

/// The largest message either side takes: a load balancer with thousands of members fits.
pub const MAX_MESSAGE: usize = 64 << 20;

/// How long calls that are under way at the end may take. Streams end by themselves, but not all are ours.
const DRAIN: Duration = Duration::from_secs(10);

/// How many calls one connection has under way, streams among them. A gateway has one connection for all of its clients.
const STREAMS: u32 = 4_096;

/// What a client of HTTP/2 begins with has so many bytes.
const PREFACE: usize = 24;

/// Binds a TCP listener.
///
/// # Errors
/// One line that names the key and the address.
pub async fn bind_tcp(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| Failure::run(format!("cannot listen on {key} = {address}"), error))
}

/// Binds a Unix socket that only its owner can open. A socket that a dead process left is replaced.
///
/// # Errors
/// When the path cannot be made, or a living process listens there.
pub fn bind_unix(key: &str, path: &Path) -> Result<UnixListener, Failure> {
    let refuse = |error: io::Error| Failure::run(format!("cannot listen on {key} = {}", path.display()), error);
    if let Some(directory) = path.parent() {
        make_passable(directory).map_err(refuse)?;
    }
    match StdUnixStream::connect(path) {
        Ok(_) => return Err(refuse(io::Error::from(io::ErrorKind::AddrInUse))),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(refuse)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(refuse)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(refuse)?;
    Ok(listener)
}

/// Where gRPC is served.
pub struct Listening {
    pub edge: Edge,
    pub tcp: TcpListener,
    /// With it, TCP is TLS and nothing else.
    pub tls: Option<tls::Server>,
    pub unix: Option<UnixListener>,
}

impl Listening {
    /// On TCP alone, in plain text.
    #[must_use]
    pub fn plain(tcp: TcpListener) -> Self {
        Self { edge: Edge::new(&Connections::default()), tcp, tls: None, unix: None }
    }
}

/// Serves `routes` until `shutdown`. Each request has a [`Peer`](crate::tls::Peer) among its extensions.
///
/// # Errors
/// When a transport fails.
pub async fn serve(routes: Routes, listening: Listening, shutdown: CancellationToken) -> Result<(), Failure> {
    let builder = || {
        Server::builder()
            .max_concurrent_streams(STREAMS)
            .http2_keepalive_interval(Some(Duration::from_secs(20)))
            .http2_keepalive_timeout(Some(Duration::from_secs(10)))
    };
    let Listening { edge, tcp, tls, unix } = listening;
    let guard = edge.clone();
    let guarded = move |(stream, permit)| io::Result::Ok(guard.guard(stream, permit, PREFACE));
    let incoming: Pin<Box<dyn TokioStream<Item = io::Result<Guarded>> + Send>> = match tls {
        Some(tls) => Box::pin(ReceiverStream::new(handshakes(edge.clone(), tcp, tls, shutdown.clone())).map(guarded)),
        None => Box::pin(accepted(edge.clone(), Listener::Tcp(tcp)).map(guarded)),
    };
    let over_tcp =
        builder().add_routes(routes.clone()).serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
    let over_unix = async {
        match unix {
            Some(unix) => {
                let guard = edge.clone();
                let guarded = move |(stream, permit)| io::Result::Ok(guard.guard(stream, permit, PREFACE));
                let incoming = accepted(edge, Listener::Unix(unix)).map(guarded);
                builder()
                    .add_routes(routes)
                    .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned())
                    .await
            }
            None => Ok(()),
        }
    };
    let over = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = async { tokio::try_join!(over_tcp, over_unix) } => served.map(drop).map_err(|error| Failure::run("gRPC", error)),
        () = over => {
            tracing::warn!(seconds = DRAIN.as_secs(), "calls are still under way; ending without them");
            Ok(())
        }
    }
}

/// Connections that need no handshake.
fn accepted(edge: Edge, listener: Listener) -> impl TokioStream<Item = (Stream, Permit)> + Send {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = sender.closed() => return,
                accepted = edge.accept_any(&listener) => accepted,
            };
            // Nobody takes it when the end was asked for meanwhile.
            let _ = sender.send(accepted).await;
        }
    });
    ReceiverStream::new(receiver)
}

/// How soon it is noticed that the other side does not answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pings {
    every: Duration,
    /// How long the answer to one may take.
    answer: Duration,
    connect: Duration,
}

impl Pings {
    /// Where there is nobody else to go to: within half a minute.
    pub const PATIENT: Self =
        Self { every: Duration::from_secs(20), answer: Duration::from_secs(10), connect: Duration::from_secs(5) };
    /// An agent's, well before others hold it for Suspect: within 6 seconds.
    pub const AGENT: Self =
        Self { every: Duration::from_secs(2), answer: Duration::from_secs(4), connect: Duration::from_secs(4) };
    /// Where somebody waits for the answer and others could give it: within 3 seconds.
    pub const QUICK: Self =
        Self { every: Duration::from_secs(1), answer: Duration::from_secs(2), connect: Duration::from_secs(2) };
}

/// A channel in plain text that connects at its first call and again whenever it must.
///
/// # Errors
/// When the address is not one.
pub fn channel(address: &Address) -> Result<Channel, String> {
    channel_over(address, None)
}

/// As [`channel`], over TLS where there is `tls` and the address is not a Unix socket's. Why a connection could not be
/// made is logged: of it, a call's status says nothing.
///
/// # Errors
/// When the address is not one.
pub fn channel_over(address: &Address, tls: Option<Arc<ClientConfig>>) -> Result<Channel, String> {
    channel_with(address, tls, Pings::PATIENT)
}

/// As [`channel_over`], with these pings.
///
/// # Errors
/// When the address is not one.
pub fn channel_with(address: &Address, tls: Option<Arc<ClientConfig>>, pings: Pings) -> Result<Channel, String> {
    match address {
        Address::Tcp(host) => {
            let endpoint = Endpoint::from_shared(format!("http://{host}")).map_err(|error| error.to_string())?;
            let host = host.clone();
            let connector = service_fn(move |_| {
                let (host, tls) = (host.clone(), tls.clone());
                async move {
                    let secure = tls.is_some();
                    let connected = connect(&host, tls).await;
                    if let (true, Err(error)) = (secure, &connected) {
                        tracing::warn!(scheduler = %host, "no connection over TLS: {error}");
                    }
                    connected.map(TokioIo::new)
                }
            });
            Ok(tuned(endpoint, pings).connect_with_connector_lazy(connector))
        }
        Address::Unix(path) => Ok(over_unix(path.clone(), &tuned(nowhere(), pings))),
    }
}

/// A channel to who collects spans, which waits so long for each answer. That nobody is there is not said each time.
///
/// # Errors
/// When the address is not one.
pub(crate) fn collector(
    address: &Address,
    tls: Option<Arc<ClientConfig>>,
    patience: Duration,
) -> Result<Channel, String> {
    match address {
        Address::Tcp(host) => {
            let endpoint = Endpoint::from_shared(format!("http://{host}")).map_err(|error| error.to_string())?;
            let host = host.clone();
            let connector = service_fn(move |_| {
                let (host, tls) = (host.clone(), tls.clone());
                async move { connect(&host, tls).await.map(TokioIo::new) }
            });
            Ok(tuned(endpoint, Pings::PATIENT).timeout(patience).connect_with_connector_lazy(connector))
        }
        Address::Unix(path) => Ok(over_unix(path.clone(), &tuned(nowhere(), Pings::PATIENT).timeout(patience))),
    }
}

fn over_unix(path: PathBuf, endpoint: &Endpoint) -> Channel {
    let connector = service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    endpoint.connect_with_connector_lazy(connector)
}

/// Of a socket, which has no host.
fn nowhere() -> Endpoint {
    Endpoint::from_static("http://unix.invalid")
}

fn tuned(endpoint: Endpoint, pings: Pings) -> Endpoint {
    endpoint
        .connect_timeout(pings.connect)
        .http2_keep_alive_interval(pings.every)
        .keep_alive_timeout(pings.answer)
        .keep_alive_while_idle(true)
}
