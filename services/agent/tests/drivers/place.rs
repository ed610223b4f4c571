//! Folders for the drivers of an agent, and what to wait for.

use std::{
    collections::HashMap,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use ballast_abi::ErrorCode;
use ballast_agent::drivers::{DriverClient, DriverSet, DriverSettings};
use ballast_proto::{
    agent::{DriverReport, DriverState},
    driver::{Fault, LoadBalancer},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{interval, timeout};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn fault_driver() -> PathBuf {
    built("libballast_fault_driver.so")
}

/// A driver's file of this build.
pub(crate) fn built(library: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap().join(library);
    assert!(file.exists(), "{} is absent: run `cargo build --workspace --lib`", file.display());
    file
}

/// A drivers directory and an agent's own.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn with_fault_driver() -> Self {
        let place = Self { directory: TempDir::new().unwrap() };
        fs::create_dir(place.drivers()).unwrap();
        fs::copy(fault_driver(), place.drivers().join("fault.so")).unwrap();
        place
    }

    /// Others pass through to the states of drivers, as they do in a deployment.
    pub(crate) fn lets_pass(self) -> Self {
        fs::create_dir(self.state()).unwrap();
        for folder in [self.directory.path(), &self.state()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).unwrap();
        }
        self
    }

    pub(crate) fn drivers(&self) -> PathBuf {
        self.directory.path().join("drivers")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(crate) fn settings(&self, config: Value) -> DriverSettings {
        settings(self.directory.path(), config)
    }

    pub(crate) async fn start(&self, config: Value) -> DriverSet {
        DriverSet::start(self.settings(config)).await.unwrap()
    }

    pub(crate) fn pid(&self) -> i32 {
        fs::read_to_string(self.state().join("driver-state/fault/pid")).unwrap().parse().unwrap()
    }
}

pub(crate) fn settings(directory: &Path, config: Value) -> DriverSettings {
    DriverSettings {
        configs: HashMap::from([("fault".to_owned(), config)]),
        program: env!("CARGO_BIN_EXE_ballast-agent").into(),
        ..DriverSettings::new(directory.join("drivers"), directory.join("state"), "host-1".to_owned())
    }
}

/// A line of `/proc/PID/status`.
pub(crate) fn status(pid: i32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    value.trim().to_owned()
}

/// Waits until a driver's report is as wanted.
pub(crate) async fn report(set: &DriverSet, name: &str, wanted: impl Fn(&DriverReport) -> bool) -> DriverReport {
    let mut changes = set.watch();
    let wait = async {
        loop {
            if let Some(found) = set.reports().into_iter().find(|report| report.name == name && wanted(report)) {
                return found;
            }
            changes.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not as wanted: {:?}", set.reports()))
}

pub(crate) async fn ready(set: &DriverSet) -> DriverClient {
    report(set, "fault", |report| report.state() == DriverState::Ready).await;
    set.driver("fault").unwrap()
}

/// Waits until the driver has been started so often.
pub(crate) async fn started(set: &DriverSet, times: u64) {
    let mut changes = set.watch();
    let wait = async {
        while set.starts().get("fault") != Some(&times) {
            changes.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{:?} starts", set.starts()));
}

pub(crate) async fn gone(pid: i32) {
    let mut often = interval(Duration::from_millis(10));
    let wait = async {
        // A zombie is gone as well: who has to wait for it may be a test's parent.
        while fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            often.tick().await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("process {pid} still runs"));
}

pub(crate) fn load_balancer(id: &str, name: &str) -> LoadBalancer {
    LoadBalancer { id: id.into(), name: name.into(), ..LoadBalancer::default() }
}

pub(crate) fn code(fault: &Fault) -> ErrorCode {
    ErrorCode(fault.code)
}
