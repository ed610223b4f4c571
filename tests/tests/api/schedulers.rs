//! Several schedulers on one PostgreSQL: an agent has one session, whichever of them it dials, and what one is asked to
//! change another's agent does.

use std::time::Duration;

use ballast_lab::Postgres;
use ballast_proto::{
    agent::{LoadBalancerStatistics, StatisticsReport, agent_message, scheduler_message::Message},
    driver::Statistics,
    v1::{
        Kind, ListRequest, Liveness, WatchRequest, agents_client::AgentsClient, events_client::EventsClient,
        watch_response::Message as Watched,
    },
};
use ballast_service::config::Settings;
use serde_json::json;
use tonic::Code;

use crate::{
    played::Agent,
    services::{PATIENCE, Services, member, pool},
};

/// Far less than the 10 seconds after which a session looks by itself, and enough for a machine that is busy.
const SOON: Duration = Duration::from_secs(3);

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
    settings.agents.suspect_after_ms = 6_000;
    settings.agents.dead_after_ms = 12_000;
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let held = tokio::time::timeout(3 * PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(held.await.is_ok(), "{what}");
}

/// As this scheduler judges it. (REST's `alive` is true of Suspect ones too.)
async fn is_alive(services: &Services, host: &str) -> bool {
    let listed = AgentsClient::new(services.channel.clone()).list(ListRequest::default()).await.unwrap().into_inner();
    listed.agents.iter().any(|agent| agent.host == host && agent.liveness() == Liveness::Alive)
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
    assert_eq!(second.get("/v2.0/agents").await["agents"].as_array().map(Vec::len), Some(1));
    assert_eq!(second.get("/v2.0/agents").await["agents"][0]["id"], json!(agent.id));
}

async fn what_one_changes_another_ones_agent_is_told_at_once(server: &Postgres) {
    let (first, second) = two(server, |_| {}).await;
    let mut agent = Agent::connect(&second.channel, "a", "1").await.unwrap();
    agent.snapshot().await;
    until("the first hears of it", async || is_alive(&first, "a").await).await;
    let soon = async |agent: &mut Agent| {
        tokio::time::timeout(SOON, agent.desired()).await.expect("sooner than it looks itself")
    };
    let subnet = first.subnet().await;
    let pool = first.pool(&subnet).await;
    let mut desired = soon(&mut agent).await;
    agent.deployed(&desired).await;
    first.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;
    for last in 11..16 {
        first.create("/v2.0/lb/members", member(&pool, &format!("10.0.0.{last}"))).await;
        let next = soon(&mut agent).await;
        assert!(next.generation > desired.generation);
        agent.deployed(&next).await;
        desired = next;
    }
    for object in ["members", "pools"] {
        let listed = first.get(&format!("/v2.0/lb/{object}")).await;
        for one in listed[object].as_array().unwrap() {
            first.call("DELETE", &format!("/v2.0/lb/{object}/{}", one["id"].as_str().unwrap()), None).await;
        }
    }
    let removed = async {
        loop {
            match agent.next().await {
                Message::Remove(removal) => return removal,
                Message::Desired(next) => agent.deployed(&next).await,
                _ => {}
            }
        }
    };
    let removal = tokio::time::timeout(SOON, removed).await.expect("sooner than it looks itself");
    assert_eq!(removal.load_balancer_id, pool);
}

async fn what_one_changes_the_watches_of_another_are_told_before_it_looks(server: &Postgres) {
    let (first, second) = two(server, |settings| settings.events.poll_interval_ms = 3_600_000).await;
    let subnet = first.subnet().await;
    let mut watch =
        EventsClient::new(second.channel.clone()).watch(WatchRequest::default()).await.unwrap().into_inner();
    let mut next = async || watch.message().await.unwrap().expect("an open stream").message;
    while !matches!(next().await, Some(Watched::SnapshotDone(_))) {}
    let told = async { while !matches!(next().await, Some(Watched::Event(event)) if event.kind() == Kind::Pool) {} };
    let changing = async {
        // What is told waits for the transactions of others on that server: one more change asks again.
        loop {
            first.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let told = async {
        tokio::select! {
            () = told => {}
            () = changing => {}
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(5), told).await.is_ok(), "the second looks once an hour");
}

async fn what_was_counted_of_late_is_known_where_the_agent_has_its_session(server: &Postgres) {
    let (first, second) = two(server, |_| {}).await;
    let mut agent = Agent::connect(&first.channel, "counting", "1").await.unwrap();
    agent.snapshot().await;
    until("the second has heard of the agent", async || is_alive(&second, "counting").await).await;
    let subnet = second.subnet().await;
    let id = second.pool(&subnet).await;
    let desired = agent.desired().await;
    agent.deployed(&desired).await;
    let statistics = Some(Statistics { bytes_in: 5, ..Statistics::default() });
    let load_balancer_id = desired.load_balancer.unwrap().id;
    let one = LoadBalancerStatistics { load_balancer_id, epoch: desired.epoch, statistics, ..Default::default() };
    agent.say(agent_message::Message::Statistics(StatisticsReport { load_balancers: vec![one] })).await;
    let path = format!("/ballast/v1/loadbalancers/{id}/traffic");
    until("it is known where the agent is", async || !first.get(&path).await["traffic"]["known_since"].is_null()).await;
    let elsewhere = second.get(&path).await;
    assert_eq!(elsewhere["traffic"]["known_since"], serde_json::Value::Null, "{elsewhere}");
    assert_eq!(elsewhere["traffic"]["points"], json!([]));
}

async fn which_there_are_is_told_with_the_one_that_leads(server: &Postgres) {
    let (first, second) = two(server, |settings| settings.scheduler.advertise = "ctl:9697".to_owned()).await;
    let mut leaders = Vec::new();
    for services in [&first, &second] {
        let told = services.get("/ballast/v1/schedulers").await;
        let all = told["schedulers"].as_array().unwrap();
        let which = |flag: &str| -> Vec<serde_json::Value> {
            all.iter().filter(|one| one[flag] == true).map(|one| one["id"].clone()).collect()
        };
        assert_eq!((all.len(), which("leads").len(), which("answers").len()), (2, 1, 1), "{told}");
        assert!(all.iter().all(|one| one["address"] == "ctl:9697" && !one["heartbeat_at"].is_null()), "{told}");
        leaders.extend(which("leads"));
    }
    assert_eq!(leaders[0], leaders[1], "both say the same");
    // Agents are told of it, once.
    let mut agent = Agent::connect(&second.channel, "told", "1").await.unwrap();
    let told = async {
        loop {
            if let Message::Schedulers(told) = agent.next().await {
                return told.addresses;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, told).await.unwrap(), ["ctl:9697"]);
}

#[tokio::test]
async fn what_one_scheduler_changes_others_are_told_at_once() {
    let Some(server) = Postgres::start("what one of several schedulers changes").await else { return };
    Box::pin(what_one_changes_another_ones_agent_is_told_at_once(&server)).await;
    Box::pin(what_one_changes_the_watches_of_another_are_told_before_it_looks(&server)).await;
}

#[tokio::test]
async fn several_schedulers_on_postgresql_have_one_session_for_an_agent() {
    let Some(server) = Postgres::start("several schedulers on PostgreSQL").await else { return };
    Box::pin(of_two_instances_one_has_a_session(&server)).await;
    Box::pin(the_same_instance_replaces_its_session_wherever_it_was(&server)).await;
    Box::pin(a_scheduler_that_starts_leaves_the_agents_of_others_alone(&server)).await;
    Box::pin(the_agents_of_a_scheduler_that_was_killed_are_free_when_it_was_silent_for_long(&server)).await;
    Box::pin(an_agent_of_a_scheduler_that_stops_is_anybodys_at_once(&server)).await;
    Box::pin(what_was_counted_of_late_is_known_where_the_agent_has_its_session(&server)).await;
    Box::pin(which_there_are_is_told_with_the_one_that_leads(&server)).await;
}
