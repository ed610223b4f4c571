//! Texts with NUL and odd bytes: a caller's are refused, an agent's and a driver's are made good, on each database.

use std::{path::Path, process::Command, time::Duration};

use ballast_lab::Postgres;
use ballast_proto::{
    agent::{Outcome, agent_message::Message},
    driver::{Fault, ObjectFault},
    v1::{
        CreatePoolRequest, DeleteRequest, Filter, GetRequest, ListRequest, Pool, Sort, agents_client::AgentsClient,
        pools_client::PoolsClient,
    },
};
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    played::{Agent, obedient, ready_driver},
    services::{Services, member},
};

const DIRTY: &str = "a\0b\nc\u{1b}[2Jd";
const CLEAN: &str = "a b c [2Jd";

/// Every path of the OpenAPI document, with something odd for each id and in its query.
async fn callers_are_refused(services: &Services) {
    let document = services.get("/openapi.json").await;
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            for odd in ["a%00b", "%00", "a%ffb", "%C3"] {
                let mut asked = vec![format!("{path}?name={odd}"), format!("{path}?{odd}=1")];
                if path.contains('{') {
                    let ids = path.split('/').map(|part| if part.starts_with('{') { odd } else { part });
                    asked = vec![ids.collect::<Vec<_>>().join("/")];
                }
                for asked in asked {
                    let reply = services.raw(&method.to_uppercase(), &asked).await;
                    assert_eq!(reply.status(), 400, "{method} {asked}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 200, "{tried}");
    for marker in ["a%00b", "%ff"] {
        assert_eq!(services.raw("GET", &format!("/v2.0/lb/pools?limit=1&marker={marker}")).await.status(), 400);
    }
    refused_over_grpc(services).await;
}

async fn refused_over_grpc(services: &Services) {
    let mut pools = PoolsClient::new(services.channel.clone());
    let odd = || "a\0b".to_owned();
    for request in [
        ListRequest { page_size: 1, page_token: odd(), ..ListRequest::default() },
        ListRequest { filters: vec![Filter { field: odd(), values: vec!["a".to_owned()] }], ..ListRequest::default() },
        ListRequest { filters: vec![Filter { field: "name".to_owned(), values: vec![odd()] }], ..Default::default() },
        ListRequest { sorts: vec![Sort { field: odd(), descending: false }], ..ListRequest::default() },
        ListRequest { sorts: vec![Sort { field: "name".to_owned(), descending: false }; 1_000], ..Default::default() },
    ] {
        assert_eq!(pools.list(request.clone()).await.unwrap_err().code(), Code::InvalidArgument, "{request:?}");
    }
    assert_eq!(pools.get(GetRequest { id: odd() }).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(pools.delete(DeleteRequest { id: odd() }).await.unwrap_err().code(), Code::InvalidArgument);
    for (name, request_id) in [(odd(), String::new()), ("a".to_owned(), odd())] {
        let request = CreatePoolRequest { pool: Some(Pool { name, ..Pool::default() }), request_id };
        assert_eq!(pools.create(request).await.unwrap_err().code(), Code::InvalidArgument);
    }
}

/// Whatever an agent says is stored as one line, and it goes on.
async fn an_agents_are_made_good(services: &Services) {
    let mut driver = ready_driver();
    driver.version = DIRTY.to_owned();
    driver.reason = DIRTY.to_owned();
    driver.capabilities.as_mut().unwrap().features.push(DIRTY.to_owned());
    let refused = Agent::connect(&services.channel, DIRTY, "1").await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let mut agent = Agent::with_drivers(&services.channel, "host", DIRTY, vec![driver]).await.unwrap();
    let shown = AgentsClient::new(services.channel.clone()).get(GetRequest { id: agent.id.clone() }).await.unwrap();
    let driver = shown.into_inner().drivers.remove(0);
    assert_eq!((driver.version.as_str(), driver.reason.as_str()), (CLEAN, CLEAN));
    assert!(driver.features.iter().any(|feature| feature == CLEAN));

    let pool = services.pool(&services.subnet().await).await;
    let path = format!("/v2.0/lb/pools/{pool}");
    let desired = agent.desired().await;
    agent.outcome(&desired, Some(DIRTY)).await;
    assert_eq!(services.settled(&path, "ERROR").await["status_description"], CLEAN);
    let member = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await.id();
    let desired = agent.desired().await;
    let dirty = || DIRTY.to_owned();
    let fault = Fault { code: 1, retryable: true, message: dirty(), detail: dirty(), object_id: dirty() };
    agent.say(outcome(&desired, vec![ObjectFault { object_id: member.clone(), fault: Some(fault) }])).await;
    let shown = services.settled(&format!("/v2.0/lb/members/{member}"), "ERROR").await;
    assert_eq!(shown["status_description"], CLEAN);
    assert_eq!(services.settled(&path, "ACTIVE").await["status_description"], Value::Null);
}

fn outcome(desired: &ballast_proto::agent::Desired, faults: Vec<ObjectFault>) -> Message {
    Message::Outcome(Outcome {
        load_balancer_id: desired.load_balancer.as_ref().unwrap().id.clone(),
        epoch: desired.epoch,
        generation: desired.generation,
        faults,
        ..Outcome::default()
    })
}

#[tokio::test]
async fn odd_texts_of_callers_are_refused_and_those_of_agents_made_good() {
    let services = Services::start().await;
    callers_are_refused(&services).await;
    an_agents_are_made_good(&services).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_texts_of_callers_are_refused_and_those_of_agents_made_good_on_postgresql() {
    let Some(server) = Postgres::start("odd texts on PostgreSQL").await else { return };
    let services = Services::with(|settings| settings.database.url = server.url()).await;
    callers_are_refused(&services).await;
    an_agents_are_made_good(&services).await;
    drop(services);
    server.stop().await;
}

/// The database refuses what one outcome makes of its pool, whatever the reason.
#[tokio::test]
async fn an_outcome_that_cannot_be_stored_costs_no_other_and_not_the_session() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let mut pools = Vec::new();
    for _ in 0..6 {
        let pool = services.pool(&subnet).await;
        pools.push((pool, agent.desired().await));
    }
    let trigger = format!(
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(\"CREATE TRIGGER t BEFORE UPDATE ON pool WHEN \
         hex(NEW.id) = '{}' BEGIN SELECT RAISE(ABORT, 'not this one'); END\"); c.commit()",
        pools[2].0.replace('-', "").to_uppercase()
    );
    let file = services.database.strip_prefix("sqlite://").unwrap();
    assert!(Path::new(file).exists());
    assert!(Command::new("python3").args(["-c", &trigger, file]).status().unwrap().success());
    for (_, desired) in &pools {
        agent.deployed(desired).await;
    }
    for (number, (pool, _)) in pools.iter().enumerate().filter(|(number, _)| *number != 2) {
        services.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;
        assert!(number != 2);
    }
    let left = services.get(&format!("/v2.0/lb/pools/{}", pools[2].0)).await;
    assert_eq!(left["pool"]["status"], "PENDING_CREATE");
    // The session goes on.
    services.pool(&subnet).await;
    let next = tokio::time::timeout(Duration::from_secs(10), agent.desired()).await.unwrap();
    agent.deployed(&next).await;
    services.settled(&format!("/v2.0/lb/pools/{}", next.load_balancer.unwrap().id), "ACTIVE").await;
}

/// By what a list is sorted twice it is sorted once, and many values are asked at once or refused, on time.
#[tokio::test]
async fn odd_lists_are_answered_over_grpc_as_over_rest() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let pool = services.pool(&services.subnet().await).await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let sort = |field: &str| Sort { field: field.to_owned(), descending: false };
    let sorts: Vec<Sort> = ["name", "protocol", "status"].into_iter().cycle().take(100).map(sort).collect();
    let list = ListRequest { sorts, page_size: 1, page_token: pool.clone(), ..ListRequest::default() };
    assert_eq!(pools.list(list).await.unwrap().into_inner().pools.len(), 0);
    let filter =
        |count: usize| Filter { field: "id".to_owned(), values: (0..count).map(uuid).chain([pool.clone()]).collect() };
    for (count, filters, expected) in [(1_999, 1, Ok(1)), (2_000, 1, Err(())), (1_900, 5, Ok(1)), (1_900, 6, Err(()))] {
        let list = ListRequest { filters: vec![filter(count); filters], ..ListRequest::default() };
        let answer = pools.list(list).await;
        let found = answer.map(|page| page.into_inner().pools.len());
        assert_eq!(found.map_err(|status| assert_eq!(status.code(), Code::InvalidArgument)), expected, "{count}");
    }
    let ids: String = (0..1_500).map(|number| format!("id={}&", uuid(number))).collect();
    assert_eq!(
        services.get(&format!("/v2.0/lb/pools?{ids}id={pool}&fields=id")).await,
        json!({"pools": [{"id": pool}]})
    );
}

fn uuid(number: usize) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}
