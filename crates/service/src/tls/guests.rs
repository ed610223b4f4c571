//! Connections of those who have shown a certificate: they end when it is good no more.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
};

use rustls::{Error, pki_types::CertificateDer};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::Role;

#[derive(Debug, Default)]
pub(super) struct Guests(Mutex<Vec<Weak<Guest>>>);

/// Who has a connection.
#[derive(Debug)]
struct Guest {
    chain: Vec<CertificateDer<'static>>,
    role: Role,
    address: SocketAddr,
    ended: CancellationToken,
}

/// The end of a connection, whenever it comes.
#[derive(Debug)]
pub(super) struct End {
    _guest: Arc<Guest>,
    asked: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl End {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.asked.as_mut().poll(cx)
    }
}

impl Guests {
    pub(super) fn admit(&self, chain: Vec<CertificateDer<'static>>, role: Role, address: SocketAddr) -> End {
        let ended = CancellationToken::new();
        let asked = Box::pin(ended.clone().cancelled_owned());
        let guest = Arc::new(Guest { chain, role, address, ended });
        let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|guest| guest.strong_count() > 0);
        guests.push(Arc::downgrade(&guest));
        End { _guest: guest, asked }
    }

    /// Ends the connections of those whom `check` refuses.
    pub(super) fn check_again(&self, check: impl Fn(&[CertificateDer<'_>]) -> Result<(), Error>) {
        let guests = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for guest in guests.iter().filter_map(Weak::upgrade) {
            if let Err(why) = check(&guest.chain) {
                tracing::warn!(peer.address = %guest.address, "a connection of {} ends: {why}", guest.role);
                guest.ended.cancel();
            }
        }
    }
}
