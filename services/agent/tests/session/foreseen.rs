//! What the scheduler asks about a deploy, and what serves and is not what was deployed.

use std::{fs, time::Duration};

use ballast_proto::{
    agent::{Foresee, Foreseen, agent_message::Message as Up, scheduler_message::Message as Down},
    driver::{Effect, LoadBalancer},
};
use tokio::time::Instant;

use crate::{
    place::{Place, eventually, named, web},
    scheduler::{Scheduler, Session},
};

async fn ask(session: &Session, number: u64, load_balancer: LoadBalancer, driver: &str) {
    let (load_balancer, driver) = (Some(load_balancer), driver.to_owned());
    session.send(Down::Foresee(Foresee { number, load_balancer, driver, generation: 8 })).await;
}

async fn answer(session: &mut Session) -> Foreseen {
    session
        .next("an answer", |message| match message {
            Up::Foreseen(foreseen) => Some(foreseen),
            _ => None,
        })
        .await
}

/// Its effect, or why it is not known.
fn said(foreseen: Foreseen) -> Result<Effect, String> {
    match foreseen.preview {
        Some(preview) => Ok(preview.effect()),
        None => Err(foreseen.fault.unwrap_or_default().message),
    }
}

#[tokio::test]
async fn a_question_about_a_deploy_is_answered_and_changes_nothing() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.snapshot_done().await;
    session.desire(web("a"), 1, 7).await;
    session.outcome().await;
    for (number, asked, driver, expected) in [
        (11, web("a"), "fault", Ok(Effect::None)),
        (12, named("a", "another"), "fault", Ok(Effect::Runtime)),
        (u64::MAX, web("b"), "fault", Ok(Effect::Restart)),
        (14, web("a"), "none", Err("the agent's driver is not available".to_owned())),
        (15, named("a", "fail in preview: no idea"), "fault", Err("no idea".to_owned())),
    ] {
        ask(&session, number, asked, driver).await;
        let foreseen = answer(&mut session).await;
        assert_eq!((foreseen.number, said(foreseen)), (number, expected));
    }
    assert_eq!((place.generation("a"), place.generation("b")), (Some(7), None));
}

#[tokio::test]
async fn a_driver_that_hangs_over_a_question_delays_no_deploy_and_the_answer_is_there_in_time() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.snapshot_done().await;
    session.desire(web("a"), 1, 7).await;
    session.outcome().await;
    let begun = Instant::now();
    ask(&session, 1, named("a", "slow 6000ms in preview"), "fault").await;
    session.desire(web("b"), 1, 3).await;
    assert_eq!(session.outcome().await.generation, 3);
    assert!(begun.elapsed() < Duration::from_secs(2), "a deploy has waited for a question");
    assert_eq!(said(answer(&mut session).await), Err("the driver did not answer in time".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn more_questions_than_can_be_asked_at_once_are_answered_at_once() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.snapshot_done().await;
    session.desire(web("a"), 1, 7).await;
    session.outcome().await;
    for number in 1..=5 {
        ask(&session, number, named("a", "slow 1000ms in preview"), "fault").await;
    }
    let first = answer(&mut session).await;
    assert_eq!((first.number, said(first)), (5, Err("the agent is asked too much at once".to_owned())));
    for _ in 1..5 {
        assert!(said(answer(&mut session).await).is_ok());
    }
}

#[tokio::test]
async fn what_serves_another_generation_than_was_deployed_is_deployed_again() {
    let mut place = Place::new();
    let mut scheduler = Scheduler::listen(&place.socket());
    place.start_agent();
    let mut session = scheduler.welcomed("c1").await;
    session.snapshot_done().await;
    session.desire(web("a"), 1, 7).await;
    session.outcome().await;
    let reports = place.deployed_file("a").with_extension("serves");
    fs::write(&reports, "6").unwrap();
    // The driver's own notes say 7 all the time.
    eventually("the deploy that mends it", || !reports.exists()).await;
    assert_eq!(place.generation("a"), Some(7));
    eventually("that it is said", || place.log().contains("drifted: what serves it is another generation")).await;
}
