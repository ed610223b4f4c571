//! Where REST comes in: TCP, in plain text or over TLS.

use std::{future, io, net::SocketAddr};

use ballast_service::{
    config::Settings,
    tls::{self, Handshakes, Stream},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) enum Listener {
    Plain(TcpListener),
    Tls { handshakes: Handshakes, address: SocketAddr },
}

impl Listener {
    /// # Errors
    /// One line, when the certificate cannot be used.
    pub(crate) fn new(settings: &Settings, tcp: TcpListener, shutdown: &CancellationToken) -> Result<Self, String> {
        let gateway = &settings.gateway;
        if gateway.tls_cert.as_os_str().is_empty() {
            return Ok(Self::Plain(tcp));
        }
        let config = tls::rest_server(&gateway.tls_cert, &gateway.tls_key)?;
        let address = tcp.local_addr().map_err(|error| format!("gateway.listen: {error}"))?;
        Ok(Self::Tls { handshakes: tls::handshakes(tcp, config, shutdown.clone()), address })
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match self {
            Self::Plain(tcp) => {
                // axum's own accept does not end when the machine has no descriptors left.
                let (stream, address) = axum::serve::Listener::accept(tcp).await;
                (Stream::plain(stream, address), address)
            }
            Self::Tls { handshakes, .. } => match handshakes.recv().await {
                Some(stream) => {
                    let address = stream.address();
                    (stream, address)
                }
                // The end was asked for: the server has seen that too.
                None => future::pending().await,
            },
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Plain(tcp) => tcp.local_addr(),
            Self::Tls { address, .. } => Ok(*address),
        }
    }
}
