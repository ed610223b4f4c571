//! A driver's file changes while it runs.

use std::{collections::HashMap, fs, path::Path, time::Duration};

use ballast_agent::drivers::{DriverClient, DriverSet};
use ballast_proto::agent::DriverState;
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

use crate::place::{PATIENCE, Place, fault_driver, gone, load_balancer, ready, report, started};

/// The same driver in another file: what follows the last section is read by nobody.
fn other_build() -> Vec<u8> {
    let mut bytes = fs::read(fault_driver()).unwrap();
    bytes.extend_from_slice(b"another build");
    bytes
}

/// Says in its note that it is a version that its code is not.
fn contradicting_build() -> Vec<u8> {
    let mut bytes = fs::read(fault_driver()).unwrap();
    let version = format!(" version={}\0", env!("CARGO_PKG_VERSION"));
    let at = bytes.windows(version.len()).position(|window| window == version.as_bytes()).unwrap();
    bytes[at + version.len() - 2] = b'9';
    bytes
}

/// As a package manager does: beside, then in one step.
fn install(place: &Place, bytes: &[u8]) {
    let beside = place.drivers().join("fault.so.new");
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, place.drivers().join("fault.so")).unwrap();
}

/// Calls that a driver-host answers only when it is told to.
async fn slow_deploy(driver: &DriverClient, id: &str, name: &str) -> Result<(), String> {
    driver.deploy(load_balancer(id, name), 1).await.map(drop).map_err(|fault| fault.detail)
}

async fn appears(path: &Path) {
    let mut often = interval(Duration::from_millis(10));
    let wait = async {
        while !path.exists() {
            often.tick().await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{} did not appear", path.display()));
}

#[tokio::test]
async fn a_new_file_takes_over_and_no_call_fails_or_is_lost() {
    let place = Place::with_fault_driver();
    let mut settings = place.settings(json!({}));
    // Less than what is in flight takes: waiting for the takeover is no part of a call.
    settings.deadlines.deployed = Duration::from_secs(3);
    let set = DriverSet::start(settings).await.unwrap();
    let driver = ready(&set).await;
    driver.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    let old = place.pid();
    // In flight when the other process is ready: it is waited for. What comes meanwhile waits as well.
    let in_flight = {
        let driver = driver.clone();
        tokio::spawn(async move { slow_deploy(&driver, "lb-2", "slow 5000ms").await })
    };
    install(&place, &other_build());
    set.rescan().await.unwrap();
    let asked = {
        let driver = driver.clone();
        tokio::spawn(async move {
            let mut often = interval(Duration::from_millis(20));
            let mut answers = 0;
            while answers < 100 {
                often.tick().await;
                driver.deployed().await.map_err(|fault| fault.detail)?;
                answers += 1;
            }
            Ok::<_, String>(answers)
        })
    };
    started(&set, 2).await;
    gone(old).await;
    assert_eq!(in_flight.await.unwrap(), Ok(()));
    assert_eq!(asked.await.unwrap(), Ok(100));
    assert_ne!(place.pid(), old);
    let deployed: Vec<_> = driver.deployed().await.unwrap().into_iter().map(|one| one.load_balancer_id).collect();
    assert_eq!(deployed, ["lb-1", "lb-2"]);
}

#[tokio::test]
async fn a_call_that_hangs_does_not_hold_up_an_upgrade_for_longer_than_its_deadline() {
    let place = Place::with_fault_driver();
    let mut settings = place.settings(json!({}));
    settings.deadlines.deploy = Duration::from_secs(2);
    let set = DriverSet::start(settings).await.unwrap();
    let driver = ready(&set).await;
    let hangs = {
        let driver = driver.clone();
        tokio::spawn(async move { slow_deploy(&driver, "lb-1", "hang").await })
    };
    install(&place, &other_build());
    set.rescan().await.unwrap();
    let lost = hangs.await.unwrap().unwrap_err();
    assert_eq!(lost, "driver fault: deploy did not end within 2s");
    started(&set, 2).await;
    driver.deploy(load_balancer("lb-1", "web"), 2).await.unwrap();
    assert_eq!(set.starts()["fault"], 2, "it was started once more than for the upgrade");
}

#[tokio::test]
async fn when_the_new_file_is_refused_the_old_process_goes_on_and_says_so() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    let (pid, version) = (place.pid(), env!("CARGO_PKG_VERSION"));
    install(&place, &contradicting_build());
    set.rescan().await.unwrap();
    let kept = report(&set, "fault", |report| !report.reason.is_empty()).await;
    assert_eq!(kept.state(), DriverState::Ready);
    let said = format!("fault.so was refused, version {version} goes on: its note says fault ");
    assert!(kept.reason.starts_with(&said), "{}", kept.reason);
    driver.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    assert_eq!((place.pid(), set.starts()["fault"]), (pid, 1));
    // A crash of it is mended by what is known to work.
    drop(driver.deploy(load_balancer("lb-2", "abort"), 1).await);
    started(&set, 2).await;
    // And the right file heals the report.
    install(&place, &other_build());
    set.rescan().await.unwrap();
    started(&set, 3).await;
    report(&set, "fault", |report| report.state() == DriverState::Ready && report.reason.is_empty()).await;
}

#[tokio::test]
async fn a_running_driver_outlives_a_file_that_was_copied_badly_or_twice() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    let (pid, whole) = (place.pid(), fs::read(fault_driver()).unwrap());
    for (name, bytes) in [("fault.so", &whole[..whole.len() / 2]), ("again.so", &whole[..])] {
        fs::write(place.drivers().join(name), bytes).unwrap();
        set.rescan().await.unwrap();
        let kept = report(&set, "fault", |report| !report.reason.is_empty()).await;
        assert_eq!(kept.state(), DriverState::Ready, "{name}");
        driver.deployed().await.unwrap();
        fs::write(place.drivers().join("fault.so"), &whole).unwrap();
        set.rescan().await.unwrap();
    }
    let kept = report(&set, "fault", |report| !report.reason.is_empty()).await;
    assert!(kept.reason.contains("driver fault is in 2 files: again.so, fault.so"), "{}", kept.reason);
    fs::remove_file(place.drivers().join("again.so")).unwrap();
    set.rescan().await.unwrap();
    report(&set, "fault", |report| report.reason.is_empty()).await;
    assert_eq!((place.pid(), set.starts()["fault"]), (pid, 1));
}

#[tokio::test]
async fn a_new_file_is_noticed_without_a_signal_also_when_it_comes_in_pieces() {
    let place = Place::with_fault_driver();
    fs::remove_file(place.drivers().join("fault.so")).unwrap();
    let set = std::sync::Arc::new(place.start(json!({})).await);
    let watching = {
        let set = std::sync::Arc::clone(&set);
        tokio::spawn(async move { set.rescan_when_changed().await })
    };
    let whole = fs::read(fault_driver()).unwrap();
    let (first, second) = whole.split_at(whole.len() / 2);
    let file = place.drivers().join("fault.so");
    fs::write(&file, first).unwrap();
    report(&set, "fault.so", |report| report.state() == DriverState::Failed).await;
    fs::write(&file, [first, second].concat()).unwrap();
    let driver = ready(&set).await;
    assert!(set.reports().iter().all(|report| report.name != "fault.so"), "{:?}", set.reports());
    driver.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    let old = place.pid();
    install(&place, &other_build());
    started(&set, 2).await;
    gone(old).await;
    fs::remove_file(&file).unwrap();
    let new = place.pid();
    gone(new).await;
    appears(&place.state().join("driver-state/fault/lb-1.lb")).await;
    watching.abort();
}

#[tokio::test]
async fn another_configuration_takes_over_like_another_file_and_a_wrong_one_does_not() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({ "max_members": 5 })).await;
    let driver = ready(&set).await;
    driver.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    let pid = place.pid();
    let section = |config: Value| HashMap::from([("fault".to_owned(), config)]);
    set.configure(section(json!({ "max_members": "many" }))).await;
    set.rescan().await.unwrap();
    let kept = report(&set, "fault", |report| !report.reason.is_empty()).await;
    assert_eq!(kept.state(), DriverState::Ready);
    assert!(kept.reason.contains("goes on: INVALID_CONFIG: max_members: "), "{}", kept.reason);
    assert_eq!((place.pid(), kept.capabilities.unwrap().max_members), (pid, 5));
    set.configure(section(json!({ "max_members": 7 }))).await;
    set.rescan().await.unwrap();
    started(&set, 2).await;
    gone(pid).await;
    let taken = report(&set, "fault", |report| report.reason.is_empty()).await;
    assert_eq!(taken.capabilities.unwrap().max_members, 7);
    assert_eq!(driver.deployed().await.unwrap().len(), 1);
}
