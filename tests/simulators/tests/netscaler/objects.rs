//! Objects: made, changed, listed, deleted; and what is refused, by which number.

use ballast_simulators::netscaler::Assumptions;
use serde_json::{Value, json};

use crate::client::{Client, deploy, outcome, simulator};

fn vserver(more: &Value) -> Value {
    let mut body = json!({"name": "v2", "servicetype": "HTTP", "ipv46": "192.0.2.20", "port": 80});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    json!({ "lbvserver": body })
}

fn monitor(more: &Value) -> Value {
    let mut body = json!({"monitorname": "m1", "type": "HTTP"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    json!({ "lbmonitor": body })
}

#[test]
fn an_empty_list_has_no_key_and_a_missing_object_is_404() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let empty = client.get("config/lbvserver");
    assert_eq!((empty.status, empty.body().get("lbvserver")), (200, None));
    assert_eq!(empty.body()["message"], "Done");
    let missing = client.get("config/lbvserver/v1");
    assert_eq!(outcome(&missing), (404, 258));
    assert_eq!(missing.body()["message"], "No such resource [vServerName, v1]");
}

#[test]
fn making_is_answered_without_a_body_and_deleting_with_done() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let made = client.send("POST", "/nitro/v1/config/lbvserver", &vserver(&json!({})));
    assert_eq!((made.status, made.text.as_str()), (201, ""));
    assert!(made.head.contains("content-type: text/html"), "{}", made.head);
    let gone = client.send("DELETE", "/nitro/v1/config/lbvserver/v2", &Value::Null);
    assert_eq!((gone.status, &gone.body()["message"]), (200, &json!("Done")));
}

#[test]
fn defaults_are_filled_in_and_large_numbers_are_text() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let shown = client.one("config/lbvserver/v1");
    assert_eq!((&shown["lbmethod"], &shown["persistencetype"]), (&json!("LEASTCONNECTION"), &json!("NONE")));
    assert_eq!((&shown["port"], &shown["td"], &shown["timeout"]), (&json!(80), &json!("0"), &json!(2)));
    let member = client.one("config/servicegroup_servicegroupmember_binding/g1");
    assert_eq!((&member["weight"], &member["ip"], &member["port"]), (&json!("1"), &json!("10.0.0.1"), &json!(8080)));
    assert_eq!(client.one("config/servicegroup/g1")["maxclient"], "0");
}

#[test]
fn what_is_not_known_is_an_error() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(client.post("lbvserver", &vserver(&json!({"lb_method": "ROUNDROBIN"}))), (599, 278));
    assert_eq!(client.post("lbvservers", &vserver(&json!({}))), (400, 1232));
    assert_eq!(client.post("server", &vserver(&json!({}))), (400, 1232));
    assert_eq!(outcome(&client.get("config/lbvserver?filters=name:v1")), (599, 278));
    assert_eq!(client.post("lbvserver?action=pause", &json!({"lbvserver": {"name": "v1"}})), (400, 1240));
    assert_eq!(outcome(&client.send("PATCH", "/nitro/v1/config/lbvserver/v1", &json!({}))), (400, 1237));
    assert_eq!(client.post("lbvserver", &json!([1])), (400, 1233));
    assert_eq!(outcome(&client.get("stat/server/s1")), (400, 1232));
}

#[test]
fn values_out_of_range_are_refused() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    for bad in [
        json!({"timeout": 1441}),
        json!({"lbmethod": "RANDOM"}),
        json!({"ipv46": "192.0.2"}),
        json!({"name": "-v"}),
        json!({"cookiename": "c".repeat(33), "persistencetype": "COOKIEINSERT"}),
        json!({"port": 65536}),
    ] {
        assert_eq!(client.post("lbvserver", &vserver(&bad)), (400, 1097), "{bad}");
    }
    assert_eq!(client.post("server", &json!({"server": {"name": "1a", "ipaddress": "10.0.0.1"}})), (400, 1097));
    assert_eq!(client.post("server", &json!({"server": {"name": "10.0.0.1", "ipaddress": "10.0.0.1"}})), (201, 0));
    assert_eq!(client.post("lbmonitor", &monitor(&json!({"interval": 20941}))), (400, 1097));
    assert_eq!(client.post("lbmonitor", &monitor(&json!({"respcode": vec!["200"; 17]}))), (400, 1097));
}

#[test]
fn missing_and_unfitting_arguments_are_refused_by_their_own_numbers() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(client.post("lbvserver", &json!({"lbvserver": {"name": "v1"}})), (400, 1095));
    assert_eq!(client.post("server", &json!({"server": {"name": "s1"}})), (400, 1095));
    assert_eq!(client.post("lbmonitor", &json!({"lbmonitor": {"monitorname": "m1"}})), (400, 1095));
    let of_tcp = json!({"servicetype": "TCP", "persistencetype": "COOKIEINSERT"});
    assert_eq!(client.post("lbvserver", &vserver(&of_tcp)), (599, 1332));
    assert_eq!(client.post("lbvserver", &vserver(&json!({"persistencetype": "SOURCEIP", "timeout": 0}))), (599, 2136));
    assert_eq!(client.post("lbvserver", &vserver(&json!({"cookiename": "c"}))), (400, 1093));
    assert_eq!(client.post("lbvserver", &vserver(&json!({"persistencetype": "RULE"}))), (400, 1093));
    assert_eq!(client.post("lbvserver", &vserver(&json!({"sothreshold": 10}))), (400, 1093));
    assert_eq!(client.post("lbvserver", &vserver(&json!({"httpprofilename": "p"}))), (404, 258));
    assert_eq!(client.post("lbmonitor", &monitor(&json!({"interval": 3, "resptimeout": 3}))), (599, 2128));
    let of_ping = json!({"type": "PING", "respcode": ["200"]});
    assert_eq!(client.post("lbmonitor", &monitor(&of_ping)), (400, 1093));
}

#[test]
fn an_address_is_taken_once() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let server = |name: &str| json!({"server": {"name": name, "ipaddress": "10.0.0.1"}});
    assert_eq!(client.post("server", &server("s2")), (409, 1335));
    assert_eq!(client.post("server", &server("s1")), (409, 273));
    assert_eq!(client.post("lbvserver", &vserver(&json!({"ipv46": "192.0.2.10"}))), (409, 273));
    let datagrams = json!({"ipv46": "192.0.2.10", "servicetype": "UDP"});
    assert_eq!(client.post("lbvserver", &vserver(&datagrams)), (201, 0));
}

#[test]
fn the_same_request_again_succeeds_only_when_it_says_so_and_nothing_differs() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let body = vserver(&json!({}));
    assert_eq!(client.post("lbvserver?idempotent=yes", &body), (201, 0));
    assert_eq!(client.post("lbvserver?idempotent=yes", &body), (201, 0));
    assert_eq!(client.post("lbvserver", &body), (409, 273));
    assert_eq!(client.post("lbvserver?idempotent=yes", &vserver(&json!({"port": 81}))), (409, 273));
    simulator.device().assume(Assumptions { repeats_are_fine: false, ..Assumptions::default() });
    assert_eq!(client.post("lbvserver?idempotent=yes", &body), (409, 273));
}

#[test]
fn a_change_keeps_what_it_does_not_name_and_cannot_touch_what_is_fixed() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let made = json!({"persistencetype": "COOKIEINSERT", "cookiename": "SRV", "timeout": 0});
    assert_eq!(client.post("lbvserver", &vserver(&made)), (201, 0));
    assert_eq!(client.put("lbvserver/v2", &json!({"lbvserver": {"name": "v2", "lbmethod": "ROUNDROBIN"}})), (200, 0));
    let shown = client.one("config/lbvserver/v2");
    assert_eq!((&shown["lbmethod"], &shown["cookiename"]), (&json!("ROUNDROBIN"), &json!("SRV")));
    assert_eq!(client.put("lbvserver", &json!({"lbvserver": {"name": "v2", "persistencetype": "NONE"}})), (200, 0));
    assert_eq!(client.one("config/lbvserver/v2").get("cookiename"), None);
    for fixed in [json!({"port": 81}), json!({"servicetype": "TCP"}), json!({"state": "DISABLED"})] {
        let mut body = json!({"name": "v2"});
        body.as_object_mut().unwrap().extend(fixed.as_object().unwrap().clone());
        assert_eq!(client.put("lbvserver/v2", &json!({ "lbvserver": body })), (599, 278), "{fixed}");
    }
    assert_eq!(client.put("lbvserver/v3", &json!({"lbvserver": {"lbmethod": "ROUNDROBIN"}})), (404, 258));
    assert_eq!(client.put("lbvserver/v2", &json!({"lbvserver": {"name": "v2"}})), (599, 431));
}

#[test]
fn a_refused_change_leaves_everything_as_it_was() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let before = simulator.device().clone();
    assert_eq!(client.put("lbvserver/v1", &json!({"lbvserver": {"name": "v1", "cookiename": "c"}})), (400, 1093));
    assert!(simulator.device().runs_like(&before));
}

#[test]
fn attributes_are_set_back_by_unset() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(client.post("lbvserver", &vserver(&json!({"comment": "mine", "lbmethod": "SOURCEIPHASH"}))), (201, 0));
    let body = json!({"lbvserver": {"name": "v2", "comment": true, "lbmethod": true}});
    assert_eq!(client.post("lbvserver?action=unset", &body), (200, 0));
    let shown = client.one("config/lbvserver/v2");
    assert_eq!((shown.get("comment"), &shown["lbmethod"]), (None, &json!("LEASTCONNECTION")));
    assert_eq!(client.post("lbvserver?action=unset", &json!({"lbvserver": {"name": "v2", "port": true}})), (599, 278));
}

#[test]
fn a_monitor_keeps_its_type_and_is_deleted_by_name_and_type() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let made = json!({"httprequest": "GET /h", "respcode": ["200", "202-204"], "interval": 60, "resptimeout": 3});
    assert_eq!(client.post("lbmonitor", &monitor(&made)), (201, 0));
    let shown = client.one("config/lbmonitor/m1");
    assert_eq!((&shown["interval"], &shown["units3"], &shown["resptimeout"]), (&json!(1), &json!("MIN"), &json!(3)));
    simulator.device().assume(Assumptions { shows_minutes: false, ..Assumptions::default() });
    assert_eq!(client.one("config/lbmonitor/m1?args=type:HTTP")["interval"], 60);
    let set = |of: &Value| json!({"lbmonitor": {"monitorname": "m1", "type": of, "retries": 5}});
    assert_eq!(client.put("lbmonitor", &set(&Value::Null)), (400, 1095));
    assert_eq!(client.put("lbmonitor", &set(&json!("TCP"))), (599, 2155));
    assert_eq!(client.put("lbmonitor", &set(&json!("HTTP"))), (200, 0));
    assert_eq!(client.delete("lbmonitor/m1"), (400, 1095));
    assert_eq!(client.delete("lbmonitor/m1?args=type:TCP"), (404, 258));
    assert_eq!(client.delete("lbmonitor/m1?args=type:HTTP"), (200, 0));
}

#[test]
fn reads_take_filters_attributes_counts_and_pages() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    for number in 1..=3 {
        let made = json!({"name": format!("v{number}"), "port": 80 + number});
        assert_eq!(client.post("lbvserver", &vserver(&made)), (201, 0));
    }
    assert_eq!(client.one("config/lbvserver?filter=port:82&attrs=name,port"), json!({"name": "v2", "port": 82}));
    assert_eq!(client.one("config/lbvserver?count=yes"), json!({"__count": 3}));
    assert_eq!(client.one("config/lbvserver?pagesize=2&pageno=2")["name"], "v3");
    assert_eq!(client.get("config/lbvserver?filter=port:99").body().get("lbvserver"), None);
}

#[test]
fn names_come_encoded_twice() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(client.post("lbvserver", &vserver(&json!({"name": "v 2:x"}))), (201, 0));
    assert_eq!(client.one("config/lbvserver/v%25202%253Ax")["name"], "v 2:x");
    assert_eq!(client.delete("lbvserver/v%25202%253Ax"), (200, 0));
}
