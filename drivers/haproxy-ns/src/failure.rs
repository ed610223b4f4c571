//! A step that did not work: which, on what, and what the system said.
//!
//! The tenant sees only that the load balancer could not be set up; names of links, files and processes are for the
//! operator and go into the detail.

use std::{error::Error, io};

use ballast_abi::DriverError;
use nix::errno::Errno;
use thiserror::Error as ThisError;

/// Why a step failed.
#[derive(Debug, ThisError)]
pub(crate) enum Failure {
    #[error("{what}")]
    Io { what: String, source: io::Error },
    #[error("haproxy refused its configuration: {said}")]
    Refused { said: String },
    #[error("bridge {bridge} is full: Linux allows 1023 ports on a bridge; map the network to another one")]
    BridgeFull { bridge: String },
    #[error("bridge {bridge} does not exist on this host; create it or correct bridge_mappings")]
    BridgeMissing { bridge: String },
    #[error("{what} took longer than {milliseconds} ms")]
    Deadline { what: String, milliseconds: u64 },
    #[error("{}", .0.iter().map(chain).collect::<Vec<_>>().join("; "))]
    Several(Vec<Failure>),
}

impl Failure {
    pub(crate) fn io(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { what: what.into(), source: source.into() }
    }

    /// What the system said, if it was one thing.
    pub(crate) fn errno(&self) -> Option<Errno> {
        match self {
            Self::Io { source, .. } => source.raw_os_error().map(Errno::from_raw),
            Self::Refused { .. }
            | Self::BridgeFull { .. }
            | Self::BridgeMissing { .. }
            | Self::Deadline { .. }
            | Self::Several(_) => None,
        }
    }

    /// One failure of several, or none.
    pub(crate) fn gather(mut failures: Vec<Failure>) -> Result<(), Failure> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Self::Several(failures)),
        }
    }
}

/// Adds the step to an error of the system.
pub(crate) trait Step<T> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::Io { what: what(), source: error.into() })
    }
}

/// The failure with all its sources, in one line.
pub(crate) fn chain(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut source = failure.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

impl From<Failure> for DriverError {
    fn from(failure: Failure) -> Self {
        let detail = chain(&failure);
        match failure {
            Failure::Refused { .. } => {
                DriverError::internal("haproxy refused the configuration of this load balancer").with_detail(detail)
            }
            Failure::BridgeFull { .. } | Failure::BridgeMissing { .. } => {
                DriverError::unavailable("the host cannot plug into this network").with_detail(detail)
            }
            Failure::Io { .. } | Failure::Deadline { .. } | Failure::Several(_) => {
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
