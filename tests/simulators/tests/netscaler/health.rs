//! States, from the servers' health and what is in service; and counters.

use std::time::Duration;

use ballast_simulators::{
    Device,
    netscaler::{Assumptions, Counters},
};
use serde_json::{Value, json};

use crate::client::{Client, deploy, member, outcome, simulator};

const MEMBERS: &str = "servicegroup_servicegroupmember_binding";

/// States of the member on port 8080, its group, its virtual server; and the virtual server's health.
fn states(client: &Client) -> [String; 4] {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let vserver = client.one("config/lbvserver/v1");
    [
        text(&client.one(&format!("config/{MEMBERS}/g1?args=servername:s1,port:8080"))["svrstate"]),
        text(&client.one("config/servicegroup/g1")["servicegroupeffectivestate"]),
        text(&vserver["effectivestate"]),
        text(&vserver["health"]),
    ]
}

#[test]
fn states_follow_the_health_of_the_servers() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    assert_eq!(states(&client), ["UP", "UP", "UP", "100"]);
    assert_eq!(client.post(MEMBERS, &member("s1", 8081)), (201, 0));
    simulator.health.set("10.0.0.1".parse().unwrap(), 8080, false);
    assert_eq!(states(&client), ["DOWN", "PARTIAL-UP", "UP", "50"]);
    simulator.device().assume(Assumptions { partially_up: "PARTIAL UP", ..Assumptions::default() });
    assert_eq!(states(&client), ["DOWN", "PARTIAL UP", "UP", "50"]);
    simulator.health.set("10.0.0.1".parse().unwrap(), 8081, false);
    assert_eq!(states(&client), ["DOWN", "DOWN", "DOWN", "0"]);
    let unchecked = json!({"servicegroup": {"servicegroupname": "g1", "healthmonitor": "NO"}});
    assert_eq!(client.put("servicegroup/g1", &unchecked), (200, 0));
    assert_eq!(states(&client), ["UP", "UP", "UP", "100"]);
}

#[test]
fn a_server_that_is_slow_is_down_for_a_monitor_without_patience() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let monitor = |timeout: u64| json!({"lbmonitor": {"monitorname": "m1", "type": "HTTP", "resptimeout": timeout}});
    assert_eq!(client.post("lbmonitor", &monitor(4)), (201, 0));
    let bound = json!({"servicegroup_lbmonitor_binding": {"servicegroupname": "g1", "monitor_name": "m1"}});
    assert_eq!(client.post("servicegroup_lbmonitor_binding", &bound), (201, 0));
    let slow = json!({"address": "10.0.0.1", "port": 8080, "up": true, "milliseconds": 3500});
    assert_eq!(client.send("POST", "/_simulator/health", &slow).status, 200);
    assert_eq!(states(&client)[0], "UP");
    assert_eq!(client.put("lbmonitor", &monitor(3)), (200, 0));
    assert_eq!(states(&client)[0], "DOWN");
    simulator.health.set("10.0.0.1".parse().unwrap(), 8080, true);
    assert_eq!(states(&client)[0], "UP");
}

#[test]
fn what_is_disabled_goes_out_of_service_at_each_level() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let levels = [
        ("servicegroup", json!({"servicegroupname": "g1", "servername": "s1", "port": 8080}), "DOWN"),
        ("servicegroup", json!({"servicegroupname": "g1"}), "DOWN"),
        ("server", json!({"name": "s1"}), "DOWN"),
    ];
    for (kind, what, vserver) in levels {
        assert_eq!(client.post(&format!("{kind}?action=disable"), &json!({ kind: what })), (200, 0));
        assert_eq!(states(&client), ["OUT OF SERVICE", "OUT OF SERVICE", vserver, "0"], "{what}");
        assert_eq!(client.post(&format!("{kind}?action=enable"), &json!({ kind: what })), (200, 0));
        assert_eq!(states(&client), ["UP", "UP", "UP", "100"], "{what}");
    }
    let vserver = json!({"lbvserver": {"name": "v1"}});
    assert_eq!(client.post("lbvserver?action=disable", &vserver), (200, 0));
    assert_eq!(states(&client), ["UP", "UP", "OUT OF SERVICE", "100"]);
    assert_eq!(client.one("config/lbvserver/v1")["state"], "DISABLED");
    assert_eq!(client.post("lbvserver?action=disable", &json!({"lbvserver": {"name": "v9"}})), (404, 258));
}

#[test]
fn a_member_with_a_delay_is_going_until_it_has_passed() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let leave = json!({"servicegroupname": "g1", "servername": "s1", "port": 8080, "graceful": "YES", "delay": 30});
    assert_eq!(client.post("servicegroup?action=disable", &json!({ "servicegroup": leave })), (200, 0));
    let shown = client.one(&format!("config/{MEMBERS}/g1"));
    assert_eq!((&shown["state"], &shown["svrstate"]), (&json!("DISABLED"), &json!("GOING OUT OF SERVICE")));
    assert_eq!((&shown["graceful"], &shown["delay"]), (&json!("YES"), &json!(30)));
    simulator.clock.advance(Duration::from_secs(29));
    assert_eq!(states(&client)[0], "GOING OUT OF SERVICE");
    simulator.clock.advance(Duration::from_secs(1));
    assert_eq!(states(&client)[0], "OUT OF SERVICE");
}

#[test]
fn totals_are_text_rates_are_numbers_and_both_move() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let counters = |hits: u64| Counters {
        current: 2,
        hits,
        requests: hits * 2,
        request_bytes: hits * 700,
        response_bytes: hits * 7000,
    };
    simulator.device().count("default", "lbvserver/v1", counters(1));
    simulator.device().count("default", "lbvserver/v1", counters(3));
    let shown = client.one("stat/lbvserver/v1");
    assert_eq!((&shown["tothits"], &shown["totalrequests"]), (&json!("3"), &json!("6")));
    assert_eq!((&shown["totalrequestbytes"], &shown["totalresponsebytes"]), (&json!("2100"), &json!("21000")));
    assert_eq!((&shown["requestbytesrate"], &shown["curclntconnections"]), (&json!(200.0), &json!("2")));
    assert_eq!((&shown["vslbhealth"], &shown["actsvcs"], &shown["state"]), (&json!("100"), &json!("1"), &json!("UP")));
    let path = "servicegroup_servicegroupmember_binding/g1/s1+8080";
    simulator.device().count("default", path, counters(4));
    for by in ["servername:s1", "ip:10.0.0.1"] {
        let shown = client.one(&format!("stat/servicegroupmember?args=servicegroupname:g1,{by},port:8080"));
        assert_eq!((&shown["totalrequests"], &shown["servicegroupname"]), (&json!("8"), &json!("g1?s1?8080")));
    }
    let missing = client.get("stat/servicegroupmember?args=servicegroupname:g1,servername:s1,port:81");
    assert_eq!(outcome(&missing), (404, 258));
    let group = client.one("stat/servicegroup/g1?statbindings=yes");
    assert_eq!(group["servicegroupmember"][0]["primaryport"], 8080);
    simulator.device().reboot();
    assert_eq!(Client::logged_in(&simulator).get("stat/lbvserver").body().get("lbvserver"), None);
}

#[test]
fn a_reboot_takes_the_counters_back() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    simulator.device().count("default", "lbvserver/v1", Counters { hits: 9, ..Counters::default() });
    assert_eq!(client.post("nsconfig?action=save", &json!({"nsconfig": {}})), (200, 0));
    let traffic =
        json!({"partition": "default", "path": "lbvserver/v1", "traffic": {"connections": 10, "bytes_out": 7}});
    assert_eq!(client.send("POST", "/_simulator/traffic", &traffic).status, 200);
    let shown = client.one("stat/lbvserver/v1");
    assert_eq!((&shown["tothits"], &shown["totalresponsebytes"]), (&json!("10"), &json!("7")));
    simulator.device().reboot();
    assert_eq!(Client::logged_in(&simulator).one("stat/lbvserver/v1")["tothits"], "0");
}
