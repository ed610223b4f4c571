//! A load balancer goes where a driver can do all that it uses, and waits when there is none.

use ballast_proto::{agent::DriverReport, driver::Capabilities};
use serde_json::json;

use crate::{
    played::{Agent, ready_driver},
    services::{PATIENCE, Services, member, monitor, pool, vip},
};

/// An agent whose driver can do all of v1, but for a change.
async fn agent(services: &Services, host: &str, change: impl FnOnce(&mut Capabilities)) -> Agent {
    let mut driver = ready_driver();
    let capabilities = driver.capabilities.as_mut().unwrap();
    capabilities.features.push("ipv6".to_owned());
    change(capabilities);
    Agent::with_drivers(&services.channel, host, "1", vec![driver]).await.unwrap()
}

#[tokio::test]
async fn a_pool_is_placed_where_everything_that_it_uses_by_then_can_be_served() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!(refused.error().0, "NoEligibleBackend", "there is no agent yet");
    let id = services.get("/v2.0/lb/pools").await["pools"][0]["id"].as_str().unwrap().to_owned();
    // All this comes after the pool, as always in v1.
    let mut vip = vip(&subnet, &id);
    vip["vip"]["session_persistence"] = json!({"type": "HTTP_COOKIE"});
    services.create("/v2.0/lb/vips", vip).await;
    for address in ["10.0.0.201", "fd00::1"] {
        services.create("/v2.0/lb/members", member(&id, address)).await;
    }
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await;
    let associate = json!({"health_monitor": {"id": monitor.id()}});
    services.create(&format!("/v2.0/lb/pools/{id}/health_monitors"), associate).await;

    let kind = format!("monitor:{}", monitor.object()["type"].as_str().unwrap());
    let lacking = ["protocol:HTTP", "lb_method:ROUND_ROBIN", "persistence:HTTP_COOKIE", "ipv6", kind.as_str()];
    let mut agents = Vec::new();
    for feature in lacking {
        let without = |capabilities: &mut Capabilities| capabilities.features.retain(|one| one != feature);
        agents.push(agent(&services, feature, without).await);
    }
    agents.push(agent(&services, "small", |capabilities| capabilities.max_members = 1).await);
    // Had one of these been good enough, it would have it.
    let mut able = agent(&services, "able", |capabilities| capabilities.max_members = 2).await;
    let desired = able.desired().await.load_balancer.unwrap();
    assert_eq!(desired.id, id);
    let hosting = services.get(&format!("/v2.0/lb/pools/{id}/loadbalancer-agent")).await;
    assert_eq!(hosting["agent"]["id"], json!(able.id));
}

#[tokio::test]
async fn a_driver_with_room_for_two_load_balancers_gets_two() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let _agent = agent(&services, "a", |capabilities| capabilities.max_load_balancers = 2).await;
    for _ in 0..2 {
        services.pool(&subnet).await;
    }
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!(refused.error().0, "NoEligibleBackend");
}

#[tokio::test]
async fn a_driver_that_was_away_and_comes_back_can_do_what_it_could_though_its_agent_does_not_say_again() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let mut agent = agent(&services, "a", |_| {}).await;
    agent.snapshot().await;
    let configurations = || async { services.get("/v2.0/agents").await["agents"][0]["configurations"].to_string() };
    agent.heartbeat(Vec::new()).await;
    wait_for("the driver's end", || async { !configurations().await.contains("haproxy-ns") }).await;
    // Agents up to 0.1.0 tell capabilities once for each stream.
    let back = DriverReport { capabilities: None, ..ready_driver() };
    agent.heartbeat(vec![back]).await;
    wait_for("the driver", || async { configurations().await.contains("haproxy-ns") }).await;
    let placed = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!(placed.status, 201, "{placed}");
}

#[tokio::test]
async fn a_driver_that_is_ready_and_was_never_told_of_is_not_believed_to_do_nothing() {
    let services = Services::start().await;
    let mut agent = agent(&services, "a", |_| {}).await;
    agent.snapshot().await;
    let unknown = DriverReport { name: "other".to_owned(), capabilities: None, ..ready_driver() };
    agent.heartbeat(vec![ready_driver(), unknown]).await;
    // It is asked to connect anew, and then tells everything.
    assert!(tokio::time::timeout(PATIENCE, agent.ended()).await.is_ok(), "the session goes on");
}

async fn wait_for<F: Future<Output = bool>>(what: &str, probe: impl Fn() -> F) {
    let asked = async {
        while !probe().await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}
