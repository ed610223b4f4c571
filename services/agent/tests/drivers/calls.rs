//! Calls, and what becomes of them when the driver does not play by the rules.

use std::time::Duration;

use ballast_abi::ErrorCode;
use ballast_agent::drivers::DriverSet;
use ballast_proto::driver::{Listener, ListenerTls, LoadBalancer, Protocol, Secret, SecretContent};
use futures_util::future::join_all;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::place::{PATIENCE, Place, code, gone, load_balancer, ready, report, started};

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
async fn secrets_reach_the_driver_that_is_told_them_for_that_load_balancer_alone() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({})).await;
    let driver = ready(&set).await;
    let secret = |digest: &str| Secret { reference: "/v1/containers/1".into(), digest: digest.into() };
    let terminated = |digest: &str| {
        let tls = ListenerTls { default_certificate: Some(secret(digest)), ..ListenerTls::default() };
        let protocol = Protocol::TerminatedHttps.into();
        let listener = Listener { id: "l-1".into(), protocol, tls: Some(tls), ..Listener::default() };
        LoadBalancer { listeners: vec![listener], ..load_balancer("lb-1", "web") }
    };
    let told = |digest: &str| {
        let Secret { reference, digest } = secret(digest);
        vec![SecretContent { reference, digest, pem: "PEM".repeat(1_000), private_key: "s3cret-key".into() }]
    };
    let fault = driver.deploy(terminated("d1"), 1).await.unwrap_err();
    assert_eq!((code(&fault), fault.retryable), (ErrorCode::UNAVAILABLE, true));
    assert!(fault.detail.contains("/v1/containers/1"), "{}", fault.detail);
    driver.take_secrets("lb-2".into(), told("d1")).await.unwrap();
    assert_eq!(code(&driver.deploy(terminated("d1"), 1).await.unwrap_err()), ErrorCode::UNAVAILABLE);
    driver.take_secrets("lb-1".into(), told("d1")).await.unwrap();
    assert_eq!(driver.deploy(terminated("d1"), 1).await.unwrap(), []);
    let noted = place.state().join("driver-state/fault/lb-1.secrets");
    assert_eq!(std::fs::read_to_string(&noted).unwrap(), "d1 3000 10\n");
    // All that the next one names are told anew.
    driver.take_secrets("lb-1".into(), told("d2")).await.unwrap();
    assert_eq!(code(&driver.deploy(terminated("d1"), 2).await.unwrap_err()), ErrorCode::UNAVAILABLE);
    assert_eq!(driver.deploy(terminated("d2"), 2).await.unwrap(), []);
    driver.undeploy("lb-1".into()).await.unwrap();
    assert!(!noted.exists());
}

#[tokio::test]
async fn a_driver_that_cannot_take_secrets_says_so_and_nothing_is_lost() {
    let place = Place::with_fault_driver();
    let set = place.start(json!({ "calls": { "take-secrets": "fail: no memory for it" } })).await;
    let driver = ready(&set).await;
    let fault = driver.take_secrets("lb-1".into(), Vec::new()).await.unwrap_err();
    assert_eq!((code(&fault), fault.message.as_str()), (ErrorCode::INTERNAL, "no memory for it"));
    assert_eq!(driver.deploy(load_balancer("lb-1", "web"), 1).await.unwrap(), []);
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
async fn every_method_has_a_deadline_of_its_own_and_a_call_whose_caller_left_is_watched_as_well() {
    let place = Place::with_fault_driver();
    let mut settings = place.settings(json!({}));
    let short = Duration::from_millis(200);
    (settings.deadlines.undeploy, settings.deadlines.observe, settings.deadlines.deployed) = (short, short, short);
    let set = DriverSet::start(settings).await.unwrap();
    let driver = ready(&set).await;
    driver.deploy(load_balancer("lb-1", "hang in undeploy"), 1).await.unwrap();
    driver.deploy(load_balancer("lb-2", "hang in observe once"), 1).await.unwrap();
    driver.deploy(load_balancer("lb-3", "hang in deployed once"), 1).await.unwrap();
    let undeployed = driver.undeploy("lb-1".into()).await.unwrap_err();
    assert_eq!(undeployed.detail, "driver fault: undeploy did not end within 200ms");
    started(&set, 2).await;
    // Nobody waits for the answer any more; the process is replaced all the same.
    assert!(timeout(Duration::from_millis(50), driver.observe(vec!["lb-2".into()])).await.is_err());
    started(&set, 3).await;
    assert_eq!(driver.deployed().await.unwrap_err().message, "the driver did not answer in time");
    started(&set, 4).await;
    assert_eq!(driver.deployed().await.unwrap().len(), 3);
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
