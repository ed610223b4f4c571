//! The third minor, and what came after it.

use ballast_abi::features::used_by;
use ballast_proto::{agent::DriverState, driver::Preview};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{
    PATIENCE,
    build::{first_minor, second_minor, third_minor, todays_driver},
    grown, in_todays_agent, life, live, played,
};

/// What it does not have is not known, and not missed.
#[tokio::test]
async fn a_driver_of_the_third_minor_runs_in_todays_agent_and_of_what_came_after_it_says_nothing() {
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), &third_minor().driver()).await;
    assert_eq!((report.state(), report.version.as_str()), (DriverState::Ready, "1.2.0"), "{}", report.reason);
    let driver = set.driver("minor").unwrap();
    live(&driver).await;
    let mut asked = grown("lb-2", &["a", "b"], &["a", "b"]);
    asked.listeners[0].allowed_cidrs = vec!["10.0.0.0/8".to_owned()];
    asked.features = used_by(&asked).into_iter().collect();
    assert_eq!(driver.preview(asked.clone(), 1).await.unwrap(), Preview::default());
    assert_eq!(driver.deploy(asked, 1).await.unwrap(), []);
    let seen = driver.observe(Vec::new()).await.unwrap();
    assert_eq!((seen[0].generation, seen[0].listeners.len()), (0, 1));
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    assert!(place.path().join("state/driver-state/minor/goodbye").exists());
}

#[tokio::test]
async fn no_driver_of_a_former_minor_is_asked_what_a_deploy_would_do() {
    for minor in [first_minor(), second_minor()] {
        let place = TempDir::new().unwrap();
        let (set, report) = in_todays_agent(place.path(), &minor.driver()).await;
        assert_eq!(report.state(), DriverState::Ready, "{}", report.reason);
        let driver = set.driver("minor").unwrap();
        assert_eq!(driver.preview(grown("lb-1", &["lb-1"], &["lb-1"]), 1).await.unwrap(), Preview::default());
        assert!(driver.deployed().await.unwrap().is_empty());
        timeout(PATIENCE, set.shutdown()).await.unwrap();
    }
}

#[test]
fn todays_driver_runs_in_a_host_of_the_third_minor() {
    let expected = life("fault", env!("CARGO_PKG_VERSION")).map(|life| format!("{life}\ntold of its end"));
    assert_eq!(played(third_minor().host(), &todays_driver()), expected);
}
