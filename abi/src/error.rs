//! What a driver answers when it cannot do what was asked.
//!
//! The code is an open number and not an enum: an agent must be able to pass on a code that a newer driver knows and it
//! does not.

use std::{error::Error, fmt};

use crate::proto::Fault;

/// Why a driver refused or failed. Open: a number without a name here is treated like [`ErrorCode::INTERNAL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// A defect, or anything that no other code says.
    pub const INTERNAL: Self = Self(1);
    /// The driver's own section of the agent's configuration is wrong. Nothing helps but another configuration.
    pub const INVALID_CONFIG: Self = Self(2);
    /// The driver or its device cannot do this, ever.
    pub const UNSUPPORTED: Self = Self(3);
    /// The load balancer is not deployed.
    pub const NOT_FOUND: Self = Self(4);
    /// The device does not answer; it may later.
    pub const UNAVAILABLE: Self = Self(5);
    /// The device is at work on something else; it will be free soon.
    pub const BUSY: Self = Self(6);
    /// The driver panicked; the call's outcome is unknown.
    pub const PANIC: Self = Self(7);
    /// The request itself makes no sense: an address that is none, an empty id.
    pub const INVALID_ARGUMENT: Self = Self(8);

    /// The code in words, as in logs: `"INVALID_CONFIG"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::INTERNAL => "INTERNAL",
            Self::INVALID_CONFIG => "INVALID_CONFIG",
            Self::UNSUPPORTED => "UNSUPPORTED",
            Self::NOT_FOUND => "NOT_FOUND",
            Self::UNAVAILABLE => "UNAVAILABLE",
            Self::BUSY => "BUSY",
            Self::PANIC => "PANIC",
            Self::INVALID_ARGUMENT => "INVALID_ARGUMENT",
            _ => "UNKNOWN",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error of a driver. `message` may be shown to the tenant; `detail` is for the operator's log only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverError {
    /// What kind of failure.
    pub code: ErrorCode,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// One line for the tenant: what is wrong and where, without the device's secrets.
    pub message: String,
    /// For the operator: what the device said. May be empty.
    pub detail: String,
    /// Of a deploy that changed nothing: the listener, pool, member, monitor, policy or rule because of which. Empty: not
    /// said. Since ABI 1.3; an older agent takes it for an error of the whole.
    pub object_id: String,
}

impl DriverError {
    /// An error that a repetition does not cure.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let (message, detail, object_id) = (message.into(), String::new(), String::new());
        Self { code, retryable: false, message, detail, object_id }
    }

    /// A defect of the driver, or a failure that no other constructor names.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::INTERNAL, message)
    }

    /// The driver's own configuration is wrong.
    pub fn invalid_config(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_CONFIG, message)
    }

    /// The driver cannot do this, ever.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::UNSUPPORTED, message)
    }

    /// The load balancer is not deployed.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NOT_FOUND, message)
    }

    /// The device does not answer now: retryable.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new(ErrorCode::UNAVAILABLE, message) }
    }

    /// The device is at work on something else: retryable.
    pub fn busy(message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new(ErrorCode::BUSY, message) }
    }

    /// The request itself makes no sense.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_ARGUMENT, message)
    }

    /// Adds what only the operator is to see.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Says because of which object nothing was changed by a deploy: what ran before runs on, and the others are as they were.
    #[must_use]
    pub fn because_of(mut self, object_id: impl Into<String>) -> Self {
        self.object_id = object_id.into();
        self
    }

    /// Says whether the same request may succeed later.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Error for DriverError {}

impl From<DriverError> for Fault {
    fn from(error: DriverError) -> Self {
        let DriverError { code, retryable, message, detail, object_id } = error;
        Self { code: code.0, retryable, message, detail, object_id }
    }
}

impl From<Fault> for DriverError {
    fn from(fault: Fault) -> Self {
        let Fault { code, retryable, message, detail, object_id } = fault;
        Self { code: ErrorCode(code), retryable, message, detail, object_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_a_fault() {
        let error = DriverError::unavailable("the device does not answer").with_detail("connect: timed out");
        let error = error.because_of("4c8ea0f2");
        assert!(error.retryable);
        assert_eq!(DriverError::from(Fault::from(error.clone())), error);
    }

    #[test]
    fn display_shows_neither_detail_nor_a_number_without_a_name() {
        let error = DriverError::new(ErrorCode(4711), "odd").with_detail("secret");
        assert_eq!(error.to_string(), "UNKNOWN: odd");
    }
}
