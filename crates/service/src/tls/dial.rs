//! Connections to others, in plain text or over TLS.

use std::{io, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time};
use tokio_rustls::TlsConnector;

use super::Stream;

const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to `host:port`.
///
/// # Errors
/// When nobody answers in time, or the other end is not who it should be: the text says why.
pub async fn connect(address: &str, tls: Option<Arc<ClientConfig>>) -> io::Result<Stream> {
    let dial = async {
        let tcp = TcpStream::connect(address).await?;
        let peer = tcp.peer_addr()?;
        let Some(config) = tls else { return Ok(Stream::plain(tcp, peer)) };
        tcp.set_nodelay(true)?;
        let name = host(address).to_owned();
        let name = ServerName::try_from(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = TlsConnector::from(config).connect(name, tcp).await?;
        Ok(Stream::tls(stream, peer, None))
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {PATIENCE:?}"));
    time::timeout(PATIENCE, dial).await.map_err(|_| late())?
}

/// The host of `host:port`, without the brackets of IPv6.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_the_certificate_must_name() {
        assert_eq!(host("scheduler.example:9697"), "scheduler.example");
        assert_eq!(host("[::1]:9697"), "::1");
    }
}
