//! Bodies against attribute maps: what is refused, with which words, and what comes out of the others.

use serde_json::json;

use super::*;
use crate::v2::{
    crud::Noun,
    routes::{
        health_monitors::HEALTH_MONITOR, listeners::LISTENER, load_balancers::LOAD_BALANCER, members::MEMBER,
        pools::POOL,
    },
};

const ID: &str = "6a6f4de5-4d2f-4c5a-9d0b-4c7c7d6b8f10";
const LB: Argument = Argument { name: "load_balancer", wrapper: "loadbalancer" };
const OF_LISTENER: Argument = Argument { name: "listener_", wrapper: "listener" };
const OF_MEMBER: Argument = Argument { name: "member_", wrapper: "member" };
const OF_POOL: Argument = Argument { name: "pool_", wrapper: "pool" };

fn payload(body: &Value) -> Payload {
    Payload::of(body.to_string().leak())
}

fn said(refusal: &Refusal) -> String {
    let (status, title, message) = refusal.octavias();
    assert_eq!((status.as_u16(), title), (400, ""));
    message.into_owned()
}

fn posted(resource: &Resource, argument: Argument, body: &Value) -> String {
    said(&post(resource, argument, &payload(body)).unwrap_err())
}

fn listener(field: &str, value: Value) -> Value {
    let mut listener = json!({ "loadbalancer_id": ID, "protocol": "HTTP", "protocol_port": 80 });
    listener[field] = value;
    json!({ "listener": listener })
}

#[test]
fn what_is_no_body_of_this_kind_is_refused_before_its_attributes() {
    for (text, message) in [
        ("", "Missing argument: \"load_balancer\""),
        ("{", "Request is not in valid JSON format"),
        ("[]", "Invalid input for field/attribute load_balancer. Value: '[]'. Value should be an object"),
        ("{}", "Invalid input for field/attribute loadbalancer. Value: 'None'. Mandatory field missing."),
        (
            "{\"loadbalancer\": null}",
            "Invalid input for field/attribute loadbalancer. Value: 'None'. Mandatory field missing.",
        ),
        (
            "{\"loadbalancer\": \"x\"}",
            "Invalid input for field/attribute loadbalancer. Value: 'x'. Value should be an object",
        ),
        ("{\"lb\": {}}", "Unknown attribute for argument load_balancer: lb"),
        ("{\"loadbalancer\": {\"id\": 1}}", "Unknown attribute for argument load_balancer.loadbalancer: id"),
        (
            "{\"loadbalancer\": {\"vip_vnic_type\": \"direct\"}}",
            "Unknown attribute for argument load_balancer.loadbalancer: vip_vnic_type",
        ),
        (
            "{\"loadbalancer\": {\"listeners\": [{\"foo\": 1}]}}",
            "Unknown attribute for argument load_balancer.loadbalancer.listeners: foo",
        ),
        (
            "{\"loadbalancer\": {\"pools\": [{\"loadbalancer_id\": 1}]}}",
            "Unknown attribute for argument load_balancer.loadbalancer.pools: loadbalancer_id",
        ),
        ("{\"loadbalancer\": {\"additional_vips\": null}}", "None is not a valid option for additional_vips"),
    ] {
        assert_eq!(said(&post(&LOAD_BALANCER, LB, &Payload::of(text)).unwrap_err()), message, "{text}");
    }
    let refusal = put(&LOAD_BALANCER, LB, &Payload::of("{\"loadbalancer\": {\"tenant_id\": \"p\"}}")).unwrap_err();
    assert_eq!(said(&refusal), "Unknown attribute for argument load_balancer.loadbalancer: tenant_id");
}

#[test]
fn values_are_refused_with_their_field() {
    for (field, value, reason) in [
        ("name", json!(5), "Value: '5'. Value should be string"),
        (
            "protocol",
            json!("FOO"),
            "Value: 'FOO'. Value should be one of: TCP, HTTP, HTTPS, TERMINATED_HTTPS, UDP, SCTP, PROMETHEUS",
        ),
        ("protocol_port", json!(0), "Value: '0'. Value should be greater or equal to 1"),
        ("protocol_port", json!("65536"), "Value: '65536'. Value should be lower or equal to 65535"),
        ("protocol_port", json!(null), "Value: 'None'. Mandatory field missing."),
        ("loadbalancer_id", json!("x"), "Value: 'x'. Value should be UUID format"),
        ("allowed_cidrs", json!(["x"]), "Value: '['x']'. Value should be IPv4 or IPv6 CIDR format"),
        ("timeout_client_data", json!(-1), "Value: '-1'. Value should be greater or equal to 0"),
    ] {
        let expected = format!("Invalid input for field/attribute {field}. {reason}");
        assert_eq!(posted(&LISTENER, OF_LISTENER, &listener(field, value)), expected);
    }
    let long = "n".repeat(256);
    let message = posted(&LISTENER, OF_LISTENER, &listener("name", json!(long)));
    assert!(message.ends_with("Value should have a maximum character requirement of 255"), "{message}");
}

#[test]
fn what_cannot_be_converted_is_shown_with_the_whole_body() {
    let body = json!({ "member": { "address": "192.0.2.1", "protocol_port": "x" } });
    assert_eq!(
        posted(&MEMBER, OF_MEMBER, &body),
        "Invalid input for field/attribute member_. Value: '{'member': {'address': '192.0.2.1', 'protocol_port': 'x'}}'. \
         invalid literal for int() with base 10: 'x'"
    );
    for unclear in [json!("True"), json!("maybe"), json!(""), json!(1.5)] {
        let message = posted(&LISTENER, OF_LISTENER, &listener("admin_state_up", unclear));
        assert!(message.contains("Value not an unambiguous boolean: "), "{message}");
    }
}

#[test]
fn numbers_and_booleans_are_read_from_what_clients_send() {
    for (value, read) in [(json!("80"), 80), (json!(true), 1), (json!(80.5), 80), (json!(80), 80)] {
        let attributes = post(&LISTENER, OF_LISTENER, &payload(&listener("protocol_port", value))).unwrap();
        assert_eq!(attributes.integer("protocol_port"), Some(read));
    }
    for (value, read) in [(json!("yes"), true), (json!(2), true), (json!("off"), false), (json!(null), false)] {
        let attributes = post(&LISTENER, OF_LISTENER, &payload(&listener("admin_state_up", value))).unwrap();
        assert_eq!(attributes.flag("admin_state_up"), Some(read));
    }
    let undashed = ID.replace('-', "");
    let mut attributes = post(&LISTENER, OF_LISTENER, &payload(&listener("loadbalancer_id", json!(undashed)))).unwrap();
    assert_eq!(attributes.text("loadbalancer_id"), ID);
    let mut attributes = post(&LISTENER, OF_LISTENER, &payload(&listener("tags", json!(["a", "b", "a"])))).unwrap();
    assert_eq!(attributes.texts("tags"), ["a", "b"]);
}

#[test]
fn a_change_names_the_fields_of_the_scheduler() {
    let paths = |body: Value| put(&POOL, OF_POOL, &payload(&json!({ "pool": body }))).unwrap().1.paths;
    assert_eq!(paths(json!({ "name": null, "tls_ciphers": "A" })), ["name", "tls.ciphers"]);
    assert_eq!(paths(json!({ "session_persistence": null })), ["session_persistence"]);
    assert_eq!(paths(json!({ "session_persistence": { "type": "SOURCE_IP" } })), ["session_persistence"]);
    let timeout = json!({ "session_persistence": { "persistence_timeout": 9 } });
    assert_eq!(paths(timeout), ["session_persistence"]);
    assert!(paths(json!({ "session_persistence": {} })).is_empty());
    let refused = |body: Value| said(&put(&POOL, OF_POOL, &payload(&json!({ "pool": body }))).unwrap_err());
    assert_eq!(refused(json!({ "tls_enabled": null })), "None is not a valid option for tls_enabled");
    assert_eq!(refused(json!({ "lb_algorithm": null })), "None is not a valid option for lb_algorithm");
    assert_eq!(refused(json!({ "protocol": "TCP" })), "Unknown attribute for argument pool_.pool: protocol");
}

#[test]
fn a_load_balancer_is_read_with_all_that_is_in_it() {
    let body = json!({ "loadbalancer": { "vip_subnet_id": ID, "listeners": [{
        "protocol": "HTTP", "protocol_port": "80", "default_pool": { "name": "p" },
        "l7policies": [{ "action": "REJECT", "rules": [{ "type": "PATH", "compare_type": "EQUAL_TO", "value": "/x" }] }]
    }], "pools": [{
        "name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        "members": [{ "address": "192.0.2.1", "protocol_port": 80 }],
        "healthmonitor": { "type": "TLS-HELLO", "delay": 5, "timeout": "3", "max_retries": 2 }
    }] } });
    let made = ballast_proto::v2::LoadBalancer::decode(post(&LOAD_BALANCER, LB, &payload(&body)).unwrap()).unwrap();
    assert_eq!(made.vip.unwrap().subnet_id, ID);
    assert_eq!(made.listeners[0].protocol_port, Some(80));
    assert_eq!(made.listeners[0].default_pool.as_ref().unwrap().name, "p");
    assert_eq!(made.listeners[0].l7policies[0].rules[0].value, "/x");
    assert_eq!(made.pools[0].members[0].address, "192.0.2.1");
    let monitor = made.pools[0].health_monitor.as_ref().unwrap();
    assert_eq!((monitor.r#type(), monitor.timeout), (ballast_proto::driver::MonitorType::TlsHello, Some(3)));
}

#[test]
fn texts_of_a_form_are_refused_with_it() {
    let monitor = |field: &str, value: &str| {
        let mut monitor = json!({ "pool_id": ID, "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1 });
        monitor[field] = json!(value);
        let argument = Argument { name: "health_monitor_", wrapper: "healthmonitor" };
        post(&HEALTH_MONITOR, argument, &payload(&json!({ "healthmonitor": monitor })))
            .map(|_| ())
            .map_err(|no| said(&no))
    };
    for (field, good, bad) in [
        ("expected_codes", "200, 302", "200,300-302"),
        ("expected_codes", "200-204", "204-200"),
        ("expected_codes", "599", "999"),
        ("url_path", "/x?y=z", "//x"),
        ("url_path", "/", "/a b"),
        ("http_version", "1.1", "2"),
        ("domain_name", "a.example", "a b"),
    ] {
        monitor(field, good).unwrap();
        assert!(monitor(field, bad).unwrap_err().contains(&format!("Value: '{bad}'.")), "{field} {bad}");
    }
}

#[test]
fn a_batch_is_a_list_of_members() {
    let members = Argument { name: "members_", wrapper: "members" };
    let read = |body: Value| many(&MEMBER, members, &payload(&body));
    assert_eq!(read(json!({ "members": [] })).unwrap().len(), 0);
    assert_eq!(said(&read(json!({ "members": null })).unwrap_err()), "None is not a valid option for members");
    assert_eq!(
        said(&read(json!({})).unwrap_err()),
        "Invalid input for field/attribute members. Value: 'None'. Mandatory field missing."
    );
    let unknown = read(json!({ "members": [{ "address": "192.0.2.1", "protocol_port": 1, "x": 1 }] })).unwrap_err();
    assert_eq!(said(&unknown), "Unknown attribute for argument members_.members: x");
}
