//! More than there is room for: who asks too often or for too much at once is told so, others are served, and the end comes in
//! time.

use std::time::{Duration, Instant};

use ballast_proto::v1::{CreatePoolRequest, ListRequest, Pool, pools_client::PoolsClient};
use ballast_service::grpc;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Request, metadata::AsciiMetadataValue};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt as _;

use crate::{
    deadlines::Held,
    services::{Services, pool},
};

/// A bound of ten seconds, and what a busy machine takes.
const IN_TIME: Duration = Duration::from_secs(20);

fn network(name: &str) -> Value {
    json!({"network": {"name": name}})
}

/// Status, `Retry-After` and body of a request.
async fn asked(
    services: &Services,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (u16, String, Value) {
    let client = ballast_service::http::plain().unwrap();
    let mut request = client.request(method.parse().unwrap(), format!("{}{path}", services.url));
    request = request.header("x-auth-token", token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let after = response.headers().get("retry-after").and_then(|after| after.to_str().ok()).unwrap_or_default();
    (response.status().as_u16(), after.to_owned(), response.json().await.unwrap_or_default())
}

/// Writes until one is refused: meanwhile a slow machine lets in another one each second.
async fn refused(services: &Services, path: &str, body: Value) -> (u16, String, Value) {
    for _ in 0..50 {
        let reply = asked(services, "anna", "POST", path, Some(body.clone())).await;
        if reply.0 == 429 {
            return reply;
        }
    }
    panic!("none of 50 writes to {path} was refused");
}

#[tokio::test]
async fn a_project_that_floods_is_told_to_wait_and_others_are_served() {
    let services = Services::with_tokens(|settings| {
        let limit = &mut settings.rate_limit;
        (limit.writes_per_second, limit.writes_burst, limit.reads_burst) = (1, 5, 1_000);
    })
    .await;
    let flood = async {
        let requests =
            (0..100).map(|n| services.call_as("alice", "POST", "/v2.0/networks", Some(network(&n.to_string()))));
        join_all(requests).await
    };
    let others = async {
        let mut replies = Vec::new();
        for number in 0..5 {
            replies.push(services.call_as("bob", "POST", "/v2.0/networks", Some(network(&number.to_string()))).await);
            replies.push(services.call_as("bob", "GET", "/v2.0/networks", None).await);
        }
        replies
    };
    let (flood, others) = tokio::join!(flood, others);
    let made = flood.iter().filter(|reply| reply.status == 201).count();
    // A burst, and what came in meanwhile.
    assert!((5..40).contains(&made), "{made} of 100");
    assert_eq!(flood.iter().filter(|reply| reply.status == 429).count(), 100 - made);
    assert!(others.iter().all(|reply| [200, 201].contains(&reply.status)), "{others:?}");

    // Reads are counted apart, her project is limited and not she, and admins are not.
    assert_eq!(services.call_as("alice", "GET", "/v2.0/networks", None).await.status, 200);
    for number in 0..10 {
        assert_eq!(
            services.call_as("admin", "POST", "/v2.0/networks", Some(network(&number.to_string()))).await.status,
            201
        );
    }
    let (status, after, body) = refused(&services, "/v2.0/networks", network("x")).await;
    let seconds: u32 = after.parse().unwrap();
    assert!(status == 429 && (1..=5).contains(&seconds), "{status} {after}");
    assert_eq!(body["NeutronError"]["type"], "TooManyRequests", "{body}");
    let lb = json!({"loadbalancer": {"vip_subnet_id": "x"}});
    let (status, after, body) = refused(&services, "/v2/lbaas/loadbalancers", lb).await;
    assert!(status == 429 && !after.is_empty(), "{status} {after}");
    assert_eq!((&body["faultcode"], &body["debuginfo"]), (&json!("Client"), &Value::Null), "{body}");
    assert!(body["faultstring"].as_str().unwrap().contains("too often"), "{body}");

    // After that long she may.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(services.call_as("alice", "POST", "/v2.0/networks", Some(network("later"))).await.status, 201);
}

#[tokio::test]
async fn who_calls_over_grpc_with_a_token_of_his_own_is_limited_too() {
    let services = Services::with_tokens(|settings| {
        (settings.rate_limit.reads_per_second, settings.rate_limit.reads_burst) = (1, 2);
    })
    .await;
    let channel = grpc::channel(&services.scheduler.parse().unwrap()).unwrap();
    let list = |token: &'static str| {
        let mut request = Request::new(ListRequest::default());
        request.metadata_mut().insert("x-auth-token", AsciiMetadataValue::from_static(token));
        let mut client = PoolsClient::new(channel.clone());
        async move { client.list(request).await }
    };
    for _ in 0..2 {
        list("alice").await.unwrap();
    }
    let mut refused = list("rita").await;
    // Meanwhile a slow machine lets in another one each second.
    for _ in 0..50 {
        if refused.is_err() {
            break;
        }
        refused = list("rita").await;
    }
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert_eq!(refused.get_error_details().error_info().unwrap().reason, "TOO_MANY_REQUESTS");
    list("bob").await.unwrap();
    for _ in 0..5 {
        list("admin").await.unwrap();
        // The way of gateways, which have looked at it.
        PoolsClient::new(services.channel.clone()).list(ListRequest::default()).await.unwrap();
    }
}

#[tokio::test]
async fn calls_beyond_the_room_that_there_is_are_refused_at_once_and_others_have_theirs() {
    let services = Services::with_tokens(|settings| settings.scheduler.max_calls = 16).await;
    let subnet = {
        let made =
            services.call_as("admin", "POST", "/v2.0/networks", Some(json!({"network": {"shared": true}}))).await;
        let subnet = json!({"subnet": {"network_id": made.id(), "cidr": "10.0.0.0/24", "ip_version": 4}});
        services.call_as("admin", "POST", "/v2.0/subnets", Some(subnet)).await.id()
    };
    // All writes wait, for as long as it takes.
    let held = Held::new(&services.database).await;
    let began = Instant::now();
    let flood = (0..12).map(|_| asked(&services, "alice", "POST", "/v2.0/networks", Some(network("x"))));
    let bob = async {
        // Whoever comes when a project has its share.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let reads = services.call_as("bob", "GET", "/v2.0/networks", None).await;
        let direct = {
            let pool = Pool { subnet_id: subnet.clone(), ..Pool::default() };
            let request = CreatePoolRequest { pool: Some(pool), ..CreatePoolRequest::default() };
            let mut request = Request::new(request);
            request.metadata_mut().insert("ballast-roles", AsciiMetadataValue::from_static("member"));
            request.metadata_mut().insert("ballast-project-id", AsciiMetadataValue::from_static("a"));
            PoolsClient::new(services.channel.clone()).create(request).await.unwrap_err()
        };
        held.release().await;
        (reads, direct)
    };
    let (flood, (reads, direct)) = tokio::join!(join_all(flood), bob);
    assert_eq!(reads.status, 200, "{reads}");
    assert_eq!(direct.code(), Code::ResourceExhausted, "{direct}");
    assert_eq!(direct.get_error_details().error_info().unwrap().reason, "OVERLOADED");
    let made = flood.iter().filter(|(status, ..)| *status == 201).count();
    let refused: Vec<_> = flood.iter().filter(|(status, ..)| *status == 503).collect();
    assert_eq!((made, refused.len()), (4, 8), "{flood:?}");
    assert!(refused.iter().all(|(_, after, _)| after == "1"), "{refused:?}");
    assert!(began.elapsed() < IN_TIME);
    assert_eq!(
        services.call_as("alice", "POST", "/v2.0/lb/pools", Some(pool(&subnet))).await.status,
        404,
        "room again"
    );
}

/// Writes the beginning, and then a byte each second, until the other end has closed; what it said.
async fn trickled(address: &str, begin: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(begin.as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut said = Vec::new();
    let trickle = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if write.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        // Closed, whichever way.
        _ = read.read_to_end(&mut said) => {}
        () = trickle => {}
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn who_trickles_is_closed_and_who_sends_too_much_is_told_so() {
    let services = Services::with(|settings| settings.connections.head_timeout_ms = 3_000).await;
    let address = services.url.trim_start_matches("http://").to_owned();
    let head = "POST /v2.0/networks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let began = Instant::now();
    let (of_head, of_body) = tokio::join!(
        async { (trickled(&address, "GET / HTTP/1.1\r\nhost: localhost\r\nx: ").await, began.elapsed()) },
        async { (trickled(&address, &format!("{head}content-length: 1000\r\n\r\n{{")).await, began.elapsed()) },
    );
    assert!(of_head.1 < IN_TIME, "a head trickled for {:?}", of_head.1);
    assert!(of_body.0.starts_with("HTTP/1.1 408 "), "{}", of_body.0);
    assert!(of_body.1 < Duration::from_secs(30) + IN_TIME, "a body trickled for {:?}", of_body.1);

    for (path, megabytes, status) in [("/v2.0/networks", 2, 413), ("/v2/lbaas/loadbalancers", 5, 413)] {
        let large = json!({"x": "x".repeat(megabytes << 20)});
        let reply = services.call("POST", path, Some(large)).await;
        assert_eq!(reply.status, status, "{path}");
    }
    let large = "x".repeat(1 << 20);
    let said = trickled(&address, &format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {large}\r\n\r\n")).await;
    assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    let many: String = (0..2_000).map(|number| format!("x-{number}: x\r\n")).collect();
    let said = trickled(&address, &format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n")).await;
    assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    assert_eq!(services.call("GET", "/v2.0/networks", None).await.status, 200);
}

#[tokio::test]
async fn what_is_under_way_at_the_end_keeps_nothing_from_ending() {
    let mut services = Services::start().await;
    // A stream that is no call of ours, and a write that waits for longer than anybody.
    let mut health = HealthClient::new(services.channel.clone());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    let held = Held::new(&services.database).await;
    let url = format!("{}/v2.0/networks", services.url);
    let write = tokio::spawn(async move {
        let client = ballast_service::http::plain().unwrap();
        client.post(url).json(&network("x")).send().await.map(|reply| reply.status().as_u16())
    });
    tokio::time::sleep(Duration::from_millis(500)).await;

    let began = Instant::now();
    services.stop_gateway().await;
    assert!(began.elapsed() < IN_TIME, "the gateway took {:?}", began.elapsed());
    services.stop();
    while !services.has_ended() {
        assert!(began.elapsed() < IN_TIME * 2, "the scheduler does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    held.release().await;
    // Nobody is left waiting. (Of a process that has ended the connection would be closed.)
    tokio::time::timeout(IN_TIME, write).await.unwrap().unwrap().ok();
}
