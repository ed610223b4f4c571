//! Vips and their addresses: never one address twice, and never before its last owner has let go of it.

use std::collections::BTreeSet;

use ballast_proto::agent::scheduler_message::Message;
use serde_json::json;

use crate::{
    played::{Agent, obedient},
    services::{Services, vip},
};

#[tokio::test]
async fn an_address_is_allocated_given_or_refused() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let ask = async |address: Option<&str>| {
        let mut body = vip(&subnet, &services.pool(&subnet).await);
        if let Some(address) = address {
            body["vip"]["address"] = json!(address);
        }
        services.call("POST", "/v2.0/lb/vips", Some(body)).await
    };
    assert_eq!(ask(None).await.object()["address"], "10.0.0.2");
    assert_eq!(ask(Some("10.0.0.77")).await.object()["address"], "10.0.0.77");
    let taken = ask(Some("10.0.0.77")).await;
    assert_eq!((taken.status, taken.error().0), (409, "IpAddressInUse"));
    assert!(taken.error().1.ends_with("The IP address 10.0.0.77 is in use."), "{taken}");
    let outside = ask(Some("10.9.9.9")).await;
    let text = "Invalid input for operation: IP address 10.9.9.9 is not a valid IP for the defined subnet.";
    assert_eq!((outside.status, outside.error()), (400, ("InvalidInput", text)));
    let malformed = ask(Some("10.0.0")).await;
    assert_eq!(malformed.error().1, "Invalid input for address. Reason: '10.0.0' is not a valid IP address.");
}

#[tokio::test]
async fn a_full_subnet_says_so() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet_of("10.0.0.0/30").await;
    let first = services.pool(&subnet).await;
    services.create("/v2.0/lb/vips", vip(&subnet, &first)).await;
    let second = services.pool(&subnet).await;
    let full = services.call("POST", "/v2.0/lb/vips", Some(vip(&subnet, &second))).await;
    assert_eq!((full.status, full.error().0), (409, "IpAddressGenerationFailure"));
    assert!(services.get("/v2.0/lb/vips").await["vips"].as_array().is_some_and(|vips| vips.len() == 1));
}

#[tokio::test]
async fn creates_at_once_never_get_one_address() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let mut pools = Vec::new();
    for _ in 0..20 {
        pools.push(services.pool(&subnet).await);
    }
    let creates = pools.iter().map(|pool| services.create("/v2.0/lb/vips", vip(&subnet, pool)));
    let replies = futures_util::future::join_all(creates).await;
    let addresses: BTreeSet<String> = replies.iter().map(|reply| reply.object()["address"].to_string()).collect();
    assert_eq!(addresses.len(), 20);
}

#[tokio::test]
async fn of_two_vips_at_once_a_pool_gets_one() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let create = || services.call("POST", "/v2.0/lb/vips", Some(vip(&subnet, &pool)));
    let (one, other) = tokio::join!(create(), create());
    let statuses = BTreeSet::from([one.status, other.status]);
    assert_eq!(statuses, BTreeSet::from([201, 409]), "{one} {other}");
}

#[tokio::test]
async fn an_address_waits_for_its_last_owner_to_let_go() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let first = services.pool(&subnet).await;
    let front = services.create("/v2.0/lb/vips", vip(&subnet, &first)).await;
    let address = front.object()["address"].clone();
    let mut of_first = agent.desired().await;
    while of_first.generation < 2 {
        of_first = agent.desired().await;
    }
    agent.deployed(&of_first).await;
    services.call("DELETE", &format!("/v2.0/lb/vips/{}", front.id()), None).await;
    let without = agent.desired().await;
    assert_eq!(without.generation, 3);

    // Not allocated while held, but given to who asks for it: he waits.
    let second = services.pool(&subnet).await;
    let mut asking = vip(&subnet, &second);
    asking["vip"]["address"] = address.clone();
    let waiting = services.create("/v2.0/lb/vips", asking).await;
    assert_eq!(waiting.object()["status"], "PENDING_CREATE");
    let third = services.pool(&subnet).await;
    let other = services.create("/v2.0/lb/vips", vip(&subnet, &third)).await;
    assert_ne!(other.object()["address"], address);
    let mut seen = Vec::new();
    while !seen.contains(&third) {
        let desired = agent.desired().await.load_balancer.unwrap();
        assert!(desired.id != second || desired.vip.is_none(), "it was told too early");
        if desired.vip.is_some() {
            seen.push(desired.id);
        }
    }
    agent.deployed(&without).await;
    let told = loop {
        let desired = agent.desired().await;
        let load_balancer = desired.load_balancer.clone().unwrap();
        if load_balancer.id == second && load_balancer.vip.is_some() {
            break desired;
        }
    };
    agent.deployed(&told).await;
    services.settled(&format!("/v2.0/lb/vips/{}", waiting.id()), "ACTIVE").await;
}

#[tokio::test]
async fn a_deleted_pool_leaves_a_tombstone_until_its_agent_confirms() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let desired = agent.desired().await;
    agent.deployed(&desired).await;
    drop(agent);
    assert_eq!(services.call("DELETE", &format!("/v2.0/lb/pools/{pool}"), None).await.status, 204);
    assert_eq!(services.call("GET", &format!("/v2.0/lb/pools/{pool}"), None).await.status, 404);
    let mut agent = Agent::connect(&services.channel, "a", "2").await.unwrap();
    let snapshot = agent.snapshot().await;
    let [Message::Remove(remove)] = snapshot.as_slice() else { panic!("not one Remove: {snapshot:?}") };
    assert_eq!((remove.load_balancer_id.as_str(), remove.epoch), (pool.as_str(), desired.epoch));
    agent.removed(&pool, desired.epoch).await;
    agent.heartbeat(vec![crate::played::ready_driver()]).await;
    services.pool(&services.subnet().await).await;
    // What was confirmed is told no more.
    agent.desired().await;
    drop(agent);
    let mut agent = Agent::connect(&services.channel, "a", "3").await.unwrap();
    let snapshot = agent.snapshot().await;
    assert!(snapshot.iter().all(|message| !matches!(message, Message::Remove(_))), "{snapshot:?}");
}

#[tokio::test]
async fn put_keeps_the_session_persistence_that_it_does_not_name() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let mut body = vip(&subnet, &services.pool(&subnet).await);
    body["vip"]["session_persistence"] = json!({"type": "HTTP_COOKIE"});
    let path = format!("/v2.0/lb/vips/{}", services.create("/v2.0/lb/vips", body).await.id());
    let put = async |change| services.call("PUT", &path, Some(json!({"vip": change}))).await.object().clone();
    assert_eq!(put(json!({"name": "x"})).await["session_persistence"], json!({"type": "HTTP_COOKIE"}));
    assert_eq!(put(json!({"session_persistence": {}})).await["session_persistence"], json!(null));
}
