//! A driver's own section of the agent's configuration, as in `[drivers.a10-stub]`.
//!
//! The password is not in it but in a file of its own, which is read at each login, so that it can be changed at any
//! time.

use std::path::PathBuf;

use ballast_abi::DriverError;
use serde::Deserialize;

use crate::Credentials;

/// What an operator may set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, bound(deserialize = "O: Deserialize<'de> + Default"))]
pub struct Config<O> {
    /// The device's management address, as in `https://192.0.2.1`. Required.
    pub url: String,
    /// PEM certificates of the authorities that may have signed the device's. Required with https.
    pub ca_file: Option<PathBuf>,
    /// Two lines: the administrator's name, and the password. Readable by its owner only. Required.
    pub credentials_file: PathBuf,
    /// All load balancers go into this partition. Empty: each tenant has one of its own.
    pub partition: String,
    /// Makes a tenant's partition at first use. Otherwise an administrator must have.
    pub create_partitions: bool,
    /// Allows a `http://` url: passwords go in the clear.
    pub plain_http: bool,
    /// Milliseconds that a reply may take.
    pub timeout_ms: u32,
    /// Milliseconds that a whole call may take, with all its requests.
    pub deadline_ms: u32,
    /// How often a request is sent again that the device was too busy for.
    pub busy_retries: u32,
    /// Milliseconds before it is sent again; doubled each time.
    pub busy_delay_ms: u32,
    /// Sessions at the device at a time. The device allows 30 by default, to all its users together.
    pub max_sessions: u16,
    /// Milliseconds for which health and counters are kept that were asked for; 0: the device is asked each time.
    pub observe_interval_ms: u32,
    /// What only this vendor's devices have.
    pub options: O,
}

impl<O: Default> Default for Config<O> {
    fn default() -> Self {
        Self {
            url: String::new(),
            ca_file: None,
            credentials_file: PathBuf::new(),
            partition: String::new(),
            create_partitions: true,
            plain_http: false,
            timeout_ms: 10_000,
            deadline_ms: 50_000,
            busy_retries: 5,
            busy_delay_ms: 250,
            max_sessions: 8,
            observe_interval_ms: 5_000,
            options: O::default(),
        }
    }
}

impl<O> Config<O> {
    /// Refuses what would fail at the first deploy.
    ///
    /// # Errors
    /// INVALID_CONFIG, naming the key.
    pub(crate) fn check(&self) -> Result<(), DriverError> {
        match self.url.split_once("://") {
            Some(("https", host)) if !host.is_empty() && self.ca_file.is_none() => {
                return Err(refuse("ca_file", "is missing: the device's certificate is verified against it"));
            }
            Some(("https", host)) if !host.is_empty() => {}
            Some(("http", host)) if !host.is_empty() && self.plain_http => {}
            Some(("http", _)) => return Err(refuse("url", "is http: use https, or set plain_http")),
            _ => return Err(refuse("url", "must be the device's address, as in https://192.0.2.1")),
        }
        if self.timeout_ms == 0 || self.deadline_ms == 0 || self.max_sessions == 0 || self.busy_retries > 20 {
            return Err(refuse("timeout_ms, deadline_ms, max_sessions", "must be 1 or more, busy_retries 20 or less"));
        }
        Credentials::read(&self.credentials_file).map(drop).map_err(|why| refuse("credentials_file", why))
    }
}

/// What is wrong with a key.
pub fn refuse(key: &str, what: impl AsRef<str>) -> DriverError {
    DriverError::invalid_config(format!("{key}: {}", what.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn config(directory: &tempfile::TempDir, mode: u32) -> Config<()> {
        let credentials_file = directory.path().join("credentials");
        fs::write(&credentials_file, "admin\nsecret\n").unwrap();
        fs::set_permissions(&credentials_file, fs::Permissions::from_mode(mode)).unwrap();
        Config { url: "http://192.0.2.1".into(), plain_http: true, credentials_file, ..Config::default() }
    }

    #[test]
    fn an_empty_section_is_refused_with_what_is_missing() {
        let error = serde_json::from_str::<Config<()>>("{}").unwrap().check().unwrap_err();
        assert_eq!(error.message, "url: must be the device's address, as in https://192.0.2.1");
    }

    #[test]
    fn passwords_are_neither_sent_in_the_clear_nor_left_to_others_unasked() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(config(&directory, 0o600).check(), Ok(()));
        let plain = Config { plain_http: false, ..config(&directory, 0o600) };
        assert!(plain.check().unwrap_err().message.starts_with("url: is http"));
        let error = config(&directory, 0o644).check().unwrap_err();
        assert!(error.message.contains("chmod 600") && !error.message.contains("secret"), "{error}");
        let blind = Config { url: "https://192.0.2.1".into(), ..config(&directory, 0o600) };
        assert!(blind.check().unwrap_err().message.starts_with("ca_file"));
    }
}
