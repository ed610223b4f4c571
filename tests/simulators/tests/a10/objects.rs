//! Objects: made, merged, replaced, deleted; and what is refused, by which number.

use serde_json::{Value, json};

use crate::client::{BAD_VALUE, Client, EXISTS, IN_USE, MISSING, deploy, outcome, simulator};

#[test]
fn what_is_read_has_its_defaults_a_uuid_and_its_children() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let group = client.get("slb/service-group/g1").body()["service-group"].clone();
    assert_eq!(group["lb-method"], "round-robin");
    assert_eq!(group["uuid"].as_str().map(str::len), Some(36));
    assert_eq!(group["member-list"][0]["member-state"], "enable");
    let server = client.get("slb/server/s1/").body()["server"].clone();
    assert_eq!(server["port-list"][0]["port-number"], 8080, "a member makes its server's port");
    assert_eq!(client.get("slb/server").body()["server-list"].as_array().map(Vec::len), Some(1));
}

#[test]
fn post_merges_and_put_resets_what_it_does_not_say() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let path = "slb/server/s1/port/8080+tcp";
    let shown = || client.get(path).body()["port"].clone();
    assert_eq!(client.post(path, &json!({"port": {"port-number": 8080, "protocol": "tcp", "weight": 5}})), (200, 0));
    let changed = json!({"port": {"port-number": 8080, "protocol": "tcp", "conn-limit": 9}});
    assert_eq!(client.post(path, &changed), (200, 0));
    assert_eq!((&shown()["weight"], &shown()["conn-limit"]), (&json!(5), &json!(9)));
    assert_eq!(client.put(path, &changed), (200, 0));
    assert_eq!((&shown()["weight"], &shown()["conn-limit"]), (&json!(1), &json!(9)));
    let cleared = json!({"port": {"port-number": 8080, "protocol": "tcp", "conn-limit": null}});
    assert_eq!(client.post(path, &cleared), (200, 0));
    assert_ne!(shown()["conn-limit"], 9);
}

#[test]
fn what_is_not_known_is_an_error() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(client.get("slb/servers").status, 404);
    let unknown = json!({"server": {"name": "s1", "host": "10.0.0.1", "adress": "10.0.0.2"}});
    assert_eq!(client.post("slb/server", &unknown), (400, 1_023_524_874));
    assert_eq!(client.post("slb/server", &json!({"port": {"name": "s1"}})), (400, 1_023_524_864));
    assert_eq!(client.post("slb/server", &json!("text")), (400, 1_023_524_864));
    assert_eq!(client.delete("slb/server"), (400, 1_023_459_335));
}

#[test]
fn values_are_held_against_the_vendors_schema() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let monitor = |fields: Value| {
        let mut body = json!({"name": "m1"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        client.post("health/monitor", &json!({ "monitor": body }))
    };
    assert_eq!(monitor(json!({"name": "m".repeat(30)})), (400, BAD_VALUE));
    assert_eq!(monitor(json!({"interval": 181})), (400, BAD_VALUE));
    assert_eq!(monitor(json!({"interval": 3, "timeout": 4})), (400, BAD_VALUE));
    assert_eq!(monitor(json!({"retry": "3"})), (400, BAD_VALUE));
    let group = |fields: Value| {
        let mut body = json!({"name": "g1", "protocol": "tcp"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        client.post("slb/service-group", &json!({ "service-group": body }))
    };
    assert_eq!(group(json!({"lb-method": "random"})), (400, BAD_VALUE));
    let two = json!({"lb-method": "round-robin", "lc-method": "least-connection"});
    assert_eq!(group(two), (400, BAD_VALUE));
    assert_eq!(group(json!({"reset-on-server-selection-fail": true})), (200, 0), "a flag may be a truth value");
    let changed = json!({"service-group": {"name": "g1", "protocol": "udp"}});
    assert_eq!(client.post("slb/service-group/g1", &changed), (400, 1_023_459_335), "it cannot be modified");
}

#[test]
fn what_is_named_must_be_there_and_stays_while_it_is_named() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let group = json!({"service-group": {"name": "g1", "protocol": "tcp", "health-check": "m1"}});
    assert_eq!(client.post("slb/service-group", &group), (404, MISSING));
    deploy(&client);
    assert_eq!(client.delete("health/monitor/m1"), (400, IN_USE));
    assert_eq!(client.delete("slb/service-group/g1"), (400, IN_USE));
    assert_eq!(client.delete("slb/server/s1"), (200, 0));
    assert_eq!(client.get("slb/service-group/g1/member").status, 204, "memberships go with their server");
    let cleared = json!({"service-group": {"name": "g1", "health-check": null}});
    assert_eq!(client.post("slb/service-group/g1", &cleared), (200, 0));
    assert_eq!(client.delete("health/monitor/m1"), (200, 0));
}

#[test]
fn names_and_addresses_are_taken_once() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let server = |name: &str, host: &str| json!({"server": {"name": name, "host": host}});
    assert_eq!(client.post("slb/server", &server("s1", "10.0.0.2")), (409, EXISTS));
    assert_eq!(client.post("slb/server", &server("s2", "10.0.0.1")), (409, EXISTS));
    let virtual_server = json!({"virtual-server": {"name": "v2", "ip-address": "192.0.2.10"}});
    assert_eq!(client.post("slb/virtual-server", &virtual_server), (409, EXISTS));
    let port = |number: u16| json!({"port": {"port-number": number, "protocol": "tcp"}});
    assert_eq!(client.post("slb/virtual-server/v1/port", &port(80)), (409, EXISTS));
    assert_eq!(client.post("slb/virtual-server/v1/port", &port(81)), (200, 0));
    let member = json!({"member": {"name": "s1", "port": 8080}});
    assert_eq!(client.post("slb/service-group/g1/member", &member), (409, EXISTS));
}

#[test]
fn a_list_is_made_whole_or_not_at_all() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let server = |number: u8| json!({"name": format!("s{number}"), "host": format!("10.0.0.{number}")});
    let list =
        |numbers: &[u8]| json!({"server-list": numbers.iter().map(|number| server(*number)).collect::<Vec<_>>()});
    assert_eq!(client.post("slb/server", &list(&[1, 2])), (200, 0));
    assert_eq!(client.post("slb/server", &list(&[3, 1])), (409, EXISTS));
    assert_eq!(simulator.device().objects("shared"), ["slb/server/s1", "slb/server/s2"]);
    let missing = client.get("slb/server/s3");
    assert_eq!(outcome(&missing), (404, MISSING));
    assert_eq!(missing.body()["response"]["err"]["from"], "CM");
}
