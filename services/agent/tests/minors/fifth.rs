//! The fifth minor, and what came after it.

use ballast_proto::{
    agent::DriverState,
    driver::{Effect, SecretContent},
};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{
    PATIENCE,
    build::{fifth_minor, first_minor, todays_driver},
    grown, in_todays_agent, life, live, played,
};

fn told() -> Vec<SecretContent> {
    vec![SecretContent {
        reference: "/v1/containers/1".to_owned(),
        digest: "d1".to_owned(),
        pem: "a certificate".to_owned(),
        private_key: "a key".to_owned(),
    }]
}

/// It has no use for secrets: that it is told some costs nothing, and what it has it does as ever.
#[tokio::test]
async fn a_driver_of_the_fifth_minor_runs_in_todays_agent_and_secrets_cost_it_nothing() {
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), &fifth_minor().driver()).await;
    assert_eq!((report.state(), report.version.as_str()), (DriverState::Ready, "1.4.0"), "{}", report.reason);
    let driver = set.driver("minor").unwrap();
    live(&driver).await;
    let asked = grown("lb-2", &["lb-2"], &["lb-2"]);
    driver.take_secrets("lb-2".to_owned(), told()).await.unwrap();
    assert_eq!(driver.preview(asked.clone(), 1).await.unwrap().effect(), Effect::Runtime);
    let reply = driver.take_over(asked, 1, Vec::new()).await.unwrap();
    // Nobody follows, so it tells no steps, although it could.
    assert_eq!((reply.effect(), reply.steps.len()), (Effect::Runtime, 0));
    assert_eq!(driver.observe(Vec::new()).await.unwrap()[0].generation, 1);
    assert_eq!(driver.undeploy("lb-2".to_owned()).await.unwrap().handover, b"left");
    timeout(PATIENCE, set.shutdown()).await.unwrap();
    assert!(place.path().join("state/driver-state/minor/goodbye").exists());
}

/// Its boundary has the fewest methods: what is called for it is the host's own.
#[tokio::test]
async fn a_driver_of_the_first_minor_is_told_no_secrets_and_is_as_ready_as_before() {
    let place = TempDir::new().unwrap();
    let (set, report) = in_todays_agent(place.path(), &first_minor().driver()).await;
    assert_eq!(report.state(), DriverState::Ready, "{}", report.reason);
    let driver = set.driver("minor").unwrap();
    driver.take_secrets("lb-1".to_owned(), told()).await.unwrap();
    live(&driver).await;
    timeout(PATIENCE, set.shutdown()).await.unwrap();
}

#[test]
fn todays_driver_runs_in_a_host_of_the_fifth_minor_and_tells_the_steps_of_what_is_followed() {
    let said = played(fifth_minor().host(), &todays_driver()).unwrap();
    let of_its_own = |line: &&str| line.starts_with("preview ") || line.starts_with("steps ");
    let (own, rest): (Vec<_>, Vec<_>) = said.lines().partition(of_its_own);
    assert_eq!(own, ["steps none", "steps deploy", "preview 1"], "{said}");
    let expected = life("fault", env!("CARGO_PKG_VERSION")).map(|life| format!("{life}\ntold of its end"));
    assert_eq!(Ok(rest.join("\n")), expected);
}

#[test]
fn the_fifth_minor_understands_itself() {
    let minor = fifth_minor();
    let said = played(minor.host(), &minor.driver()).unwrap();
    assert!(said.contains("steps none\nsteps deploy"), "{said}");
    assert!(said.starts_with("name minor\nversion 1.4.0\n") && said.ends_with("told of its end"), "{said}");
}
