//! Several schedulers on one PostgreSQL: an agent has one session, whichever of them it dials, and what one is asked to
//! change another's agent does.

use std::time::Duration;

use ballast_lab::Postgres;
use ballast_proto::agent::scheduler_message::Message;
use ballast_service::config::Settings;
use serde_json::json;
use tonic::Code;

use crate::{
    played::Agent,
    services::{PATIENCE, Services},
};

/// Two, each with a gateway.
async fn two(server: &Postgres, adapt: impl Fn(&mut Settings)) -> (Services, Services) {
    let url = server.url();
    let of_this_database = |settings: &mut Settings| {
        settings.database.url.clone_from(&url);
        adapt(settings);
    };
    let first = Services::with(of_this_database).await;
    first.get("/v2.0/agents").await;
    let second = Services::with(of_this_database).await;
    second.get("/v2.0/agents").await;
    (first, second)
}

fn quick(settings: &mut Settings) {
    settings.agents.heartbeat_interval_ms = 200;
    settings.agents.suspect_after_ms = 2_000;
    settings.agents.dead_after_ms = 4_000;
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let held = tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(held.await.is_ok(), "{what}");
}

async fn is_alive(services: &Services, host: &str) -> bool {
    let listed = services.get(&format!("/v2.0/agents?host={host}")).await;
    listed["agents"][0]["alive"] == true
}

/// The rows of two instances of one host, dialling both schedulers at once, many times: one has a session each time.
async fn of_two_instances_one_has_a_session(server: &Postgres) {
    let (first, second) = two(server, |_| {}).await;
    for round in 0..10 {
        let host = format!("host-{round}");
        let (here, there) =
            tokio::join!(Agent::connect(&first.channel, &host, "1"), Agent::connect(&second.channel, &host, "2"),);
        let refused: Vec<Code> =
            [&here, &there].into_iter().filter_map(|one| Some(one.as_ref().err()?.code())).collect();
        assert_eq!(refused, [Code::AlreadyExists], "round {round}");
        // Whoever lost loses at either.
        let loser = if here.is_ok() { "2" } else { "1" };
        for services in [&first, &second] {
            let refused = Agent::connect(&services.channel, &host, loser).await.err().map(|status| status.code());
            assert_eq!(refused, Some(Code::AlreadyExists), "round {round}");
        }
        // Once it is gone the other one may have the name, at either.
        drop((here, there));
        let next = if round % 2 == 0 { &first } else { &second };
        until("the name is free", async || Agent::connect(&next.channel, &host, loser).await.is_ok()).await;
    }
}

async fn the_same_instance_replaces_its_session_wherever_it_was(server: &Postgres) {
    let (first, second) = two(server, |_| {}).await;
    let mut here = Agent::connect(&first.channel, "a", "1").await.unwrap();
    let mut there = Agent::connect(&second.channel, "a", "1").await.unwrap();
    assert_eq!(there.id, here.id);
    // The former scheduler lets go of its session.
    tokio::time::timeout(PATIENCE, async { while !matches!(here.next().await, Message::Drain(_)) {} }).await.unwrap();
    here.ended().await;
    until("it lives, as both know", async || is_alive(&first, "a").await && is_alive(&second, "a").await).await;
    there.snapshot().await;
    let again = Agent::connect(&first.channel, "a", "1").await.unwrap();
    tokio::time::timeout(PATIENCE, async { while !matches!(there.next().await, Message::Drain(_)) {} }).await.unwrap();
    drop(again);
}

async fn a_scheduler_that_starts_leaves_the_agents_of_others_alone(server: &Postgres) {
    let (first, second) = two(server, quick).await;
    let agent = Agent::connect(&first.channel, "a", "1").await.unwrap();
    let beating = async {
        loop {
            agent.heartbeat(vec![crate::played::ready_driver()]).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let watched = async {
        until("the second hears of it", async || is_alive(&second, "a").await).await;
        let url = first.database.clone();
        let third = Services::with(|settings| {
            quick(settings);
            settings.database.url = url;
        })
        .await;
        for _ in 0..100 {
            assert!(
                is_alive(&first, "a").await && is_alive(&second, "a").await,
                "the start of a third ended its session"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        until("the third hears of it", async || is_alive(&third, "a").await).await;
    };
    tokio::select! {
        () = beating => {}
        () = watched => {}
    }
}

async fn the_agents_of_a_scheduler_that_was_killed_are_free_when_it_was_silent_for_long(server: &Postgres) {
    let (mut first, second) = two(server, quick).await;
    let agent = Agent::connect(&first.channel, "a", "1").await.unwrap();
    until("the second hears of it", async || is_alive(&second, "a").await).await;
    first.kill();
    let refused = Agent::connect(&second.channel, "a", "2").await.err().map(|status| status.code());
    assert_eq!(refused, Some(Code::AlreadyExists), "it may live");
    until("its session is over", async || Agent::connect(&second.channel, "a", "2").await.is_ok()).await;
    drop(agent);
}

async fn an_agent_of_a_scheduler_that_stops_is_anybodys_at_once(server: &Postgres) {
    let (mut first, second) = two(server, |_| {}).await;
    let mut agent = Agent::connect(&first.channel, "a", "1").await.unwrap();
    first.stop();
    agent.ended().await;
    until("the name is free", async || Agent::connect(&second.channel, "a", "2").await.is_ok()).await;
    until("it lives", async || is_alive(&second, "a").await).await;
    assert_eq!(second.get("/v2.0/agents").await["agents"].as_array().map(Vec::len), Some(1));
    assert_eq!(second.get("/v2.0/agents").await["agents"][0]["id"], json!(agent.id));
}

#[tokio::test]
async fn several_schedulers_on_postgresql_have_one_session_for_an_agent() {
    let Some(server) = Postgres::start("several schedulers on PostgreSQL").await else { return };
    Box::pin(of_two_instances_one_has_a_session(&server)).await;
    Box::pin(the_same_instance_replaces_its_session_wherever_it_was(&server)).await;
    Box::pin(a_scheduler_that_starts_leaves_the_agents_of_others_alone(&server)).await;
    Box::pin(the_agents_of_a_scheduler_that_was_killed_are_free_when_it_was_silent_for_long(&server)).await;
    Box::pin(an_agent_of_a_scheduler_that_stops_is_anybodys_at_once(&server)).await;
}
