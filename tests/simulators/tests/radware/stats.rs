//! Counters.

use std::time::Duration;

use ballast_simulators::{Device, Traffic};
use serde_json::{Value, json};

use crate::client::{Client, deploy, simulator};

const VIRT: &str = "SlbNewCfgEnhVirtServerTable/v1";
const SERVICE: &str = "SlbNewCfgEnhVirtServicesTable/v1/1";

#[test]
fn octets_are_one_sum_and_counters_wrap_at_32_and_64_bits() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!(client.apply(), 4);
    let traffic = |connections, bytes_in, bytes_out| Traffic { active: 3, connections, bytes_in, bytes_out };
    simulator.device().carry("", VIRT, traffic((1 << 32) + 7, 1 << 33, 5));
    let row = client.row("SlbStatEnhVServerTable/v1");
    let shown = ["CurrSessions", "TotalSessions", "HCOctets", "HCOctetsHigh32", "HCOctetsLow32"];
    assert_eq!(shown.map(|name| row[name].clone()), [json!(3), json!(7), json!((1_u64 << 33) + 5), json!(2), json!(5)]);
    simulator.device().carry("", VIRT, traffic(1, u64::MAX, 3));
    assert_eq!(client.row("SlbStatEnhVServerTable/v1")["HCOctets"], 2);
}

#[test]
fn a_virtual_server_counts_what_its_services_do_and_those_by_server() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!(client.apply(), 4);
    let one = Traffic { active: 1, connections: 10, bytes_in: 100, bytes_out: 200 };
    simulator.device().carry("", &format!("{SERVICE}/s2"), one);
    simulator.device().carry("", SERVICE, one);
    let rows = client.rows("SlbEnhStatVirtServiceTable/v1/1");
    let total: Vec<Value> = rows.iter().map(|row| row["TotalSessions"].clone()).collect();
    assert_eq!(total, [10, 10]);
    assert_eq!(client.row("SlbStatEnhVServerTable/v1")["HCOctets"], 600);
    assert_eq!(client.set("slbNewCfgvStat", 2), 200);
    assert_eq!(client.apply(), 4);
    assert!(client.rows("SlbEnhStatVirtServiceTable").is_empty(), "it is switched off");
}

#[test]
fn counters_begin_anew_when_they_are_cleared_and_after_a_reboot() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!((client.apply(), client.save()), (4, 4));
    let count = || simulator.device().carry("", VIRT, Traffic { connections: 9, ..Traffic::default() });
    let total = || client.row("SlbStatEnhVServerTable/v1")["TotalSessions"].clone();
    count();
    simulator.clock.advance(Duration::from_secs(50));
    assert_eq!((total(), client.set("slbStatsClear", 2), total()), (json!(9), 200, json!(0)));
    simulator.clock.advance(Duration::from_secs(5));
    assert_eq!(client.scalar("slbSecondsFromLastStatsClear"), 5);
    count();
    simulator.device().reboot();
    assert_eq!(client.get("").status, 401);
    assert_eq!(total(), 0);
}
