//! What load balancers have counted of late: from an agent's reports to REST and to pages.

use std::time::Duration;

use ballast_proto::{
    agent::{Desired, LoadBalancerStatistics, StatisticsReport, agent_message::Message},
    driver::Statistics,
};
use serde_json::{Value, json};

use crate::{
    played::{Agent, able_driver},
    services::{PATIENCE, Services},
};

const NOWHERE: &str = "11111111-2222-3333-4444-555555555555";

/// An agent with a load balancer.
struct World {
    services: Services,
    agent: Agent,
    desired: Desired,
}

impl World {
    async fn make() -> Self {
        // No agent dies of the time that a test lets pass.
        let patient = |settings: &mut ballast_service::config::Settings| {
            (settings.agents.suspect_after_ms, settings.agents.dead_after_ms) = (60_000_000, 70_000_000);
        };
        let services = Services::with(patient).await;
        let mut agent = connect(&services).await;
        agent.snapshot().await;
        let subnet = services.subnet().await;
        let body = json!({ "loadbalancer": { "name": "shop", "vip_subnet_id": subnet } });
        services.create("/v2.0/lbaas/loadbalancers", body).await;
        let desired = agent.desired().await;
        agent.deployed(&desired).await;
        Self { services, agent, desired }
    }

    fn id(&self) -> &str {
        &self.desired.load_balancer.as_ref().unwrap().id
    }

    /// The agent tells this; it is stored.
    async fn count(&self, bytes_in: u64, active_connections: u64) {
        let statistics = Some(Statistics { bytes_in, active_connections, ..Statistics::default() });
        let one = LoadBalancerStatistics {
            load_balancer_id: self.id().to_owned(),
            epoch: self.desired.epoch,
            statistics,
            ..LoadBalancerStatistics::default()
        };
        self.agent.say(Message::Statistics(StatisticsReport { load_balancers: vec![one] })).await;
        let path = format!("/v2.0/lbaas/loadbalancers/{}/stats", self.id());
        let stored = async {
            while self.services.get(&path).await["stats"]["bytes_in"] != bytes_in {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, stored).await.expect("it is stored");
    }

    async fn traffic(&self, query: &str) -> Value {
        let path = format!("/ballast/v1/loadbalancers/{}/traffic{query}", self.id());
        self.services.get(&path).await["traffic"].clone()
    }

    async fn page(&self, path: &str) -> String {
        let reply = self.services.raw("GET", path).await;
        assert_eq!(reply.status(), 200, "{path}");
        reply.text().await.unwrap()
    }
}

async fn connect(services: &Services) -> Agent {
    Agent::with_drivers(&services.channel, "h1", "1", vec![able_driver()]).await.expect("a session")
}

fn sum(traffic: &Value, key: &str) -> u64 {
    traffic["points"].as_array().unwrap().iter().map(|point| point[key].as_u64().unwrap()).sum()
}

fn largest(traffic: &Value) -> u64 {
    let points = traffic["points"].as_array().unwrap().iter();
    points.map(|point| point["bytes_in"].as_u64().unwrap()).max().unwrap_or_default()
}

#[tokio::test]
async fn what_was_counted_of_late_is_told_in_steps_and_counting_anew_is_no_leap() {
    let world = World::make().await;
    for at in 1..=60 {
        world.count(at * 1_000, 3).await;
        world.services.pass(5);
    }
    world.services.pass(20);
    let traffic = world.traffic("").await;
    assert_eq!((&traffic["step_seconds"], sum(&traffic, "bytes_in")), (&json!(10), 60_000), "{traffic}");
    assert!(largest(&traffic) <= 3_000 && traffic["known_since"].is_string(), "{traffic}");
    assert_eq!(traffic["points"].as_array().unwrap().last().unwrap()["active_connections"], 3);
    // Its driver counts from zero, and it is not told for a while.
    world.count(10, 3).await;
    world.services.pass(60);
    world.count(1_010, 0).await;
    // A minute is shown when it is over and agents have had their time to tell of it.
    world.services.pass(60 + 11);
    let traffic = world.traffic("?span=2h").await;
    assert_eq!((&traffic["step_seconds"], sum(&traffic, "bytes_in")), (&json!(60), 61_000), "{traffic}");
    let path = format!("/ballast/v1/loadbalancers/{}/traffic?span=1h", world.id());
    let refused = world.services.call("GET", &path, None).await;
    assert!(refused.status == 400 && refused.to_string().contains("10m, 2h"), "{refused}");
    let refused = world.services.call("GET", &format!("/ballast/v1/loadbalancers/{NOWHERE}/traffic"), None).await;
    assert_eq!(refused.status, 404);
}

#[tokio::test]
async fn a_scheduler_that_begins_anew_knows_nothing_of_before_and_says_so() {
    let mut world = World::make().await;
    world.count(1_000_000, 1).await;
    world.services.pass(60);
    assert_eq!(sum(&world.traffic("").await, "bytes_in"), 1_000_000);
    world.services.kill();
    world.services.start_scheduler_again().await;
    let traffic = world.traffic("").await;
    assert_eq!((&traffic["known_since"], &traffic["points"]), (&Value::Null, &json!([])), "{traffic}");
    world.agent = connect(&world.services).await;
    world.count(1_000_000, 1).await;
    world.services.pass(5);
    world.count(1_000_500, 1).await;
    world.services.pass(60);
    let traffic = world.traffic("").await;
    assert_eq!(sum(&traffic, "bytes_in"), 500, "{traffic}");
}

#[tokio::test]
async fn pages_show_what_goes_through_now_and_what_did_of_late() {
    let world = World::make().await;
    let path = format!("/ui/load-balancers/{}", world.id());
    let page = world.page(&path).await;
    assert!(page.contains("is not known here") && !page.contains("class=\"chart\""), "{page}");
    for at in 1..=12 {
        world.count(at * 1_250_000, 3).await;
        world.services.pass(5);
    }
    world.services.pass(6);
    for (query, ago) in [("", "10 min ago"), ("?span=10m", "10 min ago"), ("/traffic", "10 min ago")] {
        let page = world.page(&format!("{path}{query}")).await;
        // 2 Mb/s, of which the first step and the last have more or less: they begin when a minute of the day does.
        let charts = page.contains("class=\"chart\"") && page.contains(" Mb/s within what is shown");
        assert!(charts && page.contains(ago), "{query}: {page}");
    }
    assert!(world.page(&format!("{path}/traffic")).await.contains("The same in numbers"));
    world.services.pass(120);
    let page = world.page(&format!("{path}?span=2h")).await;
    assert!(page.contains("2 h ago") && page.contains("known since"), "{page}");
    let overview = world.page("/ui/").await;
    assert!(overview.contains("Traffic now") && overview.contains("3 connections"), "{overview}");
}
