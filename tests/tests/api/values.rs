//! What values of fields are taken: those of the table of limits, which the OpenAPI document says; and what was stored
//! before a limit came.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    played::{Agent, obedient},
    services::{Services, member, monitor, pool, vip},
};

/// A body that makes one of what a schema is of, with what a value at the edge needs beside it.
async fn body(services: &Services, schema: &str, subnet: &str) -> (&'static str, Value) {
    match schema {
        "PoolCreate" => ("/v2.0/lb/pools", pool(subnet)),
        "VipCreate" => ("/v2.0/lb/vips", vip(subnet, &services.pool(subnet).await)),
        "MemberCreate" => ("/v2.0/lb/members", member(&services.pool(subnet).await, "10.0.0.11")),
        "HealthMonitorCreate" => ("/v2.0/lb/health_monitors", monitor()),
        "NetworkCreate" => ("/v2.0/networks", json!({"network": {}})),
        "PortCreate" => {
            let subnet = services.get(&format!("/v2.0/subnets/{subnet}")).await;
            ("/v2.0/ports", json!({"port": {"network_id": subnet["subnet"]["network_id"]}}))
        }
        "SubnetCreate" => {
            let network = services.create("/v2.0/networks", json!({"network": {}})).await.id();
            ("/v2.0/subnets", json!({"subnet": {"network_id": network, "cidr": "10.0.0.0/24", "ip_version": 4}}))
        }
        other => panic!("how is one of {other} made?"),
    }
}

/// A value at a limit and one beyond it, for each limit of a property.
fn edges(field: &str, property: &Value) -> Vec<(Value, bool)> {
    let mut edges = Vec::new();
    if let (Some(least), Some(most)) = (property["minimum"].as_i64(), property["maximum"].as_i64()) {
        edges
            .extend([(least, true), (most, true), (least - 1, false), (most + 1, false)].map(|(n, ok)| (json!(n), ok)));
    }
    if let Some(longest) = property["maxLength"].as_u64().and_then(|longest| usize::try_from(longest).ok()) {
        let text = |length: usize| match field {
            "url_path" => format!("/{}", "x".repeat(length - 1)),
            "expected_codes" => format!("{:<length$}", "200"),
            _ => "x".repeat(length),
        };
        edges.extend([(json!(text(longest)), true), (json!(text(longest + 1)), false)]);
    }
    edges
}

#[tokio::test]
async fn the_limits_in_the_document_are_those_of_the_api() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let document = services.get("/openapi.json").await;
    let mut tried = 0;
    for (schema, described) in document["components"]["schemas"].as_object().unwrap() {
        let properties = described["properties"].as_object().filter(|_| schema.ends_with("Create"));
        for (field, property) in properties.into_iter().flatten() {
            for (value, is_taken) in edges(field, property) {
                let (path, mut body) = body(&services, schema, &subnet).await;
                let object = body.as_object_mut().unwrap().values_mut().next().unwrap();
                if field == "timeout" {
                    object["delay"] = json!(value.as_i64().unwrap().clamp(0, 86_400));
                }
                if field == "delay" {
                    object["timeout"] = json!(0);
                }
                object[field] = value;
                let reply = services.call("POST", path, Some(body)).await;
                assert_eq!(reply.status, if is_taken { 201 } else { 400 }, "{schema}.{field}: {reply}");
                tried += 1;
            }
        }
    }
    assert!(tried > 40, "{tried}");
}

#[tokio::test]
async fn what_was_stored_before_a_limit_came_is_shown_sent_and_can_be_changed() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let made = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await.id();
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let old = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
               c.execute(\"UPDATE health_monitor SET expected_codes = '204-200', delay = 100000\"); \
               c.execute(\"UPDATE member SET address = '127.0.0.1'\"); c.commit()";
    let file = services.database.strip_prefix("sqlite://").unwrap();
    assert!(Command::new("python3").args(["-c", old, file]).status().unwrap().success());

    let associate = json!({"health_monitor": {"id": monitor}});
    services.create(&format!("/v2.0/lb/pools/{pool}/health_monitors"), associate).await;
    let sent = loop {
        let sent = agent.desired().await.load_balancer.unwrap().pools.remove(0);
        if !sent.monitors.is_empty() {
            break sent;
        }
    };
    assert_eq!((sent.monitors[0].delay, sent.monitors[0].expected_codes.as_str()), (100_000, "204-200"));
    assert_eq!(sent.members[0].address, "127.0.0.1");

    let of_monitor = format!("/v2.0/lb/health_monitors/{monitor}");
    assert_eq!(services.get(&of_monitor).await["health_monitor"]["expected_codes"], "204-200");
    let change = async |path: &str, body: Value| services.call("PUT", path, Some(body)).await.status;
    assert_eq!(change(&of_monitor, json!({"health_monitor": {"timeout": 2}})).await, 200);
    assert_eq!(change(&of_monitor, json!({"health_monitor": {"expected_codes": "204-200"}})).await, 400);
    let good = json!({"health_monitor": {"expected_codes": "200-204", "delay": 5}});
    assert_eq!(change(&of_monitor, good).await, 200);
    let of_member = format!("/v2.0/lb/members/{made}");
    assert_eq!(change(&of_member, json!({"member": {"weight": 7}})).await, 200);
    assert_eq!(services.call("DELETE", &of_member, None).await.status, 204);
}
