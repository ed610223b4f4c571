//! Emptying an agent that an operator has switched off: what it has moves, one after the other, and what nobody can take stays.
//! Agents of a former release, which cannot make anything ready beforehand.

use std::time::Duration;

use ballast_proto::agent::{Remove, scheduler_message::Message};
use serde_json::json;

use crate::{
    played::Agent,
    services::{Services, pool},
};

/// Longer than it takes until the next is moved, and shorter than a former agent is waited for.
const A_WHILE: Duration = Duration::from_millis(1_500);

async fn services() -> Services {
    Services::with(|settings| (settings.failover.drain, settings.failover.per_second) = (true, 1)).await
}

async fn switch(services: &Services, agent: &Agent, is_up: bool) {
    let body = json!({ "agent": { "admin_state_up": is_up } });
    let reply = services.call("PUT", &format!("/v2.0/agents/{}", agent.id), Some(body)).await;
    assert_eq!(reply.status, 200, "{reply}");
}

async fn removal(agent: &mut Agent) -> Remove {
    loop {
        if let Message::Remove(removal) = agent.next().await {
            return removal;
        }
    }
}

/// Whether it is told nothing of a load balancer for a while.
async fn is_left_alone(agent: &mut Agent) -> bool {
    tokio::time::timeout(A_WHILE, async {
        loop {
            if let Message::Desired(_) | Message::Remove(_) = agent.next().await {
                return;
            }
        }
    })
    .await
    .is_err()
}

/// So many load balancers that an agent runs.
async fn run(services: &Services, agent: &mut Agent, count: usize) {
    let subnet = services.subnet().await;
    for _ in 0..count {
        let made = services.create("/v2.0/lb/pools", pool(&subnet)).await.id();
        let desired = agent.desired().await;
        agent.deployed(&desired).await;
        services.settled(&format!("/v2.0/lb/pools/{made}"), "ACTIVE").await;
    }
}

#[tokio::test]
async fn what_an_agent_has_that_is_switched_off_moves_one_by_one_and_serves_when_it_has_let_go() {
    let services = services().await;
    let mut off = Agent::connect(&services.channel, "a", "1").await.unwrap();
    run(&services, &mut off, 3).await;
    let mut heir = Agent::connect(&services.channel, "b", "1").await.unwrap();
    heir.snapshot().await;
    assert!(is_left_alone(&mut off).await, "nobody has switched it off");

    switch(&services, &off, false).await;
    let first = removal(&mut off).await;
    assert!(is_left_alone(&mut heir).await, "the former agent has not let go yet");
    off.removed(&first.load_balancer_id, first.epoch).await;
    let desired = heir.desired().await;
    assert_eq!(desired.load_balancer.as_ref().unwrap().id, first.load_balancer_id);
    assert_eq!(desired.epoch, first.epoch + 1);
    assert!(is_left_alone(&mut off).await, "the first is not deployed yet");
    heir.deployed(&desired).await;
    let path = format!("/v2.0/lb/pools/{}", first.load_balancer_id);
    services.settled(&path, "ACTIVE").await;

    let second = removal(&mut off).await;
    assert_ne!(second.load_balancer_id, first.load_balancer_id);
    switch(&services, &off, true).await;
    off.removed(&second.load_balancer_id, second.epoch).await;
    let desired = heir.desired().await;
    heir.deployed(&desired).await;
    assert!(is_left_alone(&mut off).await, "it is switched on again");
}

#[tokio::test]
async fn what_nobody_else_can_take_stays_and_moves_once_somebody_can() {
    let services = services().await;
    let mut off = Agent::connect(&services.channel, "a", "1").await.unwrap();
    run(&services, &mut off, 1).await;
    switch(&services, &off, false).await;
    assert!(is_left_alone(&mut off).await, "there is nobody else");
    let shown = services.get(&format!("/v2.0/agents/{}", off.id)).await;
    let emptying = &shown["agent"]["configurations"]["emptying"];
    assert_eq!((&emptying["moving"], &emptying["staying"][0]["load_balancers"]), (&json!(0), &json!(1)), "{shown}");
    assert_eq!(emptying["staying"][0]["why"], "there is no other agent");
    let mut heir = Agent::connect(&services.channel, "b", "1").await.unwrap();
    heir.snapshot().await;
    let removal = removal(&mut off).await;
    off.removed(&removal.load_balancer_id, removal.epoch).await;
    let desired = heir.desired().await;
    assert_eq!(desired.load_balancer.as_ref().unwrap().id, removal.load_balancer_id);
}

#[tokio::test]
async fn without_being_asked_for_it_what_an_agent_has_stays_there() {
    let services = Services::with(|settings| settings.failover.drain = false).await;
    let mut off = Agent::connect(&services.channel, "a", "1").await.unwrap();
    run(&services, &mut off, 1).await;
    let mut other = Agent::connect(&services.channel, "b", "1").await.unwrap();
    other.snapshot().await;
    switch(&services, &off, false).await;
    assert!(is_left_alone(&mut off).await && is_left_alone(&mut other).await);
}
