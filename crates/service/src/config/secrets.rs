//! `[secrets]`: how the scheduler keeps private keys.

use std::path::PathBuf;

use serde::Deserialize;

use super::Barbican;
use crate::{list, secret};

/// `[secrets]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// Files with a key each, 32 bytes in hex or base64: the first one seals, all open. Empty: nothing can be kept.
    #[serde(deserialize_with = "list::texts")]
    pub key_files: Vec<String>,
    /// How many certificates a project may have.
    pub certificates_per_project: u32,
    /// For tests of the API: every reference is taken, and nothing is behind one, so that nothing serves it.
    pub unchecked: bool,
    /// `[secrets.barbican]`
    pub barbican: Barbican,
}

impl Default for Secrets {
    fn default() -> Self {
        Self { key_files: Vec::new(), certificates_per_project: 1_000, unchecked: false, barbican: Barbican::default() }
    }
}

impl Secrets {
    /// The texts of the files, with the key of the configuration that names each.
    ///
    /// # Errors
    /// One line that names the key, the file, and what to do.
    pub fn texts(&self) -> Result<Vec<(String, String)>, String> {
        let read = |file: &String| {
            let name = "secrets.key_files";
            let text = secret::text(name, &PathBuf::from(file))?;
            Ok((format!("{name} = \"{file}\""), text))
        };
        self.key_files.iter().map(read).collect()
    }
}
