//! Bindings: both sides must be there, and fit; and what goes when one side goes.

use ballast_simulators::netscaler::Assumptions;
use serde_json::{Value, json};

use crate::client::{Client, deploy, member, outcome, simulator};

const MEMBERS: &str = "servicegroup_servicegroupmember_binding";
const MONITORS: &str = "servicegroup_lbmonitor_binding";
const GROUPS: &str = "lbvserver_servicegroup_binding";

fn bound(monitor: &str) -> Value {
    json!({MONITORS: {"servicegroupname": "g1", "monitor_name": monitor}})
}

fn group(vserver: &str, group: &str) -> Value {
    json!({GROUPS: {"name": vserver, "servicegroupname": group}})
}

fn make_monitor(client: &Client, of: &str) {
    assert_eq!(client.post("lbmonitor", &json!({"lbmonitor": {"monitorname": "m1", "type": of}})), (201, 0));
}

#[test]
fn both_verbs_bind_and_nothing_binds_twice() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    make_monitor(&client, "HTTP");
    assert_eq!(client.put(MEMBERS, &member("s1", 8081)), (201, 0));
    assert_eq!(client.post(MEMBERS, &member("s1", 8081)), (409, 273));
    assert_eq!(client.put(MONITORS, &bound("m1")), (201, 0));
    assert_eq!(client.put(MONITORS, &bound("m1")), (599, 2133));
    assert_eq!(client.put(GROUPS, &group("v1", "g1")), (409, 273));
}

#[test]
fn both_sides_of_a_binding_must_be_there() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    assert_eq!(client.post(MEMBERS, &member("s2", 80)), (404, 351));
    assert_eq!(client.post(MONITORS, &bound("m1")), (404, 258));
    assert_eq!(client.post(GROUPS, &group("v1", "g2")), (404, 463));
    assert_eq!(client.post(GROUPS, &group("v2", "g1")), (404, 461));
    assert_eq!(outcome(&client.get(&format!("config/{MEMBERS}/g2"))), (404, 258));
    assert_eq!(outcome(&client.get(&format!("config/{MEMBERS}"))), (400, 1095));
}

#[test]
fn a_member_has_a_name_or_an_address_and_an_address_makes_its_server() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let by = |fields: Value| {
        let mut body = json!({"servicegroupname": "g1", "port": 80});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({ MEMBERS: body })
    };
    assert_eq!(client.post(MEMBERS, &by(json!({"servername": "s1", "ip": "10.0.0.1"}))), (400, 1092));
    assert_eq!(client.post(MEMBERS, &by(json!({}))), (400, 1095));
    assert_eq!(client.post(MEMBERS, &by(json!({"servername": "s1", "weight": 101}))), (400, 1097));
    assert_eq!(client.post(MEMBERS, &by(json!({"ip": "2001:db8::5"}))), (201, 0));
    assert_eq!(client.one("config/server/2001%253Adb8%253A%253A5")["ipaddress"], "2001:db8::5");
    let args = "servername:2001%3Adb8%3A%3A5,ip:2001%3Adb8%3A%3A5,port:80";
    assert_eq!(client.delete(&format!("{MEMBERS}/g1?args={args}")), (400, 1092));
    assert_eq!(client.delete(&format!("{MEMBERS}/g1?args=ip:2001%3Adb8%3A%3A5,port:80")), (200, 0));
    assert_eq!(client.get("config/server/2001%253Adb8%253A%253A5").status, 200, "the server stays");
    simulator.device().assume(Assumptions { made_servers_go: true, ..Assumptions::default() });
    for _ in 0..2 {
        assert_eq!(client.post(MEMBERS, &by(json!({"ip": "10.0.0.9"}))), (201, 0));
        assert_eq!(client.delete(&format!("{MEMBERS}/g1?args=ip:10.0.0.9,port:80")), (200, 0));
        assert_eq!(client.get("config/server/10.0.0.9").status, 404);
    }
    assert_eq!(client.delete(&format!("{MEMBERS}/g1?args=servername:s1,port:8080")), (200, 0));
    assert_eq!(client.get("config/server/s1").status, 200, "it has a name of its own");
}

#[test]
fn a_weight_belongs_to_members_and_is_changed_through_their_group() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    assert_eq!(client.delete(&format!("{GROUPS}/v1?args=servicegroupname:g1")), (200, 0));
    let weighed = json!({GROUPS: {"name": "v1", "servicegroupname": "g1", "weight": 1}});
    let refused = client.send("POST", &format!("/nitro/v1/config/{GROUPS}"), &weighed);
    assert_eq!(outcome(&refused), (400, 1093));
    assert_eq!(refused.body()["message"], "Argument pre-requisite missing [weight, serviceName]");
    let as_service = json!({GROUPS: {"name": "v1", "servicename": "g1", "weight": 1}});
    assert_eq!(client.post(GROUPS, &as_service), (201, 0), "the vendor's Ansible collection does it so");
    let weight =
        |port: u16| json!({"servicegroup": {"servicegroupname": "g1", "servername": "s1", "port": port, "weight": 5}});
    assert_eq!(client.put("servicegroup/g1", &weight(8080)), (200, 0));
    assert_eq!(client.put("servicegroup", &weight(8081)), (404, 258));
    assert_eq!(client.one(&format!("config/{MEMBERS}/g1"))["weight"], "5");
}

#[test]
fn what_does_not_fit_is_not_bound() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let of = |name: &str, kind: &str| json!({"servicegroup": {"servicegroupname": name, "servicetype": kind}});
    assert_eq!(client.post("servicegroup", &of("tcp", "TCP")), (201, 0));
    assert_eq!(client.post("servicegroup", &of("udp", "UDP")), (201, 0));
    assert_eq!(client.post(GROUPS, &group("v1", "tcp")), (599, 1304));
    make_monitor(&client, "HTTP");
    let stream = json!({MONITORS: {"servicegroupname": "udp", "monitor_name": "m1"}});
    assert_eq!(client.post(MONITORS, &stream), (599, 2134));
    assert_eq!(client.post("servicegroup", &of("g2", "HTTP")), (201, 0));
    let twin = json!({MEMBERS: {"servicegroupname": "g2", "servername": "s1", "port": 8080}});
    assert_eq!(client.post(MEMBERS, &twin), (201, 0));
    assert_eq!(client.post(GROUPS, &group("v1", "g2")), (599, 428));
}

#[test]
fn what_is_not_bound_cannot_be_unbound() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    assert_eq!(client.delete(&format!("{MEMBERS}/g1?args=servername:s1,port:9")), (404, 258));
    assert_eq!(client.delete(&format!("{MEMBERS}/g1?args=servername:s1")), (400, 1095));
    assert_eq!(client.delete(&format!("{MEMBERS}/g1?args=name:s1")), (599, 278));
    assert_eq!(client.delete(&format!("{MONITORS}/g1?args=monitor_name:m1")), (599, 2170));
    assert_eq!(client.delete(&format!("{GROUPS}/v1?args=servicegroupname:g2")), (404, 258));
}

#[test]
fn a_monitor_that_is_bound_stays_and_other_objects_go_with_their_bindings() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    make_monitor(&client, "HTTP");
    assert_eq!(client.post(MONITORS, &bound("m1")), (201, 0));
    assert_eq!(client.delete("lbmonitor/m1?args=type:HTTP"), (599, 2131));
    assert_eq!(client.delete("server/s1"), (200, 0));
    assert_eq!(client.get(&format!("config/{MEMBERS}/g1")).body().get(MEMBERS), None);
    assert_eq!(client.delete("servicegroup/g1"), (200, 0));
    assert_eq!(client.get(&format!("config/{GROUPS}/v1")).body().get(GROUPS), None);
    assert_eq!(client.delete("lbmonitor/m1?args=type:HTTP"), (200, 0));
    assert_eq!(client.delete("lbvserver/v1"), (200, 0));
    assert_eq!(simulator.device().objects("default"), [""; 0]);
}

#[test]
fn every_device_has_monitors_that_are_nobodys_to_change() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let listed = client.get("config/lbmonitor").body()["lbmonitor"].as_array().unwrap().clone();
    assert!(listed.iter().any(|monitor| monitor["monitorname"] == "tcp-default"), "{listed:?}");
    assert_eq!(client.one("config/lbmonitor/http")["type"], "HTTP");
    let built_in = |name: &str| json!({"lbmonitor": {"monitorname": name, "type": "HTTP"}});
    assert_eq!(client.post("lbmonitor", &built_in("http")), (409, 273));
    assert_eq!(
        client.put("lbmonitor", &json!({"lbmonitor": {"monitorname": "http", "type": "HTTP", "retries": 9}})),
        (599, 257)
    );
    assert_eq!(client.delete("lbmonitor/http?args=type:HTTP"), (599, 257));
    assert_eq!(client.get(&format!("config/{MONITORS}/g1")).body().get(MONITORS), None);
    simulator.device().assume(Assumptions { shows_default_monitors: true, ..Assumptions::default() });
    assert_eq!(client.one(&format!("config/{MONITORS}/g1"))["monitor_name"], "tcp-default");
    assert_eq!(client.post(MONITORS, &bound("http")), (201, 0));
    assert_eq!(client.one(&format!("config/{MONITORS}/g1"))["monitor_name"], "http");
    assert_eq!(client.delete(&format!("{MONITORS}/g1?args=monitor_name:http")), (200, 0));
    simulator.device().assume(Assumptions { shows_built_in_monitors: false, ..Assumptions::default() });
    assert_eq!(client.get("config/lbmonitor").body().get("lbmonitor"), None);
}

#[test]
fn bindings_are_read_from_either_side_and_all_at_once() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    assert_eq!(client.post(MEMBERS, &member("s1", 8081)), (201, 0));
    assert_eq!(client.one(&format!("config/{MEMBERS}/g1?args=servername:s1,port:8081"))["port"], 8081);
    assert_eq!(client.one(&format!("config/{MEMBERS}/g1?filter=port:8081"))["port"], 8081);
    let all = client.one("config/servicegroup_binding/g1");
    assert_eq!(all[MEMBERS].as_array().unwrap().len(), 2);
    assert_eq!(client.one("config/lbvserver_binding/v1")[GROUPS][0]["servicegroupname"], "g1");
    let of_server = client.get("config/server_servicegroup_binding/s1").body();
    assert_eq!(of_server["server_servicegroup_binding"].as_array().unwrap().len(), 2);
    assert_eq!(client.get(&format!("config/{GROUPS}?bulkbindings=yes")).body()[GROUPS][0]["name"], "v1");
}
