//! What is removed because a complete snapshot does not name it, and what is left alone.

use std::{collections::BTreeSet, fs};

use ballast_proto::agent::{Heard, agent_message::Message as Up, scheduler_message::Message as Down};

use crate::{
    place::{Place, eventually, web},
    scheduler::{Scheduler, Session},
};

/// An agent of cluster c1 that has deployed `a` and `b`, and whose device also has the orphan `o`: then it was ended.
async fn place_of_c1() -> Place {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    for id in ["a", "b"] {
        session.desire(web(id), 1, 1).await;
        session.outcome().await;
        eventually("the record", || place.recorded(id) == Some(1)).await;
    }
    drop((session, scheduler));
    place.crash_agent().await;
    place.plant("o");
    place
}

/// Waits until the agent has dealt with everything that was sent before: what it is asked now is answered.
async fn dealt_with(session: &mut Session) {
    session.desire(web("marker"), 1, 1).await;
    session
        .next("marker", |up| match up {
            Up::Outcome(outcome) => (outcome.load_balancer_id == "marker").then_some(()),
            _ => None,
        })
        .await;
}

/// Waits for a heartbeat that says that this, and nothing else, runs and is not named.
async fn says_unclaimed(session: &mut Session, ids: &[&str]) {
    session
        .next("word of what is unclaimed", |up| match up {
            Up::Heartbeat(beat) => {
                (beat.unclaimed_ids == ids && usize::try_from(beat.unclaimed) == Ok(ids.len())).then_some(())
            }
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_complete_snapshot_of_the_same_cluster_removes_what_it_does_not_name() {
    let mut place = place_of_c1().await;
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(web("a"), 1, 1).await;
    assert_eq!(session.outcome().await.load_balancer_id, "a");
    dealt_with(&mut session).await;
    assert_eq!((place.generation("b"), place.generation("o")), (Some(1), Some(1)), "the snapshot is not complete");
    session.snapshot_done().await;
    let removed = session.removed().await;
    assert_eq!((removed.load_balancer_id.as_str(), removed.epoch), ("b", 1));
    eventually("the orphan to go", || place.generation("o").is_none()).await;
    assert_eq!((place.generation("a"), place.generation("b")), (Some(1), None));
    assert!(!place.ledger_entry("b").exists());
}

#[tokio::test]
async fn the_empty_snapshot_of_another_cluster_empties_no_host() {
    let mut place = place_of_c1().await;
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c2").await;
    session.snapshot_done().await;
    dealt_with(&mut session).await;
    for id in ["a", "b", "o"] {
        assert_eq!(place.generation(id), Some(1), "{id}");
    }
    says_unclaimed(&mut session, &["a", "b", "o"]).await;
    assert_eq!(fs::read_to_string(place.state().join("ledger/cluster")).unwrap(), "c1\n");
    let log = place.log();
    assert!(log.contains("another cluster") && log.contains("ledger/cluster"), "it says what to do");
    session.remove("a", 1).await;
    eventually("the refusal", || place.log().contains("not removed: another cluster made it")).await;
    assert_eq!(place.generation("a"), Some(1));
}

/// Restored from a backup, made anew with the same id, a copy that lags behind: it knows less than the agent was told.
#[tokio::test]
async fn a_database_that_knows_less_than_it_did_empties_no_host_also_when_it_knows_more_again() {
    let mut place = place_of_c1().await;
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let session = scheduler.session().await;
    session.welcome_at("c1", 100).await;
    session.desire(web("a"), 1, 1).await;
    session.desire(web("b"), 1, 1).await;
    session.desire(web("o"), 1, 1).await;
    session.snapshot_done().await;
    session.send(Down::Heard(Heard { number: 1, position: 120 })).await;
    let position = place.state().join("ledger/position");
    eventually("it to be remembered", || fs::read_to_string(&position).is_ok_and(|text| text == "120\n")).await;
    drop(session);
    place.crash_agent().await;
    for known in [119, 300] {
        place.start_agent();
        let mut session = scheduler.session().await;
        session.welcome_at("c1", known).await;
        session.desire(web("b"), 1, 1).await;
        session.snapshot_done().await;
        dealt_with(&mut session).await;
        for id in ["a", "b", "o"] {
            assert_eq!(place.generation(id), Some(1), "{id} at {known}");
        }
        let said = place.log().matches("knows less than it did, or").count();
        assert_eq!(said, 1, "once, while it knew less");
        session.remove("marker", 1).await;
        session.removed().await;
        drop(session);
        place.crash_agent().await;
    }
    // What is named again is as any other.
    place.start_agent();
    let mut session = scheduler.session().await;
    session.welcome_at("c1", 301).await;
    session.desire(web("a"), 1, 1).await;
    session.snapshot_done().await;
    assert_eq!(session.removed().await.load_balancer_id, "b");
    dealt_with(&mut session).await;
    session.remove("o", 1).await;
    eventually("what is told to go", || place.generation("o").is_none()).await;
    assert_eq!(place.generation("a"), Some(1));
}

#[tokio::test]
async fn what_another_cluster_desires_is_deployed_whatever_its_numbers() {
    let mut place = place_of_c1().await;
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c2").await;
    session.desire(web("a"), 0, 0).await;
    session.snapshot_done().await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.load_balancer_id.as_str(), outcome.epoch, outcome.fault), ("a", 0, None));
    says_unclaimed(&mut session, &["b", "o"]).await;
}

#[tokio::test]
async fn what_was_there_before_the_first_cluster_is_left_alone_also_after_a_restart() {
    let mut place = Place::new();
    place.plant("o");
    let mut scheduler = Scheduler::listen(&place.socket());
    for _ in 0..2 {
        place.start_agent();
        let mut session = scheduler.welcomed("c1").await;
        session.snapshot_done().await;
        let unclaimed = place.state().join("ledger/unclaimed");
        eventually("it to be remembered", || fs::read_to_string(&unclaimed).is_ok_and(|ids| ids == "o\n")).await;
        says_unclaimed(&mut session, &["o"]).await;
        dealt_with(&mut session).await;
        session.remove("marker", 1).await;
        session.removed().await;
        assert_eq!(place.generation("o"), Some(1));
        place.crash_agent().await;
    }
}

#[tokio::test]
async fn an_orphan_that_is_desired_after_all_is_deployed_and_not_removed() {
    let mut place = place_of_c1().await;
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.desire(web("o"), 2, 4).await;
    session.snapshot_done().await;
    let mut awaited = BTreeSet::from(["deployed o".to_owned(), "removed a".to_owned(), "removed b".to_owned()]);
    session
        .next("end", |up| {
            let told = match up {
                Up::Outcome(outcome) => format!("deployed {}", outcome.load_balancer_id),
                Up::Removed(removed) => format!("removed {}", removed.load_balancer_id),
                _ => return None,
            };
            assert!(awaited.remove(&told), "{told} was not to be");
            awaited.is_empty().then_some(())
        })
        .await;
    assert_eq!(place.generation("o"), Some(4));
}
