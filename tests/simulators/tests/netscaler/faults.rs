//! Faults at chosen requests, and the HTTP statuses that a test can choose.

use ballast_simulators::{Fault, Kind};
use serde_json::{Value, json};

use crate::client::{Client, deploy, outcome, simulator};

fn server(number: u8) -> Value {
    json!({"name": format!("s{number}"), "ipaddress": format!("10.0.0.{number}")})
}

fn add(client: &Client, number: u8) -> (u16, u64) {
    client.post("server", &json!({"server": server(number)}))
}

#[test]
fn each_fault_strikes_once_and_says_whether_it_was_carried_out() {
    let simulator = simulator();
    let kinds = [
        (Kind::DropBefore, (0, 0), false),
        (Kind::DropAfter, (0, 0), true),
        (Kind::Html503, (503, 0), false),
        (Kind::Busy, (599, 272), false),
        (Kind::Fail, (599, 257), false),
        (Kind::Secondary, (599, 1028), false),
        (Kind::NoContent, (204, 0), true),
        (Kind::HalfApplied, (599, 257), false),
        (Kind::Delay(1), (201, 0), true),
    ];
    for (number, (kind, answer, made)) in (1..).zip(kinds) {
        let client = Client::logged_in(&simulator);
        simulator.faults.add(Fault::new(kind).method("POST").path("/nitro/v1/config/server"));
        assert_eq!(add(&client, number), answer, "{kind:?}");
        let there = client.get(&format!("config/server/s{number}")).status == 200;
        assert_eq!(there, made, "{kind:?}");
    }
    assert_eq!(simulator.faults.waiting(), 0);
}

#[test]
fn the_secondary_of_a_pair_takes_no_changes() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    simulator.device().set_primary(false);
    assert_eq!(client.one("config/hanode")["state"], "Secondary");
    assert_eq!(add(&client, 1), (599, 1028));
    assert_eq!(client.post("nsconfig?action=save", &json!({"nsconfig": {}})), (599, 1028));
    simulator.device().set_primary(true);
    assert_eq!(add(&client, 1), (201, 0));
}

#[test]
fn a_session_ends_in_the_middle_of_a_sequence() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    simulator.faults.add(Fault::new(Kind::ExpireSession).after(1));
    assert_eq!(add(&client, 1), (201, 0));
    assert_eq!(add(&client, 2), (401, 444));
}

#[test]
fn a_session_that_is_led_astray_writes_where_it_began() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let client = Client::inside(&simulator, "t1");
    simulator.faults.add(Fault::new(Kind::Astray).method("POST").after(1));
    assert_eq!((add(&client, 1), add(&client, 2)), ((201, 0), (201, 0)));
    assert_eq!(simulator.device().objects("t1"), ["server/s1"]);
    assert_eq!(simulator.device().objects("default"), ["server/s2"]);
    assert_eq!(client.one("config/nspartition/t1").get("partitiontype"), None, "and can know it");
}

#[test]
fn a_save_can_fail_alone() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    simulator.faults.add(Fault::new(Kind::Fail).method("POST").path("*/nsconfig"));
    assert_eq!(client.post("nsconfig?action=save", &json!({"nsconfig": {}})), (599, 257));
    assert!(!simulator.device().is_saved());
    assert_eq!(client.post("nsconfig?action=save", &json!({"nsconfig": {}})), (200, 0));
    assert!(simulator.device().is_saved());
}

#[test]
fn several_in_one_request_stop_go_on_or_go_back_at_a_failure() {
    let simulator = simulator();
    let mut client = Client::logged_in(&simulator);
    let several = |numbers: &[u8]| json!({"server": numbers.iter().map(|number| server(*number)).collect::<Vec<_>>()});
    assert_eq!(client.post("server", &several(&[1, 2])), (201, 0));
    let failed = client.send("POST", "/nitro/v1/config/server", &several(&[3, 1, 4]));
    assert_eq!(outcome(&failed), (207, 1243));
    let codes = |body: &Value| {
        let list = body["response"].as_array().unwrap().clone();
        list.iter().map(|one| one["errorcode"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&failed.body()), [0, 273]);
    client.headers.push(("X-NITRO-ONERROR".to_owned(), "continue".to_owned()));
    let failed = client.send("POST", "/nitro/v1/config/server", &several(&[5, 1, 6]));
    assert_eq!((failed.status, codes(&failed.body())), (207, vec![0, 273, 0]));
    client.headers.pop();
    client.headers.push(("X-NITRO-ONERROR".to_owned(), "rollback".to_owned()));
    assert_eq!(client.post("server", &several(&[7, 1])), (207, 1243));
    let made = ["server/s1", "server/s2", "server/s3", "server/s5", "server/s6"];
    assert_eq!(simulator.device().objects("default"), made);
}

#[test]
fn a_request_for_several_can_be_half_applied() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    simulator.faults.add(Fault::new(Kind::HalfApplied).method("POST").path("*/server"));
    let several = json!({"server": [server(1), server(2), server(3), server(4)]});
    assert_eq!(client.post("server", &several), (207, 1243));
    assert_eq!(simulator.device().objects("default"), ["server/s1", "server/s2"]);
}

#[test]
fn an_assumed_status_can_be_another_and_a_known_one_cannot() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let choose = |code: u32, status: u16| {
        client.send("POST", "/_simulator/status", &json!({"code": code, "status": status})).status
    };
    assert_eq!((choose(1335, 400), choose(258, 500)), (200, 400));
    assert_eq!(add(&client, 1), (201, 0));
    let twin = json!({"server": {"name": "s2", "ipaddress": "10.0.0.1"}});
    assert_eq!(client.post("server", &twin), (400, 1335));
    assert_eq!(outcome(&client.get("config/server/s2")), (404, 258));
}
