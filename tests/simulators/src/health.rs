//! The servers behind the device: who answers its checks. All do unless a test says otherwise.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

/// Who is down.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeSet<SocketAddr>>>);

impl Health {
    /// Says whether the server at this address and port answers.
    pub fn set(&self, address: IpAddr, port: u16, up: bool) {
        let mut down = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let server = SocketAddr::new(address, port);
        if up {
            down.remove(&server);
        } else {
            down.insert(server);
        }
    }

    #[must_use]
    pub fn is_up(&self, address: IpAddr, port: u16) -> bool {
        let down = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !down.contains(&SocketAddr::new(address, port))
    }
}
