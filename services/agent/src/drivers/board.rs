//! What is known of each driver at this moment: written by those who supervise, read by all others.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ballast_proto::{
    agent::{DriverReport, DriverState},
    driver::{self, DescribeReply},
};
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};
use tonic::transport::Channel;

use super::metrics::Metrics;
use crate::host::Scarcity;

/// A driver-host that can be called.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) client: driver::driver_client::DriverClient<Channel>,
    /// What this process declared.
    pub(super) capabilities: Arc<driver::Capabilities>,
    /// Tells the supervisor why this process is to be replaced.
    pub(super) trouble: mpsc::Sender<String>,
    pub(super) calls: Calls,
}

/// The calls that a driver-host has not answered yet.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<watch::Sender<usize>>);

impl Calls {
    fn begin(&self) -> Call {
        self.0.send_modify(|calls| *calls += 1);
        Call(Arc::clone(&self.0))
    }

    /// Waits until there is none.
    pub(super) async fn ended(&self) {
        // Its only failure is that the sender is gone, and this is one.
        let _ = self.0.subscribe().wait_for(|calls| *calls == 0).await;
    }
}

/// One of them, until it is dropped.
pub(super) struct Call(Arc<watch::Sender<usize>>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}

/// Why a driver cannot be called.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotNow {
    /// Another process takes over in a moment: wait for a change of the board.
    Draining,
    /// In words.
    Down(String),
}

#[derive(Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    pub(super) metrics: Metrics,
}

#[derive(Default)]
struct State {
    drivers: BTreeMap<String, Entry>,
    refused: Vec<DriverReport>,
    host: Scarcity,
}

struct Entry {
    report: DriverReport,
    /// It plugs load balancers into the host's networks.
    plugs: bool,
    connection: Option<Connection>,
    /// Of the process.
    pid: Option<u32>,
    /// The connection ends its calls and takes no more.
    draining: bool,
    starts: u64,
}

impl Entry {
    /// With what the host has too little of, for who is concerned.
    fn report_on(&self, host: &Scarcity) -> DriverReport {
        let mut report = self.report.clone();
        if self.plugs && !host.reason.is_empty() {
            report.full = host.full;
            let own = std::mem::take(&mut report.reason);
            report.reason = if own.is_empty() { host.reason.clone() } else { format!("{own}; {}", host.reason) };
        }
        report
    }
}

impl Board {
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn reports(&self) -> Vec<DriverReport> {
        let state = self.state();
        let drivers = state.drivers.values().map(|entry| entry.report_on(&state.host));
        drivers.chain(state.refused.iter().cloned()).collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.state().drivers.contains_key(name)
    }

    pub(super) fn starts(&self) -> HashMap<String, u64> {
        let state = self.state();
        let ready = state.drivers.iter().filter(|(_, entry)| entry.connection.is_some());
        ready.map(|(name, entry)| (name.clone(), entry.starts)).collect()
    }

    /// The driver's process, and the call that begins with this.
    pub(super) fn call(&self, name: &str) -> Result<(Connection, Call), NotNow> {
        let state = self.state();
        let gone = || NotNow::Down(format!("driver {name} is not there any more"));
        let entry = state.drivers.get(name).ok_or_else(gone)?;
        let Some(connection) = &entry.connection else {
            let reason = if entry.report.reason.is_empty() { "it is being started" } else { &entry.report.reason };
            return Err(NotNow::Down(format!("driver {name} is not running: {reason}")));
        };
        if entry.draining {
            return Err(NotNow::Draining);
        }
        Ok((connection.clone(), connection.calls.begin()))
    }

    /// What the process that runs now has declared.
    pub(super) fn capabilities(&self, name: &str) -> Option<Arc<driver::Capabilities>> {
        let state = self.state();
        let connection = state.drivers.get(name)?.connection.as_ref()?;
        Some(Arc::clone(&connection.capabilities))
    }

    /// The processes of those that are ready.
    pub(super) fn processes(&self) -> Vec<(String, u32)> {
        let state = self.state();
        state.drivers.iter().filter_map(|(name, entry)| Some((name.clone(), entry.pid?))).collect()
    }

    pub(super) fn is_ready(&self, name: &str) -> bool {
        self.state().drivers.get(name).is_some_and(|entry| entry.connection.is_some())
    }

    pub(super) fn add(&self, name: &str, version: &str, plugs: bool) {
        let report = DriverReport {
            name: name.to_owned(),
            version: version.to_owned(),
            state: DriverState::Starting.into(),
            ..DriverReport::default()
        };
        self.metrics.known(name);
        self.change(|state| {
            state.drivers.insert(
                name.to_owned(),
                Entry { report, plugs, connection: None, pid: None, draining: false, starts: 0 },
            );
        });
    }

    pub(super) fn remove(&self, name: &str) {
        self.change(|state| {
            state.drivers.remove(name);
        });
    }

    pub(super) fn ready(&self, name: &str, described: DescribeReply, connection: Connection, pid: Option<u32>) {
        let capabilities = described.capabilities.unwrap_or_default();
        self.change_driver(name, |entry| {
            entry.report.state = DriverState::Ready.into();
            entry.report.version = described.version;
            entry.report.digest = digest(&capabilities);
            entry.report.capabilities = Some(capabilities);
            entry.report.reason = String::new();
            entry.connection = Some(connection);
            entry.pid = pid;
            entry.draining = false;
            entry.starts += 1;
        });
    }

    /// No call begins any more, until another process is ready or this one is down.
    pub(super) fn drain(&self, name: &str) {
        self.change_driver(name, |entry| entry.draining = true);
    }

    /// Says something about a driver that runs; empty: nothing.
    pub(super) fn note(&self, name: &str, reason: &str) {
        self.change_driver(name, |entry| reason.clone_into(&mut entry.report.reason));
    }

    /// What the host has too little of.
    pub(super) fn note_host(&self, scarcity: &Scarcity) {
        if self.state().host != *scarcity {
            self.change(|state| state.host.clone_from(scarcity));
        }
    }

    /// Not running, for this reason; `state` says whether it will soon run again.
    pub(super) fn down(&self, name: &str, state: DriverState, reason: &str) {
        self.change_driver(name, |entry| {
            entry.report.state = state.into();
            entry.report.reason = reason.to_owned();
            entry.connection = None;
            entry.pid = None;
            entry.draining = false;
        });
    }

    /// Replaces the reports on files that are no drivers: file name and reason.
    pub(super) fn refuse(&self, refused: Vec<(String, String)>) {
        let failed = |(name, reason)| DriverReport {
            name,
            reason,
            state: DriverState::Failed.into(),
            ..DriverReport::default()
        };
        self.change(|state| state.refused = refused.into_iter().map(failed).collect());
    }

    fn change_driver(&self, name: &str, change: impl FnOnce(&mut Entry)) {
        self.change(|state| {
            if let Some(entry) = state.drivers.get_mut(name) {
                change(entry);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(capabilities: &driver::Capabilities) -> String {
    hex::encode(Sha256::digest(capabilities.encode_to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_driver_is_reported_beside_the_drivers() {
        let board = Board::default();
        let changes = board.watch();
        board.add("fault", "0.1.0", false);
        board.refuse(vec![("text.so".into(), "not a driver: not an ELF file".into())]);
        let reports = board.reports();
        assert_eq!(reports.iter().map(|report| report.name.as_str()).collect::<Vec<_>>(), ["fault", "text.so"]);
        assert_eq!(reports[0].state(), DriverState::Starting);
        assert_eq!(reports[1].state(), DriverState::Failed);
        assert!(changes.has_changed().unwrap());
    }

    #[test]
    fn a_driver_that_is_down_says_why() {
        let board = Board::default();
        board.add("fault", "0.1.0", false);
        board.down("fault", DriverState::Starting, "signal 9");
        let reason = NotNow::Down("driver fault is not running: signal 9".into());
        assert_eq!(board.call("fault").err().unwrap(), reason);
    }
    #[test]
    fn what_the_host_lacks_is_said_of_those_that_plug_into_its_networks() {
        let board = Board::default();
        board.add("device", "0.1.0", false);
        board.add("haproxy-ns", "0.1.0", true);
        let mut changes = board.watch();
        let _ = changes.borrow_and_update();
        let said = || board.reports().into_iter().map(|report| (report.reason, report.full)).collect::<Vec<_>>();
        let nothing = (String::new(), false);
        board.note_host(&Scarcity { reason: "neighbours: 93 %".to_owned(), full: true });
        assert!(changes.has_changed().unwrap(), "a heartbeat goes out");
        assert_eq!(said(), [nothing.clone(), ("neighbours: 93 %".to_owned(), true)]);
        board.note("haproxy-ns", "the new file is refused");
        assert_eq!(said()[1], ("the new file is refused; neighbours: 93 %".to_owned(), true));
        board.note("haproxy-ns", "");
        board.note_host(&Scarcity::default());
        assert_eq!(said(), [nothing.clone(), nothing]);
    }
}
