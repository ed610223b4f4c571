//! Failover: what happens to load balancers of an agent that is Dead.

use ballast_proto::{
    agent::{AddressConflict, LoadBalancerStatistics, StatisticsReport, agent_message, scheduler_message::Message},
    driver::Statistics,
};
use serde_json::json;

use crate::{
    played::{Agent, obedient, ready_driver},
    services::{PATIENCE, Services, pool},
};

/// Seconds after which an agent that said nothing is Dead.
const DEAD: u64 = 21;

async fn agent_of(services: &Services, pool: &str) -> serde_json::Value {
    services.get(&format!("/v2.0/lb/pools/{pool}/loadbalancer-agent")).await["agent"]["id"].clone()
}

/// Whether the agent is not Dead.
async fn is_alive(services: &Services, host: &str) -> bool {
    let listed = services.get("/v2.0/agents").await;
    let agent = listed["agents"].as_array().unwrap().iter().find(|agent| agent["host"] == host);
    agent.unwrap()["alive"] == true
}

/// Waits until the condition holds.
async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let held = tokio::time::timeout(PATIENCE, async { while !condition().await {} }).await;
    assert!(held.is_ok(), "{what}");
}

async fn counted(agent: &Agent, pool: &str, epoch: u64, bytes_in: u64) {
    let statistics = Statistics {
        bytes_in,
        bytes_out: 0,
        active_connections: 1,
        total_connections: bytes_in,
        ..Statistics::default()
    };
    let (load_balancer_id, statistics) = (pool.to_owned(), Some(statistics));
    let one = LoadBalancerStatistics { load_balancer_id, epoch, statistics, ..LoadBalancerStatistics::default() };
    agent.say(agent_message::Message::Statistics(StatisticsReport { load_balancers: vec![one] })).await;
}

async fn bytes_in(services: &Services, pool: &str) -> serde_json::Value {
    services.get(&format!("/v2.0/lb/pools/{pool}/stats")).await["stats"]["bytes_in"].clone()
}

#[tokio::test]
async fn what_a_dead_agent_ran_moves_and_is_removed_from_it_when_it_returns() {
    let services = Services::start().await;
    let mut dying = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let first = dying.desired().await;
    dying.deployed(&first).await;
    services.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;
    counted(&dying, &pool, first.epoch, 100).await;
    until("the first counters", async || bytes_in(&services, &pool).await == 100).await;

    let mut heir = Agent::connect(&services.channel, "b", "1").await.unwrap();
    services.pass(DEAD);
    heir.heartbeat(vec![ready_driver()]).await;
    let second = heir.desired().await;
    assert_eq!(second.load_balancer.as_ref().unwrap().id, pool);
    assert_eq!((second.generation, second.epoch), (first.generation, first.epoch + 1));
    assert_eq!(agent_of(&services, &pool).await, json!(heir.id));
    let moving = services.get(&format!("/v2.0/lb/pools/{pool}")).await;
    assert_eq!(moving["pool"]["status"], "PENDING_UPDATE");
    heir.deployed(&second).await;
    services.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;

    // The heir counts from zero; what is shown does not go back.
    counted(&heir, &pool, second.epoch, 7).await;
    until("the counters of both", async || bytes_in(&services, &pool).await == 107).await;
    // The former owner has no say any more, and is told to let go.
    counted(&dying, &pool, first.epoch, 5000).await;
    let removal = loop {
        if let Message::Remove(removal) = dying.next().await {
            break removal;
        }
    };
    assert_eq!((removal.load_balancer_id.as_str(), removal.epoch), (pool.as_str(), first.epoch));
    dying.removed(&pool, removal.epoch).await;
    counted(&heir, &pool, second.epoch, 8).await;
    until("the counters of both again", async || bytes_in(&services, &pool).await == 108).await;
}

#[tokio::test]
async fn a_load_balancer_goes_back_to_its_first_agent_when_the_second_dies_too() {
    let services = Services::start().await;
    let mut a = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let first = a.desired().await;
    let mut b = Agent::connect(&services.channel, "b", "1").await.unwrap();
    services.pass(DEAD);
    b.heartbeat(vec![ready_driver()]).await;
    assert_eq!(b.desired().await.epoch, first.epoch + 1);
    // a never said that it removed it.
    services.pass(DEAD);
    a.heartbeat(vec![ready_driver()]).await;
    let last = loop {
        if let Message::Desired(desired) = a.next().await {
            break desired;
        }
    };
    assert_eq!((last.load_balancer.as_ref().unwrap().id.as_str(), last.epoch), (pool.as_str(), first.epoch + 2));
    a.deployed(&last).await;
    services.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;
    assert_eq!(agent_of(&services, &pool).await, json!(a.id));
}

#[tokio::test]
async fn nothing_moves_while_more_than_half_of_the_agents_are_dead() {
    let services = Services::with_policy("least-loaded").await;
    let mut agents = Vec::new();
    for host in ["a", "b", "c"] {
        agents.push(Agent::connect(&services.channel, host, "1").await.unwrap());
    }
    let subnet = services.subnet().await;
    let mut pools = Vec::new();
    for _ in 0..3 {
        pools.push(services.pool(&subnet).await);
    }
    let mut before = Vec::new();
    for pool in &pools {
        before.push(agent_of(&services, pool).await);
    }
    // Each is found Dead at a moment of its own. While only one of them is, none lives that could take what it has.
    services.pass(DEAD);
    for host in ["a", "b", "c"] {
        until("it is dead", async || !is_alive(&services, host).await).await;
    }
    // One lives of three. A second one comes back, and only then what the third has moves.
    agents[2].heartbeat(vec![ready_driver()]).await;
    until("c lives", async || is_alive(&services, "c").await).await;
    let settled = tokio::time::timeout(std::time::Duration::from_secs(3), async {
        loop {
            for (pool, agent) in pools.iter().zip(&before) {
                assert_eq!(agent_of(&services, pool).await, *agent, "it moved while two of three were dead");
            }
        }
    });
    assert!(settled.await.is_err());
    // On a busy machine the first heartbeat may be long ago by now.
    for number in [1, 2] {
        agents[number].heartbeat(vec![ready_driver()]).await;
    }
    let of_a = pools.iter().zip(&before).find(|(_, agent)| **agent == json!(agents[0].id)).map(|(pool, _)| pool);
    let of_a = of_a.expect("least-loaded gave one to each");
    until("what a had moves", async || agent_of(&services, of_a).await != json!(agents[0].id)).await;
}

#[tokio::test]
async fn what_nobody_else_can_take_stays_and_moves_once_somebody_can() {
    let services = Services::start().await;
    let dying = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool_id = services.pool(&services.subnet().await).await;
    let mut unable = ready_driver();
    unable.capabilities.as_mut().unwrap().features.retain(|feature| !feature.starts_with("lb_method:"));
    let other = Agent::with_drivers(&services.channel, "b", "1", vec![unable.clone()]).await.unwrap();
    services.pass(DEAD);
    other.heartbeat(vec![unable]).await;
    until("a is dead", async || !is_alive(&services, "a").await).await;
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&services.subnet().await))).await;
    assert_eq!(refused.error().0, "NoEligibleBackend");
    assert_eq!(agent_of(&services, &pool_id).await, json!(dying.id));
    let able = obedient(&services.channel, "c").await;
    until("it moves", async || agent_of(&services, &pool_id).await == json!(able)).await;
    services.settled(&format!("/v2.0/lb/pools/{pool_id}"), "ACTIVE").await;
}

#[tokio::test]
async fn without_failover_everything_stays() {
    let services = Services::with(|settings| settings.failover.enabled = false).await;
    let dying = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let other = Agent::connect(&services.channel, "b", "1").await.unwrap();
    services.pass(DEAD);
    other.heartbeat(vec![ready_driver()]).await;
    let moved = tokio::time::timeout(std::time::Duration::from_secs(3), async {
        while agent_of(&services, &pool).await == json!(dying.id) {}
    });
    assert!(moved.await.is_err(), "it moved");
}

/// Whether it stays where it is for as long as failover looks thrice.
async fn stays(services: &Services, pool: &str, agent: &str) {
    let moved = tokio::time::timeout(std::time::Duration::from_secs(3), async {
        while agent_of(services, pool).await == json!(agent) {}
    });
    assert!(moved.await.is_err(), "it moved");
}

#[tokio::test]
async fn a_clock_that_jumps_moves_nothing_and_keeps_nothing_from_moving() {
    let services = Services::start().await;
    let quiet = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let mut heir = Agent::connect(&services.channel, "b", "1").await.unwrap();
    // Past the time after its start in which a scheduler moves nothing.
    services.pass(11);
    quiet.heartbeat(vec![ready_driver()]).await;
    heir.heartbeat(vec![ready_driver()]).await;
    services.pass(10);
    quiet.heartbeat(vec![ready_driver()]).await;
    heir.heartbeat(vec![ready_driver()]).await;
    services.jump(3600);
    stays(&services, &pool, &quiet.id).await;
    services.jump(-7200);
    stays(&services, &pool, &quiet.id).await;
    services.pass(DEAD);
    services.jump(-3600);
    heir.heartbeat(vec![ready_driver()]).await;
    assert_eq!(heir.desired().await.load_balancer.unwrap().id, pool, "who died while clocks went back died though");
}

#[tokio::test]
async fn a_scheduler_that_stood_still_moves_nothing_off_an_agent_that_dials_anew() {
    let services = Services::with(|settings| {
        settings.agents.heartbeat_interval_ms = 250;
        settings.agents.suspect_after_ms = 2_000;
        settings.agents.dead_after_ms = 4_000;
    })
    .await;
    let one = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let id = one.id.clone();
    let pool = services.pool(&services.subnet().await).await;
    let others = [
        Agent::connect(&services.channel, "b", "1").await.unwrap(),
        Agent::connect(&services.channel, "c", "1").await.unwrap(),
    ];
    let beats = async |agents: &[&Agent], of: std::time::Duration| {
        let until = tokio::time::Instant::now() + of;
        while tokio::time::Instant::now() < until {
            for agent in agents {
                agent.heartbeat(vec![ready_driver()]).await;
            }
            assert_eq!(agent_of(&services, &pool).await, json!(id));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    // As old as a scheduler must be that moves something.
    beats(&[&one, &others[0], &others[1]], std::time::Duration::from_millis(4_500)).await;
    // What it said last is stored.
    beats(&[&others[0], &others[1]], std::time::Duration::from_millis(1_000)).await;
    // All stop, because this test has one thread. The agent got no answer, gave its stream up, and waits before it dials.
    drop(one);
    std::thread::sleep(std::time::Duration::from_secs(5));
    beats(&[&others[0], &others[1]], std::time::Duration::from_millis(2_500)).await;
    let again = Agent::connect(&services.channel, "a", "1").await.unwrap();
    assert_eq!(again.id, id);
    beats(&[&again, &others[0], &others[1]], std::time::Duration::from_millis(2_500)).await;
}

#[tokio::test]
async fn agents_that_are_heard_of_live_while_the_store_takes_nothing() {
    let services = Services::with(|settings| {
        settings.agents.heartbeat_interval_ms = 250;
        settings.agents.suspect_after_ms = 1_000;
        settings.agents.dead_after_ms = 2_000;
    })
    .await;
    let mut one = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let desired = one.desired().await;
    let two = Agent::connect(&services.channel, "b", "1").await.unwrap();
    let beats = async |of: std::time::Duration, looked_at: bool| {
        let until = tokio::time::Instant::now() + of;
        while tokio::time::Instant::now() < until {
            one.heartbeat(vec![ready_driver()]).await;
            two.heartbeat(vec![ready_driver()]).await;
            let listed = services.get("/v2.0/agents").await;
            for agent in listed["agents"].as_array().unwrap().iter().filter(|_| looked_at) {
                assert_eq!(agent["alive"], true, "{agent}");
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    // As old as a scheduler must be that moves something.
    beats(std::time::Duration::from_secs(3), false).await;
    let beside = ballast_store::Store::open(&services.database).await.unwrap();
    let slow = beside.write(|_, _| {
        Box::pin(async {
            tokio::time::sleep(std::time::Duration::from_secs(6)).await;
            Ok(())
        })
    });
    let held_up = async {
        // The writer has its turn before the outcomes come, and they before any heartbeat.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        for _ in 0..100 {
            one.deployed(&desired).await;
        }
        beats(std::time::Duration::from_secs(7), true).await;
    };
    let (written, ()) = tokio::join!(slow, held_up);
    written.unwrap();
    assert_eq!(agent_of(&services, &pool).await, json!(one.id));
    services.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;
}

#[tokio::test]
async fn that_it_is_paused_and_who_contests_an_address_is_in_the_overview() {
    let services = Services::start().await;
    let (mut first, second) = (
        Agent::connect(&services.channel, "a", "1").await.unwrap(),
        Agent::connect(&services.channel, "b", "1").await.unwrap(),
    );
    let third = Agent::connect(&services.channel, "c", "1").await.unwrap();
    let subnet = services.subnet().await;
    // One of them on each.
    let mut pools = Vec::new();
    let mut owners = std::collections::BTreeSet::new();
    while owners.len() < 3 {
        let pool = services.pool(&subnet).await;
        owners.insert(agent_of(&services, &pool).await.to_string());
        pools.push(pool);
    }
    let overview = async || services.get("/ballast/v1/overview").await["overview"].clone();
    let before = overview().await;
    let course = json!({"enabled": true, "paused": false, "dead": 0, "of": 0, "drains": true});
    assert_eq!((&before["failover"], &before["contested"]), (&course, &json!([])));

    let desired = first.desired().await;
    let id = desired.load_balancer.as_ref().unwrap().id.clone();
    for _ in 0..2 {
        let conflict = AddressConflict {
            load_balancer_id: id.clone(),
            epoch: desired.epoch,
            address: "10.0.0.5".to_owned(),
            mac: "fa:16:3e:00:00:01".to_owned(),
            withdrawn: false,
        };
        first.say(agent_message::Message::AddressConflict(conflict)).await;
    }
    until("who contests it", async || overview().await["contested"][0]["count"] == 2).await;
    let contested = overview().await["contested"][0].clone();
    let what = "fa:16:3e:00:00:01 says that 10.0.0.5 is theirs, it is kept";
    assert_eq!((&contested["loadbalancer_id"], &contested["what"]), (&json!(id), &json!(what)));

    services.pass(DEAD);
    third.heartbeat(vec![ready_driver()]).await;
    until("the pause", async || overview().await["failover"]["paused"] == true).await;
    let paused = overview().await["failover"].clone();
    assert_eq!((&paused["dead"], &paused["of"]), (&json!(2), &json!(3)));
    let page = ballast_service::http::plain().unwrap().get(format!("{}/ui/", services.url)).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("Failover is paused: 2 of 3 agents died at once"), "{page}");
    assert!(page.contains("10.0.0.5 is theirs"), "{page}");
    second.heartbeat(vec![ready_driver()]).await;
    until("the end of the pause", async || overview().await["failover"]["paused"] == false).await;
}
