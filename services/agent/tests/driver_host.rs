//! Drivers as the agent runs them: the real binary as driver-host, the real fault driver in it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use ballast_abi::ErrorCode;
use ballast_agent::drivers::{DriverClient, DriverSet, DriverSettings};
use ballast_proto::{
    agent::{DriverReport, DriverState},
    driver::{Fault, LoadBalancer},
};
use futures_util::future::join_all;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, interval, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

fn fault_driver() -> PathBuf {
    let test = env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap().join("libballast_fault_driver.so");
    assert!(file.exists(), "{} is absent: run `cargo build -p ballast-fault-driver`", file.display());
    file
}

/// A drivers directory and an agent's own.
struct Place {
    directory: TempDir,
}

impl Place {
    fn with_fault_driver() -> Self {
        let place = Self { directory: TempDir::new().unwrap() };
        fs::create_dir(place.drivers()).unwrap();
        fs::copy(fault_driver(), place.drivers().join("fault.so")).unwrap();
        place
    }

    fn drivers(&self) -> PathBuf {
        self.directory.path().join("drivers")
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn settings(&self, config: Value) -> DriverSettings {
        settings(self.directory.path(), config)
    }

    async fn start(&self, config: Value) -> DriverSet {
        DriverSet::start(self.settings(config)).await.unwrap()
    }

    fn pid(&self) -> i32 {
        fs::read_to_string(self.state().join("driver-state/fault/pid")).unwrap().parse().unwrap()
    }
}

fn settings(directory: &Path, config: Value) -> DriverSettings {
    DriverSettings {
        configs: HashMap::from([("fault".to_owned(), config)]),
        program: env!("CARGO_BIN_EXE_ballast-agent").into(),
        ..DriverSettings::new(directory.join("drivers"), directory.join("state"), "host-1".to_owned())
    }
}

/// Waits until a driver's report is as wanted.
async fn report(set: &DriverSet, name: &str, wanted: impl Fn(&DriverReport) -> bool) -> DriverReport {
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

async fn ready(set: &DriverSet) -> DriverClient {
    report(set, "fault", |report| report.state() == DriverState::Ready).await;
    set.driver("fault").unwrap()
}

/// Waits until the driver has been started so often.
async fn started(set: &DriverSet, times: u64) {
    let mut changes = set.watch();
    let wait = async {
        while set.starts().get("fault") != Some(&times) {
            changes.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{:?} starts", set.starts()));
}

async fn gone(pid: i32) {
    let mut often = interval(Duration::from_millis(10));
    let wait = async {
        // A zombie is gone as well: who has to wait for it may be a test's parent.
        while fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            often.tick().await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("process {pid} still runs"));
}

fn load_balancer(id: &str, name: &str) -> LoadBalancer {
    LoadBalancer { id: id.into(), name: name.into(), ..LoadBalancer::default() }
}

fn code(fault: &Fault) -> ErrorCode {
    ErrorCode(fault.code)
}

#[tokio::test]
async fn every_call_makes_the_round_trip() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({ "max_members": 500 })).await;
    let driver = ready(&set).await;
    let report = report(&set, "fault", |_| true).await;
    assert_eq!((report.version.as_str(), report.digest.len()), (env!("CARGO_PKG_VERSION"), 64));
    assert_eq!(report.capabilities.unwrap().max_members, 500);

    assert_eq!(driver.deploy(load_balancer("lb-1", "web"), 3).await.unwrap(), []);
    let deployed = driver.deployed().await.unwrap();
    assert_eq!((deployed[0].load_balancer_id.as_str(), deployed[0].generation), ("lb-1", 3));
    let first = driver.observe(Vec::new()).await.unwrap()[0].statistics.unwrap();
    let second = driver.observe(vec!["lb-1".into()]).await.unwrap()[0].statistics.unwrap();
    assert!(second.bytes_in > first.bytes_in);
    driver.undeploy("lb-1".into()).await.unwrap();
    driver.undeploy("lb-1".into()).await.unwrap();
    assert!(driver.deployed().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_drivers_own_fault_arrives_whole() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    let fault = driver.deploy(load_balancer("lb-1", "fail: no memory"), 1).await.unwrap_err();
    assert_eq!((code(&fault), fault.retryable), (ErrorCode::INTERNAL, false));
    assert_eq!((fault.message.as_str(), fault.detail.as_str()), ("no memory", "asked for by name"));
    let fault = driver.observe(vec!["lb-1".into()]).await.unwrap_err();
    assert_eq!(code(&fault), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn a_panic_is_a_fault_and_the_process_goes_on() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    let pid = place.pid();
    let fault = driver.deploy(load_balancer("lb-1", "panic"), 1).await.unwrap_err();
    assert_eq!(code(&fault), ErrorCode::PANIC);
    driver.deploy(load_balancer("lb-1", "web"), 2).await.unwrap();
    assert_eq!((place.pid(), set.starts()["fault"]), (pid, 1));
}

#[tokio::test]
async fn a_killed_driver_host_is_started_again_and_its_device_is_as_it_was() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    driver.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    let mut changes = set.watch();
    changes.borrow_and_update();
    kill(Pid::from_raw(place.pid()), Signal::SIGKILL).unwrap();
    timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    started(&set, 2).await;
    assert_eq!(driver.deployed().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_driver_that_ends_the_process_in_a_call_costs_that_call_only() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    let fault = driver.deploy(load_balancer("lb-1", "abort"), 1).await.unwrap_err();
    assert_eq!((code(&fault), fault.retryable), (ErrorCode::UNAVAILABLE, true));
    started(&set, 2).await;
    driver.deploy(load_balancer("lb-1", "web"), 2).await.unwrap();
}

#[tokio::test]
async fn a_call_that_hangs_ends_at_its_deadline_and_the_process_is_replaced() {
    let place = Place::with_fault_driver();
    let mut settings = place.settings(json!({}));
    settings.deadlines.deploy = Duration::from_millis(300);
    let set = DriverSet::start(settings).await.unwrap();
    let driver = ready(&set).await;
    let pid = place.pid();
    let fault = driver.deploy(load_balancer("lb-1", "slow 600000ms"), 1).await.unwrap_err();
    assert_eq!((code(&fault), fault.retryable), (ErrorCode::UNAVAILABLE, true));
    assert_eq!(fault.detail, "driver fault: deploy did not end within 300ms");
    gone(pid).await;
    started(&set, 2).await;
    driver.deploy(load_balancer("lb-1", "web"), 2).await.unwrap();
}

#[tokio::test]
async fn different_load_balancers_are_deployed_at_the_same_time() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    let since = Instant::now();
    let calls = (0..8).map(|number| driver.deploy(load_balancer(&format!("lb-{number}"), "slow 1000ms"), 1));
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert!(since.elapsed() < Duration::from_secs(6), "one after the other: {:?}", since.elapsed());
}

#[tokio::test]
async fn files_that_are_no_drivers_are_reported_in_one_line_and_the_others_run() {
    let place = Place::with_fault_driver();
    let bytes = fs::read(fault_driver()).unwrap();
    fs::write(place.drivers().join("text.so"), "hello").unwrap();
    fs::write(place.drivers().join("cut.so"), &bytes[..bytes.len() / 2]).unwrap();
    let mut other = bytes;
    let at = other.windows(8).position(|window| window == b"abi=1.0 ").unwrap();
    other[at + 4] = b'9';
    fs::write(place.drivers().join("major.so"), other).unwrap();
    let set = place.start(json!({})).await;
    ready(&set).await;
    let reasons: HashMap<String, String> = set
        .reports()
        .into_iter()
        .filter(|report| report.state() == DriverState::Failed)
        .map(|report| (report.name, report.reason))
        .collect();
    assert_eq!(reasons.len(), 3);
    assert_eq!(reasons["text.so"], "not a driver: not an ELF file");
    assert_eq!(reasons["major.so"], "ABI 9.0, this agent speaks 1.x");
    assert!(reasons["cut.so"].starts_with("truncated: "));
}

#[tokio::test]
async fn a_driver_whose_code_contradicts_its_note_is_given_up_with_the_reason() {
    let place = Place::with_fault_driver();
    let mut bytes = fs::read(fault_driver()).unwrap();
    let at = bytes.windows(11).position(|window| window == b" name=fault").unwrap();
    bytes[at + 6..at + 11].copy_from_slice(b"other");
    fs::write(place.drivers().join("other.so"), bytes).unwrap();
    let set = place.start(json!({})).await;
    let failed = report(&set, "other", |report| report.state() == DriverState::Failed).await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(failed.reason, format!("its note says other {version}, its code says fault {version}"));
    ready(&set).await;
}

#[tokio::test]
async fn a_wrong_configuration_fails_the_driver_at_once_naming_the_field() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({ "max_members": "many" })).await;
    let failed = report(&set, "fault", |report| report.state() == DriverState::Failed).await;
    assert_eq!(failed.reason, "INVALID_CONFIG: max_members: invalid type: string \"many\", expected u32");
    let fault = set.driver("fault").unwrap().deployed().await.unwrap_err();
    assert_eq!((code(&fault), fault.retryable), (ErrorCode::UNAVAILABLE, true));
}

#[tokio::test]
async fn a_driver_that_never_starts_fails_after_some_attempts() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({ "start": "abort" })).await;
    let failed = report(&set, "fault", |report| report.state() == DriverState::Failed).await;
    assert_eq!(failed.reason, "it was ended by signal SIGABRT");
}

#[tokio::test]
async fn a_device_that_is_away_at_the_start_is_tried_again() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({ "start": "unavailable: no route to the device" })).await;
    let waiting = report(&set, "fault", |report| !report.reason.is_empty()).await;
    assert_eq!(waiting.state(), DriverState::Starting);
    assert_eq!(waiting.reason, "UNAVAILABLE: no route to the device (asked for by name)");
}

#[tokio::test]
async fn a_rescan_ends_a_driver_whose_file_is_gone_and_starts_it_when_it_is_back() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    ready(&set).await.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
    let pid = place.pid();
    fs::remove_file(place.drivers().join("fault.so")).unwrap();
    set.rescan().await.unwrap();
    assert!(set.driver("fault").is_none() && set.reports().is_empty());
    gone(pid).await;
    fs::copy(fault_driver(), place.drivers().join("fault.so")).unwrap();
    set.rescan().await.unwrap();
    assert_eq!(ready(&set).await.deployed().await.unwrap().len(), 1);
}

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
        .args(["lifeline_parent", "--exact", "--ignored"])
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
