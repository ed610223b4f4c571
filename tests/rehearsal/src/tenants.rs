//! One tenant's trouble stays one tenant's.

use std::thread;

use ballast_abi::{Driver, ErrorCode};
use ballast_device::names;
use ballast_simulators::{Fault, Kind, Options};

use crate::{
    Played, Stage,
    samples::{ID, another, checked},
};

const HANGS: Kind = Kind::Delay(3_600_000);

/// Two tenants with a load balancer each, of whom the first one's partition answers nothing any more.
fn with_a_partition_that_hangs<P: Played>(deadline_ms: u32) -> Stage<P> {
    let stage = Stage::<P>::with(Options::default(), |config| {
        (config.timeout_ms, config.deadline_ms) = (500, deadline_ms);
    });
    assert_eq!(stage.deploy(&checked(), 3), []);
    assert_eq!(stage.deploy(&another("other", "another project"), 7), []);
    let partition = names::partition(&checked().project_id);
    stage.simulator.faults.add(Fault::new(HANGS).partition(&partition).times(usize::MAX));
    stage
}

fn seen<P: Played>(stage: &Stage<P>) -> Vec<String> {
    let mut seen: Vec<String> =
        stage.driver.observe(&[]).unwrap().into_iter().map(|one| one.load_balancer_id).collect();
    seen.sort();
    seen
}

pub fn a_partition_that_does_not_answer_costs_its_own_tenant_only<P: Played>() {
    let stage = with_a_partition_that_hangs::<P>(50_000);
    for _ in 0..3 {
        assert_eq!(seen(&stage), ["other"]);
    }
    // Of what cannot be looked at nobody says that it is gone.
    let mut deployed = stage.deployed();
    deployed.sort();
    assert_eq!(deployed, [(ID.to_owned(), 3), ("other".to_owned(), 7)]);
    let error = stage.driver.observe(&[ID.to_owned()]).unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::UNAVAILABLE, true));
    // It answers again, and is seen after the next deploy at once.
    stage.simulator.faults.clear();
    assert_eq!(stage.deploy(&checked(), 4), []);
    assert_eq!(seen(&stage), [ID, "other"]);
}

pub fn changes_that_hang_in_one_partition_end_and_hold_up_no_other<P: Played>() {
    let stage = with_a_partition_that_hangs::<P>(4_000);
    thread::scope(|scope| {
        let hanging: Vec<_> = (0..3).map(|_| scope.spawn(|| stage.driver.deploy(&checked(), 4))).collect();
        for generation in 8..12 {
            assert_eq!(stage.deploy(&another("other", "another project"), generation), []);
            assert_eq!(seen(&stage), ["other"]);
        }
        for deploy in hanging {
            let error = deploy.join().unwrap().unwrap_err();
            assert!(error.retryable && [ErrorCode::UNAVAILABLE, ErrorCode::BUSY].contains(&error.code), "{error:?}");
        }
    });
}

pub fn a_change_that_waits_for_another_is_busy_and_not_for_ever<P: Played>() {
    let stage = Stage::<P>::with(Options::default(), |config| {
        (config.timeout_ms, config.deadline_ms) = (60_000, 3_000);
    });
    assert_eq!(stage.deploy(&checked(), 1), []);
    let partition = stage.partition();
    stage.simulator.faults.add(Fault::new(HANGS).partition(&partition).times(usize::MAX));
    let errors = thread::scope(|scope| {
        let waiting = [2, 3].map(|generation| {
            let stage = &stage;
            scope.spawn(move || stage.driver.deploy(&checked(), generation).unwrap_err())
        });
        waiting.map(|deploy| deploy.join().unwrap())
    });
    assert!(errors.iter().all(|error| error.retryable), "{errors:?}");
    assert!(errors.iter().any(|error| error.code == ErrorCode::BUSY), "{errors:?}");
    assert!(errors.iter().any(|error| error.message.contains("other changes")), "{errors:?}");
}
