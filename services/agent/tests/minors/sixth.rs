//! The sixth minor, and what came after it.

use std::fs;

use ballast_abi::ErrorCode;
use ballast_proto::{
    agent::DriverState,
    driver::{Effect, SecretContent, Side},
};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{
    PATIENCE,
    build::{sixth_minor, todays_driver},
    grown, in_todays_agent, life, live, played,
};

#[tokio::test]
async fn a_driver_of_the_sixth_minor_runs_in_todays_agent_and_is_told_secrets() {
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), &sixth_minor().driver()).await;
    assert_eq!((report.state(), report.version.as_str()), (DriverState::Ready, "1.5.0"), "{}", report.reason);
    let driver = set.driver("minor").unwrap();
    live(&driver).await;
    let secret = SecretContent { private_key: "a key".to_owned(), ..SecretContent::default() };
    driver.take_secrets("lb-2".to_owned(), vec![secret, SecretContent::default()]).await.unwrap();
    let told = fs::read_to_string(place.path().join("state/driver-state/minor/told")).unwrap();
    assert_eq!(told, "2 1");
    let reply = driver.take_over(grown("lb-2", &["lb-2"], &["lb-2"]), 1, Vec::new()).await.unwrap();
    assert_eq!(reply.effect(), Effect::Runtime);
    timeout(PATIENCE, set.shutdown()).await.unwrap();
}

/// It has no word for it, whoever asks: it would take the VIP's addresses beside the other side.
#[tokio::test]
async fn a_driver_of_the_sixth_minor_never_sees_a_side() {
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), &sixth_minor().driver()).await;
    assert_eq!(report.state(), DriverState::Ready, "{}", report.reason);
    let driver = set.driver("minor").unwrap();
    let mut asked = grown("lb-1", &["lb-1"], &["lb-1"]);
    asked.side = Some(Side { number: 1, ..Side::default() });
    let refused = driver.deploy(asked, 1).await.unwrap_err();
    assert_eq!(ErrorCode(refused.code), ErrorCode::UNSUPPORTED);
    assert_eq!(refused.message, "the driver does not support topology:ACTIVE_STANDBY");
    assert!(driver.deployed().await.unwrap().is_empty());
    timeout(PATIENCE, set.shutdown()).await.unwrap();
}

#[test]
fn todays_driver_runs_in_a_host_of_the_sixth_minor_and_takes_its_secrets() {
    let said = played(sixth_minor().host(), &todays_driver()).unwrap();
    let of_its_own = |line: &&str| ["preview ", "steps ", "secrets "].iter().any(|word| line.starts_with(word));
    let (own, rest): (Vec<_>, Vec<_>) = said.lines().partition(of_its_own);
    assert_eq!(own, ["secrets taken", "steps none", "steps deploy", "preview 1"], "{said}");
    let expected = life("fault", env!("CARGO_PKG_VERSION")).map(|life| format!("{life}\ntold of its end"));
    assert_eq!(Ok(rest.join("\n")), expected);
}

#[test]
fn the_sixth_minor_understands_itself() {
    let minor = sixth_minor();
    let said = played(minor.host(), &minor.driver()).unwrap();
    assert!(said.contains("secrets taken\nsteps none\nsteps deploy"), "{said}");
    assert!(said.starts_with("name minor\nversion 1.5.0\n") && said.ends_with("told of its end"), "{said}");
}
