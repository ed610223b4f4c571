//! Why a file was not loaded.

use std::{error::Error, fmt};

/// One line for the operator: what is wrong with the file. It does not name the file; who shows it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError(String);

impl LoadError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        Self(reason.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for LoadError {}
