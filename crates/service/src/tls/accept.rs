//! Connections over TLS, each shaken hands with on a task of its own: a slow or silent client holds up nobody.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time,
};
use tokio_util::sync::CancellationToken;

use super::{Server, Stream};
use crate::edge::{Edge, Permit};

/// Connections that were shaken hands with. None follows when the end was asked for.
pub type Handshakes = mpsc::Receiver<(Stream, Permit)>;

/// Accepts until `shutdown`. A refused connection is logged with the reason.
#[must_use]
pub fn handshakes(edge: Edge, listener: TcpListener, server: Server, shutdown: CancellationToken) -> Handshakes {
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        loop {
            let (stream, address, permit) = tokio::select! {
                () = shutdown.cancelled() => return,
                () = sender.closed() => return,
                accepted = edge.accept(&listener) => accepted,
            };
            let (server, sender, patience) = (server.clone(), sender.clone(), edge.head_timeout());
            tokio::spawn(async move {
                if let Some(stream) = shake_hands(&server, stream, address, patience).await {
                    // Nobody takes it when the end was asked for meanwhile.
                    let _ = sender.send((stream, permit)).await;
                }
            });
        }
    });
    receiver
}

async fn shake_hands(server: &Server, stream: TcpStream, address: SocketAddr, patience: Duration) -> Option<Stream> {
    // A client that has gone already is noticed by the handshake.
    let _ = stream.set_nodelay(true);
    let reason = match time::timeout(patience, server.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => match server.admit(stream, address) {
            Ok(stream) => return Some(stream),
            Err(reason) => reason,
        },
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => "it hung up during the handshake".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no handshake within {patience:?}"),
    };
    tracing::warn!(peer.address = %address, "refused a connection: {reason}");
    None
}
