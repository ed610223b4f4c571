//! Whom a driver's process runs as, and what it reaches so.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        net::UnixListener,
    },
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use ballast_agent::drivers::{DriverSet, DriverSettings};
use ballast_proto::agent::DriverState;
use ballast_service::config::Grant;
use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetError, RulesetStatus};
use nix::unistd::Uid;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::place::{PATIENCE, Place, built, fault_driver, load_balancer, ready, report, started, status};

const NUMBERS: std::ops::RangeInclusive<u32> = 1_900_065_536..=1_900_066_559;
const NO_CAPABILITY: &str = "0000000000000000";
const READS_ALL: &str = "0000000000000004";

/// Only root can have other users, and only with Landlock may they read what is root's.
fn cannot_run(test: &str) -> bool {
    let fenced = || -> Result<RulesetStatus, RulesetError> {
        let ruleset = Ruleset::default().handle_access(AccessFs::Execute)?.create()?;
        Ok(ruleset.restrict_self()?.ruleset)
    };
    let trial = thread::spawn(move || fenced().is_ok_and(|status| status != RulesetStatus::NotEnforced));
    let why = match (Uid::effective().is_root(), trial.join().unwrap()) {
        (true, true) => return false,
        (false, _) => "it needs root",
        (true, false) => "this kernel has no Landlock",
    };
    ballast_lab::not_run(test, why);
    true
}

/// One number is all that the process is, whichever of the kernel's users and groups is asked for.
fn user(pid: i32) -> u32 {
    let number = status(pid, "Uid").split_whitespace().next().unwrap().to_owned();
    for line in ["Uid", "Gid"] {
        assert!(status(pid, line).split_whitespace().all(|one| one == number), "{line}: {}", status(pid, line));
    }
    assert_eq!(status(pid, "Groups"), "");
    number.parse().unwrap()
}

fn private(file: &Path) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, "text").unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

fn granted(place: &Place, grant: Grant, named: &Path) -> DriverSettings {
    let mut settings = place.settings(json!({"faults": ["bad-config-accepted"], "file": named}));
    settings.grants = BTreeMap::from([("fault".to_owned(), grant)]);
    settings
}

#[tokio::test]
async fn a_driver_that_is_granted_nothing_is_nobody_to_what_is_roots_or_another_drivers() {
    if cannot_run("a_driver_that_is_granted_nothing_is_nobody_to_what_is_roots_or_another_drivers") {
        return;
    }
    let place = Place::with_fault_driver().lets_pass();
    let at = |name: &str| place.directory.path().join(name);
    let others_state = place.state().join("driver-state/other/secret");
    let (named, key) = (at("credentials"), at("key"));
    [&named, &key, &others_state].into_iter().for_each(|file| private(file));
    chown(others_state.parent().unwrap(), Some(*NUMBERS.start()), Some(*NUMBERS.start())).unwrap();
    let socket = UnixListener::bind(at("root.sock")).unwrap();
    fs::set_permissions(at("root.sock"), fs::Permissions::from_mode(0o600)).unwrap();
    for grant in [Grant::All, Grant::Nothing] {
        let set = DriverSet::start(granted(&place, grant, &named)).await.unwrap();
        let driver = ready(&set).await;
        let pid = place.pid();
        driver.deploy(load_balancer("lb-1", &format!("read {}", named.display())), 1).await.unwrap();
        for order in [
            format!("read {}", key.display()),
            format!("read {}", others_state.display()),
            format!("connect {}", at("root.sock").display()),
        ] {
            let done = driver.deploy(load_balancer("lb-2", &order), 1).await;
            assert_eq!(done.is_ok(), grant == Grant::All, "{order}: {done:?}");
            let refused = done.map_or_else(|fault| fault.message, |_| String::new());
            assert!(grant == Grant::All || refused.contains("Permission denied"), "{refused}");
        }
        if grant == Grant::Nothing {
            assert!(NUMBERS.contains(&user(pid)) && user(pid) != *NUMBERS.start(), "{}", user(pid));
            for line in ["CapEff", "CapPrm"] {
                assert_eq!(status(pid, line), READS_ALL, "{line}: the named file is root's");
            }
            assert_eq!([status(pid, "CapInh"), status(pid, "CapBnd")], [NO_CAPABILITY; 2]);
        }
        timeout(PATIENCE, set.shutdown()).await.unwrap();
    }
    drop(socket);
}

#[tokio::test]
async fn a_state_goes_to_its_drivers_user_and_back_and_nothing_that_is_deployed_is_lost() {
    if cannot_run("a_state_goes_to_its_drivers_user_and_back_and_nothing_that_is_deployed_is_lost") {
        return;
    }
    let place = Place::with_fault_driver().lets_pass();
    let state = place.state().join("driver-state/fault");
    let named = place.directory.path().join("credentials");
    private(&named);
    let mut users = Vec::new();
    // An upgrade, a start again, and the way back.
    for (turn, grant) in [Grant::All, Grant::Nothing, Grant::Nothing, Grant::All].into_iter().enumerate() {
        let set = DriverSet::start(granted(&place, grant, &named)).await.unwrap();
        let driver = ready(&set).await;
        assert_eq!(driver.deployed().await.unwrap().len(), turn);
        driver.deploy(load_balancer(&format!("lb-{turn}"), "web"), 1).await.unwrap();
        driver.deploy(load_balancer("lb-0", "again"), 2).await.unwrap();
        let owner = fs::metadata(&state).unwrap().uid();
        assert_eq!(owner, user_of(&place), "{grant:?}");
        for entry in fs::read_dir(&state).unwrap().flatten() {
            assert_eq!(entry.metadata().unwrap().uid(), owner, "{}", entry.path().display());
        }
        users.push(owner);
        timeout(PATIENCE, set.shutdown()).await.unwrap();
    }
    assert!(NUMBERS.contains(&users[1]), "{users:?}");
    assert_eq!(users, [0, users[1], users[1], 0]);
}

fn user_of(place: &Place) -> u32 {
    status(place.pid(), "Uid").split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn drivers_for_devices_have_each_a_user_of_its_own_and_only_the_capability_that_its_files_need() {
    if cannot_run("drivers_for_devices_have_each_a_user_of_its_own_and_only_the_capability_that_its_files_need") {
        return;
    }
    let place = Place::with_fault_driver().lets_pass();
    fs::remove_file(place.drivers().join("fault.so")).unwrap();
    let names = ["a10-stub", "netscaler-stub"];
    let mut configs = HashMap::new();
    for name in names {
        let library = format!("libballast_driver_{}.so", name.replace('-', "_"));
        fs::copy(built(&library), place.drivers().join(format!("{name}.so"))).unwrap();
        let credentials = place.directory.path().join(name);
        fs::write(&credentials, "name\npassword\n").unwrap();
        fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
        let section = json!({"url": "http://127.0.0.1:9", "plain_http": true, "credentials_file": credentials});
        configs.insert(name.to_owned(), section);
    }
    let settings = || DriverSettings { configs: configs.clone(), ..place.settings(json!({})) };
    let mut seen: Option<Vec<u32>> = None;
    for capability in [READS_ALL, NO_CAPABILITY] {
        let set = DriverSet::start(settings()).await.unwrap();
        let mut users = Vec::new();
        for name in names {
            report(&set, name, |report| report.state() == DriverState::Ready).await;
            let pid = host_of(name);
            users.push(user(pid));
            assert!(users.iter().all(|one| NUMBERS.contains(one)), "{users:?}");
            assert_eq!([status(pid, "CapEff"), status(pid, "CapPrm")], [capability; 2], "{name}");
            assert_eq!(fs::metadata(place.state().join("driver-state").join(name)).unwrap().uid(), user(pid));
            // From now on its credentials are its own, and it needs nothing more.
            chown(place.directory.path().join(name), Some(user(pid)), None).unwrap();
        }
        assert_ne!(users[0], users[1]);
        assert!(seen.is_none_or(|before| before == users), "they last");
        seen = Some(users);
        timeout(PATIENCE, set.shutdown()).await.unwrap();
    }
}

/// This test's own process for a driver.
fn host_of(driver: &str) -> i32 {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let found = pids.find(|pid| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.ends_with(&format!("driver-host\0{driver}\0")) && status(*pid, "PPid") == own
    });
    found.unwrap_or_else(|| panic!("no process for {driver}"))
}

#[tokio::test]
async fn a_named_file_that_is_replaced_is_read_again_and_one_that_is_rewritten_costs_no_process() {
    if cannot_run("a_named_file_that_is_replaced_is_read_again_and_one_that_is_rewritten_costs_no_process") {
        return;
    }
    let place = Place::with_fault_driver().lets_pass();
    let (named, beside) = (place.directory.path().join("ca.pem"), place.directory.path().join("ca.pem.new"));
    private(&named);
    let set = Arc::new(DriverSet::start(granted(&place, Grant::Nothing, &named)).await.unwrap());
    let watching = {
        let set = Arc::clone(&set);
        tokio::spawn(async move { set.rescan_when_changed().await })
    };
    let driver = ready(&set).await;
    let read = load_balancer("lb-1", &format!("read {}", named.display()));
    driver.deploy(read.clone(), 1).await.unwrap();
    fs::write(&named, "another text").unwrap();
    sleep(Duration::from_secs(4)).await;
    assert_eq!(set.starts()["fault"], 1, "it reads the same file again by itself");
    for start in 2..=3 {
        // As who renews a certificate does; then as who takes it away before.
        if start == 3 {
            fs::remove_file(&named).unwrap();
            sleep(Duration::from_secs(3)).await;
        }
        private(&beside);
        fs::rename(&beside, &named).unwrap();
        started(&set, start).await;
        driver.deploy(read.clone(), 1).await.unwrap();
    }
    watching.abort();
    timeout(PATIENCE, set.shutdown()).await.unwrap();
}

/// Asks for nothing in its note, or does not; and says what its code does not, or does.
fn build(needs: bool, contradicts: bool) -> Vec<u8> {
    let mut bytes = fs::read(fault_driver()).unwrap();
    let version = format!(" version={}\0", env!("CARGO_PKG_VERSION"));
    let at = bytes.windows(version.len()).position(|window| window == version.as_bytes()).unwrap();
    let end = at + version.len() - 1;
    if contradicts {
        bytes[end - 1] = b'9';
    }
    if needs {
        let asked = b" needs=nothing";
        bytes[end..end + asked.len()].copy_from_slice(asked);
    }
    bytes
}

#[tokio::test]
async fn a_driver_that_becomes_a_user_of_its_own_by_another_file_keeps_what_the_old_process_wrote_last() {
    if cannot_run("a_driver_that_becomes_a_user_of_its_own_by_another_file_keeps_what_the_old_process_wrote_last") {
        return;
    }
    let place = Place::with_fault_driver().lets_pass();
    let install = |needs, contradicts| {
        fs::write(place.drivers().join("new"), build(needs, contradicts)).unwrap();
        fs::rename(place.drivers().join("new"), place.drivers().join("fault.so")).unwrap();
    };
    let state = place.state().join("driver-state/fault");
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    for (start, needs) in [(2, true), (3, false)] {
        install(needs, false);
        // Answered, and stored, by the old process, while the new one is ready already.
        let id = format!("lb-{start}");
        let slow = {
            let (driver, id) = (driver.clone(), id.clone());
            tokio::spawn(async move { driver.deploy(load_balancer(&id, "slow 1500ms once"), 1).await })
        };
        set.rescan().await.unwrap();
        slow.await.unwrap().unwrap();
        started(&set, start).await;
        assert_eq!(NUMBERS.contains(&user_of(&place)), needs);
        for entry in fs::read_dir(&state).unwrap().flatten() {
            assert_eq!(entry.metadata().unwrap().uid(), user_of(&place), "{}", entry.path().display());
        }
        driver.deploy(load_balancer(&id, "web"), 2).await.unwrap();
        // One that is refused takes nothing from the one that runs, whatever it asks for.
        install(!needs, true);
        set.rescan().await.unwrap();
        report(&set, "fault", |report| report.reason.contains("goes on")).await;
        driver.deploy(load_balancer(&id, "web"), 3).await.unwrap();
    }
    timeout(PATIENCE, set.shutdown()).await.unwrap();
}
