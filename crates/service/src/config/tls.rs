//! `[tls]`: the certificates of a process, for gRPC between services.

use std::path::PathBuf;

use serde::Deserialize;

/// `[tls]`: the first three, in PEM, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Whose certificates are believed.
    pub ca: PathBuf,
    /// This process's own certificate, and those between it and the CA. Its URI says the role.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Which certificates are believed no more: revocation lists in PEM, one of each CA; empty: all are.
    pub crl: PathBuf,
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
        match set {
            0 if !self.crl.as_os_str().is_empty() => Err("tls.crl is nothing without tls.ca, cert and key".to_owned()),
            0 | 3 => Ok(()),
            _ => Err("tls: ca, cert and key belong together: set all three".to_owned()),
        }
    }
}
