//! What a driver's process has, may use, and may become.

use std::{
    collections::BTreeMap,
    fs,
    os::{fd::AsRawFd, unix::fs::symlink},
    path::Path,
};

use ballast_abi::host::OwnGroup;
use ballast_agent::drivers::DriverSet;
use ballast_proto::agent::DriverState;
use ballast_service::config::Grant;
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tokio::time::timeout;

use crate::place::{PATIENCE, Place, gone, load_balancer, ready, report, started, status};

#[tokio::test]
async fn a_driver_host_has_no_file_of_the_agents_but_those_that_are_meant_for_it() {
    let place = Place::with_fault_driver();
    // As a careless parent leaves it to the agent.
    let secret = place.directory.path().join("secret");
    let open = fs::File::create(&secret).unwrap();
    fcntl(&open, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let own = Path::new("/proc/self/fd").join(open.as_raw_fd().to_string());
    assert_eq!(fs::read_link(own).unwrap(), secret, "the test's own file is seen");
    let set = place.start(json!({})).await;
    ready(&set).await.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    let entries = fs::read_dir(format!("/proc/{}/fd", place.pid())).unwrap();
    let files: Vec<_> = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    assert!(files.len() >= 5 && !files.contains(&secret), "{files:?}");
}

#[tokio::test]
async fn a_driver_host_is_limited_and_gains_no_privileges() {
    let place = Place::with_fault_driver();
    let mut settings = place.settings(json!({}));
    settings.limits.open_files = 321;
    let set = DriverSet::start(settings).await.unwrap();
    ready(&set).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", place.pid())).unwrap();
    let soft = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!((soft("Max open files").as_str(), soft("Max core file size").as_str()), ("321", "0"));
    let status = fs::read_to_string(format!("/proc/{}/status", place.pid())).unwrap();
    assert!(status.lines().any(|line| line == "NoNewPrivs:\t1"), "{status}");
}

/// The driver writes where a link leads, as one does that was taken over.
async fn writes_elsewhere(grant: Grant) -> (Place, i32, bool) {
    let place = Place::with_fault_driver().lets_pass();
    let mut settings = place.settings(json!({}));
    settings.grants = BTreeMap::from([("fault".to_owned(), grant)]);
    let set = DriverSet::start(settings).await.unwrap();
    let driver = ready(&set).await;
    driver.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    assert_eq!(driver.deployed().await.unwrap().len(), 1, "its own state is its own");
    let elsewhere = place.directory.path().join("elsewhere");
    symlink(&elsewhere, place.state().join("driver-state/fault/lb-2.new")).unwrap();
    let _ = driver.deploy(load_balancer("lb-2", "web"), 1).await;
    let pid = place.pid();
    for line in ["CapEff", "CapPrm", "CapBnd"] {
        let bare = status(pid, line) == "0000000000000000";
        assert_eq!(bare, grant == Grant::Nothing, "{line} of {grant:?}");
    }
    // Every thread of it, and what it starts.
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let task = task.file_name().to_str().unwrap().parse().unwrap();
        assert_eq!(status(task, "CapEff"), status(pid, "CapEff"), "thread {task}");
        assert_eq!(status(task, "NoNewPrivs"), "1");
    }
    let written = elsewhere.exists();
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    (place, pid, written)
}

#[tokio::test]
async fn a_driver_that_is_granted_nothing_has_no_capability_and_reaches_its_state_alone() {
    let (_place, _, written) = writes_elsewhere(Grant::All).await;
    assert!(written, "the way out is there");
    let (_place, _, written) = writes_elsewhere(Grant::Nothing).await;
    assert!(!written, "it wrote outside of its state");
}

/// The path of a process' control group, version 2.
pub(crate) fn group(pid: i32) -> String {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_driver_host_and_the_daemons_of_its_driver_have_control_groups_of_their_own() {
    let test = "a_driver_host_and_the_daemons_of_its_driver_have_control_groups_of_their_own";
    if let Err(reason) = OwnGroup::find(Path::new("/nowhere")) {
        return ballast_lab::not_run(test, &reason);
    }
    let own = group(std::process::id().try_into().unwrap());
    let base = own.trim_end_matches('/');
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    ready(&set).await.deploy(load_balancer("lb-1", "daemon"), 1).await.unwrap();
    assert_eq!(group(place.pid()), format!("{base}/ballast-drivers/fault"));
    let ours = format!("{base}/ballast-daemons/fault");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let daemons: Vec<i32> = pids.filter(|pid| group(*pid) == ours).collect();
    assert!(!daemons.is_empty(), "no daemon in {ours}");
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    for pid in daemons {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        assert!(stat.contains("(sleep)"), "it ended with the driver: {stat}");
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
}

#[tokio::test]
async fn a_driver_that_runs_out_of_descriptors_harms_nobody_and_heals_with_its_process() {
    let place = Place::with_fault_driver();
    let mut settings = place.settings(json!({ "faults": ["leaks-descriptors"] }));
    settings.limits.open_files = 64;
    let set = DriverSet::start(settings).await.unwrap();
    let driver = ready(&set).await;
    let mut failed = false;
    for _ in 0..100 {
        failed |= driver.deployed().await.is_err();
    }
    assert!(failed, "a hundred descriptors were to be had");
    kill(Pid::from_raw(place.pid()), Signal::SIGKILL).unwrap();
    started(&set, 2).await;
    driver.deployed().await.unwrap();
}

#[tokio::test]
async fn a_driver_that_takes_too_much_memory_is_replaced_with_the_reason() {
    let place = Place::with_fault_driver();
    let mut settings = place.settings(json!({}));
    settings.limits.memory_mb = Some(200);
    let set = DriverSet::start(settings).await.unwrap();
    let driver = ready(&set).await;
    let pid = place.pid();
    // Who looks may come before the answer does.
    let answered = driver.deploy(load_balancer("lb-1", "leak 300MiB once"), 1).await.is_ok();
    let replaced = report(&set, "fault", |report| !report.reason.is_empty()).await;
    assert_eq!(replaced.state(), DriverState::Starting);
    assert!(replaced.reason.ends_with(" MiB of memory, and 200 are allowed"), "{}", replaced.reason);
    gone(pid).await;
    started(&set, 2).await;
    if !answered {
        driver.deploy(load_balancer("lb-1", "leak 300MiB once"), 1).await.unwrap();
    }
    assert_eq!(driver.deployed().await.unwrap().len(), 1);
}
