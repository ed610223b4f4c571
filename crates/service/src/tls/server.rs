//! The server's end: what it shakes hands with, and who of those with a certificate is let in.

use std::{net::SocketAddr, sync::Arc};

use rustls::{ServerConfig, pki_types::CertificateDer};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Stream, live::Live, role_of};

/// A listener's certificates, which follow their files.
#[derive(Debug, Clone)]
pub struct Server {
    config: Arc<ServerConfig>,
    live: Arc<Live>,
}

impl Server {
    pub(super) fn new(config: ServerConfig, live: Arc<Live>) -> Self {
        Self { config: Arc::new(config), live }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// A connection that was shaken hands with. It ends when its certificate is good no more.
    pub(super) fn admit(&self, stream: TlsStream<TcpStream>, address: SocketAddr) -> Result<Stream, String> {
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let chain: Vec<_> = shown.iter().map(|certificate| CertificateDer::into_owned(certificate.clone())).collect();
        let Some(first) = chain.first() else { return Ok(Stream::tls(stream, address, None)) };
        let role = role_of(first)?;
        let end = self.live.guests.admit(chain.clone(), role.clone(), address);
        // It may have been taken back since the handshake, when it was not among the guests yet.
        self.live.check_client(&chain).map_err(|error| error.to_string())?;
        Ok(Stream::tls(stream, address, Some(role)).until(end))
    }
}
