//! `ballast version`.

use serde_json::{Value, json};

use crate::{
    exit::Exit,
    failure::Failure,
    output::{self, Format, Print},
};

struct Version;

impl Print for Version {
    fn table(&self, _wide: bool) -> String {
        format!("ballast {}\n", env!("CARGO_PKG_VERSION"))
    }

    fn value(&self) -> Option<Value> {
        Some(json!({ "name": "ballast", "version": env!("CARGO_PKG_VERSION") }))
    }
}

/// # Errors
/// When stdout cannot be written.
pub(crate) fn run(format: &Format) -> Result<Exit, Failure> {
    output::print(format, &Version).map(|()| Exit::Done)
}
