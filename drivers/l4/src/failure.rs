//! A step that did not work: which, and what the kernel said. For operators; what a tenant is told is the driver's to
//! choose.

use std::io;

use nix::errno::Errno;
use thiserror::Error as ThisError;

/// Why a step failed.
#[derive(Debug, ThisError)]
pub enum Failure {
    #[error("{what}")]
    Io { what: String, source: io::Error },
    /// Of a batch. Nothing of it was done.
    #[error("{what} was refused")]
    Refused { what: String, source: io::Error },
    #[error("{what}: the kernel did not answer")]
    Silent { what: String },
    #[error("{what}: the answer is not understood")]
    Unreadable { what: String },
}

impl Failure {
    #[must_use]
    pub fn io(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { what: what.into(), source: source.into() }
    }

    /// What the system said, if it was that.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Io { source, .. } | Self::Refused { source, .. } => source.raw_os_error().map(Errno::from_raw),
            Self::Silent { .. } | Self::Unreadable { .. } => None,
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
