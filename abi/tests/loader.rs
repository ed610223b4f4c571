//! The loader against a real driver file, and against everything that only looks like one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use ballast_abi::{
    DriverError, ErrorCode, LoadBalancer, features,
    ffi::{ABI_MAJOR, ABI_MINOR},
    host::{self, LoadedDriver, LogSink, Settings},
    proto::{DeployRequest, LogRecord, ObserveRequest, UndeployRequest},
};
use serde_json::json;
use tempfile::TempDir;

/// Offsets in an ELF header.
const MACHINE: usize = 18;
/// Of the fault driver, which has the workspace's.
fn version() -> &'static str {
    let lines = include_str!("../../Cargo.toml").lines();
    let mut versions = lines.filter_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    versions.next().unwrap()
}

fn fault_driver() -> PathBuf {
    let test = env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap().join("libballast_fault_driver.so");
    assert!(file.exists(), "{} is absent: run `cargo build -p ballast-fault-driver`", file.display());
    file
}

/// A copy of the fault driver, changed.
fn changed(directory: &TempDir, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(fault_driver()).unwrap();
    change(&mut bytes);
    written(directory, &bytes)
}

fn written(directory: &TempDir, bytes: &[u8]) -> PathBuf {
    let file = directory.path().join("driver.so");
    fs::write(&file, bytes).unwrap();
    file
}

fn refusal(file: &Path) -> String {
    let refused = host::preflight(file).expect_err("the file was accepted").to_string();
    // What preflight refuses must not be loaded either.
    assert_eq!(host::open(file).err().expect("the file was loaded").to_string(), refused);
    refused
}

#[derive(Default)]
struct Kept(Mutex<Vec<LogRecord>>);

impl LogSink for Kept {
    fn enabled(&self, level: u32, _: &str) -> bool {
        level <= 3
    }

    fn log(&self, record: LogRecord) {
        self.0.lock().unwrap().push(record);
    }
}

fn start(directory: &TempDir, config: serde_json::Value) -> (Result<LoadedDriver, DriverError>, Arc<Kept>) {
    let log = Arc::new(Kept::default());
    let settings = Settings {
        agent_id: "host-1".into(),
        config,
        state_dir: directory.path().to_owned(),
        log: Arc::clone(&log) as Arc<dyn LogSink>,
    };
    (host::open(&fault_driver()).unwrap().start(settings), log)
}

fn deploy(name: &str) -> DeployRequest {
    let load_balancer = LoadBalancer { id: "lb-1".into(), name: name.into(), ..LoadBalancer::default() };
    DeployRequest { load_balancer: Some(load_balancer), generation: 7, reads_fault: true, ..DeployRequest::default() }
}

#[test]
fn the_note_of_a_driver_is_read_without_loading_it() {
    let note = host::preflight(&fault_driver()).unwrap();
    assert_eq!((note.name.as_str(), note.abi_major, note.abi_minor), ("fault", ABI_MAJOR, ABI_MINOR));
    assert_eq!(note.version, version());
}

#[test]
fn a_driver_answers_every_call() {
    let directory = TempDir::new().unwrap();
    let driver = start(&directory, json!({})).0.unwrap();
    assert_eq!(driver.capabilities().features, features::all().collect::<Vec<_>>());
    assert!(driver.deploy(&deploy("web")).unwrap().faults.is_empty());
    let deployed = driver.deployed().unwrap().deployed;
    assert_eq!((deployed[0].load_balancer_id.as_str(), deployed[0].generation), ("lb-1", 7));
    let observed = driver.observe(&ObserveRequest::default()).unwrap().observations;
    assert_eq!(observed[0].load_balancer_id, "lb-1");
    let undeploy = UndeployRequest { load_balancer_id: "lb-1".into(), ..UndeployRequest::default() };
    driver.undeploy(&undeploy).unwrap();
    driver.undeploy(&undeploy).unwrap();
    assert!(driver.deployed().unwrap().deployed.is_empty());
}

#[test]
fn a_panic_in_a_driver_is_an_error_and_the_next_call_works() {
    let directory = TempDir::new().unwrap();
    let (driver, log) = start(&directory, json!({}));
    let driver = driver.unwrap();
    let error = driver.deploy(&deploy("panic")).unwrap_err();
    assert_eq!((error.code, error.detail.as_str()), (ErrorCode::PANIC, "asked for by name"));
    driver.deploy(&deploy("web")).unwrap();
    let log = log.0.lock().unwrap();
    assert!(
        log.iter().any(|record| record.target == "panic" && record.message.contains("asked for by name")),
        "{log:?}"
    );
}

#[test]
fn what_a_driver_logs_reaches_the_host_with_the_load_balancer_it_is_about() {
    let directory = TempDir::new().unwrap();
    let (driver, log) = start(&directory, json!({}));
    driver.unwrap().deploy(&deploy("web")).unwrap();
    let log = log.0.lock().unwrap();
    let record = log.iter().find(|record| record.message == "deployed").expect("no record of the deploy");
    assert_eq!(record.fields["load_balancer"], "lb-1");
    assert_eq!(record.fields["generation"], "7");
    assert_eq!(record.level, 3);
}

#[test]
fn a_feature_that_was_not_declared_never_reaches_the_driver() {
    let directory = TempDir::new().unwrap();
    let driver = start(&directory, json!({ "features": ["protocol:TCP", "pools:none"] })).0.unwrap();
    let mut request = deploy("web");
    request.load_balancer.as_mut().unwrap().features = vec!["ipv6".into()];
    let error = driver.deploy(&request).unwrap_err();
    assert_eq!(error, DriverError::unsupported("the driver does not support ipv6"));
    assert!(driver.deployed().unwrap().deployed.is_empty());
}

#[test]
fn a_wrong_configuration_is_refused_by_the_name_of_its_field() {
    let directory = TempDir::new().unwrap();
    let error = start(&directory, json!({ "max_members": "many" })).0.err().unwrap();
    assert_eq!(error.code, ErrorCode::INVALID_CONFIG);
    assert_eq!(error.message, "max_members: invalid type: string \"many\", expected u32");
}

#[test]
fn a_text_file_is_not_a_driver() {
    let directory = TempDir::new().unwrap();
    assert_eq!(refusal(&written(&directory, b"#!/bin/sh\n")), "not a driver: not an ELF file");
    assert_eq!(refusal(&written(&directory, b"")), "not a driver: not an ELF file");
}

#[test]
fn a_library_without_a_note_is_not_a_driver() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.split_whitespace().find(|word| word.contains("/libc.so") || word.contains("/libc-")).unwrap();
    assert_eq!(refusal(Path::new(libc)), "not a driver: no ballast note");
}

#[test]
fn a_program_is_not_a_driver() {
    assert_eq!(refusal(&env::current_exe().unwrap()), "not a driver: no ballast note");
}

#[test]
fn a_truncated_driver_is_refused_wherever_it_is_cut() {
    let directory = TempDir::new().unwrap();
    let whole = fs::metadata(fault_driver()).unwrap().len();
    for length in [20, 64, 200, 4096, whole / 2, whole - 1] {
        let file = changed(&directory, |bytes| bytes.truncate(length.try_into().unwrap()));
        let refused = refusal(&file);
        assert!(refused.starts_with("truncated: "), "cut to {length}: {refused}");
    }
}

#[test]
fn a_driver_for_another_machine_is_refused_by_its_name() {
    let directory = TempDir::new().unwrap();
    let (other, number) = if cfg!(target_arch = "x86_64") { ("aarch64", 183) } else { ("x86_64", 62) };
    let file = changed(&directory, |bytes| bytes[MACHINE] = number);
    assert_eq!(refusal(&file), format!("built for {other}, this host is {}", env::consts::ARCH));
}

#[test]
fn a_driver_of_another_abi_major_is_refused_before_it_is_loaded() {
    let directory = TempDir::new().unwrap();
    let file = changed(&directory, |bytes| {
        let at = bytes.windows(6).position(|window| window == b"abi=1.").unwrap();
        bytes[at + 4] = b'9';
    });
    assert_eq!(refusal(&file), format!("ABI 9.{ABI_MINOR}, this agent speaks 1.x"));
}

#[test]
fn a_driver_whose_note_names_another_driver_is_refused() {
    let directory = TempDir::new().unwrap();
    let file = changed(&directory, |bytes| {
        let at = bytes.windows(11).position(|window| window == b" name=fault").unwrap();
        bytes[at + 6..at + 11].copy_from_slice(b"other");
    });
    let refused = host::open(&file).err().unwrap().to_string();
    let version = version();
    assert_eq!(refused, format!("its note says other {version}, its code says fault {version}"));
}

#[test]
fn a_missing_file_is_said() {
    assert_eq!(refusal(Path::new("/nonexistent.so")), "cannot be read: No such file or directory (os error 2)");
}

#[test]
fn an_inherited_descriptor_that_is_not_there_is_an_error() {
    assert!(host::process::take_inherited_fd(1000).is_err());
    assert!(host::process::take_inherited_fd(0).is_err());
}
