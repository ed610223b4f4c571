//! Why a file was not loaded.

use std::{error::Error, fmt};

/// One line for the operator: what is wrong with the file. It does not name the file; who shows it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    reason: String,
    may_pass: bool,
}

impl LoadError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        Self { reason: reason.split_whitespace().collect::<Vec<_>>().join(" "), may_pass: false }
    }

    /// The machine could not: nothing is known of the file.
    pub(crate) fn of_machine(reason: impl Into<String>) -> Self {
        Self { may_pass: true, ..Self::new(reason) }
    }

    /// Whether the same file may be taken later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        self.may_pass
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for LoadError {}
