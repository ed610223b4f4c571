//! `[driver_host]`: how long drivers may take, and what their processes may use.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `[driver_host]`. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriverHost {
    /// From the start of the process until the driver is ready.
    pub start_timeout_ms: u32,
    /// How long each call may take; who takes longer loses the process.
    pub deploy_timeout_ms: u32,
    pub undeploy_timeout_ms: u32,
    pub observe_timeout_ms: u32,
    pub deployed_timeout_ms: u32,
    /// How long a process that is asked to end is waited for.
    pub stop_timeout_ms: u32,
    /// How many files a process may have open.
    pub open_files: u32,
    /// How many MiB of memory a process may have resident; 0: any.
    pub memory_mb: u32,
    /// Whether a crash leaves a core file, with all secrets that the driver knew.
    pub core_dumps: bool,
    /// Whether a program that a driver runs may gain privileges by its file: set-user-ID, capabilities.
    pub new_privileges: bool,
    /// What a driver's process may do, by the driver's name. Absent: what its note asks for.
    pub grants: BTreeMap<String, Grant>,
}

/// What a driver's process may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// What the agent may.
    All,
    /// The capabilities that network namespaces and what is in them need.
    NetworkNamespaces,
    /// A user of its own without capabilities, and no file but its own and those that its section names.
    Nothing,
}

impl Default for DriverHost {
    fn default() -> Self {
        Self {
            start_timeout_ms: 30_000,
            deploy_timeout_ms: 60_000,
            undeploy_timeout_ms: 60_000,
            observe_timeout_ms: 10_000,
            deployed_timeout_ms: 30_000,
            stop_timeout_ms: 5_000,
            open_files: 16_384,
            memory_mb: 1_024,
            core_dumps: false,
            new_privileges: false,
            grants: BTreeMap::new(),
        }
    }
}

impl DriverHost {
    pub(super) fn check(&self) -> Result<(), String> {
        let times = [
            ("start_timeout_ms", self.start_timeout_ms),
            ("deploy_timeout_ms", self.deploy_timeout_ms),
            ("undeploy_timeout_ms", self.undeploy_timeout_ms),
            ("observe_timeout_ms", self.observe_timeout_ms),
            ("deployed_timeout_ms", self.deployed_timeout_ms),
            ("stop_timeout_ms", self.stop_timeout_ms),
        ];
        if let Some((key, _)) = times.iter().find(|(_, time)| *time == 0) {
            return Err(format!("driver_host.{key} must be at least 1"));
        }
        if self.open_files < 64 {
            return Err("driver_host.open_files must be at least 64".to_owned());
        }
        Ok(())
    }
}
