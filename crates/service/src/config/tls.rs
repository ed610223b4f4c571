//! `[tls]`: the certificates of a process, for gRPC between services.

use std::path::PathBuf;

use serde::Deserialize;

/// `[tls]`: all three, in PEM, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Whose certificates are believed.
    pub ca: PathBuf,
    /// This process's own certificate, and those between it and the CA. Its URI says the role.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Tls {
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.ca.as_os_str().is_empty()
    }

    /// # Errors
    /// One line, when some keys are missing.
    pub fn check(&self) -> Result<(), String> {
        let set = [&self.ca, &self.cert, &self.key].into_iter().filter(|path| !path.as_os_str().is_empty()).count();
        if matches!(set, 0 | 3) {
            Ok(())
        } else {
            Err("tls: ca, cert and key belong together: set all three".to_owned())
        }
    }
}
