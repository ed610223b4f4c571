//! The pass that compares what each driver has deployed with what is desired: when a driver has started, when its state
//! changes, when something is not seen any more, and every few seconds. It is the same pass each time and takes no input; a slow driver delays no other.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use ballast_abi::ErrorCode;
use ballast_proto::{
    agent::{DriverReport, DriverState},
    driver::{Deployed, Fault},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    drivers::DriverSet,
    workers::{Workers, state::Availability},
};

const PERIOD: Duration = Duration::from_secs(5);

/// Compares until `stop`. `lost`: something that ran is not seen any more.
pub(crate) async fn run(drivers: Arc<DriverSet>, workers: Workers, lost: Arc<Notify>, stop: CancellationToken) {
    let mut changes = drivers.watch();
    let mut resync = Resync {
        drivers,
        workers,
        passes: JoinSet::new(),
        asking: HashSet::new(),
        again: HashSet::new(),
        synced: HashMap::new(),
        complained: HashSet::new(),
    };
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed(&mut changes) => {}
            () = lost.notified() => {}
            _ = ticks.tick() => {}
            Some(Ok(pass)) = resync.passes.join_next() => {
                resync.apply(pass);
                continue;
            }
        }
        resync.tell_availability();
        resync.ask_all();
    }
}

/// Waits for a change; for ever when there will be none.
pub(crate) async fn changed(changes: &mut watch::Receiver<u64>) {
    if changes.changed().await.is_err() {
        std::future::pending().await
    }
}

struct Pass {
    driver: String,
    /// Which start of the driver was asked.
    start: u64,
    asked: Instant,
    answer: Result<Vec<Deployed>, Fault>,
}

struct Resync {
    drivers: Arc<DriverSet>,
    workers: Workers,
    passes: JoinSet<Pass>,
    asking: HashSet<String>,
    /// Drivers to be asked once more: what they are saying now may be of before.
    again: HashSet<String>,
    /// By driver: its last start that has been asked.
    synced: HashMap<String, u64>,
    /// Drivers that could not answer when last asked: that is said once.
    complained: HashSet<String>,
}

impl Resync {
    fn ask_all(&mut self) {
        for (driver, start) in self.drivers.starts() {
            self.ask(driver, start);
        }
    }

    fn ask(&mut self, driver: String, start: u64) {
        let Some(client) = self.drivers.driver(&driver) else { return };
        if !self.asking.insert(driver.clone()) {
            self.again.insert(driver);
            return;
        }
        self.passes.spawn(async move {
            let asked = Instant::now();
            Pass { answer: client.deployed().await, driver, start, asked }
        });
    }

    fn apply(&mut self, pass: Pass) {
        self.asking.remove(&pass.driver);
        let again = self.again.remove(&pass.driver);
        let now = self.drivers.starts().get(&pass.driver).copied();
        if let Some(start) = now.filter(|_| again) {
            self.ask(pass.driver.clone(), start);
        }
        if now != Some(pass.start) {
            // it was started anew meanwhile: what it said is of a process that is gone
            self.tell_availability();
            return now.map_or((), |start| self.ask(pass.driver, start));
        }
        match pass.answer {
            Ok(deployed) => {
                self.complained.remove(&pass.driver);
                self.workers.observed(&pass.driver, deployed, pass.asked);
            }
            Err(fault) if self.complained.insert(pass.driver.clone()) => tracing::warn!(
                driver = %pass.driver, code = %ErrorCode(fault.code), detail = %fault.detail,
                "the driver cannot say what it has deployed: {}", fault.message
            ),
            Err(_) => {}
        }
        // Also after a failure: workers that deploy find out more than workers that wait.
        if self.synced.insert(pass.driver.clone(), pass.start) != Some(pass.start) {
            self.workers.driver_started(&pass.driver);
        }
        self.tell_availability();
    }

    fn tell_availability(&self) {
        let told = availability(&self.drivers.reports(), &self.drivers.starts(), &self.synced);
        self.workers.set_availability(told);
    }
}

/// A driver is ready when its last start has been asked what it has.
fn availability(
    reports: &[DriverReport],
    starts: &HashMap<String, u64>,
    synced: &HashMap<String, u64>,
) -> HashMap<String, Availability> {
    let of = |report: &DriverReport| match (report.state(), starts.get(&report.name)) {
        (DriverState::Failed | DriverState::Unspecified, _) => Availability::Missing,
        (DriverState::Ready, Some(start)) if synced.get(&report.name) == Some(start) => Availability::Ready,
        (DriverState::Ready | DriverState::Starting, _) => Availability::Starting,
    };
    reports.iter().map(|report| (report.name.clone(), of(report))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_ready_only_when_its_last_start_has_been_asked() {
        let report = |name: &str, state: DriverState| DriverReport {
            name: name.to_owned(),
            state: state.into(),
            ..DriverReport::default()
        };
        let reports = [
            report("asked", DriverState::Ready),
            report("restarted", DriverState::Ready),
            report("starting", DriverState::Starting),
            report("failed", DriverState::Failed),
        ];
        let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let starts = counts(&[("asked", 2), ("restarted", 3)]);
        let synced = counts(&[("asked", 2), ("restarted", 2), ("failed", 1)]);
        let told = availability(&reports, &starts, &synced);
        assert_eq!(told["asked"], Availability::Ready);
        assert_eq!(told["restarted"], Availability::Starting);
        assert_eq!(told["starting"], Availability::Starting);
        assert_eq!(told["failed"], Availability::Missing);
    }
}
