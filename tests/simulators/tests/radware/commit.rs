//! From staged to applied to flash.

use std::time::Duration;

use ballast_simulators::{
    Device,
    radware::{Assumptions, EmptyGroup, Pace, Peer, Verdict},
};
use serde_json::{Value, json};

use crate::client::{Client, assuming, deploy, simulator};

const NEEDED: i64 = 2;
const NOT_NEEDED: i64 = 3;
const IN_PROGRESS: i64 = 3;
const COMPLETE: i64 = 4;
const FAILED: i64 = 5;
const WARNED: i64 = 6;

#[test]
fn what_is_staged_runs_after_an_apply_and_stays_after_a_save() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    assert_eq!(client.scalar("agApplyPending"), NOT_NEEDED);
    deploy(&client);
    assert_eq!(client.scalar("agApplyPending"), NEEDED);
    assert_eq!(client.apply(), COMPLETE);
    assert_eq!((client.scalar("agApplyPending"), client.scalar("agSavePending")), (NOT_NEEDED, 1));
    assert_eq!(client.rows("SlbCurCfgEnhVirtServerTable").len(), 1);
    assert_eq!(client.save(), COMPLETE);
    assert_eq!(client.scalar("agSavePending"), 2);
    assert_eq!(client.put("SlbNewCfgEnhVirtServerTable/v1", &json!({"VirtServerVname": "x"})), 200);
    simulator.device().reboot();
    assert_eq!(client.get("").status, 401, "sessions end");
    assert_eq!(client.scalar("agApplyPending"), NOT_NEEDED);
    assert_eq!(client.row("SlbNewCfgEnhVirtServerTable/v1")["VirtServerVname"], "");
}

#[test]
fn a_field_that_is_set_to_its_default_needs_no_apply() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!(client.apply(), COMPLETE);
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &json!({"Weight": "1"})), 200);
    assert_eq!(client.scalar("agApplyPending"), NOT_NEEDED);
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &json!({"Weight": "2"})), 200);
    assert_eq!(client.scalar("agApplyPending"), NEEDED);
}

#[test]
fn a_failed_apply_says_why_changes_nothing_that_runs_and_leaves_what_is_staged() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!(client.apply(), COMPLETE);
    let service = "SlbNewCfgEnhVirtServicesSeventhPartTable/v1/1";
    assert_eq!(client.put(service, &json!({"RealGroup": "nope"})), 200);
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &json!({"Weight": "7"})), 200);
    assert_eq!(client.apply(), FAILED);
    let lines = client.lines();
    assert!(lines.iter().any(|line| line.contains("v1/1") && line.contains("nope")), "{lines:?}");
    assert_eq!(client.row("SlbCurCfgEnhRealServerTable/s1")["Weight"], 1);
    assert_eq!(client.row("SlbNewCfgEnhRealServerTable/s1")["Weight"], 7);
    assert_eq!(client.set("agApplyConfig", 2), 200);
    assert!(client.lines().is_empty(), "idle forgets them");
}

/// Each line: what is staged beside a load balancer that is fine, and what a line of the apply must have in it.
#[test]
fn an_apply_looks_at_what_belongs_together() {
    let table: &[(&str, Value, &[&str])] = &[
        ("SlbNewCfgEnhRealServerTable/s1", json!({"IpAddr": "0.0.0.0"}), &["s1", "address"]),
        ("SlbNewCfgEnhRealServerTable/s2", json!({"IpAddr": "10.0.0.1"}), &["s1", "s2", "g1"]),
        ("SlbNewCfgEnhGroupTable/g1", json!({"HealthID": "h9"}), &["g1", "h9"]),
        ("SlbNewCfgEnhGroupTable/g1", json!({"AddServer": "s9"}), &["g1", "s9"]),
        ("SlbNewCfgEnhGroupTable/g1", json!({"IpVer": "2"}), &["g1", "s1", "version"]),
        ("SlbNewAdvhcHttpTable/hc1", json!({"Timeout": "6"}), &["hc1", "timeout"]),
        ("SlbNewAdvhcLogexpTable/l1", json!({"Text": "hc1&(h9|icmp)"}), &["l1", "h9"]),
        ("SlbNewCfgEnhVirtServerTable/v1", json!({"VirtServerIpAddress": "0.0.0.0"}), &["v1", "address"]),
        ("SlbNewCfgEnhVirtServicesTable/v1/1", json!({"VirtPort": "443"}), &["v1/1", "443"]),
        ("SlbNewCfgEnhVirtServicesTable/v1/1", json!({"VirtPort": "25"}), &["v1/1", "another application"]),
        ("SlbNewCfgEnhVirtServicesTable/v1/1", json!({"VirtPort": "7"}), &["v1/1", "2 to 8"]),
        ("SlbNewCfgEnhVirtServicesTable/v1/2", json!({"VirtPort": "80"}), &["v1/1", "v1/2", "one address and port"]),
        ("SlbNewCfgEnhVirtServicesFifthPartTable/v1/1", json!({"ServApplicationType": "7"}), &["v1/1", "80"]),
        ("SlbNewCfgEnhVirtServicesSecondPartTable/v1/1", json!({"SSLpol": "p9", "ServCert": "c9"}), &["v1/1", "p9"]),
        ("SlbNewCfgEnhVirtServicesSecondPartTable/v1/1", json!({"SSLpol": "p9", "ServCert": "c9"}), &["key", "c9"]),
        ("SlbNewCfgEnhContRuleTable/v1/1/10", json!({"ContClass": "cc9"}), &["v1/1/10", "cc9"]),
        ("SlbNewCfgEnhContRuleTable/v1/1/10", json!({"RealGrpNum": "g9"}), &["v1/1/10", "g9"]),
        ("SlbNewCfgEnhContRuleTable/v1/1/10", json!({"Action": "2"}), &["v1/1/10", "nowhere"]),
    ];
    for (path, body, said) in table {
        let simulator = simulator();
        let client = Client::new(&simulator);
        deploy(&client);
        assert_eq!(client.put(path, body), 200, "{path}: {body}");
        assert_eq!(client.apply(), FAILED, "{path}: {body}");
        let lines = client.lines();
        assert!(lines.iter().any(|line| said.iter().all(|part| line.contains(part))), "{path}: {lines:?}");
        assert!(simulator.device().applied().is_empty(), "{path}");
    }
}

#[test]
fn persistence_by_cookie_needs_http() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!(client.put("SlbNewCfgEnhVirtServicesTable/v1/1", &json!({"PBind": "5", "CookieMode": "3"})), 200);
    assert_eq!(client.apply(), COMPLETE);
    assert_eq!(client.put("SlbNewCfgEnhVirtServicesFifthPartTable/v1/1", &json!({"ServApplicationType": "1"})), 200);
    assert_eq!(client.apply(), FAILED);
}

#[test]
fn a_row_without_a_setting_is_dropped() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"Delete": "1"})), 200);
    assert_eq!(simulator.device().staged(), ["SlbNewCfgEnhGroupTable/g1"]);
    assert_eq!(client.apply(), COMPLETE);
    assert!(simulator.device().staged().is_empty() && simulator.device().applied().is_empty());
}

#[test]
fn an_apply_takes_its_time_and_what_was_staged_when_it_began() {
    let simulator = assuming(|assumptions| assumptions.writes_during_apply = true);
    let client = Client::new(&simulator);
    let two = Pace { time: Duration::from_secs(2), looks: 0 };
    simulator.device().set_pace(two, Pace { time: Duration::ZERO, looks: 2 });
    deploy(&client);
    assert_eq!(client.apply(), IN_PROGRESS);
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &json!({"Weight": "9"})), 200);
    assert_eq!((client.set("agApplyConfig", 1), client.set("agApplyConfig", 2)), (406, 406), "not now");
    assert_eq!(client.rows("SlbCurCfgEnhGroupTable").len(), 0);
    simulator.clock.advance(Duration::from_secs(2));
    assert_eq!(client.scalar("agApplyConfig"), COMPLETE);
    assert_eq!(client.row("SlbCurCfgEnhRealServerTable/s1")["Weight"], 1);
    assert_eq!(client.scalar("agApplyPending"), NEEDED);
    assert_eq!((client.save(), client.scalar("agSaveConfig"), client.scalar("agSaveConfig")), (3, 3, COMPLETE));
}

#[test]
fn while_it_lasts_writes_are_refused_unless_it_is_assumed_otherwise() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    simulator.device().set_pace(Pace { time: Duration::from_secs(2), looks: 0 }, Pace::default());
    assert_eq!(client.apply(), IN_PROGRESS);
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"Metric": 1})), 406);
    simulator.clock.advance(Duration::from_secs(2));
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"Metric": 1})), 200);
}

#[test]
fn the_outcome_is_held_until_somebody_writes_idle() {
    for (needs_idle, status) in [(true, 406), (false, 200)] {
        let simulator = assuming(|assumptions| assumptions.apply_needs_idle = needs_idle);
        let client = Client::new(&simulator);
        assert_eq!(client.set("agApplyConfig", 1), 200);
        assert!(!simulator.device().is_idle());
        assert_eq!(client.set("agApplyConfig", 1), status);
        assert_eq!(client.send("POST", "?action=apply", &Value::Null).status, 200, "clients do so without idle");
        assert_eq!((client.set("agApplyConfig", 2), client.set("agApplyConfig", 1)), (200, 200));
    }
}

#[test]
fn an_apply_can_warn_in_new_trains() {
    let simulator = assuming(|assumptions| assumptions.empty_group = EmptyGroup::WarnedOf);
    let client = Client::new(&simulator);
    deploy(&client);
    for server in ["s1", "s2"] {
        assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"RemoveServer": server})), 200);
    }
    assert_eq!(client.apply(), WARNED);
    assert!(client.lines()[0].contains("g1"), "{:?}", client.lines());
    assert_eq!(client.rows("SlbCurCfgEnhVirtServerTable").len(), 1, "it is done all the same");
    simulator.device().judge_apply(Verdict::Failed(vec!["Error: no memory".to_owned()]));
    assert_eq!((client.apply(), client.lines()), (FAILED, vec!["Error: no memory".to_owned()]));
}

#[test]
fn a_save_can_fail_and_the_rest_runs_on() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    assert_eq!(client.apply(), COMPLETE);
    simulator.device().judge_save(Verdict::Failed(vec!["Error: flash is full".to_owned()]));
    assert_eq!(client.save(), FAILED);
    assert_eq!(client.row("AgSaveTable")["StringVal"], "Error: flash is full");
    assert!(!simulator.device().is_saved());
    assert_eq!(client.save(), COMPLETE);
    assert!(simulator.device().is_saved());
}

#[test]
fn writes_may_be_refused_right_after_an_apply() {
    let simulator = assuming(|assumptions| assumptions.refused_after_apply = 2);
    let client = Client::new(&simulator);
    assert_eq!(client.apply(), COMPLETE);
    let put = || client.put("SlbNewCfgEnhGroupTable/g1", &json!({"Metric": 1}));
    assert_eq!((put(), put(), put()), (406, 406, 200));
}

#[test]
fn a_revert_is_of_everybodys_and_revertapply_of_what_is_not_saved_too() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let group = |id: &str| client.put(&format!("SlbNewCfgEnhGroupTable/{id}"), &json!({"Metric": 1}));
    assert_eq!((group("g1"), client.apply(), client.save()), (200, COMPLETE, COMPLETE));
    assert_eq!((group("g2"), client.apply(), group("g3")), (200, COMPLETE, 200));
    assert_eq!(client.set("agRevert", 2), 200);
    assert_eq!(simulator.device().staged(), ["SlbNewCfgEnhGroupTable/g1", "SlbNewCfgEnhGroupTable/g2"]);
    assert_eq!(client.send("POST", "?action=revertapply", &Value::Null).status, 200);
    assert_eq!(simulator.device().staged(), ["SlbNewCfgEnhGroupTable/g1"]);
    assert_eq!(simulator.device().applied(), ["SlbNewCfgEnhGroupTable/g1"]);
}

#[test]
fn differences_are_told_in_hexadecimal_text() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"Metric": 1})), 200);
    assert_eq!((client.set("agDiffState", 3), client.set("agDiffState", 1)), (200, 200));
    assert_eq!(client.scalar("agDiffState"), 5);
    let line = "+ SlbNewCfgEnhGroupTable/g1";
    let hex: String = line.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(client.row("AgDiffTable")["StringVal"], hex);
    assert_eq!(client.get("getdiff").text, line);
    assert_eq!(client.get("getdiffflash").text, "");
}

#[test]
fn a_peer_is_there_or_not_or_fails() {
    for (peer, status) in [(Peer::None, 3), (Peer::There, 2), (Peer::Fails, 3)] {
        let simulator = simulator();
        let client = Client::new(&simulator);
        simulator.device().set_peer(peer);
        deploy(&client);
        assert_eq!(client.apply(), COMPLETE);
        assert_eq!(client.scalar("agSyncStatus"), 0);
        assert_eq!(client.send("POST", "?action=sync", &Value::Null).status, 200);
        assert_eq!(client.scalar("agSyncStatus"), status, "{peer:?}");
        let body = client.get("?prop=agLastSyncErrorReason").body();
        assert_eq!(body["agLastSyncErrorReason"] == "", peer == Peer::There, "{body}");
        assert_eq!(simulator.device().peer_agrees(), peer == Peer::There);
    }
}

#[test]
fn a_peer_may_be_told_at_each_apply() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    simulator.device().set_peer(Peer::There);
    assert_eq!(client.set("slbNewCfgSyncAutosync", 1), 200);
    deploy(&client);
    assert_eq!(client.apply(), COMPLETE);
    assert!(simulator.device().peer_agrees());
    assert_eq!(client.scalar("agSyncNeeded"), 2);
}

/// Each line: what is assumed, what is staged beside a load balancer that is fine, the answer, and the apply's.
#[test]
fn what_nobody_knows_of_an_apply_can_be_chosen() {
    type Line<'a> = (fn(&mut Assumptions), &'a [(&'a str, Value)], u16, i64);
    let second = [
        ("SlbNewCfgEnhVirtServerTable/v2", json!({"VirtServerIpAddress": "192.0.2.10", "VirtServerState": "2"})),
        ("SlbNewCfgEnhVirtServicesTable/v2/1", json!({"VirtPort": "81"})),
        ("SlbNewCfgEnhVirtServicesSeventhPartTable/v2/1", json!({"RealGroup": "g1"})),
    ];
    let missing = [("SlbNewCfgEnhGroupTable/g1", json!({"AddServer": "s9"}))];
    let empty = ["s1", "s2"].map(|server| ("SlbNewCfgEnhGroupTable/g1", json!({ "RemoveServer": server })));
    let table: [Line; 7] = [
        (|all| all.shared_addresses = true, &second, 200, COMPLETE),
        (|all| all.shared_addresses = false, &second, 200, FAILED),
        (|all| all.groups_take_missing_servers = true, &missing, 200, FAILED),
        (|all| all.groups_take_missing_servers = false, &missing, 406, COMPLETE),
        (|all| all.empty_group = EmptyGroup::Taken, &empty, 200, COMPLETE),
        (|all| all.empty_group = EmptyGroup::WarnedOf, &empty, 200, WARNED),
        (|all| all.empty_group = EmptyGroup::Refused, &empty, 200, FAILED),
    ];
    for (position, (change, writes, status, state)) in table.into_iter().enumerate() {
        let simulator = assuming(change);
        let client = Client::new(&simulator);
        deploy(&client);
        for (path, body) in writes {
            assert_eq!(client.put(path, body), status, "line {position}: {path}");
        }
        assert_eq!(client.apply(), state, "line {position}: {:?}", client.lines());
    }
}

#[test]
fn what_is_reverted_with_the_apply_may_run_on_until_the_next_one() {
    for (runs, applied) in [(true, 0), (false, 1)] {
        let simulator = assuming(|assumptions| assumptions.revert_apply_runs = runs);
        let client = Client::new(&simulator);
        assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"Metric": 1})), 200);
        assert_eq!((client.apply(), client.set("agRevertApply", 2)), (COMPLETE, 200));
        assert_eq!(client.rows("SlbNewCfgEnhGroupTable").len(), 0);
        assert_eq!(client.rows("SlbCurCfgEnhGroupTable").len(), applied);
    }
}
