//! Who comes in, and who of those is answered.

use std::{convert::Infallible, sync::Arc};

use hyper::{Request, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected as _;

use super::{
    Endpoint, Told,
    answer::{Page, plain},
};
use crate::{
    edge::{Edge, Guarded, Listener},
    tls::{Handshakes, Peer, Role, handshakes},
};

enum From {
    Plain(Listener),
    Tls(Handshakes),
}

impl From {
    async fn next(&mut self, edge: &Edge) -> Option<Guarded> {
        let (stream, permit) = match self {
            Self::Plain(listener) => edge.accept_any(listener).await,
            Self::Tls(handshakes) => handshakes.recv().await?,
        };
        Some(edge.guard(stream, permit, usize::MAX))
    }
}

/// Answers until `shutdown`. What is being answered then is broken off.
pub async fn serve(endpoint: Endpoint, told: Arc<dyn Told>, shutdown: CancellationToken) {
    let Endpoint { edge, tcp, tls } = endpoint;
    let mut from = match tls {
        Some(tls) => From::Tls(handshakes(edge.clone(), tcp, tls, shutdown.clone())),
        None => From::Plain(Listener::Tcp(tcp)),
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(edge.idle_timeout());
    let page = Arc::new(Page::new(told));
    loop {
        let connection = tokio::select! {
            () = shutdown.cancelled() => return,
            connection = from.next(&edge) => connection,
        };
        let Some(connection) = connection else { return };
        let (owed, is_guest) = (connection.owed(), may_ask(&connection.connect_info()));
        let page = Arc::clone(&page);
        let service = service_fn(move |request: Request<Incoming>| {
            owed.is_paid();
            let (page, request) = (Arc::clone(&page), request.map(drop));
            async move {
                Ok::<_, Infallible>(if is_guest {
                    page.answer(&request).await
                } else {
                    plain(StatusCode::FORBIDDEN, "A certificate of spiffe://ballast/metrics is needed.\n")
                })
            }
        });
        let connection = http.serve_connection(TokioIo::new(connection), service);
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            // A client that breaks off is no error of ours.
            let _ = shutdown.run_until_cancelled(connection).await;
        });
    }
}

/// Over TLS, who has a certificate for it, or one of an admin.
fn may_ask(peer: &Peer) -> bool {
    match peer {
        Peer::Unix | Peer::Plain { .. } => true,
        Peer::Tls { role, .. } => {
            matches!(role, Some(Role::Metrics | Role::Client { project: None }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_tls_only_those_ask_who_are_to() {
        let address = ([192, 0, 2, 1], 1).into();
        let tls = |role| may_ask(&Peer::Tls { address, role });
        assert!(tls(Some(Role::Metrics)) && tls(Some(Role::Client { project: None })));
        assert!(may_ask(&Peer::Plain { address }));
        for role in [
            None,
            Some(Role::Gateway),
            Some(Role::Scheduler),
            Some(Role::Agent { host: "h".to_owned() }),
            Some(Role::Client { project: Some("p".to_owned()) }),
        ] {
            assert!(!tls(role.clone()), "{role:?}");
        }
    }
}
