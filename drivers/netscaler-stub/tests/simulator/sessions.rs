//! What only this vendor's sessions and partitions have.

use std::time::Duration;

use ballast_abi::{Driver, ErrorCode};
use ballast_rehearsal::{
    Role, Stage,
    samples::{ID, checked, member},
    strays,
};
use ballast_simulators::{Fault, Kind, Options};
use serde_json::{Value, json};

use crate::{adc::Adc, features::verbs};

#[test]
fn nothing_is_ever_asked_without_a_session() {
    let stage = Stage::<Adc>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    for after in 0..12 {
        stage.simulator.faults.add(Fault::new(Kind::ExpireSession).after(after));
        let _ = stage.driver.deploy(&checked(), 2 + after as u64);
        stage.simulator.faults.clear();
    }
    let asked = stage.asked();
    assert!(asked.iter().all(|entry| entry.session.as_deref() != Some("stateless")));
    assert_eq!(strays::<Adc>(&asked), [""; 0]);
}

#[test]
fn a_partition_that_was_deleted_is_made_again_and_nothing_is_written_elsewhere() {
    let stage = Stage::<Adc>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let partition = stage.partition();
    let mut asked = checked();
    asked.pools[0].members.push(member(3));
    stage.simulator.device().administer("default", "DELETE", &format!("nspartition/{partition}"), &Value::Null);
    let _ = stage.asked();
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(strays::<Adc>(&stage.asked()), [""; 0]);
    assert_eq!(stage.simulator.device().objects("default"), [""; 0]);
    assert_eq!(stage.count(Role::Member), 3);
}

#[test]
fn the_secondary_of_a_pair_gets_no_write_at_all() {
    let stage = Stage::<Adc>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    stage.simulator.device().set_primary(false);
    let _ = stage.asked();
    let error = stage.driver.deploy(&checked(), 2).unwrap_err();
    assert!(error.retryable && error.message.contains("takes no changes"), "{error:?}");
    let error = stage.driver.undeploy(ID).unwrap_err();
    assert!(error.retryable && error.message.contains("takes no changes"), "{error:?}");
    assert_eq!(verbs(&stage), [""; 0]);
    // What runs can be seen on both.
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
    assert_eq!(stage.driver.observe(&[]).unwrap().len(), 1);
    assert_eq!(stage.open_sessions(), 0);
}

#[test]
fn too_many_sessions_of_others_are_waited_for_a_little() {
    let stage = Stage::<Adc>::new();
    for error in [445, 446] {
        stage.simulator.device().set_session_limits(0, Duration::from_secs(600), error);
        let failed = stage.driver.deploy(&checked(), 1).unwrap_err();
        assert_eq!((failed.code, failed.retryable), (ErrorCode::BUSY, true));
    }
    stage.simulator.device().set_session_limits(5, Duration::from_secs(600), 445);
    assert_eq!(stage.deploy(&checked(), 1), []);
}

#[test]
fn a_partition_gets_what_the_configuration_says() {
    let stage = Stage::<Adc>::with(Options::default(), |config| {
        config.options.partition_memory = 77;
        config.options.partition_connections = 1000;
    });
    assert_eq!(stage.deploy(&checked(), 1), []);
    let made = stage.asked().into_iter().find(|entry| entry.path.ends_with("/nspartition") && entry.write).unwrap();
    let partition = &made.body.unwrap()["nspartition"];
    assert_eq!((&partition["maxmemlimit"], &partition["maxconn"]), (&json!(77), &json!(1000)));
}
