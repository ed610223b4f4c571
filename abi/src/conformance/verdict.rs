//! How a check ends.

use crate::DriverError;

/// Passed, with a remark for who reads the report (mostly empty); or not.
pub type Verdict = Result<String, Stop>;

/// Why a check did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What was expected, and what was found.
    Failed(String),
    /// Why nothing can be said.
    Skipped(String),
}

impl Stop {
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

/// An error of the driver as a report shows it.
pub(crate) fn shown(error: &DriverError) -> String {
    if error.detail.is_empty() { error.to_string() } else { format!("{error} ({})", error.detail) }
}

/// Fails unless it holds.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::Failed(otherwise())) }
}
