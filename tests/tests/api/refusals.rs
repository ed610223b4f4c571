//! What bad input gets: the contract's status, type and text; and nothing half done.

use serde_json::{Value, json};

use crate::{
    played::obedient,
    services::{Services, member, monitor, pool, vip},
};

/// A body that a value was put into.
fn with(mut body: Value, field: &str, value: Value) -> Value {
    if let Some(object) = body.as_object_mut().and_then(|body| body.values_mut().next()) {
        object[field] = value;
    }
    body
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn bad_values_get_neutrons_status_type_and_text() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    let (pools, vips) = ("/v2.0/lb/pools", "/v2.0/lb/vips");
    let (members, monitors) = ("/v2.0/lb/members", "/v2.0/lb/health_monitors");
    let a_vip = || vip(&subnet, &of_pool);
    let a_member = || member(&of_pool, "10.0.0.11");
    let cases = [
        (pools, with(pool(&subnet), "foo", json!(1)), "Unrecognized attribute(s) 'foo'"),
        (pools, with(pool(&subnet), "status", json!("ACTIVE")), "Attribute 'status' not allowed in POST"),
        (
            pools,
            with(pool(&subnet), "protocol", json!("UDP")),
            "Invalid input for protocol. Reason: 'UDP' is not in ['TCP', 'HTTP', 'HTTPS'].",
        ),
        (pools, with(pool(&subnet), "name", json!(5)), "Invalid input for name. Reason: '5' is not a valid string."),
        (pools, json!({"pool": {"name": "x"}}), "Failed to parse request. Required attribute "),
        (
            vips,
            with(a_vip(), "protocol_port", json!("70000")),
            "Invalid input for protocol_port. Reason: '70000' is too large - must be no larger than '65535'.",
        ),
        (vips, with(a_vip(), "protocol", json!("TCP")), "Protocol TCP does not match pool protocol HTTP"),
        (
            members,
            with(a_member(), "weight", json!(-1)),
            "Invalid input for weight. Reason: '-1' is too small - must be at least '0'.",
        ),
        (
            members,
            with(a_member(), "address", json!("bad")),
            "Invalid input for address. Reason: 'bad' is not a valid IP address.",
        ),
        (monitors, with(monitor(), "timeout", json!(9)), "Delay must be greater than or equal to timeout"),
        (
            monitors,
            with(monitor(), "delay", json!(-1)),
            "Invalid input for delay. Reason: '-1' should be non-negative.",
        ),
        (
            monitors,
            with(monitor(), "expected_codes", json!("abc")),
            "Invalid input for expected_codes. Reason: 'abc' is not a valid input.",
        ),
        (monitors, with(monitor(), "url_path", json!("/\n\tserver evil")), "Invalid input for url_path. Reason: "),
        (monitors, with(monitor(), "http_method", json!("GET /")), "Invalid input for http_method. Reason: "),
        (
            vips,
            with(a_vip(), "session_persistence", json!({"type": "APP_COOKIE", "cookie_name": "a b\nc"})),
            "Invalid input for cookie_name. Reason: ",
        ),
        (
            vips,
            with(a_vip(), "session_persistence", json!({"type": "APP_COOKIE"})),
            "Invalid input for session_persistence. Reason: ",
        ),
    ];
    for (path, body, text) in cases {
        let reply = services.call("POST", path, Some(body.clone())).await;
        assert_eq!(reply.status, 400, "{body}: {reply}");
        assert!(reply.error().1.starts_with(text), "{body}: {reply}, not {text}");
    }
    assert_eq!(services.get(vips).await["vips"], json!([]), "nothing half done");
    assert_eq!(services.get(members).await["members"], json!([]));
}

#[tokio::test]
async fn a_value_of_any_length_that_is_refused_is_told_as_such() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    for length in [256, 4_000, 6_000, 20_000, 1_000_000] {
        let name = "x".repeat(length);
        let reply = services.call("POST", "/v2.0/lb/pools", Some(with(pool(&subnet), "name", json!(name)))).await;
        // What is longer than a status of gRPC can carry is cut.
        let shown = &name[..length.min(6_000)];
        let text = format!("Invalid input for name. Reason: '{shown}' exceeds maximum length of 255.");
        assert_eq!((reply.status, reply.error()), (400, ("HTTPBadRequest", text.as_str())), "{length}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_of_its_kind() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let id = "11111111-2222-3333-4444-555555555555";
    for (collection, kind, name) in [
        ("lb/pools", "PoolNotFound", "Pool"),
        ("lb/vips", "VipNotFound", "Vip"),
        ("lb/members", "MemberNotFound", "Member"),
        ("lb/health_monitors", "HealthMonitorNotFound", "Health_monitor"),
        ("agents", "AgentNotFound", "Agent"),
    ] {
        for method in ["GET", "DELETE"] {
            let reply = services.call(method, &format!("/v2.0/{collection}/{id}"), None).await;
            let text = format!("{name} {id} could not be found");
            assert_eq!((reply.status, reply.error()), (404, (kind, text.as_str())), "{method} {collection}");
        }
    }
    let missing = services.call("POST", "/v2.0/lb/pools", Some(pool(id))).await;
    let text = format!("Subnet {id} could not be found.");
    assert_eq!((missing.status, missing.error()), (404, ("SubnetNotFound", text.as_str())), "{missing}");
    let of_pool = services.pool(&services.subnet().await).await;
    let missing = services.call("POST", "/v2.0/lb/vips", Some(vip(id, &of_pool))).await;
    let text = format!("Subnet {id} could not be found");
    assert_eq!((missing.status, missing.error()), (404, ("SubnetNotFound", text.as_str())), "{missing}");
}

#[tokio::test]
async fn a_second_of_what_there_can_be_one_of_is_409() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    services.create("/v2.0/lb/vips", vip(&subnet, &of_pool)).await;
    let second = services.call("POST", "/v2.0/lb/vips", Some(vip(&subnet, &of_pool))).await;
    let text = format!("Another Vip already exists for pool {of_pool}");
    assert_eq!((second.status, second.error()), (409, ("VipExists", text.as_str())));

    services.create("/v2.0/lb/members", member(&of_pool, "10.0.0.11")).await;
    let twin = services.call("POST", "/v2.0/lb/members", Some(member(&of_pool, "10.0.0.11"))).await;
    let text = format!("Member with address 10.0.0.11 and port 80 already present in pool {of_pool}");
    assert_eq!((twin.status, twin.error()), (409, ("MemberExists", text.as_str())));

    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let path = format!("/v2.0/lb/pools/{of_pool}/health_monitors");
    let body = json!({"health_monitor": {"id": monitor}});
    services.create(&path, body.clone()).await;
    let again = services.call("POST", &path, Some(body)).await;
    let text = format!("health_monitor {monitor} is already associated with pool {of_pool}");
    assert_eq!((again.status, again.error()), (409, ("PoolMonitorAssociationExists", text.as_str())));
    let other = "11111111-2222-3333-4444-555555555555";
    let gone = services.call("DELETE", &format!("{path}/{other}"), None).await;
    let text = format!("Monitor {other} is not associated with Pool {of_pool}");
    assert_eq!((gone.status, gone.error()), (404, ("PoolMonitorAssociationNotFound", text.as_str())));
}

#[tokio::test]
async fn what_is_fixed_cannot_be_changed() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let path = format!("/v2.0/lb/pools/{}", services.pool(&subnet).await);
    let reply = services.call("PUT", &path, Some(json!({"pool": {"subnet_id": subnet}}))).await;
    assert_eq!((reply.status, reply.error().1), (400, "Cannot update read-only attribute subnet_id"));
}

#[tokio::test]
async fn networks_and_subnets_in_use_stay() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    services.create("/v2.0/lb/vips", vip(&subnet, &of_pool)).await;
    let path = format!("/v2.0/subnets/{subnet}");
    let network = services.get(&path).await["subnet"]["network_id"].as_str().unwrap().to_owned();
    assert_eq!(services.call("DELETE", &path, None).await.status, 409);
    assert_eq!(services.call("DELETE", &format!("/v2.0/networks/{network}"), None).await.status, 409);
    let overlapping = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/25"}});
    let refused = services.call("POST", "/v2.0/subnets", Some(overlapping)).await;
    assert_eq!((refused.status, refused.error().0), (400, "InvalidInput"), "{refused}");
}
