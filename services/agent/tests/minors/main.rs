//! Drivers and agents of different minors of the ABI understand each other.
//!
//! The former minors are frozen sources, from `abi/tests/minor-1.0` to `abi/tests/minor-1.5`: a driver and a host each. Today's
//! sides are the real agent's driver-host and the fault driver.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod build;
mod fifth;
mod fourth;
mod sixth;
mod third;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use ballast_abi::{ErrorCode, features::used_by};
use ballast_agent::drivers::{DriverClient, DriverSet, DriverSettings};
use ballast_proto::{
    agent::{DriverReport, DriverState},
    driver::{LbMethod, Listener, LoadBalancer, Pool, Protocol, Vip},
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::time::timeout;

use build::{altered, first_minor, first_minor_by, frozen, reader_of_the_first_pool, second_minor, todays_driver};

const PATIENCE: Duration = Duration::from_secs(20);
/// Of the frozen sources. They do not change: who must change them makes another major, and keeps these beside.
const FROZEN: [(&str, &str); 6] = [
    ("1.0", "0a4a4636d524b0b0c8577e990dd615d239318918d3394b5d3e9d5436ab769079"),
    ("1.1", "a5f77a1d088b06b00e823de2afefc6354d7905da5405274c95f2264de03927e3"),
    ("1.2", "984bcff901272d390627c40b52165edbef23741dbb5bece2060c65964591b7dc"),
    ("1.3", "d95f9d0849a9f6b4e259bcdc645dd10ce386b87b85b688808c36debf143aabdc"),
    ("1.4", "4a1ec656cf40ea116d30c9fcf9b4838da449490ea6aad68845485e2952c784df"),
    ("1.5", "0135733cd4f5343dc5192d282edb9764aeeb1a5c6f9b6f4c52a4f5aac1f96ca8"),
];
/// Debian's compiler, which is another than the one that builds everything here.
const OTHER_RUSTC: &str = "/usr/bin/rustc";

/// Today's agent with one driver, until the driver is ready or has failed.
async fn in_todays_agent(place: &Path, driver: &Path) -> (DriverSet, DriverReport) {
    let drivers = place.join("drivers");
    fs::create_dir(&drivers).unwrap();
    fs::copy(driver, drivers.join("driver.so")).unwrap();
    let settings = DriverSettings {
        program: env!("CARGO_BIN_EXE_ballast-agent").into(),
        ..DriverSettings::new(drivers, place.join("state"), "host-1".to_owned())
    };
    let set = DriverSet::start(settings).await.unwrap();
    let mut changes = set.watch();
    let settled = async {
        loop {
            let settled = set.reports().into_iter().find(|report| report.state() != DriverState::Starting);
            if let Some(report) = settled {
                return report;
            }
            changes.changed().await.unwrap();
        }
    };
    let report = timeout(PATIENCE, settled).await.unwrap_or_else(|_| panic!("{:?}", set.reports()));
    (set, report)
}

/// A load balancer's life in a driver of the first minor.
async fn live(driver: &DriverClient) {
    let load_balancer = |id: &str| grown(id, &[], &[id]);
    for generation in [7, 8] {
        assert_eq!(driver.deploy(load_balancer("lb-1"), generation).await.unwrap(), []);
    }
    let deployed = driver.deployed().await.unwrap();
    assert_eq!((deployed[0].load_balancer_id.as_str(), deployed[0].generation), ("lb-1", 8));
    assert_eq!(driver.observe(Vec::new()).await.unwrap().len(), 1);
    let absent = driver.observe(vec!["absent".to_owned()]).await.unwrap_err();
    assert_eq!(
        (ErrorCode(absent.code), absent.message.as_str()),
        (ErrorCode::NOT_FOUND, "load balancer absent is not deployed")
    );
    let panicked = driver.deploy(load_balancer("panic"), 1).await.unwrap_err();
    assert_eq!(ErrorCode(panicked.code), ErrorCode::PANIC);
    driver.undeploy("lb-1".to_owned()).await.unwrap();
    assert!(driver.deployed().await.unwrap().is_empty());
}

/// A load balancer with listeners of these pools, and with these pools.
fn grown(id: &str, listeners: &[&str], pools: &[&str]) -> LoadBalancer {
    let listener = |(number, pool): (usize, &&str)| Listener {
        id: format!("listener-{number}"),
        protocol: Protocol::Http.into(),
        protocol_port: 80,
        default_pool_id: (*pool).to_owned(),
        admin_state_up: true,
        ..Listener::default()
    };
    let pool = |id: &&str| Pool {
        id: (*id).to_owned(),
        protocol: Protocol::Http.into(),
        lb_method: LbMethod::RoundRobin.into(),
        admin_state_up: true,
        ..Pool::default()
    };
    let mut one = LoadBalancer {
        id: id.to_owned(),
        vip: (!listeners.is_empty()).then(Vip::default),
        listeners: listeners.iter().enumerate().map(listener).collect(),
        pools: pools.iter().map(pool).collect(),
        ..LoadBalancer::default()
    };
    one.features = used_by(&one).into_iter().collect();
    one
}

async fn runs_in_todays_agent(file: &Path) {
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), file).await;
    assert_eq!((report.state(), report.name.as_str()), (DriverState::Ready, "minor"), "{}", report.reason);
    assert_eq!(report.capabilities.unwrap().features, ["protocol:HTTP", "lb_method:ROUND_ROBIN"]);
    live(&set.driver("minor").unwrap()).await;
    // It knows nothing of the shutdown that the second minor brought.
    timeout(PATIENCE, set.shutdown()).await.unwrap();
}

/// What a driver answers to a host of the first minor.
fn played(host: PathBuf, driver: &Path) -> Result<String, String> {
    let state_dir = TempDir::new().unwrap();
    let output = Command::new(host).arg(driver).arg(state_dir.path()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn life(name: &str, version: &str) -> Result<String, String> {
    let answers = "features true\ndeployed lb-1 8\nobserved 1\nabsent 4\nleft 0";
    Ok(format!("name {name}\nversion {version}\n{answers}"))
}

#[tokio::test]
async fn a_driver_of_the_first_minor_runs_in_todays_agent() {
    runs_in_todays_agent(&first_minor().driver()).await;
}

/// It takes the first pool and the first listener for all there is, as v1 let it.
#[tokio::test]
async fn a_driver_of_the_first_minor_never_sees_a_load_balancer_that_has_grown_beyond_v1() {
    let reader = reader_of_the_first_pool();
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), &reader.driver()).await;
    assert_eq!(report.state(), DriverState::Ready, "{}", report.reason);
    let driver = set.driver("minor").unwrap();
    let served = || fs::read_to_string(place.path().join("state/driver-state/minor/lb-1")).unwrap();
    let deploy = async |generation, listeners: &[&str], pools: &[&str]| {
        let faults = driver.deploy(grown("lb-1", listeners, pools), generation).await.unwrap();
        for fault in &faults {
            let why = fault.fault.clone().unwrap_or_default();
            assert_eq!(ErrorCode(why.code), ErrorCode::UNSUPPORTED, "{}", why.message);
            assert!(why.message.starts_with("the driver cannot have "), "{}", why.message);
        }
        faults.into_iter().map(|fault| fault.object_id).collect::<Vec<_>>()
    };
    assert_eq!(deploy(1, &["a"], &["a"]).await, [""; 0]);
    assert_eq!(served(), "1 a by listener-0");
    // Another listener of the same pool, of a pool of its own, and of none; a pool alone.
    assert_eq!(deploy(2, &["a", "a"], &["a"]).await, ["listener-1"]);
    assert_eq!(served(), "2 a by listener-0");
    assert_eq!(deploy(3, &["a", "b"], &["a", "b"]).await, ["listener-1", "b"]);
    assert_eq!(served(), "3 a by listener-0");
    assert_eq!(deploy(4, &["a", ""], &["a"]).await, ["listener-1"]);
    assert_eq!(served(), "4 a by listener-0");
    // What v1's driver would take for the pool of the listener is another one.
    assert_eq!(deploy(5, &["b"], &["a", "b"]).await, ["a"]);
    assert_eq!(served(), "5 b by listener-0");
    // Its pool is gone: nobody is served by what was deleted.
    assert_eq!(deploy(6, &[""], &[]).await, ["listener-0", "lb-1"]);
    assert_eq!(served(), "6 lb-1 by nobody");
    timeout(PATIENCE, set.shutdown()).await.unwrap();
}

#[test]
fn todays_driver_runs_in_a_host_of_the_first_minor() {
    assert_eq!(played(first_minor().host(), &todays_driver()), life("fault", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_first_minor_understands_itself() {
    let minor = first_minor();
    assert_eq!(played(minor.host(), &minor.driver()), life("minor", "1.0.0"));
}

#[tokio::test]
async fn a_driver_whose_types_are_others_is_refused_by_both_minors() {
    let altered = altered();
    let place = TempDir::new().unwrap();
    let (_set, report) = in_todays_agent(place.path(), &altered.driver()).await;
    assert_eq!(report.state(), DriverState::Failed);
    assert!(report.reason.starts_with("its ABI types differ from this agent's: "), "{}", report.reason);
    let refused = played(first_minor().host(), &altered.driver());
    assert_eq!(refused, Err("its ABI types differ".to_owned()));
}

#[tokio::test]
async fn a_driver_from_another_compiler_runs_in_todays_agent_and_in_the_first_minor() {
    let test = "a_driver_from_another_compiler_runs_in_todays_agent_and_in_the_first_minor";
    let (other, own) = (version_of(OTHER_RUSTC), version_of("rustc"));
    let Some(other) = other.filter(|other| Some(other) != own.as_ref()) else {
        return ballast_lab::not_run(test, &format!("{OTHER_RUSTC} is no other compiler (Debian: rustc-web or rustc)"));
    };
    let built = first_minor_by(Path::new(OTHER_RUSTC));
    runs_in_todays_agent(&built.driver()).await;
    assert_eq!(played(first_minor().host(), &built.driver()), life("minor", "1.0.0"));
    assert_eq!(played(built.host(), &todays_driver()), life("fault", env!("CARGO_PKG_VERSION")));
    eprintln!("a driver and a host by {other} ran with those by {}", own.unwrap_or_default());
}

fn version_of(rustc: &str) -> Option<String> {
    let output = Command::new(rustc).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

#[test]
fn the_former_minors_sources_are_what_they_were() {
    for (minor, expected) in FROZEN {
        let frozen = frozen(minor);
        let mut hash = Sha256::new();
        let mut files = Vec::new();
        collect(&frozen, &mut files);
        files.sort_unstable();
        for file in &files {
            hash.update(file.strip_prefix(&frozen).unwrap().to_str().unwrap());
            hash.update(fs::read(file).unwrap());
        }
        let mut digest = String::new();
        hash.finalize().iter().for_each(|byte| write!(digest, "{byte:02x}").unwrap());
        assert_eq!(digest, expected, "abi/tests/minor-{minor} is frozen");
    }
}

#[tokio::test]
async fn a_driver_of_the_second_minor_runs_in_todays_agent_and_is_told_of_its_end() {
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), &second_minor().driver()).await;
    assert_eq!((report.state(), report.version.as_str()), (DriverState::Ready, "1.1.0"), "{}", report.reason);
    let driver = set.driver("minor").unwrap();
    live(&driver).await;
    assert_eq!(driver.deploy(grown("lb-2", &["a", "b"], &["a", "b"]), 1).await.unwrap(), []);
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    assert!(place.path().join("state/driver-state/minor/goodbye").exists());
}

#[test]
fn todays_driver_runs_in_a_host_of_the_second_minor() {
    let expected = life("fault", env!("CARGO_PKG_VERSION")).map(|life| format!("{life}\ntold of its end"));
    assert_eq!(played(second_minor().host(), &todays_driver()), expected);
}

/// What 1.2 brought has words that drivers of former minors do not declare.
#[tokio::test]
async fn a_driver_of_a_former_minor_never_sees_what_lbaas_v2_brought() {
    for minor in [first_minor(), second_minor()] {
        let place = TempDir::new().unwrap();
        let (set, report) = in_todays_agent(place.path(), &minor.driver()).await;
        assert_eq!(report.state(), DriverState::Ready, "{}", report.reason);
        let driver = set.driver("minor").unwrap();
        let mut asked = grown("lb-1", &["lb-1"], &["lb-1"]);
        assert_eq!(driver.deploy(asked.clone(), 1).await.unwrap(), []);
        // Whoever made the list of features has forgotten it.
        asked.listeners[0].allowed_cidrs = vec!["10.0.0.0/8".to_owned()];
        let refused = driver.deploy(asked, 2).await.unwrap_err();
        assert_eq!(ErrorCode(refused.code), ErrorCode::UNSUPPORTED);
        assert_eq!(refused.message, "the driver does not support listener:allowed_cidrs");
        assert_eq!(driver.deployed().await.unwrap()[0].generation, 1);
        timeout(PATIENCE, set.shutdown()).await.unwrap();
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}
