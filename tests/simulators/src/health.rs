//! The servers behind the device: who answers its checks, and how fast. All do at once unless a test says otherwise.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Who is down or slow: none does not answer at all.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<SocketAddr, Option<Duration>>>>);

impl Health {
    /// Says whether the server at this address and port answers.
    pub fn set(&self, address: IpAddr, port: u16, up: bool) {
        let server = SocketAddr::new(address, port);
        if up {
            self.lock().remove(&server);
        } else {
            self.lock().insert(server, None);
        }
    }

    /// Says how long it takes to answer: too long for some checks.
    pub fn slow(&self, address: IpAddr, port: u16, takes: Duration) {
        self.lock().insert(SocketAddr::new(address, port), Some(takes));
    }

    /// Whether it answers a check that waits so long.
    #[must_use]
    pub fn answers(&self, address: IpAddr, port: u16, within: Duration) -> bool {
        match self.lock().get(&SocketAddr::new(address, port)) {
            None => true,
            Some(takes) => takes.is_some_and(|takes| takes <= within),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Option<Duration>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
