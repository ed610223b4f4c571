//! Ends and beginnings: of the scheduler, of the agent, of both.

use std::{fs, os::unix::fs::MetadataExt};

use ballast_proto::agent::{Deployed, Drain, scheduler_message::Message as Down};
use nix::sys::signal::{Signal, kill};

use crate::{
    place::{Place, eventually, named, web},
    scheduler::Scheduler,
};

#[tokio::test]
async fn when_the_scheduler_comes_back_it_is_told_what_runs_and_nothing_is_deployed_again() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(web("a"), 1, 5).await;
    session.outcome().await;
    let first = session.hello.clone();
    let file = fs::metadata(place.deployed_file("a")).unwrap().ino();
    drop((session, scheduler));

    let mut scheduler = Scheduler::listen(&place.socket());
    let mut session = scheduler.welcomed("c1").await;
    assert_eq!(session.hello.instance_id, first.instance_id);
    assert_eq!(session.hello.cluster_id, "c1");
    let deployed = Deployed { load_balancer_id: "a".to_owned(), driver: "fault".to_owned(), epoch: 1, generation: 5 };
    assert_eq!(session.hello.deployed, [deployed]);
    session.desire(web("a"), 1, 5).await;
    session.snapshot_done().await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.generation, outcome.fault), (5, None));
    assert_eq!(fs::metadata(place.deployed_file("a")).unwrap().ino(), file);
    assert_eq!(session.health().await.load_balancers[0].members.len(), 2, "in full once more");
}

#[tokio::test]
async fn an_outcome_that_nobody_heard_is_told_in_the_next_session() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire_slow(&place, "a", 500).await;
    drop((session, scheduler));
    eventually("the deploy to end", || place.generation("a") == Some(1)).await;

    let mut scheduler = Scheduler::listen(&place.socket());
    let mut session = scheduler.welcomed("c1").await;
    session.desire(named("a", "slow 500ms"), 1, 1).await;
    assert_eq!(session.outcome().await.fault, None);
}

#[tokio::test]
async fn a_drained_session_is_begun_anew() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.send(Down::Drain(Drain { reason: "upgrade".to_owned() })).await;
    session.closed().await;
    scheduler.welcomed("c1").await;
}

#[tokio::test]
async fn without_a_scheduler_the_ledger_brings_back_what_the_device_lost() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    for id in ["lost", "kept"] {
        session.desire(web(id), 2, 3).await;
        session.outcome().await;
        eventually("the record", || place.recorded(id) == Some(3)).await;
    }
    drop((session, scheduler));
    place.crash_agent().await;
    assert_eq!(place.generation("kept"), Some(3), "the end of an agent ends no load balancer");
    fs::remove_file(place.deployed_file("lost")).unwrap();

    place.start_agent();
    eventually("the ledger to bring it back", || place.generation("lost") == Some(3)).await;

    let mut scheduler = Scheduler::listen(&place.socket());
    let session = scheduler.session().await;
    assert_eq!(session.hello.cluster_id, "c1");
    assert_eq!(session.hello.deployed.len(), 2);
}

#[tokio::test]
async fn a_damaged_ledger_costs_its_entry_and_not_the_start() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(web("a"), 1, 1).await;
    session.outcome().await;
    place.crash_agent().await;
    fs::write(place.ledger_entry("a"), "torn").unwrap();
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    assert!(session.hello.deployed.is_empty());
    assert!(place.log().contains("was set aside"));
    session.desire(web("a"), 1, 1).await;
    assert_eq!(session.outcome().await.fault, None);
}

#[tokio::test]
async fn a_stopped_agent_ends_well_and_its_load_balancers_run_on() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(web("a"), 1, 1).await;
    session.outcome().await;
    session.desire_slow(&place, "b", 700).await;
    let driver = place.driver_pid();
    assert!(place.signal_agent(Signal::SIGTERM).success());
    session.closed().await;
    assert!(kill(driver, None).is_err(), "its driver-host ends with it");
    assert_eq!((place.generation("a"), place.generation("b")), (Some(1), Some(1)), "what was begun is done");
}

#[tokio::test]
async fn a_second_agent_is_kept_out_of_the_first_ones_state() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let _session = scheduler.session().await;
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_ballast-agent"))
        .env("BALLAST_AGENT__STATE_DIR", place.state())
        .env("BALLAST_AGENT__DRIVERS_DIR", place.drivers())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8(second.stderr).unwrap().contains("another agent uses it"));
}
