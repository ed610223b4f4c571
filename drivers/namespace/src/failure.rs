//! A step that did not work: which, on what, and what the system said.
//!
//! The tenant sees only that the load balancer could not be set up; names of links, files and processes are for the
//! operator and go into the detail.

use std::{io, net::IpAddr};

use ballast_abi::DriverError;
use ballast_netns::Failure as Net;
pub use ballast_netns::failure::chain;
use thiserror::Error as ThisError;

/// What was refused, for its tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// As in `listener`.
    pub kind: &'static str,
    pub id: String,
    /// Of who refused it.
    pub words: String,
}

/// Why a step failed.
#[derive(Debug, ThisError)]
pub enum Failure {
    #[error("{what}")]
    Io { what: String, source: io::Error },
    /// Of a program that serves in the namespace.
    #[error("{who} refused its configuration: {said}")]
    Refused { who: &'static str, said: String },
    /// The same, where it says what of it.
    #[error("{who} refused its configuration: {said}")]
    RefusedObject { who: &'static str, about: About, said: String },
    #[error(transparent)]
    Net(#[from] ballast_netns::Failure),
    #[error(transparent)]
    Forwarding(#[from] ballast_l4::Failure),
    #[error(transparent)]
    TooMany(#[from] ballast_l4::numbers::TooMany),
    /// Somebody else answers at an address that nobody has said of late is to be answered at here.
    #[error("{address} is answered at by {}", words(mac))]
    Owned { address: IpAddr, mac: [u8; 6] },
    #[error("{what} took longer than {milliseconds} ms")]
    Deadline { what: String, milliseconds: u64 },
    #[error("{}", .0.iter().map(|failure| chain(failure)).collect::<Vec<_>>().join("; "))]
    Several(Vec<Failure>),
}

impl Failure {
    pub fn io(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { what: what.into(), source: source.into() }
    }

    /// One failure of several, or none.
    pub fn gather(mut failures: Vec<Failure>) -> Result<(), Failure> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Self::Several(failures)),
        }
    }
}

/// As it is written.
fn words(mac: &[u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Adds the step to an error of the system.
pub trait Step<T> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::Io { what: what(), source: error.into() })
    }
}

impl From<Failure> for DriverError {
    fn from(failure: Failure) -> Self {
        let detail = chain(&failure);
        match failure {
            Failure::Refused { who, .. } => {
                DriverError::internal(format!("{who} refused the configuration of this load balancer"))
                    .with_detail(detail)
            }
            Failure::RefusedObject { who, about: About { kind, id, words }, .. } => {
                let error = DriverError::internal(format!("{who} refused {kind} {id}: {words}"));
                error.with_detail(detail).because_of(id)
            }
            Failure::Owned { address, .. } => DriverError::unavailable(format!(
                "another host answers at {address}: it stays silent here until the scheduler says that it is to run here"
            ))
            .with_detail(detail),
            Failure::Net(Net::OvsTagMissing { .. }) => {
                DriverError::unavailable("the network service has not wired this load balancer's port on its host")
                    .with_detail(detail)
            }
            Failure::Net(
                Net::BridgeFull { .. }
                | Net::BridgeMissing { .. }
                | Net::InterfaceMissing { .. }
                | Net::MtuTooLarge { .. }
                | Net::Ovsdb { .. }
                | Net::OvsRefused { .. }
                | Net::OvsSilent { .. }
                | Net::OvsDeviceMissing { .. },
            ) => DriverError::unavailable("the host cannot plug into this network").with_detail(detail),
            Failure::Net(Net::Io { .. })
            | Failure::Forwarding(_)
            | Failure::TooMany(_)
            | Failure::Io { .. }
            | Failure::Deadline { .. }
            | Failure::Several(_) => {
                DriverError::unavailable("the host could not set up or remove this load balancer").with_detail(detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_does_not_see_what_the_system_said() {
        let error = DriverError::from(Failure::io("link tap0", io::Error::from_raw_os_error(1)));
        assert!(!error.message.contains("tap0"));
        assert!(error.detail.contains("link tap0: Operation not permitted"), "{}", error.detail);
    }
}
