//! What can go wrong between the driver and its device.
//!
//! The tenant reads that the device cannot do it now; what the device said is for the operator and goes into the detail.

use std::{error::Error, io};

use ballast_abi::DriverError;
use thiserror::Error as ThisError;

#[derive(Debug, ThisError)]
pub enum Failure {
    /// The device has said no.
    #[error("the device refused {what}: {said} (code {code}, HTTP {status})")]
    Refused {
        what: String,
        /// It was to change something.
        change: bool,
        code: u64,
        status: u16,
        said: String,
        /// What it was about is not there.
        absent: bool,
    },
    #[error("the device stayed busy at {what}")]
    Busy { what: String },
    /// Nobody knows whether it was done.
    #[error("no usable reply to {what}: {why}")]
    Lost { what: String, why: String },
    #[error("the session ended at {what}")]
    Expired { what: String },
    #[error("the device refuses the login: {said} (HTTP {status})")]
    Login { status: u16, said: String },
    /// Another partition than the tenant's: nothing was written.
    #[error("the session is in partition {found:?} and not in {wanted:?}; nothing was written there")]
    Elsewhere { wanted: String, found: String },
    #[error("the device takes no changes at {what}: it is a secondary, or the administrator may not write")]
    ReadOnly { what: String },
    #[error("partition {name:?} cannot be used: {why}")]
    Partition { name: String, why: String },
    #[error("{what} belongs to load balancer {other:?}: their names have the same hash")]
    Collision { what: String, other: String },
    #[error("the device does not keep what it was given: {what}")]
    Unsettled { what: String },
    /// Of this driver's own calls.
    #[error("time was over while {what}")]
    Queued { what: String },
    #[error("time is over before {what}")]
    Deadline { what: String },
    #[error("{what}")]
    Local { what: String, source: io::Error },
    /// What is in a file is not known any more.
    #[error("nobody has told what is in {what}")]
    Untold { what: String },
    #[error("the credentials cannot be read: {why}")]
    Credentials { why: String },
}

impl Failure {
    /// A new session, and another look, may cure it.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Expired { .. })
    }

    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { absent: true, .. })
    }

    /// What was refused was to change something.
    pub(crate) fn of_a_change(self) -> Self {
        match self {
            Self::Refused { what, code, status, said, absent, .. } => {
                Self::Refused { what, change: true, code, status, said, absent }
            }
            other => other,
        }
    }

    /// What was refused was to come in.
    pub(crate) fn of_a_login(self) -> Self {
        match self {
            Self::Refused { status, said, .. } => Self::Login { status, said },
            other => other,
        }
    }

    /// The failure with its source, in one line.
    pub(crate) fn chain(&self) -> String {
        self.source().map_or_else(|| self.to_string(), |source| format!("{self}: {source}"))
    }
}

impl From<Failure> for DriverError {
    fn from(failure: Failure) -> Self {
        let detail = failure.chain();
        let error = match failure {
            Failure::Busy { .. } => Self::busy("the load balancing device is busy"),
            Failure::Queued { .. } => Self::busy("the load balancing device is at work on other changes"),
            Failure::Lost { .. } | Failure::Expired { .. } | Failure::Deadline { .. } => {
                Self::unavailable("the load balancing device does not answer")
            }
            Failure::Login { .. } | Failure::Credentials { .. } => {
                Self::unavailable("the load balancing device does not let the driver in")
            }
            Failure::ReadOnly { .. } => Self::unavailable("the load balancing device takes no changes now"),
            Failure::Elsewhere { .. } | Failure::Partition { .. } => {
                Self::unavailable("the tenant's partition of the load balancing device cannot be used")
            }
            Failure::Refused { change: false, .. } => {
                Self::unavailable("the load balancing device does not say what it has")
            }
            Failure::Refused { change: true, .. } | Failure::Unsettled { .. } => {
                Self::internal("the load balancing device refused a change").with_retryable(true)
            }
            Failure::Untold { .. } => Self::unavailable("a secret is not there yet").with_retryable(true),
            Failure::Collision { .. } => Self::unsupported("this load balancer's id cannot be used on the device"),
            Failure::Local { .. } => Self::internal("the driver's own directory cannot be used").with_retryable(true),
        };
        error.with_detail(detail)
    }
}
