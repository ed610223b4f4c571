//! Names, passwords and the sessions behind them.

use std::time::Duration;

use ballast_simulators::{Device, Fault, Kind};
use serde_json::Value;

use crate::client::{BAD, Client, GOOD, assuming, simulator};

fn ask(client: &Client) -> u16 {
    client.get("?prop=agApplyPending").status
}

#[test]
fn every_request_needs_credentials_and_a_logout_ends_the_session_behind_them() {
    let simulator = simulator();
    let mut client = Client::new(&simulator);
    assert_eq!((ask(&client), simulator.device().sessions()), (200, 1));
    assert_eq!(client.send("POST", "/logout", &Value::Null).status, 200);
    assert_eq!(simulator.device().sessions(), 0);
    client.authorization = None;
    assert_eq!(ask(&client), 401);
    client.authorization = Some(BAD);
    assert_eq!(ask(&client), 401);
    simulator.device().set_credentials("admin", "wrong");
    assert_eq!(ask(&client), 200);
    let callers: Vec<Option<String>> = simulator.journal.take().into_iter().map(|entry| entry.session).collect();
    let admin = Some("admin".to_owned());
    assert_eq!(callers, [admin.clone(), admin.clone(), None, None, admin]);
}

#[test]
fn five_wrong_passwords_lock_the_user_for_ten_minutes() {
    let simulator = simulator();
    let mut client = Client::new(&simulator);
    client.authorization = Some(BAD);
    for _ in 0..4 {
        assert_eq!(ask(&client), 401);
    }
    assert!(!simulator.device().is_locked(simulator.clock.now()));
    assert_eq!(ask(&client), 401);
    client.authorization = Some(GOOD);
    assert_eq!(ask(&client), 401);
    assert!(simulator.device().is_locked(simulator.clock.now()));
    simulator.clock.advance(Duration::from_secs(600));
    assert_eq!(ask(&client), 200);
}

#[test]
fn good_credentials_are_sometimes_refused_once() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    simulator.faults.add(Fault::new(Kind::ExpireSession).after(1));
    assert_eq!([ask(&client), ask(&client), ask(&client)], [200, 401, 200]);
    assert!(!simulator.device().is_locked(simulator.clock.now()), "they do not count as wrong");
}

#[test]
fn a_session_that_rests_too_long_ends_where_that_is_assumed() {
    let simulator = assuming(|assumptions| assumptions.idle = Some(Duration::from_secs(60)));
    let client = Client::new(&simulator);
    assert_eq!(ask(&client), 200);
    simulator.clock.advance(Duration::from_secs(59));
    assert_eq!(ask(&client), 200);
    simulator.clock.advance(Duration::from_secs(60));
    assert_eq!([ask(&client), ask(&client)], [401, 200]);
}

#[test]
fn another_device_may_answer_at_the_address() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let who = || client.get("?prop=agPlatformIdentifier").body()["agPlatformIdentifier"].clone();
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &serde_json::json!({"Metric": 1})), 200);
    assert_eq!(who(), "alteon-1");
    simulator.faults.add(Fault::new(Kind::Astray));
    assert_eq!(who(), "alteon-2");
    assert!(simulator.device().staged().is_empty());
    assert_eq!(simulator.device().at_home(), ["SlbNewCfgEnhGroupTable/g1"]);
    simulator.device().set_identifier("vadc-7");
    assert_eq!((who(), simulator.device().identifier()), ("vadc-7".into(), "vadc-7"));
}
