//! Bodies against attribute maps: each stage, and which comes first.

use serde_json::json;

use super::*;
use crate::v1::routes::{agents::AGENT, pools::POOL, service_providers::SERVICE_PROVIDER};

const SUBNET: &str = "6a6f4de5-4d2f-4c5a-9d0b-4c7c7d6b8f10";

fn message(refusal: &Refusal) -> String {
    let (_, kind, message) = refusal.neutrons().unwrap();
    format!("{kind} {message}")
}

fn posted(body: Value) -> String {
    message(&POOL.post(body, Some("p")).unwrap_err())
}

fn good() -> Value {
    json!({ "subnet_id": SUBNET, "protocol": "HTTP", "lb_method": "ROUND_ROBIN" })
}

fn with(name: &str, value: Value) -> Value {
    let mut pool = good();
    pool[name] = value;
    json!({ "pool": pool })
}

#[test]
fn a_good_body_is_read_with_its_project() {
    let mut read = POOL.post(with("admin_state_up", json!("false")), Some("p")).unwrap();
    assert_eq!(read.flag("admin_state_up"), Some(false));
    assert_eq!((read.text("tenant_id"), read.text("subnet_id")), ("p".to_owned(), SUBNET.to_owned()));
    assert_eq!(read.optional_text("name"), None);
    let mut read = POOL.post(with("tenant_id", json!("other")), None).unwrap();
    assert_eq!(read.text("tenant_id"), "other");
}

#[test]
fn bodies_are_refused_stage_by_stage() {
    for (body, expected) in [
        (json!([1]), "BadRequest Bad body request: Invalid format: [1]"),
        (json!("x"), "BadRequest Bad body request: Invalid format: x"),
        (json!({ "pools": [] }), "HTTPBadRequest Bulk operation not supported"),
        (json!({ "vip": {} }), "HTTPBadRequest Unable to find 'pool' in request body"),
        (json!({ "pool": null }), "HTTPBadRequest Unable to find 'pool' in request body"),
        (json!({ "pool": [] }), "HTTPBadRequest Invalid input for pool. Reason: '[]' is not a dictionary."),
        (json!({ "pool": { "foo": 1 } }), "HTTPBadRequest Unrecognized attribute(s) 'foo'"),
        (
            json!({ "pool": { "subnet_id": "xyz" } }),
            "HTTPBadRequest Failed to parse request. Required attribute 'protocol' not specified",
        ),
        (with("status", json!("ACTIVE")), "HTTPBadRequest Attribute 'status' not allowed in POST"),
        (
            with("subnet_id", json!("xyz")),
            "HTTPBadRequest Invalid input for subnet_id. Reason: 'xyz' is not a valid UUID.",
        ),
        (
            with("provider", json!(null)),
            "HTTPBadRequest Invalid input for provider. Reason: 'None' is not a valid string.",
        ),
        (
            with("lb_method", json!("round_robin")),
            "HTTPBadRequest Invalid input for lb_method. Reason: 'round_robin' is not in \
             ['ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP'].",
        ),
    ] {
        assert_eq!(posted(body.clone()), expected, "{body}");
    }
}

#[test]
fn a_create_without_any_project_is_refused() {
    for project in [None, Some("")] {
        let refusal = POOL.post(json!({ "pool": good() }), project).unwrap_err();
        assert_eq!(
            message(&refusal),
            "HTTPBadRequest Running without keystone AuthN requires  that tenant_id is specified"
        );
    }
}

#[test]
fn an_update_changes_only_what_it_names() {
    let body = json!({ "pool": { "name": "n", "health_monitors": [], "lb_method": "SOURCE_IP" } });
    let (_, mut mask) = POOL.put(body).unwrap();
    mask.paths.sort();
    assert_eq!(mask.paths, ["lb_method", "name"]);
    assert!(POOL.put(json!({ "pool": {} })).unwrap().1.paths.is_empty());
    let refusal = POOL.put(json!({ "pool": { "subnet_id": 5 } })).unwrap_err();
    assert_eq!(message(&refusal), "HTTPBadRequest Cannot update read-only attribute subnet_id");
    let refusal = POOL.put(json!({ "pool": { "foo": 5, "subnet_id": 5 } })).unwrap_err();
    assert_eq!(message(&refusal), "HTTPBadRequest Unrecognized attribute(s) 'foo'");
}

#[test]
fn agents_and_providers_cannot_be_posted() {
    for resource in [&AGENT, &SERVICE_PROVIDER] {
        let refusal = resource.post(json!({ resource.one: {} }), Some("p")).unwrap_err();
        assert_eq!(message(&refusal), "HTTPBadRequest Unrecognized attribute(s) 'tenant_id'");
    }
}
