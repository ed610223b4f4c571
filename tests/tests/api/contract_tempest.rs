//! What Tempest's test of LBaaS v1 and Neutron's own unit tests ask for, as far as no other test here does.

use serde_json::{Map, Value, json};

use crate::{
    played::obedient,
    services::{Services, member, pool, vip},
};

fn tcp_monitor() -> Value {
    json!({"health_monitor": {"type": "TCP", "delay": 4, "timeout": 1, "max_retries": 3}})
}

/// The path of an object that is made by this body.
async fn made(services: &Services, collection: &str, body: Value) -> (String, Map<String, Value>) {
    let reply = services.create(&format!("/v2.0/lb/{collection}"), body).await;
    (format!("/v2.0/lb/{collection}/{}", reply.id()), reply.object().as_object().unwrap().clone())
}

#[tokio::test]
async fn what_is_shown_is_what_was_made_but_for_its_status() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    for (collection, body) in [
        ("vips", vip(&subnet, &of_pool)),
        ("pools", pool(&subnet)),
        ("members", member(&of_pool, "10.0.0.11")),
        ("health_monitors", tcp_monitor()),
    ] {
        let (path, object) = made(&services, collection, body).await;
        let shown = services.call("GET", &path, None).await;
        for (key, value) in object.iter().filter(|(key, _)| *key != "status") {
            assert_eq!(&shown.object()[key], value, "{path} {key}");
        }
        let listed = services.get(&format!("/v2.0/lb/{collection}")).await;
        assert!(listed[collection].as_array().unwrap().iter().any(|one| one["id"] == object["id"]), "{listed}");
    }
}

#[tokio::test]
async fn a_vip_and_its_pool_are_made_changed_and_removed() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let (pool_path, of_pool) = made(&services, "pools", pool(&subnet)).await;
    let mut body = vip(&subnet, of_pool["id"].as_str().unwrap());
    body["vip"]["address"] = json!("10.0.0.254");
    let (path, front) = made(&services, "vips", body).await;
    assert_eq!(front["address"], "10.0.0.254");
    let change = json!({
        "name": "new", "description": "d", "connection_limit": "10", "admin_state_up": false,
        "session_persistence": {"type": "HTTP_COOKIE"}
    });
    let changed = services.call("PUT", &path, Some(json!({ "vip": change }))).await;
    let shown = changed.object();
    assert_eq!((changed.status, &shown["name"], &shown["description"]), (200, &json!("new"), &json!("d")));
    assert_eq!((&shown["connection_limit"], &shown["admin_state_up"]), (&json!(10), &json!(false)));
    assert_eq!(shown["session_persistence"], json!({"type": "HTTP_COOKIE"}));
    let reset = services.call("PUT", &path, Some(json!({"vip": {"session_persistence": null}}))).await;
    assert_eq!(reset.object()["session_persistence"], json!(null));
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
    assert_eq!(services.call("GET", &path, None).await.status, 404);
    let change = json!({"pool": {"name": "new", "description": "d", "lb_method": "LEAST_CONNECTIONS"}});
    let changed = services.call("PUT", &pool_path, Some(change)).await;
    assert_eq!((changed.status, &changed.object()["lb_method"]), (200, &json!("LEAST_CONNECTIONS")));
    assert_eq!(services.call("DELETE", &pool_path, None).await.status, 204);
}

#[tokio::test]
async fn a_monitor_is_made_changed_associated_and_seen_from_both_sides() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let (pool_path, of_pool) = made(&services, "pools", pool(&services.subnet().await)).await;
    let mut body = tcp_monitor();
    for (key, value) in
        [("type", "HTTP"), ("http_method", "POST"), ("url_path", "/home/user"), ("expected_codes", "290")]
    {
        body["health_monitor"][key] = json!(value);
    }
    let (path, monitor) = made(&services, "health_monitors", body).await;
    assert_eq!((&monitor["http_method"], &monitor["url_path"]), (&json!("POST"), &json!("/home/user")));
    assert_eq!(monitor["expected_codes"], "290");
    let down = json!({"health_monitor": {"admin_state_up": false, "http_method": "GET"}});
    let changed = services.call("PUT", &path, Some(down)).await;
    assert_eq!((&changed.object()["admin_state_up"], &changed.object()["http_method"]), (&json!(false), &json!("GET")));
    let slow = services.call("PUT", &path, Some(json!({"health_monitor": {"timeout": 9}}))).await;
    let text = "Delay must be greater than or equal to timeout";
    assert_eq!((slow.status, slow.error()), (400, ("DelayOrTimeoutInvalid", text)));
    let associations = format!("{pool_path}/health_monitors");
    services.create(&associations, json!({"health_monitor": {"id": monitor["id"]}})).await;
    assert_eq!(services.get(&pool_path).await["pool"]["health_monitors"], json!([monitor["id"]]));
    let seen = services.get(&path).await;
    assert_eq!(seen["health_monitor"]["pools"][0]["pool_id"], of_pool["id"]);
    assert_eq!(seen["health_monitor"]["admin_state_up"], false, "visible through its pool while down");
    let gone = services.call("DELETE", &format!("{associations}/{}", monitor["id"].as_str().unwrap()), None).await;
    assert_eq!(gone.status, 204);
    assert_eq!(services.get(&pool_path).await["pool"]["health_monitors"], json!([]));
    assert_eq!(services.get(&path).await["health_monitor"]["pools"], json!([]));
}

#[tokio::test]
async fn a_new_pool_has_statistics_of_zeros_and_its_parts_resolve() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let (path, of_pool) = made(&services, "pools", pool(&subnet)).await;
    let zeros = json!({"stats": {"bytes_in": 0, "bytes_out": 0, "active_connections": 0, "total_connections": 0}});
    assert_eq!(services.get(&format!("{path}/stats")).await, zeros);
    let id = of_pool["id"].as_str().unwrap();
    services.create("/v2.0/lb/vips", vip(&subnet, id)).await;
    services.create("/v2.0/lb/members", member(id, "10.0.0.11")).await;
    services.create("/v2.0/lb/members", member(id, "10.0.0.12")).await;
    let shown = services.get(&path).await["pool"].clone();
    let front = services.get(&format!("/v2.0/lb/vips/{}", shown["vip_id"].as_str().unwrap())).await["vip"].clone();
    assert!(!front["status"].is_null() && !front["admin_state_up"].is_null());
    assert_eq!(shown["members"].as_array().map(Vec::len), Some(2));
    for member in shown["members"].as_array().unwrap() {
        let member = services.get(&format!("/v2.0/lb/members/{}", member.as_str().unwrap())).await["member"].clone();
        assert_eq!(member["pool_id"], of_pool["id"]);
        assert!(!member["status"].is_null());
    }
    let down = services.call("PUT", &path, Some(json!({"pool": {"admin_state_up": false}}))).await;
    assert_eq!(down.object()["admin_state_up"], false);
}

#[tokio::test]
async fn a_vip_whose_address_cannot_be_had_leaves_nothing() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    let first = services.create("/v2.0/lb/vips", vip(&subnet, &services.pool(&subnet).await)).await;
    for (address, status) in [(first.object()["address"].clone(), 409), (json!("10.9.9.9"), 400)] {
        let mut body = vip(&subnet, &of_pool);
        body["vip"]["address"] = address;
        assert_eq!(services.call("POST", "/v2.0/lb/vips", Some(body)).await.status, status);
    }
    let mut elsewhere = vip(&subnet, &of_pool);
    elsewhere["vip"]["subnet_id"] = json!("11111111-2222-3333-4444-555555555555");
    let reply = services.call("POST", "/v2.0/lb/vips", Some(elsewhere)).await;
    assert_eq!((reply.status, reply.error().0), (404, "SubnetNotFound"));
    let mut orphan = vip(&subnet, &of_pool);
    orphan["vip"]["pool_id"] = json!("11111111-2222-3333-4444-555555555555");
    let reply = services.call("POST", "/v2.0/lb/vips", Some(orphan)).await;
    assert_eq!((reply.status, reply.error().0), (404, "PoolNotFound"));
    assert_eq!(services.get("/v2.0/lb/vips").await["vips"].as_array().map(Vec::len), Some(1));
    assert_eq!(services.get(&format!("/v2.0/lb/pools/{of_pool}")).await["pool"]["vip_id"], json!(null));
}
