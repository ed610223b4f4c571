//! A load balancer goes where its network can be plugged into, and waits, with the reason, where none can.

use ballast_proto::{agent::DriverReport, agent::scheduler_message::Message};
use serde_json::{Value, json};

use crate::{
    played::{Agent, obedient, ready_driver},
    services::{Services, pool, vip},
};

/// Its driver can plug into these, and has some.
fn plugged(network_types: &[&str], physical_networks: &[&str]) -> DriverReport {
    let mut driver = ready_driver();
    let capabilities = driver.capabilities.as_mut().unwrap();
    capabilities.network_types = network_types.iter().map(|text| (*text).to_owned()).collect();
    capabilities.physical_networks = physical_networks.iter().map(|text| (*text).to_owned()).collect();
    driver.digest = format!("{network_types:?}{physical_networks:?}");
    driver
}

async fn agent(services: &Services, host: &str, network_types: &[&str], physical_networks: &[&str]) -> Agent {
    let driver = plugged(network_types, physical_networks);
    Agent::with_drivers(&services.channel, host, "1", vec![driver]).await.unwrap()
}

fn bridged(physical: &str) -> Value {
    json!({"name": physical, "provider:network_type": "bridge", "provider:physical_network": physical})
}

async fn host_of(services: &Services, pool: &str) -> Value {
    services.get(&format!("/v2.0/lb/pools/{pool}/loadbalancer-agent")).await["agent"]["id"].clone()
}

#[tokio::test]
async fn a_network_that_no_agent_can_plug_into_is_no_eligible_backend_until_one_can() {
    let services = Services::start().await;
    let _own = agent(&services, "own", &["own"], &[]).await;
    let _front = agent(&services, "front", &["own", "bridge"], &["front"]).await;
    let vlan = json!({"name": "v", "provider:network_type": "vlan", "provider:physical_network": "back",
        "provider:segmentation_id": 7});
    let mut waiting = Vec::new();
    for (network, said) in [
        (bridged("back"), "a network of type bridge on physical network back"),
        (vlan, "a network of type vlan on physical network back"),
        (
            json!({"name": "x", "provider:network_type": "vxlan", "provider:segmentation_id": 7}),
            "a network of type vxlan",
        ),
    ] {
        let subnet = services.subnet_on(network, "10.0.0.0/24").await;
        let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
        let pools = services.get(&format!("/v2.0/lb/pools?subnet_id={subnet}")).await;
        let left = pools["pools"][0].clone();
        let id = left["id"].as_str().unwrap().to_owned();
        assert_eq!(refused.status, 404, "{refused}");
        assert_eq!(refused.error(), ("NoEligibleBackend", format!("No eligible backend for pool {id}").as_str()));
        let why = format!("No eligible backend: no agent can plug into {said}");
        assert_eq!((&left["status"], &left["status_description"]), (&json!("ERROR"), &json!(why)));
        waiting.push(id);
    }
    // It is placed by itself where one comes that can, one that says nothing among them.
    let mut back = agent(&services, "back", &["bridge"], &["back"]).await;
    assert_eq!(back.desired().await.load_balancer.unwrap().id, waiting[0]);
    let silent = obedient(&services.channel, "silent").await;
    for id in &waiting[1..] {
        services.settled(&format!("/v2.0/lb/pools/{id}"), "ACTIVE").await;
        assert_eq!(host_of(&services, id).await, json!(silent));
    }
}

#[tokio::test]
async fn an_agent_that_learns_to_plug_into_a_network_gets_what_waited_for_that() {
    let services = Services::start().await;
    let mut agent = agent(&services, "a", &["own"], &[]).await;
    let subnet = services.subnet_on(bridged("front"), "10.0.0.0/24").await;
    let refused = services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!(refused.error().0, "NoEligibleBackend");
    let shown = async || services.get("/v2.0/agents").await["agents"][0]["configurations"]["drivers"][0].clone();
    assert_eq!(shown().await["network_types"], json!(["own"]));
    let mut report = plugged(&["own", "bridge"], &["front"]);
    let remarks = (0..40).map(|number| format!("{number} is\nmissing{}", "!".repeat(300))).collect();
    report.capabilities.as_mut().unwrap().remarks = remarks;
    agent.heartbeat(vec![report]).await;
    agent.desired().await;
    let driver = shown().await;
    assert_eq!(driver["network_types"], json!(["bridge", "own"]));
    assert_eq!(driver["physical_networks"], json!(["front"]));
    let remarks: Vec<&str> = driver["remarks"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!((remarks.len(), remarks[31].len()), (32, 255));
    assert!(remarks[0].starts_with("0 is missing!"), "{}", remarks[0]);
}

#[tokio::test]
async fn a_vip_on_another_network_than_its_pools_takes_the_pool_where_that_is_plugged() {
    let services = Services::start().await;
    let mut back = agent(&services, "back", &["bridge"], &["back"]).await;
    let members = services.subnet_on(bridged("back"), "10.1.0.0/24").await;
    let clients = services.subnet_on(bridged("front"), "10.2.0.0/24").await;
    let pool = services.pool(&members).await;
    assert_eq!(back.desired().await.load_balancer.unwrap().id, pool);
    let refused = services.call("POST", "/v2.0/lb/vips", Some(vip(&clients, &pool))).await;
    assert_eq!((refused.status, refused.error().0), (404, "NoEligibleBackend"), "{refused}");
    assert_eq!(services.get("/v2.0/lb/vips").await["vips"], json!([]), "nothing of it is left");
    assert_eq!(host_of(&services, &pool).await, json!(back.id));

    let mut front = agent(&services, "front", &["bridge"], &["front"]).await;
    services.create("/v2.0/lb/vips", vip(&clients, &pool)).await;
    let desired = front.desired().await;
    let vip = desired.load_balancer.unwrap().vip.unwrap();
    assert_eq!(vip.network.unwrap().physical_network, "front");
    assert_eq!(host_of(&services, &pool).await, json!(front.id));
    let removal = loop {
        if let Message::Remove(removal) = back.next().await {
            break removal;
        }
    };
    assert_eq!(removal.load_balancer_id, pool);
}

#[tokio::test]
async fn what_a_dead_agent_ran_moves_only_where_its_network_is_plugged() {
    let services = Services::start().await;
    let mut dying = agent(&services, "dying", &["bridge"], &["front"]).await;
    let subnet = services.subnet_on(bridged("front"), "10.0.0.0/24").await;
    let pool = services.pool(&subnet).await;
    dying.desired().await;
    let other = agent(&services, "other", &["bridge"], &["back"]).await;
    let mut heir = agent(&services, "heir", &["bridge"], &["front"]).await;
    services.pass(21);
    other.heartbeat(vec![plugged(&["bridge"], &["back"])]).await;
    heir.heartbeat(vec![plugged(&["bridge"], &["front"])]).await;
    assert_eq!(heir.desired().await.load_balancer.unwrap().id, pool);
    assert_eq!(host_of(&services, &pool).await, json!(heir.id));
}
