//! A scheduler that is stopped in the middle of a write stops the others for a moment, and what it was about is not done.

use std::{
    fs,
    time::{Duration, Instant},
};

use ballast_lab::{Signal, in_lab, wait_until};
use ballast_tests::{PATIENCE, several::Several};
use serde_json::json;

use super::{server, shape, url};

/// The database ends what stands still for five seconds; the gateway leaves who does not answer after three.
const BOUND: Duration = Duration::from_secs(10);

#[test]
fn a_scheduler_that_is_frozen_in_a_write_stops_others_for_seconds_and_its_write_is_not_done() {
    let test = "a_scheduler_that_is_frozen_in_a_write_stops_others_for_seconds_and_its_write_is_not_done";
    in_lab(|lab| {
        let Some(_server) = server(lab, test) else { return Ok(()) };
        let mut several = Several::start(lab, &shape(&url(&[5_501]), 2, 2));
        let folder = lab.dir().join("failpoints");
        fs::create_dir(&folder)?;
        several.kill_scheduler(0);
        several.start_scheduler(0, &[(ballast_failpoint::FOLDER, folder.to_str().expect("a path"))]);
        let create = |several: &Several, gateway: usize, name: &str| {
            several.rest(gateway).call("POST", "/v2.0/networks", Some(&json!({"network": {"name": name}}))).status
        };
        // The other gateway is started again, so that it begins with the first scheduler of its list, too.
        several.gateways[1].take().expect("it runs").kill()?;
        several.start_gateway(1);
        assert_eq!(create(&several, 1, "before"), 201);

        fs::write(folder.join(ballast_failpoint::ORDER), "stop 1 store: before a commit\n")?;
        let begun = Instant::now();
        let frozen = create(&several, 1, "frozen");
        assert_eq!(frozen, 503, "nobody knows what became of it");
        wait_until(PATIENCE, "a write at another one", || (create(&several, 1, "others").eq(&201)).then_some(()));
        let waited = begun.elapsed();
        assert!(waited < BOUND, "others wrote again after {waited:?}");

        several.signal_scheduler(0, Signal::SIGCONT);
        // It serves again, and what it was about is not there.
        wait_until(PATIENCE, "it serves", || several.metrics(0));
        let networks = several.rest(1).get("/v2.0/networks");
        let named = |name: &str| {
            networks["networks"].as_array().into_iter().flatten().filter(|network| network["name"] == name).count()
        };
        assert_eq!((named("before"), named("frozen")), (1, 0), "{networks}");
        several.kill_scheduler(1);
        wait_until(PATIENCE, "a write at the one that was frozen", || {
            (create(&several, 1, "again").eq(&201)).then_some(())
        });
        Ok(())
    });
}
