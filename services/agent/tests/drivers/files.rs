//! Files that are drivers, and files that are not.

use std::{collections::HashMap, fs};

use ballast_abi::ErrorCode;
use ballast_proto::agent::DriverState;
use serde_json::json;

use crate::place::{Place, code, fault_driver, gone, load_balancer, ready, report};

#[tokio::test]
async fn files_that_are_no_drivers_are_reported_in_one_line_and_the_others_run() {
    let place = Place::with_fault_driver();
    let bytes = fs::read(fault_driver()).unwrap();
    fs::write(place.drivers().join("text.so"), "hello").unwrap();
    fs::write(place.drivers().join("cut.so"), &bytes[..bytes.len() / 2]).unwrap();
    let mut other = bytes;
    let at = other.windows(8).position(|window| window == b"abi=1.1 ").unwrap();
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
    assert_eq!(reasons["major.so"], "ABI 9.1, this agent speaks 1.x");
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
async fn a_rescan_gives_a_driver_that_failed_another_chance() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({ "start": "exit" })).await;
    let failed = report(&set, "fault", |report| report.state() == DriverState::Failed).await;
    assert_eq!(failed.reason, "it exited with status 0");
    let calls = json!({ "start": "slow 1ms" }).to_string();
    fs::write(place.state().join("driver-state/fault/calls.json"), calls).unwrap();
    set.rescan().await.unwrap();
    ready(&set).await;
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
