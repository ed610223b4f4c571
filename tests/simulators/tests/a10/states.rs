//! States, from the servers' health and the admin states; counters; and faults of the vendor's own kind.

use std::time::Duration;

use ballast_simulators::{Fault, Kind, a10::Counters};
use serde_json::{Value, json};

use crate::client::{Client, deploy, simulator};

/// States of the member, its group, the virtual server, and the server.
fn states(client: &Client) -> [String; 4] {
    let state = |path: &str, wrapper: &str| {
        let body = client.get(&format!("{path}/oper")).body();
        body[wrapper]["oper"]["state"].as_str().unwrap_or_default().to_owned()
    };
    [
        state("slb/service-group/g1/member/s1+8080", "member"),
        state("slb/service-group/g1", "service-group"),
        state("slb/virtual-server/v1", "virtual-server"),
        state("slb/server/s1", "server"),
    ]
}

#[test]
fn states_follow_the_health_of_the_servers() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    assert_eq!(states(&client), ["UP", "All Up", "All Up", "Up"]);
    let member = json!({"member": {"name": "s1", "port": 8081}});
    assert_eq!(client.post("slb/service-group/g1/member", &member), (200, 0));
    let down = |port: u16| json!({"address": "10.0.0.1", "port": port, "up": false});
    assert_eq!(client.lever("health", &down(8080)), 200);
    assert_eq!(states(&client), ["DOWN", "Functional Up", "Functional Up", "Up"]);
    assert_eq!(client.lever("health", &down(8081)), 200);
    assert_eq!(states(&client), ["DOWN", "Down", "Down", "Down"]);
}

#[test]
fn a_server_that_is_slow_is_down_for_a_monitor_without_patience() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    simulator.health.slow("10.0.0.1".parse().unwrap(), 8080, Duration::from_millis(3500));
    assert_eq!(states(&client)[0], "UP");
    let impatient = json!({"monitor": {"name": "m1", "timeout": 3}});
    assert_eq!(client.post("health/monitor/m1", &impatient), (200, 0));
    assert_eq!(states(&client)[0], "DOWN");
}

#[test]
fn what_is_disabled_says_so_and_whether_it_answers_at_each_level() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let levels = [
        ("slb/service-group/g1/member/s1+8080", json!({"member": {"name": "s1", "port": 8080}}), "member-state", "Up"),
        ("slb/server/s1", json!({"server": {"name": "s1"}}), "action", "Disabled"),
        ("slb/server/s1/port/8080+tcp", json!({"port": {"port-number": 8080, "protocol": "tcp"}}), "action", "Down"),
    ];
    for (path, body, attribute, server) in levels {
        let set = |value: &str| {
            let mut body = body.clone();
            body.as_object_mut().unwrap().values_mut().next().unwrap()[attribute] = json!(value);
            assert_eq!(client.post(path, &body), (200, 0), "{body}");
        };
        set("disable");
        assert_eq!(states(&client), ["DIS-UP", "Disb", "Disb", server], "{path}");
        simulator.health.set("10.0.0.1".parse().unwrap(), 8080, false);
        assert_eq!(states(&client)[0], "DIS-DOWN", "{path}");
        simulator.health.set("10.0.0.1".parse().unwrap(), 8080, true);
        set("enable");
        assert_eq!(states(&client), ["UP", "All Up", "All Up", "Up"], "{path}");
    }
    let off = json!({"virtual-server": {"name": "v1", "enable-disable-action": "disable"}});
    assert_eq!(client.post("slb/virtual-server/v1", &off), (200, 0));
    assert_eq!(states(&client), ["UP", "All Up", "Disb", "Up"]);
}

#[test]
fn members_of_a_group_for_datagrams_have_their_own_ports() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let group = json!({"service-group": {"name": "g2", "protocol": "udp"}});
    assert_eq!(client.post("slb/service-group", &group), (200, 0));
    let member = json!({"member": {"name": "s1", "port": 8080}});
    assert_eq!(client.post("slb/service-group/g2/member", &member), (200, 0));
    let off = json!({"port": {"port-number": 8080, "protocol": "udp", "action": "disable"}});
    assert_eq!(client.post("slb/server/s1/port/8080+udp", &off), (200, 0));
    let body = client.get("slb/service-group/g2/member/s1+8080/oper").body();
    assert_eq!(body["member"]["oper"]["state"], "DIS-UP");
    assert_eq!(states(&client)[0], "UP");
}

#[test]
fn counters_move_and_go_back_with_a_reboot() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    assert_eq!(client.post("write/memory", &Value::Null), (200, 0));
    let counters = Counters { current: 2, connections: 40, forward_bytes: 700, reverse_bytes: 7000 };
    simulator.device().count("shared", "v1/80+http", counters);
    let stats =
        |client: &Client| client.get("slb/virtual-server/v1/port/stats").body()["port-list"][0]["stats"].clone();
    let shown = stats(&client);
    assert_eq!((&shown["curr_conn"], &shown["total_conn"]), (&json!(2), &json!(40)));
    assert_eq!((&shown["total_fwd_bytes"], &shown["total_rev_bytes"]), (&json!(700), &json!(7000)));
    assert_eq!(client.lever("reboot", &Value::Null), 200);
    assert_eq!(stats(&Client::logged_in(&simulator))["total_conn"], 0);
}

#[test]
fn each_fault_strikes_once_and_says_whether_it_was_carried_out() {
    let simulator = simulator();
    let kinds = [
        (Kind::DropBefore, (0, 0), false),
        (Kind::DropAfter, (0, 0), true),
        (Kind::Html503, (503, 0), false),
        (Kind::Busy, (503, 1_023_464_193), false),
        (Kind::Fail, (500, 1_023_459_328), false),
        (Kind::HalfApplied, (500, 1_023_459_328), false),
        (Kind::Secondary, (400, 419_545_856), false),
        (Kind::ExpireSession, (401, 401), false),
        (Kind::NoContent, (204, 0), true),
        (Kind::Delay(1), (200, 0), true),
    ];
    for (number, (kind, answer, made)) in (1..).zip(kinds) {
        let client = Client::logged_in(&simulator);
        simulator.faults.add(Fault::new(kind).method("POST").path("*/slb/server"));
        let server = json!({"server": {"name": format!("s{number}"), "host": format!("10.0.0.{number}")}});
        assert_eq!(client.post("slb/server", &server), answer, "{kind:?}");
        let there = Client::logged_in(&simulator).get(&format!("slb/server/s{number}")).status == 200;
        assert_eq!(there, made, "{kind:?}");
    }
    assert_eq!(simulator.faults.waiting(), 0);
}
