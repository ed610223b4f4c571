//! Files that are drivers, and files that are not.

use std::{collections::HashMap, fs, path::Path, process::Command};

use ballast_abi::{ErrorCode, ffi::ABI_MINOR};
use ballast_lab::in_lab;
use ballast_proto::agent::DriverState;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::place::{Place, code, fault_driver, gone, load_balancer, ready, report};

#[tokio::test]
async fn files_that_are_no_drivers_are_reported_in_one_line_and_the_others_run() {
    let place = Place::with_fault_driver();
    let bytes = fs::read(fault_driver()).unwrap();
    fs::write(place.drivers().join("text.so"), "hello").unwrap();
    fs::write(place.drivers().join("cut.so"), &bytes[..bytes.len() / 2]).unwrap();
    let mut other = bytes;
    let at = other.windows(6).position(|window| window == b"abi=1.").unwrap();
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
    assert_eq!(reasons["major.so"], format!("ABI 9.{ABI_MINOR}, this agent speaks 1.x"));
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

#[tokio::test]
async fn a_drivers_folder_that_comes_later_is_found_by_itself() {
    let place = Place::with_fault_driver();
    let later = place.directory.path().join("later");
    fs::rename(place.drivers(), &later).unwrap();
    let set = place.start(json!({})).await;
    assert!(set.reports().is_empty());
    let found = async {
        fs::rename(&later, place.drivers()).unwrap();
        ready(&set).await
    };
    tokio::select! {
        () = set.rescan_when_changed() => unreachable!("it goes on for ever"),
        driver = found => assert!(driver.deployed().await.unwrap().is_empty()),
    }
}

#[tokio::test]
async fn a_driver_that_the_machine_could_not_take_is_taken_once_it_can() {
    let place = Place::with_fault_driver();
    // Where its state is to be, no folder can be made: as on a disk that is full.
    let state = place.state().join("driver-state");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("fault"), "in the way").unwrap();
    fs::write(place.drivers().join("text.so"), "hello").unwrap();
    let set = place.start(json!({})).await;
    let refused = report(&set, "fault.so", |report| report.state() == DriverState::Failed).await;
    assert!(refused.reason.starts_with("no directory for its state: "), "{}", refused.reason);
    let taken = async {
        fs::remove_file(state.join("fault")).unwrap();
        ready(&set).await
    };
    tokio::select! {
        () = set.rescan_when_changed() => unreachable!("it goes on for ever"),
        driver = taken => assert!(driver.deployed().await.unwrap().is_empty()),
    }
    let left = set.reports().into_iter().map(|report| report.name);
    assert_eq!(left.collect::<Vec<_>>(), ["fault", "text.so"], "what is no driver stays refused");
}

#[test]
fn a_driver_that_found_the_disk_full_is_taken_once_there_is_room() {
    in_lab(|lab| {
        let folder = lab.dir().join("small");
        fs::create_dir_all(&folder)?;
        // Each inode counts: two are in use, and the driver's own folder would be the last but one.
        let mount = ["-t", "tmpfs", "-o", "nr_inodes=6,mode=0755", "ballast-lab"];
        assert!(Command::new("mount").args(mount).arg(&folder).status()?.success());
        let place = Place::with_fault_driver();
        std::os::unix::fs::symlink(folder.join("state"), place.state())?;
        fs::create_dir_all(folder.join("state/driver-state"))?;
        let filled = (0..).map(|n| folder.join(n.to_string())).take_while(|path| fs::write(path, "").is_ok());
        let filled: Vec<_> = filled.collect();
        Runtime::new()?.block_on(async {
            let set = place.start(json!({})).await;
            let refused = report(&set, "fault.so", |report| report.state() == DriverState::Failed).await;
            assert!(refused.reason.contains("No space left on device"), "{}", refused.reason);
            let taken = async {
                filled.iter().for_each(|path| fs::remove_file(path).unwrap());
                assert!(Command::new("mount").args(["-o", "remount,nr_inodes=4096"]).arg(&folder).status()?.success());
                std::io::Result::Ok(ready(&set).await)
            };
            tokio::select! {
                () = set.rescan_when_changed() => unreachable!("it goes on for ever"),
                driver = taken => assert!(driver?.deployed().await.unwrap().is_empty()),
            }
            Ok(())
        })
    });
}

/// Mounts an empty file system there on which nothing can be executed, and makes sure of that.
fn mount_noexec(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let mount = ["-t", "tmpfs", "-o", "noexec,mode=0755", "ballast-lab"];
    assert!(Command::new("mount").args(mount).arg(folder).status().unwrap().success());
    let program = folder.join("true");
    fs::copy("/bin/true", &program).unwrap();
    let refused = Command::new(&program).status().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    fs::remove_file(program).unwrap();
}

#[test]
fn a_driver_runs_though_nothing_can_be_executed_where_it_lies_and_where_the_state_is() {
    in_lab(|lab| {
        let folder = lab.dir().join("noexec");
        mount_noexec(&folder);
        let place = Place { directory: tempfile::tempdir_in(&folder)? };
        fs::create_dir(place.drivers())?;
        fs::copy(fault_driver(), place.drivers().join("fault.so"))?;
        Runtime::new()?.block_on(async {
            let set = place.start(json!({})).await;
            ready(&set).await.deploy(load_balancer("lb-1", "web"), 1).await.unwrap();
            let name = fs::read_to_string(format!("/proc/{}/comm", place.pid())).unwrap();
            assert_eq!(name, "bl-fault\n", "what ps shows");
        });
        Ok(())
    });
}
