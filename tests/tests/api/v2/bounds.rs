//! What is too much is refused with the bound, and what is much is done within seconds.

use std::time::Instant;

use serde_json::{Value, json};

use super::start;
use crate::services::PATIENCE;

fn members(count: usize) -> Value {
    let one = |n: usize| json!({ "address": format!("10.1.{}.{}", n / 250, n % 250 + 1), "protocol_port": 80 });
    json!({ "members": (0..count).map(one).collect::<Vec<_>>() })
}

#[tokio::test]
async fn large_requests_are_done_within_seconds_or_refused_with_the_bound() {
    let (services, subnet_id) = start().await;
    let lb = json!({ "loadbalancer": { "vip_subnet_id": subnet_id } });
    let lb = services.create("/v2.0/lbaas/loadbalancers", lb).await.id();
    let pool = json!({ "pool": { "loadbalancer_id": lb, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN" } });
    let pool = services.create("/v2.0/lbaas/pools", pool).await.id();
    let listener = json!({ "listener": { "loadbalancer_id": lb, "protocol": "HTTP", "protocol_port": 80 } });
    let listener = services.create("/v2.0/lbaas/listeners", listener).await.id();

    let huge = json!({ "loadbalancer": { "vip_subnet_id": subnet_id, "description": "x".repeat(1_100_000) } });
    let refused = services.call("POST", "/v2.0/lbaas/loadbalancers", Some(huge)).await;
    assert!([400, 413].contains(&refused.status), "{}", refused.status);
    assert!(refused.body.to_string().len() < 10_000, "{:.300}", refused.body.to_string());

    let begun = Instant::now();
    let path = format!("/v2.0/lbaas/pools/{pool}/members");
    let batch = services.call("PUT", &path, Some(members(10_000))).await;
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    match batch.status {
        202 => assert_eq!(services.get(&path).await["members"].as_array().unwrap().len(), 1_000, "a page"),
        status => assert!([400, 403, 413].contains(&status), "{batch}"),
    }

    let begun = Instant::now();
    let (mut made, mut bound) = (0, None);
    while made < 1_000 && bound.is_none() && begun.elapsed() < PATIENCE * 2 {
        let policy = json!({ "l7policy": { "listener_id": listener, "action": "REJECT" } });
        let reply = services.call("POST", "/v2.0/lbaas/l7policies", Some(policy)).await;
        match reply.status {
            201 => made += 1,
            _ => bound = Some(reply),
        }
    }
    println!("{made} policies in {:?}; then {bound:?}", begun.elapsed());
    assert!(bound.as_ref().is_none_or(|reply| reply.status == 400 || reply.status == 403), "{bound:?}");
    assert!(made >= 100, "{made}: {bound:?}");
    assert_eq!(
        services.call("DELETE", &format!("/v2.0/lbaas/loadbalancers/{lb}?cascade=true"), None).await.status,
        204
    );
}
