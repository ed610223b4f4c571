//! The agent as its scheduler and its host see it: the real process, a scheduler that the test plays, a real driver file.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking and shows the agent's log")]

mod foreseen;
mod place;
mod restarts;
mod scheduler;
mod sweeps;

use std::{fs, os::unix::fs::MetadataExt};

use ballast_proto::{
    agent::{DriverState, agent_message::Message as Up},
    driver::Health,
};
use nix::sys::signal::{Signal, kill};
use place::{Place, eventually, named, web};
use scheduler::Scheduler;
use tonic::Status;

#[tokio::test]
async fn an_agent_says_who_it_is_and_its_capabilities_once() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    let hello = session.hello.clone();
    assert_eq!((hello.host.as_str(), hello.cluster_id.as_str()), ("host-1", ""));
    assert_eq!(hello.zone, "rack-7");
    assert!(!hello.instance_id.is_empty() && !hello.version.is_empty() && hello.deployed.is_empty());
    assert_eq!(hello.drivers[0].name, "fault");
    let mut told = usize::from(hello.drivers[0].capabilities.is_some());
    loop {
        let beat = session.heartbeat().await;
        told += usize::from(beat.drivers[0].capabilities.is_some());
        if beat.drivers[0].state() == DriverState::Ready {
            break;
        }
    }
    for _ in 0..3 {
        let beat = session.heartbeat().await;
        assert!(!beat.drivers[0].digest.is_empty());
        told += usize::from(beat.drivers[0].capabilities.is_some());
    }
    assert_eq!(told, 1);
}

#[tokio::test]
async fn a_load_balancer_is_deployed_and_removed_and_nothing_is_left() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.snapshot_done().await;
    session.desire(web("a"), 4, 7).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.epoch, outcome.generation, outcome.fault), (4, 7, None));
    assert_eq!(place.generation("a"), Some(7));
    eventually("the ledger's entry", || place.ledger_entry("a").exists()).await;
    assert!(session.heartbeat().await.load_balancers <= 1);

    session.remove("a", 4).await;
    let removed = session.removed().await;
    assert_eq!((removed.load_balancer_id.as_str(), removed.epoch), ("a", 4));
    assert_eq!(place.generation("a"), None);
    assert!(!place.ledger_entry("a").exists(), "it is forgotten before that is told");

    session.remove("never-seen", 9).await;
    assert_eq!(session.removed().await.epoch, 9);
}

#[tokio::test]
async fn generations_that_come_during_a_deploy_are_skipped_but_for_the_newest() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire_slow(&place, "a", 600).await;
    for generation in 2..=9 {
        session.desire(web("a"), 1, generation).await;
    }
    let told = [session.outcome().await.generation, session.outcome().await.generation];
    assert_eq!(told, [1, 9]);
    assert_eq!(place.generation("a"), Some(9));
}

#[tokio::test]
async fn a_failure_is_told_and_tried_again_until_a_newer_generation_cures_it() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(named("a", "unavailable: at work"), 1, 1).await;
    for _ in 0..2 {
        let outcome = session.outcome().await;
        let fault = outcome.fault.unwrap();
        assert!(fault.retryable && fault.message.contains("at work"), "{fault:?}");
    }
    session.desire(web("a"), 1, 2).await;
    let outcome = session.next("success", |up| match up {
        Up::Outcome(outcome) if outcome.fault.is_none() => Some(outcome),
        _ => None,
    });
    assert_eq!(outcome.await.generation, 2);
}

#[tokio::test]
async fn a_busy_device_is_waited_for_and_that_is_told_as_no_failure() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(named("a", "busy: at work"), 1, 1).await;
    for _ in 0..2 {
        let waiting = session.next("a wait", |up| match up {
            Up::Waiting(waiting) => Some(waiting),
            Up::Outcome(outcome) => panic!("{outcome:?}"),
            _ => None,
        });
        let waiting = waiting.await;
        assert_eq!((waiting.load_balancer_id.as_str(), waiting.epoch, waiting.generation), ("a", 1, 1));
        assert!(waiting.fault.unwrap().message.contains("at work"));
    }
    session.desire(web("a"), 1, 2).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.generation, outcome.fault), (2, None));
}

#[tokio::test]
async fn a_driver_that_is_not_there_is_a_fault_of_its_load_balancers_only() {
    let mut place = Place::new();
    fs::write(place.drivers().join("broken.so"), "this is no driver").unwrap();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    let report = session.hello.drivers.iter().find(|report| report.name == "broken.so").unwrap();
    assert_eq!(report.state(), DriverState::Failed);
    session
        .send(ballast_proto::agent::scheduler_message::Message::Desired(ballast_proto::agent::Desired {
            load_balancer: Some(web("a")),
            driver: "nosuch".to_owned(),
            epoch: 1,
            generation: 1,
            ..ballast_proto::agent::Desired::default()
        }))
        .await;
    assert!(session.outcome().await.fault.unwrap().detail.contains("nosuch"));
    session.desire(web("b"), 1, 1).await;
    assert_eq!(session.outcome().await.load_balancer_id, "b");
    assert_eq!(place.log().lines().filter(|line| line.contains("broken.so")).count(), 1);
}

#[tokio::test]
async fn a_slow_driver_delays_no_heartbeat() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire_slow(&place, "a", 1500).await;
    let mut beats = 0;
    let count = session.next("outcome", |up| {
        beats += u32::from(matches!(up, Up::Heartbeat(_)));
        matches!(up, Up::Outcome(_)).then_some(())
    });
    count.await;
    assert!(beats >= 5, "only {beats} heartbeats during a deploy of 1.5 s");
}

#[tokio::test]
async fn health_is_told_in_full_and_then_as_changes() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(web("a"), 3, 1).await;
    let full = session.health().await;
    assert_eq!((full.load_balancers[0].epoch, full.load_balancers[0].members.len()), (3, 2));
    place.say_health("m2", false);
    let changed = session.health().await;
    let members = &changed.load_balancers[0].members;
    assert_eq!((members.len(), members[0].member_id.as_str(), members[0].health()), (1, "m2", Health::Down));
    let counted = session.next("statistics", |up| match up {
        Up::Statistics(report) => report.load_balancers.into_iter().next(),
        _ => None,
    });
    assert!(counted.await.statistics.unwrap().bytes_in > 0);
}

#[tokio::test]
async fn a_driver_that_is_killed_comes_back_and_what_its_device_lost_is_deployed_again() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    for id in ["lost", "kept"] {
        session.desire(web(id), 1, 1).await;
        session.outcome().await;
    }
    let kept = fs::metadata(place.deployed_file("kept")).unwrap().ino();
    fs::remove_file(place.deployed_file("lost")).unwrap();
    kill(place.driver_pid(), Signal::SIGKILL).unwrap();
    let again = session.outcome().await;
    assert_eq!((again.load_balancer_id.as_str(), again.fault), ("lost", None));
    assert_eq!(place.generation("lost"), Some(1));
    assert_eq!(fs::metadata(place.deployed_file("kept")).unwrap().ino(), kept, "what still runs is left alone");
}

#[tokio::test]
async fn an_agent_whose_name_is_taken_says_so() {
    let mut place = Place::new();
    let scheduler = Scheduler::refusing(&place.socket(), Status::already_exists("host-1 is alive elsewhere"));
    place.start_agent();
    eventually("the log", || place.log().contains("another living agent has this one's name")).await;
    assert!(place.log().contains("agent.host"));
    drop(scheduler);
}

#[tokio::test]
async fn a_deploy_that_a_dying_driver_cuts_short_is_done_once_more_and_is_no_failure() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire_slow(&place, "a", 400).await;
    kill(place.driver_pid(), Signal::SIGKILL).unwrap();
    let outcome = session.outcome().await;
    assert_eq!((outcome.load_balancer_id.as_str(), outcome.fault), ("a", None));
    assert_eq!(place.generation("a"), Some(1));
}

#[tokio::test]
async fn a_load_balancer_that_ends_its_driver_each_time_is_a_failure() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(named("a", "abort"), 1, 1).await;
    assert!(session.outcome().await.fault.unwrap().retryable);
    session.remove("a", 1).await;
    assert_eq!(session.removed().await.load_balancer_id, "a");
}
