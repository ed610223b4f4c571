//! Where REST comes in: HTTP/1.1 over TCP, in plain text or over TLS, and over TLS HTTP/2 where the client asks for it. Who is
//! silent before his first request, or for long between two, loses the connection.

mod http2;

use std::{convert::Infallible, net::IpAddr, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use ballast_service::{
    config::Settings,
    edge::{Edge, Guarded, Listener, Permit},
    tls::{self, Handshakes, Stream},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt as _};

/// How long requests that are under way at the end may take.
const DRAIN: Duration = Duration::from_secs(10);

/// Who has made the connection: the client, or a proxy before this gateway.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialler(pub(crate) IpAddr);

/// Connections that come in.
pub(crate) struct Incoming {
    edge: Edge,
    from: From,
}

enum From {
    Plain(Listener),
    Tls(Handshakes),
}

impl Incoming {
    /// # Errors
    /// One line, when the certificate cannot be used.
    pub(crate) fn new(settings: &Settings, tcp: TcpListener, shutdown: &CancellationToken) -> Result<Self, String> {
        let (edge, gateway) = (Edge::new(&settings.connections), &settings.gateway);
        let from = if gateway.tls_cert.as_os_str().is_empty() {
            From::Plain(Listener::Tcp(tcp))
        } else {
            let config = tls::rest_server(&gateway.tls_cert, &gateway.tls_key)?;
            From::Tls(tls::handshakes(edge.clone(), tcp, config, shutdown.clone()))
        };
        Ok(Self { edge, from })
    }

    /// The next one. None: the end was asked for.
    async fn next(&mut self) -> Option<Connection> {
        let (stream, permit): (Stream, Permit) = match &mut self.from {
            From::Plain(listener) => self.edge.accept_any(listener).await,
            From::Tls(handshakes) => handshakes.recv().await?,
        };
        let (dialler, is_http2) = (Dialler(stream.address().ip()), stream.is_http2());
        // All bytes until there is a request.
        Some(Connection { dialler, is_http2, stream: self.edge.guard(stream, permit, usize::MAX) })
    }
}

struct Connection {
    dialler: Dialler,
    is_http2: bool,
    stream: Guarded,
}

/// Serves until `shutdown`, and then for as long as what is under way takes, within bounds.
pub(crate) async fn until<S>(mut incoming: Incoming, service: S, shutdown: &CancellationToken)
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let open = TaskTracker::new();
    loop {
        let connection = tokio::select! {
            () = shutdown.cancelled() => break,
            connection = incoming.next() => connection,
        };
        let Some(connection) = connection else { break };
        let (edge, service, shutdown) = (incoming.edge.clone(), service.clone(), shutdown.clone());
        if connection.is_http2 {
            open.spawn(http2::serve(connection, edge, service, shutdown));
        } else {
            open.spawn(serve_one_by_one(connection, edge, service, shutdown));
        }
    }
    drop(incoming);
    open.close();
    if tokio::time::timeout(DRAIN, open.wait()).await.is_err() {
        tracing::warn!(seconds = DRAIN.as_secs(), "requests are still under way; ending without them");
    }
}

/// HTTP/1.1.
async fn serve_one_by_one<S>(connection: Connection, edge: Edge, service: S, shutdown: CancellationToken)
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(edge.idle_timeout());
    let Connection { dialler, stream, .. } = connection;
    let owed = stream.owed();
    let service = service.map_request(move |mut request: hyper::Request<_>| {
        owed.is_paid();
        request.extensions_mut().insert(dialler);
        request.map(Body::new)
    });
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    tokio::select! {
        // A client that breaks off is no error of ours.
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // As above.
    let _ = connection.await;
}
