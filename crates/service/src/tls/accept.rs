//! Connections over TLS, each shaken hands with on a task of its own: a slow or silent client holds up nobody.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{Role, Stream, role_of};
use crate::edge::{Edge, Place};

/// Connections that were shaken hands with. None follows when the end was asked for.
pub type Handshakes = mpsc::Receiver<(Stream, Place)>;

/// Accepts until `shutdown`. A refused connection is logged with the reason.
#[must_use]
pub fn handshakes(
    edge: Edge,
    listener: TcpListener,
    config: Arc<ServerConfig>,
    shutdown: CancellationToken,
) -> Handshakes {
    let (sender, receiver) = mpsc::channel(64);
    let acceptor = TlsAcceptor::from(config);
    tokio::spawn(async move {
        loop {
            let (stream, address, place) = tokio::select! {
                () = shutdown.cancelled() => return,
                () = sender.closed() => return,
                accepted = edge.accept(&listener) => accepted,
            };
            let (acceptor, sender, patience) = (acceptor.clone(), sender.clone(), edge.head_timeout());
            tokio::spawn(async move {
                if let Some(stream) = shake_hands(&acceptor, stream, address, patience).await {
                    // Nobody takes it when the end was asked for meanwhile.
                    let _ = sender.send((stream, place)).await;
                }
            });
        }
    });
    receiver
}

async fn shake_hands(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
    patience: Duration,
) -> Option<Stream> {
    // A client that has gone already is noticed by the handshake.
    let _ = stream.set_nodelay(true);
    let reason = match time::timeout(patience, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => match role(&stream) {
            Ok(role) => return Some(Stream::tls(stream, address, role)),
            Err(reason) => reason,
        },
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => "it hung up during the handshake".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no handshake within {patience:?}"),
    };
    tracing::warn!(peer.address = %address, "refused a connection: {reason}");
    None
}

fn role(stream: &tokio_rustls::server::TlsStream<TcpStream>) -> Result<Option<Role>, String> {
    let certificates = stream.get_ref().1.peer_certificates();
    certificates.and_then(|chain| chain.first()).map(role_of).transpose()
}
