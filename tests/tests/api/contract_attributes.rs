//! Section by section what Neutron's contract says of attributes: what may be sent, how it is converted, what is shown
//! when it is not sent, and what is refused by which text.

use serde_json::{Value, json};

use crate::{
    played::obedient,
    services::{Services, member, monitor, pool, vip},
};

const NOWHERE: &str = "11111111-2222-3333-4444-555555555555";

/// A body with one attribute replaced.
pub(crate) fn with(mut body: Value, field: &str, value: Value) -> Value {
    if let Some(object) = body.as_object_mut().and_then(|body| body.values_mut().next()) {
        object[field] = value;
    }
    body
}

/// A body without one attribute.
fn without(mut body: Value, field: &str) -> Value {
    let object = body.as_object_mut().and_then(|body| body.values_mut().next());
    object.and_then(Value::as_object_mut).unwrap().remove(field);
    body
}

fn invalid(attribute: &str, reason: &str) -> String {
    format!("Invalid input for {attribute}. Reason: {reason}")
}

fn unconvertible(reason: &str) -> String {
    format!("Invalid input for operation: {reason}.")
}

#[tokio::test]
async fn what_is_not_sent_has_neutrons_defaults() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let made = services.create("/v2.0/lb/pools", without(pool(&subnet), "name")).await;
    let expected = json!({"pool": {
        "id": made.id(), "tenant_id": "demo", "name": "", "description": "", "subnet_id": subnet, "protocol": "HTTP",
        "lb_method": "ROUND_ROBIN", "provider": "haproxy", "vip_id": null, "members": [], "health_monitors": [],
        "health_monitors_status": [], "admin_state_up": true, "status": "PENDING_CREATE", "status_description": null
    }});
    assert_eq!(made.body, expected);
    let of_pool = made.id();

    let made = services.create("/v2.0/lb/vips", without(vip(&subnet, &of_pool), "name")).await;
    let expected = json!({"vip": {
        "id": made.id(), "tenant_id": "demo", "name": "", "description": "", "subnet_id": subnet,
        "address": "10.0.0.2", "port_id": made.object()["port_id"], "protocol_port": 80, "protocol": "HTTP",
        "pool_id": of_pool, "session_persistence": null, "connection_limit": -1, "admin_state_up": true,
        "status": "PENDING_CREATE", "status_description": null
    }});
    assert_eq!(made.body, expected);
    assert!(made.object()["port_id"].is_string(), "{made}");

    let made = services.create("/v2.0/lb/members", member(&of_pool, "10.0.0.11")).await;
    let expected = json!({"member": {
        "id": made.id(), "tenant_id": "demo", "pool_id": of_pool, "address": "10.0.0.11", "protocol_port": 80,
        "weight": 1, "admin_state_up": true, "status": "PENDING_CREATE", "status_description": null
    }});
    assert_eq!(made.body, expected);

    let made = services.create("/v2.0/lb/health_monitors", monitor()).await;
    let expected = json!({"health_monitor": {
        "id": made.id(), "tenant_id": "demo", "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2,
        "http_method": "GET", "url_path": "/", "expected_codes": "200", "admin_state_up": true, "pools": []
    }});
    assert_eq!(made.body, expected);
}

#[tokio::test]
async fn what_is_required_is_asked_for_by_its_name() {
    let services = Services::start().await;
    for (path, body, required) in [
        ("pools", pool(NOWHERE), ["subnet_id", "protocol", "lb_method"].as_slice()),
        ("vips", vip(NOWHERE, NOWHERE), &["subnet_id", "protocol_port", "protocol", "pool_id"]),
        ("members", member(NOWHERE, "10.0.0.1"), &["pool_id", "address", "protocol_port"]),
        ("health_monitors", monitor(), &["type", "delay", "timeout", "max_retries"]),
    ] {
        for field in required {
            let reply = services.call("POST", &format!("/v2.0/lb/{path}"), Some(without(body.clone(), field))).await;
            let text = format!("Failed to parse request. Required attribute '{field}' not specified");
            assert_eq!((reply.status, reply.error()), (400, ("HTTPBadRequest", text.as_str())), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_read_only_or_unknown_is_refused_in_post() {
    let services = Services::start().await;
    for (path, body, read_only) in [
        (
            "pools",
            pool(NOWHERE),
            ["id", "vip_id", "members", "health_monitors_status", "status", "status_description"].as_slice(),
        ),
        ("vips", vip(NOWHERE, NOWHERE), &["id", "port_id", "status", "status_description"]),
        ("members", member(NOWHERE, "10.0.0.1"), &["id", "status", "status_description"]),
        ("health_monitors", monitor(), &["id", "status", "status_description", "pools"]),
    ] {
        let path = format!("/v2.0/lb/{path}");
        for field in read_only {
            let reply = services.call("POST", &path, Some(with(body.clone(), field, json!("x")))).await;
            let text = format!("Attribute '{field}' not allowed in POST");
            assert_eq!((reply.status, reply.error()), (400, ("HTTPBadRequest", text.as_str())), "{path}");
        }
        let reply = services.call("POST", &path, Some(with(body, "foo", json!("x")))).await;
        assert_eq!((reply.status, reply.error().1), (400, "Unrecognized attribute(s) 'foo'"), "{path}");
    }
    let named = services.call("POST", "/v2.0/lb/members", Some(with(member(NOWHERE, "::1"), "name", json!("m")))).await;
    assert_eq!(named.error().1, "Unrecognized attribute(s) 'name'");
}

#[tokio::test]
async fn what_is_fixed_is_refused_in_put_and_what_is_not_is_changed() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    let fixed = [
        (
            format!("pools/{of_pool}"),
            "pool",
            ["id", "tenant_id", "subnet_id", "protocol", "provider", "vip_id", "members", "status"].as_slice(),
            json!({"name": "n", "description": "d", "lb_method": "SOURCE_IP", "admin_state_up": false}),
        ),
        (
            format!("vips/{}", services.create("/v2.0/lb/vips", vip(&subnet, &of_pool)).await.id()),
            "vip",
            &["id", "tenant_id", "subnet_id", "address", "port_id", "protocol", "protocol_port", "status"],
            json!({
                "name": "n", "description": "d", "connection_limit": 10, "admin_state_up": false,
                "session_persistence": {"type": "HTTP_COOKIE"}
            }),
        ),
        (
            format!("members/{}", services.create("/v2.0/lb/members", member(&of_pool, "10.0.0.11")).await.id()),
            "member",
            &["id", "tenant_id", "address", "protocol_port", "status"],
            json!({"weight": 256, "admin_state_up": false}),
        ),
        (
            format!("health_monitors/{}", services.create("/v2.0/lb/health_monitors", monitor()).await.id()),
            "health_monitor",
            &["id", "tenant_id", "type", "pools", "status"],
            json!({
                "delay": 9, "timeout": 9, "max_retries": 10, "http_method": "POST", "url_path": "/home/user",
                "expected_codes": "290", "admin_state_up": false
            }),
        ),
    ];
    for (path, wrapper, fields, change) in fixed {
        let path = format!("/v2.0/lb/{path}");
        for field in fields {
            let reply = services.call("PUT", &path, Some(json!({ wrapper: { *field: "x" } }))).await;
            let text = format!("Cannot update read-only attribute {field}");
            assert_eq!((reply.status, reply.error()), (400, ("HTTPBadRequest", text.as_str())), "{path}");
        }
        let unknown = services.call("PUT", &path, Some(json!({ wrapper: { "foo": 1 } }))).await;
        assert_eq!((unknown.status, unknown.error().1), (400, "Unrecognized attribute(s) 'foo'"));
        let changed = services.call("PUT", &path, Some(json!({ wrapper: change }))).await;
        assert_eq!(changed.status, 200, "{changed}");
        for (field, value) in change.as_object().unwrap() {
            assert_eq!(&changed.object()[field], value, "{path} {field}");
        }
    }
}

#[tokio::test]
async fn values_are_converted_as_neutron_converts_them() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    let (pools, vips) = ("/v2.0/lb/pools", "/v2.0/lb/vips");
    let (members, monitors) = ("/v2.0/lb/members", "/v2.0/lb/health_monitors");
    let a_member = |address| member(&of_pool, address);
    for (path, body, field, shown) in [
        (pools, with(pool(&subnet), "admin_state_up", json!("FALSE")), "admin_state_up", json!(false)),
        (pools, with(pool(&subnet), "admin_state_up", json!(0)), "admin_state_up", json!(false)),
        (pools, with(pool(&subnet), "admin_state_up", json!("1")), "admin_state_up", json!(true)),
        (pools, with(pool(&subnet), "provider", json!("HAPROXY")), "provider", json!("haproxy")),
        (pools, with(pool(&subnet), "tenant_id", json!("other")), "tenant_id", json!("other")),
        (pools, with(pool(&subnet), "health_monitors", json!([NOWHERE])), "health_monitors", json!([])),
        (pools, with(pool(&subnet), "health_monitors", json!(null)), "health_monitors", json!([])),
        (members, with(a_member("10.0.0.1"), "protocol_port", json!("80")), "protocol_port", json!(80)),
        (members, with(a_member("10.0.0.2"), "protocol_port", json!(0)), "protocol_port", json!(0)),
        (members, with(a_member("10.0.0.3"), "protocol_port", json!(65_535)), "protocol_port", json!(65_535)),
        (members, with(a_member("10.0.0.4"), "weight", json!(0)), "weight", json!(0)),
        (members, with(a_member("10.0.0.5"), "weight", json!("256")), "weight", json!(256)),
        (members, a_member("fd00::5"), "address", json!("fd00::5")),
        (members, with(a_member("10.0.0.6"), "tenant_id", json!("other")), "tenant_id", json!("other")),
        (monitors, with(with(monitor(), "delay", json!("0")), "timeout", json!("0")), "delay", json!(0)),
        (monitors, with(monitor(), "max_retries", json!("10")), "max_retries", json!(10)),
        (monitors, with(monitor(), "expected_codes", json!("200, 202")), "expected_codes", json!("200, 202")),
        (monitors, with(monitor(), "expected_codes", json!("200-204")), "expected_codes", json!("200-204")),
        (monitors, with(monitor(), "url_path", json!("health")), "url_path", json!("/health")),
        (vips, with(vip(&subnet, &of_pool), "connection_limit", json!("-5")), "connection_limit", json!(-5)),
    ] {
        let made = services.create(path, body.clone()).await;
        assert_eq!(made.object()[field], shown, "{body}");
    }
}

#[tokio::test]
async fn session_persistence_is_shown_as_it_is_stored() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    for (sent, shown) in [
        (json!(null), json!(null)),
        (json!({}), json!(null)),
        (json!({"type": "SOURCE_IP"}), json!({"type": "SOURCE_IP"})),
        (json!({"type": "HTTP_COOKIE", "more": 1}), json!({"type": "HTTP_COOKIE"})),
        (json!({"type": "APP_COOKIE", "cookie_name": "sid"}), json!({"type": "APP_COOKIE", "cookie_name": "sid"})),
    ] {
        let body = with(vip(&subnet, &services.pool(&subnet).await), "session_persistence", sent);
        let made = services.create("/v2.0/lb/vips", body).await;
        assert_eq!(made.object()["session_persistence"], shown);
    }
}

#[tokio::test]
async fn bad_values_of_pools_are_refused_to_the_letter() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let not_found = |name| format!("Service provider '{name}' could not be found for service type LOADBALANCER");
    let protocols = "is not in ['TCP', 'HTTP', 'HTTPS'].";
    for (field, value, kind, message) in [
        ("name", json!(5), "HTTPBadRequest", invalid("name", "'5' is not a valid string.")),
        ("description", json!(null), "HTTPBadRequest", invalid("description", "'None' is not a valid string.")),
        ("subnet_id", json!("xyz"), "HTTPBadRequest", invalid("subnet_id", "'xyz' is not a valid UUID.")),
        ("protocol", json!("UDP"), "HTTPBadRequest", invalid("protocol", &format!("'UDP' {protocols}"))),
        (
            "lb_method",
            json!("round_robin"),
            "HTTPBadRequest",
            invalid("lb_method", "'round_robin' is not in ['ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP']."),
        ),
        ("provider", json!(null), "HTTPBadRequest", invalid("provider", "'None' is not a valid string.")),
        ("provider", json!("nope"), "ServiceProviderNotFound", not_found("nope")),
        ("provider", json!(""), "ServiceProviderNotFound", not_found("")),
        ("health_monitors", json!(["x"]), "HTTPBadRequest", invalid("health_monitors", "'x' is not a valid UUID.")),
        ("admin_state_up", json!("yes"), "InvalidInput", unconvertible("'yes' cannot be converted to boolean")),
        ("tenant_id", json!(7), "HTTPBadRequest", invalid("tenant_id", "'7' is not a valid string.")),
    ] {
        let reply = services.call("POST", "/v2.0/lb/pools", Some(with(pool(&subnet), field, value))).await;
        assert_eq!((reply.status, reply.error()), (400, (kind, message.as_str())), "{field}");
    }
}

#[tokio::test]
async fn bad_values_of_vips_are_refused_to_the_letter() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    let rule = "'cookie_name' is not allowed for this type of session persistence.";
    for (field, value, kind, message) in [
        ("address", json!("bad"), "HTTPBadRequest", invalid("address", "'bad' is not a valid IP address.")),
        ("address", json!(""), "HTTPBadRequest", invalid("address", "'' is not a valid IP address.")),
        (
            "protocol_port",
            json!("70000"),
            "HTTPBadRequest",
            invalid("protocol_port", "'70000' is too large - must be no larger than '65535'."),
        ),
        (
            "protocol_port",
            json!(-1),
            "HTTPBadRequest",
            invalid("protocol_port", "'-1' is too small - must be at least '0'."),
        ),
        ("protocol_port", json!("http"), "InvalidInput", unconvertible("'http' is not a integer")),
        ("protocol", json!("TCP"), "ProtocolMismatch", "Protocol TCP does not match pool protocol HTTP".to_owned()),
        ("pool_id", json!("p"), "HTTPBadRequest", invalid("pool_id", "'p' is not a valid UUID.")),
        ("connection_limit", json!(null), "InvalidInput", unconvertible("'None' is not a integer")),
        (
            "session_persistence",
            json!("SOURCE_IP"),
            "HTTPBadRequest",
            invalid("session_persistence", "'SOURCE_IP' is not a dictionary."),
        ),
        (
            "session_persistence",
            json!({"cookie_name": "c"}),
            "HTTPBadRequest",
            invalid(
                "session_persistence",
                "Validation of dictionary's keys failed.Expected keys: set(['type']) Provided keys: \
                 set([u'cookie_name']).",
            ),
        ),
        (
            "session_persistence",
            json!({"type": "SOURCE_IP", "cookie_name": "c"}),
            "HTTPBadRequest",
            invalid("session_persistence", rule),
        ),
        (
            "session_persistence",
            json!({"type": "HTTP_COOKIE", "cookie_name": ""}),
            "HTTPBadRequest",
            invalid("session_persistence", rule),
        ),
    ] {
        let reply = services.call("POST", "/v2.0/lb/vips", Some(with(vip(&subnet, &of_pool), field, value))).await;
        assert_eq!((reply.status, reply.error()), (400, (kind, message.as_str())), "{field}");
    }
    assert_eq!(services.get("/v2.0/lb/vips").await, json!({"vips": []}), "no refused vip is left behind");
}

#[tokio::test]
async fn bad_values_of_members_and_monitors_are_refused_to_the_letter() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let of_pool = services.pool(&services.subnet().await).await;
    for (field, value, kind, message) in [
        ("address", json!("host.example"), "HTTPBadRequest", "'host.example' is not a valid IP address."),
        ("address", json!(""), "HTTPBadRequest", "'' is not a valid IP address."),
        ("address", json!("10.0.0"), "HTTPBadRequest", "'10.0.0' is not a valid IP address."),
        ("protocol_port", json!(65_536), "HTTPBadRequest", "'65536' is too large - must be no larger than '65535'."),
        ("weight", json!(257), "HTTPBadRequest", "'257' is too large - must be no larger than '256'."),
        ("weight", json!(-1), "HTTPBadRequest", "'-1' is too small - must be at least '0'."),
        ("weight", json!("heavy"), "InvalidInput", "'heavy' is not a integer."),
    ] {
        let body = with(member(&of_pool, "10.0.0.1"), field, value);
        let reply = services.call("POST", "/v2.0/lb/members", Some(body)).await;
        assert_eq!((reply.status, reply.error().0), (400, kind), "{field}");
        assert!(reply.error().1.ends_with(message), "{reply}");
    }
    for (field, value, message) in [
        ("type", json!("UDP"), invalid("type", "'UDP' is not in ['PING', 'TCP', 'HTTP', 'HTTPS'].")),
        ("delay", json!(-1), invalid("delay", "'-1' should be non-negative.")),
        ("timeout", json!("-1"), invalid("timeout", "'-1' should be non-negative.")),
        ("delay", json!("long"), unconvertible("'long' is not a integer")),
        ("max_retries", json!(0), invalid("max_retries", "'0' is too small - must be at least '1'.")),
        ("max_retries", json!(11), invalid("max_retries", "'11' is too large - must be no larger than '10'.")),
        ("expected_codes", json!("abc"), invalid("expected_codes", "'abc' is not a valid input.")),
        ("expected_codes", json!("200-204,301"), invalid("expected_codes", "'200-204,301' is not a valid input.")),
        ("http_method", json!("G T"), invalid("http_method", "'G T' is not a valid input.")),
        ("http_method", json!(5), invalid("http_method", "'5' is not a valid string.")),
        ("url_path", json!("/a b"), invalid("url_path", "'/a b' is not a valid input.")),
        ("timeout", json!(6), "Delay must be greater than or equal to timeout".to_owned()),
    ] {
        let body = with(monitor(), field, value);
        let reply = services.call("POST", "/v2.0/lb/health_monitors", Some(body)).await;
        assert_eq!((reply.status, reply.error().1), (400, message.as_str()), "{field}");
    }
    assert_eq!(services.get("/v2.0/lb/members").await, json!({"members": []}));
    assert_eq!(services.get("/v2.0/lb/health_monitors").await, json!({"health_monitors": []}));
}

#[tokio::test]
async fn texts_are_bounded_and_carry_no_nul() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    for field in ["name", "description", "tenant_id"] {
        for (value, status) in [("x".repeat(255), 201), ("x".repeat(256), 400), ("a\0b".to_owned(), 400)] {
            let body = with(pool(&subnet), field, json!(value));
            let reply = services.call("POST", "/v2.0/lb/pools", Some(body)).await;
            assert_eq!(reply.status, status, "{field} {}", value.len());
        }
    }
}

#[tokio::test]
async fn method_path_and_codes_are_shown_for_http_alone() {
    let services = Services::start().await;
    for (kind, shown) in [("PING", false), ("TCP", false), ("HTTP", true), ("HTTPS", true)] {
        let mut body = with(monitor(), "type", json!(kind));
        for (field, value) in [("http_method", "HEAD"), ("url_path", "/x"), ("expected_codes", "201")] {
            body = with(body, field, json!(value));
        }
        let made = services.create("/v2.0/lb/health_monitors", body).await;
        for field in ["http_method", "url_path", "expected_codes"] {
            assert_eq!(made.object().get(field).is_some(), shown, "{kind} {field}");
        }
        for field in ["status", "status_description"] {
            assert!(made.object().get(field).is_none(), "{kind} {field}");
        }
    }
}

#[tokio::test]
async fn bodies_of_another_shape_are_refused_to_the_letter() {
    let services = Services::start().await;
    let item = format!("/v2.0/lb/pools/{NOWHERE}");
    let malformed = "Malformed request body: Cannot understand JSON";
    for (method, path, body, kind, message) in [
        ("POST", "/v2.0/lb/pools", "", "HTTPBadRequest", "Resource body required"),
        ("POST", "/v2.0/lb/pools", "{}", "HTTPBadRequest", "Resource body required"),
        ("PUT", &item, "", "BadRequest", "Bad body request: Invalid format: "),
        ("POST", "/v2.0/lb/pools", "{", "MalformedRequestBody", malformed),
        ("PUT", &item, "nonsense", "MalformedRequestBody", malformed),
        ("POST", "/v2.0/lb/pools", "[1]", "BadRequest", "Bad body request: Invalid format: [1]"),
        ("PUT", &item, "[1]", "BadRequest", "Bad body request: Invalid format: [1]"),
        ("POST", "/v2.0/lb/pools", r#"{"vip": {}}"#, "HTTPBadRequest", "Unable to find 'pool' in request body"),
        ("PUT", &item, r#"{"vip": {}}"#, "HTTPBadRequest", "Unable to find 'pool' in request body"),
        ("POST", "/v2.0/lb/pools", r#"{"pools": [{}]}"#, "HTTPBadRequest", "Bulk operation not supported"),
        ("POST", "/v2.0/lb/vips", r#"{"vips": [{}]}"#, "HTTPBadRequest", "Bulk operation not supported"),
        ("POST", "/v2.0/lb/members", r#"{"members": []}"#, "HTTPBadRequest", "Bulk operation not supported"),
        (
            "POST",
            "/v2.0/lb/health_monitors",
            r#"{"health_monitors": [{}]}"#,
            "HTTPBadRequest",
            "Bulk operation not supported",
        ),
        ("POST", "/v2.0/agents", r#"{"agent": {}}"#, "HTTPBadRequest", "Unrecognized attribute(s) 'tenant_id'"),
        (
            "POST",
            "/v2.0/service-providers",
            r#"{"service_provider": {}}"#,
            "HTTPBadRequest",
            "Unrecognized attribute(s) 'tenant_id'",
        ),
    ] {
        let reply = services.send(method, path, body).await;
        assert_eq!((reply.status, reply.error()), (400, (kind, message)), "{method} {path} {body}");
    }
}

#[tokio::test]
async fn what_belongs_to_another_project_is_the_admins_to_make() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let theirs = services.create("/v2.0/lb/pools", with(pool(&subnet), "tenant_id", json!("theirs"))).await.id();
    let mixed = services.call("POST", "/v2.0/lb/vips", Some(vip(&subnet, &theirs))).await;
    assert_eq!((mixed.status, mixed.error()), (403, ("NotAuthorized", "Not authorized.")));
    let own = with(vip(&subnet, &theirs), "tenant_id", json!("theirs"));
    assert_eq!(services.create("/v2.0/lb/vips", own).await.object()["tenant_id"], "theirs");
    let monitor = with(monitor(), "tenant_id", json!("theirs"));
    assert_eq!(services.create("/v2.0/lb/health_monitors", monitor).await.object()["tenant_id"], "theirs");
    let member = with(member(&theirs, "10.0.0.1"), "tenant_id", json!("others"));
    assert_eq!(services.create("/v2.0/lb/members", member).await.object()["tenant_id"], "others");
}
