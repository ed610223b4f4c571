//! Admin partitions, and what is saved of them.

use ballast_simulators::Device;
use serde_json::json;

use crate::client::{Client, deploy, outcome, simulator};

#[test]
fn a_session_works_in_the_partition_that_it_chose_and_names_are_free_in_each() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let made = json!({"nspartition": {"partitionname": "t1", "maxmemlimit": 64}});
    assert_eq!(client.post("nspartition", &made), (201, 0));
    assert_eq!(client.post("nspartition", &made), (409, 273));
    deploy(&client);
    let inside = Client::inside(&simulator, "t1");
    deploy(&inside);
    let current = inside.one("config/nspartition/t1");
    assert_eq!((&current["partitiontype"], &current["maxmemlimit"]), (&json!("Current Partition"), &json!("64")));
    assert_eq!(client.one("config/nspartition/t1").get("partitiontype"), None);
    let device = simulator.device();
    assert_eq!(device.objects("t1"), device.objects("default"));
    assert_eq!(device.partitions(), ["t1"]);
}

#[test]
fn choosing_a_partition_takes_its_name_and_nothing_else() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let client = Client::logged_in(&simulator);
    let more = json!({"nspartition": {"partitionname": "t1", "maxconn": 5}});
    assert_eq!(client.post("nspartition?action=Switch", &more), (599, 278));
    assert_eq!(client.post("nspartition?action=Switch", &json!({"nspartition": {"partitionname": "t2"}})), (404, 258));
    assert_eq!(client.post("nspartition?action=switch", &json!({"nspartition": {"partitionname": "t1"}})), (400, 1240));
    assert!(
        simulator.journal.all().iter().all(|entry| !entry.write || entry.query.as_deref() != Some("action=Switch"))
    );
}

#[test]
fn partitions_are_managed_from_the_default_one_and_go_with_all_that_is_in_them() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let inside = Client::inside(&simulator, "t1");
    deploy(&inside);
    assert_eq!(inside.post("nspartition", &json!({"nspartition": {"partitionname": "t2"}})), (599, 257));
    assert_eq!(inside.delete("nspartition/t1"), (599, 257));
    let client = Client::logged_in(&simulator);
    assert_eq!(client.delete("nspartition/t1"), (200, 0));
    assert_eq!(client.delete("nspartition/t1"), (404, 258));
    assert_eq!(outcome(&inside.get("config/lbvserver")), (401, 444), "whoever was in it is out");
    assert_eq!(simulator.device().objects("t1"), [""; 0]);
}

#[test]
fn a_reboot_takes_away_what_was_not_saved_partition_by_partition() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let (client, inside) = (Client::logged_in(&simulator), Client::inside(&simulator, "t1"));
    deploy(&client);
    deploy(&inside);
    let save = json!({"nsconfig": {}});
    assert_eq!(inside.post("nsconfig?action=save", &save), (200, 0));
    let changed = |client: &Client| client.get("config/nsconfig").body()["nsconfig"]["configchanged"].clone();
    assert_eq!((changed(&inside), changed(&client)), (json!(false), json!(true)));
    assert!(!simulator.device().is_saved());
    assert_eq!(inside.post("nsconfig?action=save", &json!({"nsconfig": {"all": true}})), (599, 257));
    simulator.device().reboot();
    assert_eq!(simulator.device().objects("default"), [""; 0]);
    assert_eq!(simulator.device().objects("t1").len(), 5);
}

#[test]
fn a_partition_that_only_saved_itself_is_gone_after_a_reboot() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(client.post("nspartition", &json!({"nspartition": {"partitionname": "t1"}})), (201, 0));
    let inside = Client::inside(&simulator, "t1");
    deploy(&inside);
    assert_eq!(inside.post("nsconfig?action=save", &json!({"nsconfig": {}})), (200, 0));
    let mut rebooted = simulator.device().clone();
    rebooted.reboot();
    assert_eq!(rebooted.partitions(), [""; 0]);
    assert_eq!(client.post("nsconfig?action=save", &json!({"nsconfig": {"all": true}})), (200, 0));
    simulator.device().reboot();
    assert_eq!(simulator.device().partitions(), ["t1"]);
    assert_eq!(simulator.device().objects("t1").len(), 5);
}
