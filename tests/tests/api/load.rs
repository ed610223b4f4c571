//! Many clients at once: nobody is refused for that, and what was acknowledged is there.
//!
//! `BALLAST_LOAD_SECONDS` says how long; a few seconds when it does not.

use std::{
    collections::HashSet,
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use ballast_lab::Postgres;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    played::obedient,
    services::{Services, member, pool},
};

const CLIENTS: usize = 16;
const POOLS: &str = "/v2.0/lb/pools";
const MEMBERS: &str = "/v2.0/lb/members";

fn duration() -> Duration {
    let seconds = env::var_os("BALLAST_LOAD_SECONDS").and_then(|text| text.to_str()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

/// What a client keeps: pools and members.
type Kept = (Vec<String>, Vec<String>);

/// Makes, looks, lists, and deletes every other pool, until the time is over.
async fn client(services: Arc<Services>, subnet: String, until: Instant) -> Kept {
    let (mut pools, mut members) = (Vec::new(), Vec::new());
    let mut keeps = false;
    while Instant::now() < until {
        let made = services.create(POOLS, pool(&subnet)).await.id();
        let first = services.create(MEMBERS, member(&made, "10.0.0.11")).await.id();
        services.get(&format!("{POOLS}/{made}")).await;
        services.get(&format!("{POOLS}?limit=20&fields=id&fields=name")).await;
        let second = services.create(MEMBERS, member(&made, "10.0.0.12")).await.id();
        keeps = !keeps;
        if keeps {
            let gone = services.call("DELETE", &format!("{MEMBERS}/{second}"), None).await;
            assert_eq!(gone.status, 204, "{gone}");
            pools.push(made);
            members.push(first);
        } else {
            let gone = services.call("DELETE", &format!("{POOLS}/{made}"), None).await;
            assert_eq!(gone.status, 204, "{gone}");
        }
    }
    (pools, members)
}

async fn ids(services: &Services, path: &str, many: &str) -> HashSet<String> {
    let list = services.get(&format!("{path}?fields=id")).await;
    let ids = list[many].as_array().unwrap().iter().map(|object: &Value| object["id"].as_str().unwrap().to_owned());
    ids.collect()
}

async fn sixteen_clients(services: Services) {
    obedient(&services.channel, "agent-1").await;
    let services = Arc::new(services);
    let subnet = services.subnet().await;
    let until = Instant::now() + duration();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(client(Arc::clone(&services), subnet.clone(), until));
    }
    let (mut pools, mut members) = (HashSet::new(), HashSet::new());
    for (its_pools, its_members) in clients.join_all().await {
        pools.extend(its_pools);
        members.extend(its_members);
    }
    assert!(pools.len() >= CLIENTS / 2, "only {} pools were made", pools.len());
    assert_eq!(ids(&services, POOLS, "pools").await, pools);
    assert_eq!(ids(&services, MEMBERS, "members").await, members);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_clients_at_once_lose_nothing() {
    sixteen_clients(Services::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_clients_at_once_lose_nothing_on_postgresql() {
    let Some(server) = Postgres::start("load on PostgreSQL").await else { return };
    sixteen_clients(Services::with(|settings| settings.database.url = server.url()).await).await;
    server.stop().await;
}
