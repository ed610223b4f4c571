//! The fourth minor, and what came after it.

use ballast_proto::{agent::DriverState, driver::Effect};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{
    PATIENCE,
    build::{fourth_minor, todays_driver},
    grown, in_todays_agent, life, live, played,
};

/// What it has is asked of it; steps, which it does not know, it does not tell.
#[tokio::test]
async fn a_driver_of_the_fourth_minor_runs_in_todays_agent_and_tells_no_steps() {
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), &fourth_minor().driver()).await;
    assert_eq!((report.state(), report.version.as_str()), (DriverState::Ready, "1.3.0"), "{}", report.reason);
    let driver = set.driver("minor").unwrap();
    live(&driver).await;
    let asked = grown("lb-2", &["lb-2"], &["lb-2"]);
    assert_eq!(driver.preview(asked.clone(), 1).await.unwrap().effect(), Effect::Runtime);
    let reply = driver.take_over(asked, 1, Vec::new()).await.unwrap();
    assert_eq!((reply.effect(), reply.steps.len()), (Effect::Runtime, 0));
    assert_eq!(driver.observe(Vec::new()).await.unwrap()[0].generation, 1);
    assert_eq!(driver.undeploy("lb-2".to_owned()).await.unwrap().handover, b"left");
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    assert!(place.path().join("state/driver-state/minor/goodbye").exists());
}

#[test]
fn todays_driver_runs_in_a_host_of_the_fourth_minor() {
    let said = played(fourth_minor().host(), &todays_driver()).unwrap();
    let (preview, rest): (Vec<_>, Vec<_>) = said.lines().partition(|line| line.starts_with("preview "));
    assert_eq!(preview.len(), 1, "{said}");
    let expected = life("fault", env!("CARGO_PKG_VERSION")).map(|life| format!("{life}\ntold of its end"));
    assert_eq!(Ok(rest.join("\n")), expected);
}
