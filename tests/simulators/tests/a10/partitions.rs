//! Partitions, and what is saved of them.

use ballast_simulators::{Device, Fault, Kind};
use serde_json::{Value, json};

use crate::client::{Client, MISSING, deploy, simulator};

fn partition(name: &str, id: u16) -> Value {
    json!({"partition": {"partition-name": name, "id": id}})
}

#[test]
fn partitions_are_made_with_a_free_id_and_deleted_in_two_steps() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(client.post("partition", &partition("t1", 1)), (200, 0));
    assert_eq!(client.post("partition", &partition("t1", 2)), (409, 754_974_732));
    assert_eq!(client.post("partition", &partition("t2", 1)), (409, 754_974_733));
    assert_eq!(client.post("partition", &partition("fifteen-letters", 2)), (400, 1_023_459_393));
    let free = client.get("partition-available-id/oper").body()["partition-available-id"]["oper"]["range-list"].clone();
    assert_eq!(free, json!([{"start": "2", "end": "1023"}]));
    let inside = Client::inside(&simulator, "t1");
    assert_eq!(client.delete("partition/t1"), (200, 0));
    let list = client.get("partition-all/oper").body()["partition-all"]["oper"]["partition-list"].clone();
    assert_eq!((&list[0]["partition-name"], &list[0]["status"]), (&json!("t1"), &json!("Not-Active")));
    assert_eq!(inside.get("slb/server").status, 401, "whoever was in it is out");
    assert_eq!(client.post("active-partition/t1", &Value::Null), (404, MISSING));
    assert_eq!(client.post("delete/partition", &partition("t1", 1)), (200, 0));
    assert_eq!(simulator.device().partitions(), [""; 0]);
}

#[test]
fn a_session_that_is_led_astray_writes_where_it_began() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let client = Client::inside(&simulator, "t1");
    simulator.faults.add(Fault::new(Kind::Astray).method("POST"));
    assert_eq!(client.post("slb/server", &json!({"server": {"name": "s1", "host": "10.0.0.1"}})), (200, 0));
    assert_eq!(simulator.device().objects("shared"), ["slb/server/s1"]);
    assert_eq!(client.get("active-partition").body()["active-partition"]["partition-name"], "shared");
}

#[test]
fn names_and_addresses_are_free_in_each_partition() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    deploy(&Client::logged_in(&simulator));
    deploy(&Client::inside(&simulator, "t1"));
    let device = simulator.device();
    assert_eq!((device.objects("t1").len(), device.objects("t1")), (7, device.objects("shared")));
}

#[test]
fn partitions_are_not_managed_from_within_one() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let inside = Client::inside(&simulator, "t1");
    let refused = inside.send("POST", "partition", &partition("t2", 2));
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body()["response"]["err"]["msg"], "No write privilege of this admin session.");
    assert_eq!(refused.body()["response"]["err"]["from"], "BACKEND");
}

#[test]
fn a_reboot_takes_away_what_was_not_saved_partition_by_partition() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let (client, inside) = (Client::logged_in(&simulator), Client::inside(&simulator, "t1"));
    deploy(&client);
    deploy(&inside);
    let memory = json!({"memory": {"partition": "specified", "specified-partition": "t1"}});
    assert_eq!(inside.post("write/memory", &memory), (200, 0));
    assert!(!simulator.device().is_saved());
    assert_eq!(client.lever("reboot", &Value::Null), 200);
    assert_eq!(simulator.device().objects("shared"), [""; 0]);
    assert_eq!(simulator.device().objects("t1").len(), 7);
    assert_eq!(simulator.device().sessions(), 0);
}

#[test]
fn another_partition_is_saved_from_the_shared_one_only() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    simulator.device().add_partition("t2");
    let memory = json!({"memory": {"partition": "specified", "specified-partition": "t2"}});
    assert_eq!(Client::inside(&simulator, "t1").post("write/memory", &memory), (400, 419_545_856));
    assert_eq!(Client::logged_in(&simulator).post("write/memory", &memory), (200, 0));
    let unknown = json!({"memory": {"partition": "specified", "specified-partition": "t3"}});
    assert_eq!(Client::logged_in(&simulator).post("write/memory", &unknown), (404, MISSING));
    let client = Client::logged_in(&simulator);
    assert_eq!(client.get("write/memory").status, 404, "the vendor's Ansible collection asks before it saves");
}
