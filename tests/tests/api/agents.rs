//! Agents: sessions, liveness, placement.

use ballast_proto::{
    agent::{Desired, DriverReport, DriverState, agent_message, scheduler_message::Message},
    v1::{ListRequest, agents_client::AgentsClient},
};
use serde_json::json;
use tonic::Code;

use crate::{
    played::{Agent, obedient, ready_driver},
    services::{PATIENCE, Services, pool},
};

#[tokio::test]
async fn another_instance_of_a_living_host_is_refused_and_the_same_one_replaces_itself() {
    let services = Services::start().await;
    let mut first = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let refused = Agent::connect(&services.channel, "a", "2").await.err().unwrap();
    assert_eq!(refused.code(), Code::AlreadyExists, "{refused}");
    let again = Agent::connect(&services.channel, "a", "1").await.unwrap();
    assert_eq!(again.id, first.id);
    first.snapshot().await;
    assert!(matches!(first.next().await, Message::Drain(_)));
}

#[tokio::test]
async fn a_host_that_lost_its_stream_may_come_back_as_another_instance() {
    let services = Services::start().await;
    let first = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let id = first.id.clone();
    drop(first);
    let back = tokio::time::timeout(PATIENCE, async {
        loop {
            // The scheduler may not have seen the end of the stream yet.
            if let Ok(agent) = Agent::connect(&services.channel, "a", "2").await {
                return agent;
            }
        }
    });
    assert_eq!(back.await.unwrap().id, id);
}

#[tokio::test]
async fn an_agent_that_falls_silent_dies_and_lives_again_with_a_heartbeat() {
    let services = Services::start().await;
    let agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let alive = async || services.get("/v2.0/agents").await["agents"][0]["alive"].clone();
    assert_eq!(alive().await, json!(true));
    services.pass(21);
    tokio::time::timeout(PATIENCE, async { while alive().await != json!(false) {} }).await.unwrap();
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!((refused.status, refused.error().0), (404, "NoEligibleBackend"));
    agent.heartbeat(vec![ready_driver()]).await;
    tokio::time::timeout(PATIENCE, async { while alive().await != json!(true) {} }).await.unwrap();
    services.pool(&subnet).await;
    // It never dialled anew: what was refused meanwhile is placed though.
    let (mut agent, mut placed) = (agent, std::collections::HashSet::new());
    while placed.len() < 2 {
        placed.insert(agent.desired().await.load_balancer.unwrap().id);
    }
}

#[tokio::test]
async fn an_agent_that_says_more_than_it_may_is_refused_or_not_listened_to() {
    let services = Services::start().await;
    let refused = Agent::connect(&services.channel, "a", &"1".repeat(60 << 20)).await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(refused.message(), "Hello.instance_id is 62914560 long, and may be 1020");
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    agent.heartbeat(vec![DriverReport { reason: "dropped".to_owned(), ..ready_driver() }; 1_000]).await;
    agent.heartbeat(vec![DriverReport { reason: "kept".to_owned(), ..ready_driver() }]).await;
    let drivers = async || services.get("/v2.0/agents").await["agents"][0]["configurations"]["drivers"].clone();
    tokio::time::timeout(PATIENCE, async { while drivers().await[0]["reason"] != "kept" {} }).await.unwrap();
    assert_eq!(drivers().await.as_array().unwrap().len(), 1);
    services.pool(&services.subnet().await).await;
    agent.desired().await;
}

#[tokio::test]
async fn a_host_that_is_full_gets_nothing_until_it_has_room() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let reason = "IPv4 neighbours: 93 % of 1024 used";
    agent.heartbeat(vec![DriverReport { full: true, reason: reason.to_owned(), ..ready_driver() }]).await;
    let driver = async || services.get("/v2.0/agents").await["agents"][0]["configurations"]["drivers"][0].clone();
    tokio::time::timeout(PATIENCE, async { while driver().await["reason"] != reason {} }).await.unwrap();
    assert_eq!(driver().await["state"], "READY", "what is there is served on");
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!((refused.status, refused.error().0), (404, "NoEligibleBackend"));
    agent.heartbeat(vec![ready_driver()]).await;
    agent.desired().await;
}

#[tokio::test]
async fn a_pool_that_no_agent_could_take_stays_in_error_until_one_can() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    let left = services.get("/v2.0/lb/pools").await["pools"][0].clone();
    let id = left["id"].as_str().unwrap();
    assert_eq!(refused.error(), ("NoEligibleBackend", format!("No eligible backend for pool {id}").as_str()));
    assert_eq!((&left["status"], &left["status_description"]), (&json!("ERROR"), &json!("No eligible backend")));
    assert_eq!(services.get(&format!("/v2.0/lb/pools/{id}/loadbalancer-agent")).await, json!(null));
    let agent = obedient(&services.channel, "a").await;
    services.settled(&format!("/v2.0/lb/pools/{id}"), "ACTIVE").await;
    let hosting = services.get(&format!("/v2.0/lb/pools/{id}/loadbalancer-agent")).await;
    assert_eq!(hosting["agent"]["id"], json!(agent));
}

#[tokio::test]
async fn a_driver_that_becomes_ready_makes_its_agent_eligible() {
    let services = Services::start().await;
    let mut starting = ready_driver();
    // It has never run: nobody knows what it can do.
    starting.state = DriverState::Starting.into();
    starting.capabilities = None;
    let mut agent = Agent::with_drivers(&services.channel, "a", "1", vec![starting]).await.unwrap();
    let subnet = services.subnet().await;
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!(refused.status, 404);
    agent.heartbeat(vec![ready_driver()]).await;
    let desired = agent.desired().await;
    assert_eq!((desired.driver.as_str(), desired.epoch, desired.generation), ("haproxy-ns", 1, 1));
}

#[tokio::test]
async fn a_driver_that_is_started_again_gets_what_waits_for_it_and_not_for_ever() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let states = async || {
        let listed = AgentsClient::new(services.channel.clone()).list(ListRequest::default()).await.unwrap();
        listed.into_inner().agents[0].drivers[0].state.clone()
    };
    let starting = || DriverReport { state: DriverState::Starting.into(), ..ready_driver() };
    agent.heartbeat(vec![starting()]).await;
    tokio::time::timeout(PATIENCE, async { while states().await != "STARTING" {} }).await.unwrap();
    let id = services.pool(&subnet).await;
    assert_eq!(agent.desired().await.load_balancer.unwrap().id, id, "it waits for the driver at the agent");
    services.pass(61);
    // The agent is heard of all the time; its driver has had its chance.
    let refused = async || {
        agent.heartbeat(vec![starting()]).await;
        services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await.status
    };
    assert_eq!(refused().await, 404);
    assert_eq!(refused().await, 404);
}

#[tokio::test]
async fn a_pool_that_waits_is_placed_though_nobody_says_that_something_has_changed() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!(refused.status, 404);
    let id = services.get("/v2.0/lb/pools").await["pools"][0]["id"].as_str().unwrap().to_owned();
    let mut small = ready_driver();
    small.capabilities.as_mut().unwrap().max_load_balancers = 1;
    let mut agent = Agent::with_drivers(&services.channel, "a", "1", vec![small]).await.unwrap();
    assert_eq!(agent.desired().await.load_balancer.unwrap().id, id);
    assert_eq!(services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await.status, 404, "there is no room");
    services.call("DELETE", &format!("/v2.0/lb/pools/{id}"), None).await;
    let next = loop {
        if let Message::Desired(desired) = agent.next().await {
            break desired.load_balancer.unwrap().id;
        }
    };
    assert_ne!(next, id);
}

#[tokio::test]
async fn a_provider_without_an_agent_is_no_eligible_backend_and_an_unknown_one_is_refused() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let ask = async |provider: &str| {
        let mut body = pool(&subnet);
        body["pool"]["provider"] = json!(provider);
        services.call("POST", "/v2.0/lb/pools", Some(body)).await
    };
    assert_eq!(ask("HAProxy").await.object()["provider"], "haproxy");
    assert_eq!(ask("a10").await.error().0, "NoEligibleBackend");
    let unknown = ask("nope").await;
    let text = "Service provider 'nope' could not be found for service type LOADBALANCER";
    assert_eq!((unknown.status, unknown.error()), (400, ("ServiceProviderNotFound", text)));
}

#[tokio::test]
async fn without_a_default_provider_a_pool_names_its_own() {
    let services = Services::with(|settings| {
        for provider in &mut settings.providers {
            provider.default = false;
        }
    })
    .await;
    obedient(&services.channel, "a").await;
    let mut body = pool(&services.subnet().await);
    let refused = services.call("POST", "/v2.0/lb/pools", Some(body.clone())).await;
    let text = "Service type LOADBALANCER does not have a default service provider";
    assert_eq!((refused.status, refused.error()), (400, ("DefaultServiceProviderNotFound", text)));
    body["pool"]["provider"] = json!("haproxy");
    assert_eq!(services.create("/v2.0/lb/pools", body).await.object()["provider"], "haproxy");
}

#[tokio::test]
async fn an_agent_that_is_down_gets_nothing_new() {
    let services = Services::with_policy("least-loaded").await;
    let (one, _) = (obedient(&services.channel, "a").await, obedient(&services.channel, "b").await);
    let path = format!("/v2.0/agents/{one}");
    let down = services.call("PUT", &path, Some(json!({"agent": {"admin_state_up": false}}))).await;
    assert_eq!((down.status, &down.object()["admin_state_up"]), (200, &json!(false)));
    let subnet = services.subnet().await;
    for _ in 0..4 {
        services.pool(&subnet).await;
    }
    assert_eq!(services.get(&format!("{path}/loadbalancer-pools")).await["pools"], json!([]));
}

#[tokio::test]
async fn an_answer_of_a_former_owner_is_dropped() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let mut desired = agent.desired().await;
    desired.epoch += 1;
    agent.deployed(&desired).await;
    desired.epoch -= 1;
    agent.outcome(&desired, Some("mine")).await;
    let shown = services.settled(&format!("/v2.0/lb/pools/{pool}"), "ERROR").await;
    assert_eq!(shown["status_description"], "mine");
}

#[tokio::test]
async fn health_and_statistics_are_shown() {
    use ballast_proto::{
        agent::{HealthReport, LoadBalancerHealth, LoadBalancerStatistics, StatisticsReport},
        driver::{Health, MemberHealth, Statistics},
    };
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let member = services.create("/v2.0/lb/members", crate::services::member(&pool, "10.0.0.11")).await.id();
    let monitor = services.create("/v2.0/lb/health_monitors", crate::services::monitor()).await.id();
    let path = format!("/v2.0/lb/pools/{pool}/health_monitors");
    services.create(&path, json!({"health_monitor": {"id": monitor}})).await;
    let newest = loop {
        let desired = agent.desired().await;
        if desired.generation == 3 {
            break desired;
        }
    };
    agent.deployed(&newest).await;
    let health = |health: Health| {
        let (pool_id, member_id) = (pool.clone(), member.clone());
        let members = vec![MemberHealth { pool_id, member_id, health: health.into(), ..MemberHealth::default() }];
        let one = LoadBalancerHealth {
            load_balancer_id: pool.clone(),
            epoch: newest.epoch,
            members,
            ..LoadBalancerHealth::default()
        };
        agent_message::Message::Health(HealthReport { load_balancers: vec![one], ..HealthReport::default() })
    };
    let path = format!("/v2.0/lb/members/{member}");
    services.settled(&path, "ACTIVE").await;
    agent.say(health(Health::Down)).await;
    services.settled(&path, "INACTIVE").await;
    agent.say(health(Health::Up)).await;
    services.settled(&path, "ACTIVE").await;

    let statistics =
        Statistics { bytes_in: 1, bytes_out: 2, active_connections: 3, total_connections: 4, ..Statistics::default() };
    let one = LoadBalancerStatistics {
        load_balancer_id: pool.clone(),
        epoch: newest.epoch,
        statistics: Some(statistics),
        ..LoadBalancerStatistics::default()
    };
    agent.say(agent_message::Message::Statistics(StatisticsReport { load_balancers: vec![one] })).await;
    let want = json!({"stats": {"bytes_in": 1, "bytes_out": 2, "active_connections": 3, "total_connections": 4}});
    let path = format!("/v2.0/lb/pools/{pool}/stats");
    tokio::time::timeout(PATIENCE, async { while services.get(&path).await != want {} }).await.unwrap();
}

#[tokio::test]
async fn outcomes_that_come_together_count_each_for_its_load_balancer_and_in_their_order() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let mut desired = Vec::new();
    for _ in 0..4 {
        services.pool(&subnet).await;
        desired.push(agent.desired().await);
    }
    let path = |one: &Desired| format!("/v2.0/lb/pools/{}", one.load_balancer.as_ref().unwrap().id);
    let with_epoch = |one: &Desired, epoch| Desired { epoch, ..one.clone() };
    // Nobody waits in between: what has come is taken together.
    agent.outcome(&desired[0], Some("no memory")).await;
    agent.deployed(&with_epoch(&desired[3], 7)).await;
    agent.deployed(&desired[1]).await;
    agent.outcome(&desired[2], Some("no disk")).await;
    agent.deployed(&desired[0]).await;
    agent.heartbeat(vec![ready_driver()]).await;
    agent.outcome(&desired[1], Some("no more")).await;
    services.settled(&path(&desired[1]), "ERROR").await;
    services.settled(&path(&desired[0]), "ACTIVE").await;
    let failed = services.settled(&path(&desired[2]), "ERROR").await;
    assert_eq!(failed["status_description"], "no disk");
    // Of another placement: not said of this one.
    assert_eq!(services.get(&path(&desired[3])).await["pool"]["status"], "PENDING_CREATE");
}

#[tokio::test]
async fn a_deleted_agents_pools_are_placed_again_and_it_comes_back_with_a_new_id() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let first = agent.desired().await;
    let path = format!("/v2.0/agents/{}", agent.id);
    let refused = services.call("DELETE", &path, None).await;
    assert_eq!((refused.status, refused.error().0), (409, "AgentInUse"));
    assert!(refused.error().1.contains("has 1 load balancers, and 0 that it has yet to remove"), "{refused}");
    assert_eq!(services.call("DELETE", &format!("{path}?force=perhaps"), None).await.status, 400);
    assert_eq!(services.call("DELETE", &format!("{path}?force=true"), None).await.status, 204);
    assert!(matches!(agent.next().await, Message::SnapshotDone(_) | Message::Drain(_)));
    let mut again = Agent::connect(&services.channel, "a", "1").await.unwrap();
    assert_ne!(again.id, agent.id);
    let second = again.desired().await;
    assert_eq!(second.load_balancer.as_ref().unwrap().id, pool);
    assert!(second.epoch > first.epoch);
}

#[tokio::test]
async fn what_a_forgotten_agent_had_goes_to_others_or_nowhere_and_nothing_is_waited_for() {
    let services = Services::start().await;
    let mut first = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let moves = services.pool(&subnet).await;
    let desired = first.desired().await;
    first.deployed(&desired).await;
    // A tombstone, which it never confirms.
    let removed = services.pool(&subnet).await;
    first.desired().await;
    assert_eq!(services.call("DELETE", &format!("/v2.0/lb/pools/{removed}"), None).await.status, 204);
    let path = format!("/v2.0/agents/{}", first.id);
    let refused = services.call("DELETE", &path, None).await;
    assert!(refused.error().1.contains("has 1 load balancers, and 1 that it has yet to remove"), "{refused}");

    // Nobody else can take it: it is nowhere, and says so.
    assert_eq!(services.call("DELETE", &format!("{path}?force=true"), None).await.status, 204);
    let shown = services.settled(&format!("/v2.0/lb/pools/{moves}"), "ERROR").await;
    assert_eq!(shown["status_description"], "No eligible backend");
    assert_eq!(services.get("/v2.0/agents").await["agents"], json!([]));
    // Somebody can, by now; and from him another takes it when he is forgotten.
    let mut second = Agent::connect(&services.channel, "b", "1").await.unwrap();
    let taken = second.desired().await;
    assert_eq!(taken.load_balancer.as_ref().unwrap().id, moves);
    second.deployed(&taken).await;
    services.settled(&format!("/v2.0/lb/pools/{moves}"), "ACTIVE").await;
    let mut third = Agent::connect(&services.channel, "c", "1").await.unwrap();
    assert_eq!(services.call("DELETE", &format!("/v2.0/agents/{}?force=true", second.id), None).await.status, 204);
    let moved = third.desired().await;
    assert_eq!(moved.load_balancer.as_ref().unwrap().id, moves);
    assert!(moved.epoch > taken.epoch);
    // One that has nothing needs no force.
    let idle = Agent::connect(&services.channel, "d", "1").await.unwrap();
    assert_eq!(services.call("DELETE", &format!("/v2.0/agents/{}", idle.id), None).await.status, 204);
}
