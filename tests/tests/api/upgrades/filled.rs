//! What is in the database of a release: one of everything, and of what is not as it should be.

use ballast_proto::{
    agent::scheduler_message::Message as Told,
    agent::{
        Desired, HealthReport, LoadBalancerHealth, LoadBalancerStatistics, StatisticsReport, agent_message::Message,
    },
    driver::{Health, MemberHealth, Statistics},
};
use serde_json::{Value, json};

use super::{Shown, id, released::Released};
use crate::{
    played::Agent,
    services::{member, monitor, pool, vip},
};

/// A pool of this name cannot be deployed.
const REFUSED: &str = "refused";
/// A member of this address does not answer.
const DOWN: &str = "10.0.0.22";
const POOLS: &str = "/v2.0/lb/pools";

/// Fills the database, ends the release, and says what it showed at last.
pub(super) async fn fill(old: Released) -> Shown {
    let agent = old.agent("agent-1").await;
    let id = agent.id.clone();
    let agent = tokio::spawn(work(agent));
    let subnet = networks(&old).await;
    balanced(&old, &subnet).await;
    odd(&old, &subnet).await;
    settled(&old).await;
    agents(&old, &id).await;
    agent.abort();
    // Nobody can say that it ended.
    let _ended = agent.await;
    unfinished(&old, &subnet).await;
    old.call("PUT", "/v2.0/quotas/demo", Some(json!({"quota": {"pool": 11}}))).await;
    old.shown().await
}

/// The subnet for what follows.
async fn networks(old: &Released) -> String {
    let network = json!({"network": {"name": "net", "shared": true}});
    let network = id(&old.create("/v2.0/networks", network).await);
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24", "name": "subnet",
        "host_routes": [{"destination": "10.1.0.0/16", "nexthop": "10.0.0.254"}]}});
    let subnet = id(&old.create("/v2.0/subnets", subnet).await);
    let second = json!({"subnet": {"network_id": network, "ip_version": 6, "cidr": "fd00::/64"}});
    old.create("/v2.0/subnets", second).await;
    old.create("/v2.0/ports", json!({"port": {"network_id": network, "name": "somebody's"}})).await;
    subnet
}

/// Pools with members and a monitor; one has no vip.
async fn balanced(old: &Released, subnet: &str) {
    for n in 0..3 {
        let pool = id(&old.create(POOLS, pool(subnet)).await);
        for host in 20..23 {
            old.create("/v2.0/lb/members", member(&pool, &format!("10.0.0.{host}"))).await;
        }
        let monitor = id(&old.create("/v2.0/lb/health_monitors", monitor()).await);
        let association = json!({"health_monitor": {"id": monitor}});
        old.create(&format!("{POOLS}/{pool}/health_monitors"), association).await;
        if n > 0 {
            let mut vip = vip(subnet, &pool);
            vip["vip"]["session_persistence"] = json!({"type": "APP_COOKIE", "cookie_name": "SESSION"});
            old.create("/v2.0/lb/vips", vip).await;
        }
    }
    old.create(
        "/v2.0/lb/health_monitors",
        json!({"health_monitor": {"type": "PING", "delay": 9, "timeout": 8,
        "max_retries": 7, "admin_state_up": false}}),
    )
    .await;
}

/// Odd characters, and an error.
async fn odd(old: &Released, subnet: &str) {
    let mut odd = pool(subnet);
    odd["pool"]["name"] = json!("\u{fc} \u{1f600} 'quoted' \"twice\" \\ % $1 ;--");
    odd["pool"]["description"] = json!("a\ttab, two\nlines");
    odd["pool"]["admin_state_up"] = json!(false);
    let odd = id(&old.create(POOLS, odd).await);
    old.create("/v2.0/lb/members", member(&odd, "10.0.0.30")).await;
    let mut refused = pool(subnet);
    refused["pool"]["name"] = json!(REFUSED);
    let refused = id(&old.create(POOLS, refused).await);
    old.create("/v2.0/lb/vips", vip(subnet, &refused)).await;
}

/// Waits until nothing is pending, and what the agent tells of health and traffic is shown.
async fn settled(old: &Released) {
    let settled = async || {
        let shown = json!(old.shown().await).to_string();
        let count = |text| shown.matches(text).count();
        count("PENDING") == 0 && count("\"INACTIVE\"") >= 3 && count("\"total_connections\":4") == 4
    };
    old.wait("settle", settled).await;
}

/// One is described, and one gets nothing new.
async fn agents(old: &Released, described: &str) {
    let change = json!({"agent": {"description": "the 1st, in \u{3a3}"}});
    old.call("PUT", &format!("/v2.0/agents/{described}"), Some(change)).await;
    let idle = old.agent("agent-2").await.id;
    old.call("PUT", &format!("/v2.0/agents/{idle}"), Some(json!({"agent": {"admin_state_up": false}}))).await;
}

/// What no agent has done yet: a pool that is deleted, one that is made, and one that is changed.
async fn unfinished(old: &Released, subnet: &str) {
    let shown = old.call("GET", &format!("{POOLS}?name=web&sort_key=id&sort_dir=asc"), None).await;
    let with_vip = |pool: &&Value| pool["vip_id"].is_string();
    let mut pools = shown["pools"].as_array().unwrap().iter().filter(with_vip);
    let (gone, changed) = (pools.next().unwrap(), pools.next().unwrap());
    old.call("DELETE", &format!("/v2.0/lb/vips/{}", gone["vip_id"].as_str().unwrap()), None).await;
    old.call("DELETE", &format!("{POOLS}/{}", id(gone)), None).await;
    let change = json!({"pool": {"lb_method": "SOURCE_IP"}});
    old.call("PUT", &format!("{POOLS}/{}", id(changed)), Some(change)).await;
    let made = id(&old.create(POOLS, pool(subnet)).await);
    old.create("/v2.0/lb/vips", vip(subnet, &made)).await;
}

/// Deploys what it is told, if it can, and tells how that goes.
async fn work(mut agent: Agent) {
    while let Some(message) = agent.told().await {
        match message {
            Told::Desired(desired) if name(&desired) == REFUSED => agent.outcome(&desired, Some("no room")).await,
            Told::Desired(desired) => {
                agent.deployed(&desired).await;
                agent.say(statistics(&desired)).await;
                agent.say(health(&desired)).await;
            }
            Told::Remove(remove) => agent.removed(&remove.load_balancer_id, remove.epoch).await,
            Told::Welcome(_)
            | Told::SnapshotDone(_)
            | Told::Drain(_)
            | Told::Foresee(_)
            | Told::Secrets(_)
            | Told::Schedulers(_) => {}
        }
    }
}

fn name(desired: &Desired) -> &str {
    desired.load_balancer.as_ref().map_or("", |load_balancer| &load_balancer.name)
}

fn statistics(desired: &Desired) -> Message {
    let statistics =
        Statistics { bytes_in: 1, bytes_out: 2, active_connections: 3, total_connections: 4, ..Statistics::default() };
    let load_balancer_id = desired.load_balancer.as_ref().unwrap().id.clone();
    let (epoch, statistics) = (desired.epoch, Some(statistics));
    let one = LoadBalancerStatistics { load_balancer_id, epoch, statistics, ..LoadBalancerStatistics::default() };
    Message::Statistics(StatisticsReport { load_balancers: vec![one] })
}

fn health(desired: &Desired) -> Message {
    let load_balancer = desired.load_balancer.as_ref().unwrap();
    let members = load_balancer.pools.iter().filter(|pool| !pool.monitors.is_empty()).flat_map(|pool| {
        pool.members.iter().map(|member| MemberHealth {
            pool_id: pool.id.clone(),
            member_id: member.id.clone(),
            health: if member.address == DOWN { Health::Down } else { Health::Up }.into(),
            ..MemberHealth::default()
        })
    });
    let (load_balancer_id, members) = (load_balancer.id.clone(), members.collect());
    let one = LoadBalancerHealth { load_balancer_id, epoch: desired.epoch, members, listeners: Vec::new() };
    Message::Health(HealthReport { load_balancers: vec![one], ..HealthReport::default() })
}
