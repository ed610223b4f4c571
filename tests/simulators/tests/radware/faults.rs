//! Faults at chosen requests.

use ballast_simulators::{Fault, Kind};
use serde_json::{Value, json};

use crate::client::{Client, simulator};

#[test]
fn each_fault_strikes_once_and_says_whether_it_was_carried_out() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let kinds = [
        (Kind::DropBefore, 0, false),
        (Kind::DropAfter, 0, true),
        (Kind::Html503, 503, false),
        (Kind::Busy, 406, false),
        (Kind::Fail, 406, false),
        (Kind::Secondary, 406, false),
        (Kind::NoContent, 204, true),
        (Kind::NoBody, 200, true),
        (Kind::ExpireSession, 401, false),
        (Kind::Delay(1), 200, true),
    ];
    for (number, (kind, status, made)) in (1..).zip(kinds) {
        let path = format!("SlbNewCfgEnhGroupTable/g{number}");
        simulator.faults.add(Fault::new(kind).method("PUT").path("*/SlbNewCfgEnhGroupTable/*"));
        assert_eq!(client.put(&path, &json!({"Metric": 1})), status, "{kind:?}");
        assert_eq!(simulator.device().staged().contains(&path), made, "{kind:?}");
    }
    assert_eq!(simulator.faults.waiting(), 0);
}

#[test]
fn a_body_is_promised_and_does_not_come() {
    let simulator = simulator();
    simulator.faults.add(Fault::new(Kind::NoBody));
    let answer = Client::new(&simulator).get("SlbNewCfgEnhGroupTable");
    let length = "{\"SlbNewCfgEnhGroupTable\":[]}".len();
    assert!(answer.head.contains(&format!("content-length: {length}")), "{}", answer.head);
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}

#[test]
fn of_the_values_of_a_row_the_first_half_may_be_set() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    simulator.faults.add(Fault::new(Kind::HalfApplied).method("PUT"));
    let body = json!({"IpAddr": "10.0.0.1", "State": 2, "MaxConns": 5, "Weight": 7});
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &body), 406);
    let row = client.row("SlbNewCfgEnhRealServerTable/s1");
    let set = body.as_object().unwrap().iter().filter(|(name, value)| row[*name] == **value).count();
    assert_eq!(set, 2, "{row}");
}

#[test]
fn what_changes_nothing_is_no_write() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    for (method, path, body, write) in [
        ("GET", "?prop=agApplyPending", Value::Null, false),
        ("PUT", "/", json!({"agApplyConfig": "2"}), false),
        ("PUT", "/", json!({"agDiffState": 1}), false),
        ("POST", "/logout", Value::Null, false),
        ("PUT", "/", json!({"agApplyConfig": "1"}), true),
        ("PUT", "/", json!({"agRevert": 2}), true),
        ("POST", "?action=save", Value::Null, true),
        ("PUT", "/SlbNewCfgEnhGroupTable/g1", json!({"Metric": 1}), true),
        ("DELETE", "/SlbNewCfgEnhGroupTable/g1", Value::Null, true),
    ] {
        client.send(method, path, &body);
        let entry = simulator.journal.take().remove(0);
        assert_eq!(entry.write, write, "{method} {path} {body}");
    }
}
