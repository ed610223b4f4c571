//! How driver-hosts end, and what others can see of them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use ballast_agent::drivers::DriverSet;
use serde_json::json;
use tokio::time::{interval, timeout};

use crate::place::{PATIENCE, Place, fault_driver, gone, load_balancer, ready, settings, started};

#[tokio::test]
async fn shutdown_ends_the_processes_and_leaves_what_is_deployed() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    ready(&set).await.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    let pid = place.pid();
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    gone(pid).await;
    assert!(place.state().join("driver-state/fault/lb-1.lb").exists());
}

/// Whether the driver of a process was told of its end, which has come.
async fn told(place: &Place, pid: i32) -> bool {
    gone(pid).await;
    let goodbye = fs::read_to_string(place.state().join("driver-state/fault/goodbye"));
    goodbye.is_ok_and(|said| said == pid.to_string())
}

#[tokio::test]
async fn a_driver_is_told_before_its_process_ends_also_when_another_takes_over() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    ready(&set).await;
    let first = place.pid();
    let mut bytes = fs::read(fault_driver()).unwrap();
    bytes.push(0);
    fs::write(place.drivers().join("fault.so"), bytes).unwrap();
    set.rescan().await.unwrap();
    started(&set, 2).await;
    assert!(told(&place, first).await);
    let second = place.pid();
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    assert!(told(&place, second).await);
}

#[tokio::test]
async fn a_driver_that_does_not_want_to_end_is_killed() {
    let place = Place::with_fault_driver();
    let mut settings = place.settings(json!({ "calls": { "shutdown": "hang" } }));
    settings.deadlines.grace = Duration::from_millis(300);
    let set = DriverSet::start(settings).await.unwrap();
    ready(&set).await;
    let pid = place.pid();
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    assert!(!told(&place, pid).await);
}

#[tokio::test]
async fn the_configuration_is_neither_in_the_arguments_nor_in_the_environment() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({ "features": ["open-sesame"] })).await;
    ready(&set).await;
    for file in ["cmdline", "environ"] {
        let shown = fs::read(format!("/proc/{}/{file}", place.pid())).unwrap();
        assert!(!String::from_utf8_lossy(&shown).contains("open-sesame"), "{file}");
    }
}

#[tokio::test]
async fn what_a_driver_logs_is_in_the_agents_log_with_driver_and_load_balancer() {
    let place = Place::with_fault_driver();
    let log = place.directory.path().join("log");
    let file = Mutex::new(fs::File::create(&log).unwrap());
    tracing_subscriber::fmt().with_ansi(false).with_writer(file).init();
    let set = place.start(json!({})).await;
    ready(&set).await.deploy(load_balancer("lb-1", "web"), 7).await.unwrap();
    let mut often = interval(Duration::from_millis(10));
    let wait = async {
        loop {
            let text = fs::read_to_string(&log).unwrap();
            if let Some(line) = text.lines().find(|line| line.contains(": deployed generation=7 members=0")) {
                return line.to_owned();
            }
            often.tick().await;
        }
    };
    let line = timeout(PATIENCE, wait).await.expect("no record");
    assert!(line.contains("INFO") && line.contains(r#"driver="fault""#), "{line}");
    assert!(line.contains(r#"load_balancer="lb-1""#), "{line}");
}

#[test]
fn a_driver_host_started_by_hand_says_so_and_ends() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ballast-agent")).arg("driver-host").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("driver-host is started by the agent only: ") && said.lines().count() == 1, "{said}");
}

const PARENT: &str = "BALLAST_TEST_LIFELINE";

/// The agent that is killed in the test below: it runs in a process of its own, with the directory in its environment.
#[tokio::test]
#[ignore = "a part of another test"]
async fn lifeline_parent() {
    let directory = PathBuf::from(env::var_os(PARENT).expect("only for another test"));
    let set = DriverSet::start(settings(&directory, json!({}))).await.unwrap();
    ready(&set).await;
    fs::write(directory.join("ready"), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn when_the_agent_is_killed_its_driver_hosts_end() {
    let place = Place::with_fault_driver();
    let mut agent = tokio::process::Command::new(env::current_exe().unwrap())
        .args(["ending::lifeline_parent", "--exact", "--ignored"])
        .env(PARENT, place.directory.path())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut often = interval(Duration::from_millis(10));
    let appears = async {
        while !place.directory.path().join("ready").exists() {
            often.tick().await;
        }
    };
    timeout(PATIENCE, appears).await.expect("the agent did not start");
    let pid = place.pid();
    assert!(Path::new(&format!("/proc/{pid}")).exists());
    agent.kill().await.unwrap();
    gone(pid).await;
}
