//! States, derived from the servers' health.

use std::time::Duration;

use ballast_simulators::Simulator;
use ballast_simulators::radware::Alteon;
use serde_json::{Value, json};

use crate::client::{Client, deploy, simulator};

fn down(simulator: &Simulator<Alteon>, server: u8, port: u16) {
    simulator.health.set(format!("10.0.0.{server}").parse().unwrap(), port, false);
}

/// Of the service's two members.
fn states(client: &Client) -> Vec<Value> {
    client.rows("SlbEnhVirtServicesInfoTable/v1/1").iter().map(|row| row["State"].clone()).collect()
}

fn status(client: &Client) -> Value {
    client.row("SlbEnhVirtSpecificServicesInfoTable/v1/1")["Status"].clone()
}

#[test]
fn a_member_runs_fails_and_is_disabled_in_its_service() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert!(client.rows("SlbEnhVirtServicesInfoTable").is_empty(), "what is staged has no state");
    assert_eq!(client.apply(), 4);
    assert_eq!((states(&client), status(&client)), (vec![json!(2), json!(2)], json!(0)));
    down(&simulator, 1, 8080);
    assert_eq!((states(&client), status(&client)), (vec![json!(3), json!(2)], json!(3)));
    let failed = client.row("SlbEnhVirtServicesInfoTable/v1/1/s1");
    assert_eq!((&failed["Vport"], &failed["Rport"]), (&json!(80), &json!(8080)));
    assert_ne!(failed["StateFailReason"], "");
    assert_eq!(client.row("SlbEnhRealServerInfoTable/s1")["State"], 3);
    assert_eq!(client.row("SlbEnhRealServerRportInfoTable/s1/1")["State"], 2);
    assert_eq!(client.row("SlbOperEnhGroupRealServerTable/g1/s1")["RuntimeStatus"], 2);
    down(&simulator, 2, 8080);
    assert_eq!(status(&client), 1);
}

#[test]
fn numbers_of_states_differ_from_table_to_table() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &json!({"State": "3"})), 200);
    assert_eq!(client.put("SlbNewCfgEnhGroupRealServerTable/g1/s2", &json!({"State": "2"})), 200);
    assert_eq!(client.apply(), 4);
    assert_eq!(states(&client), [4, 4]);
    assert_eq!(client.row("SlbEnhRealServerInfoTable/s1")["State"], 4);
    let runtime = client.rows("SlbOperEnhGroupRealServerTable/g1");
    assert_eq!([&runtime[0]["RuntimeStatus"], &runtime[1]["RuntimeStatus"]], [3, 3]);
    assert_eq!(client.put("SlbNewCfgEnhVirtServerTable/v1", &json!({"VirtServerState": "3"})), 200);
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &json!({"State": "2"})), 200);
    assert_eq!(client.apply(), 4);
    assert_eq!((states(&client), status(&client)), (vec![json!(1), json!(4)], json!(2)));
}

#[test]
fn where_requests_go_is_the_services_port_or_the_servers_own() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    let service = json!({"VirtPort": "81", "UDPBalance": "3"});
    assert_eq!(client.put("SlbNewCfgEnhVirtServicesTable/v1/2", &service), 200);
    assert_eq!(client.put("SlbNewCfgEnhVirtServicesSeventhPartTable/v1/2", &json!({"RealGroup": "g1"})), 200);
    assert_eq!(client.apply(), 4);
    let port = |path: &str| client.row(&format!("SlbEnhVirtServicesInfoTable/{path}"))["Rport"].clone();
    assert_eq!((port("v1/1/s1"), port("v1/2/s1")), (json!(8080), json!(81)), "a service that says nothing has its own");
}

#[test]
fn a_check_waits_as_long_as_it_says_and_may_ask_another_port_and_expressions_are_and_and_or() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    let address = "10.0.0.1".parse().unwrap();
    simulator.health.slow(address, 8080, Duration::from_secs(4));
    assert_eq!(client.apply(), 4);
    assert_eq!(states(&client), [3, 2], "it waits three seconds");
    assert_eq!(client.put("SlbNewAdvhcTcpTable/t1", &json!({"DPort": "22", "Interval": "5", "Timeout": "5"})), 200);
    for (text, first) in [("hc1|t1", 2), ("hc1&t1", 3), ("t1", 2), ("icmp", 2)] {
        assert_eq!(client.put("SlbNewAdvhcLogexpTable/l1", &json!({ "Text": text })), 200);
        assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"HealthID": "l1"})), 200);
        assert_eq!(client.apply(), 4);
        assert_eq!(states(&client)[0], first, "{text}");
    }
}

#[test]
fn nothing_runs_while_load_balancing_is_off() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!(client.set("slbNewCfgGlobalControl", 3), 200);
    assert_eq!(client.apply(), 4);
    assert_eq!((states(&client), status(&client)), (vec![json!(1), json!(1)], json!(1)));
}
