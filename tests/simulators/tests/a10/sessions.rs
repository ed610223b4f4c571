//! Sessions: their end, their limit, and the shapes in which they are refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, login, outcome, simulator};

const MONITORS: &str = "health/monitor";

#[test]
fn a_wrong_password_and_a_missing_session_have_a_shape_of_their_own() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let refused = client.send("POST", "auth", &login("wrong"));
    assert_eq!(refused.status, 403);
    assert!(refused.head.contains("content-type: application/json"), "{}", refused.head);
    let expected = json!({"authorizationschema": {
        "code": 403, "error": "Incorrect user name or password", "auth_uri": "/axapi/v3/auth",
        "logoff_uri": "/axapi/v3/logoff", "username": "required", "password": "required"
    }});
    assert_eq!(refused.body(), expected);
    let refused = client.get(MONITORS);
    assert_eq!(outcome(&refused), (401, 401));
    assert_eq!(refused.body()["authorizationschema"]["error"], "Invalid admin session.");
}

#[test]
fn a_session_ends_when_it_rests_too_long_and_with_its_logoff() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    simulator.clock.advance(Duration::from_secs(599));
    assert_eq!(client.get(MONITORS).status, 204);
    simulator.clock.advance(Duration::from_secs(599));
    assert_eq!(client.get(MONITORS).status, 204, "it was used in between");
    assert_eq!(client.lever("clock", &json!({"advance_seconds": 600})), 200);
    assert_eq!(outcome(&client.get(MONITORS)), (401, 401));
    let client = Client::logged_in(&simulator);
    assert_eq!(client.post("logoff", &Value::Null), (200, 0));
    assert_eq!(outcome(&client.get(MONITORS)), (401, 401));
}

#[test]
fn thirty_sessions_may_be_open() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    for _ in 0..30 {
        assert_eq!(client.send("POST", "auth", &login("a10")).status, 200);
    }
    assert_eq!(client.send("POST", "auth", &login("a10")).status, 503);
    simulator.clock.advance(Duration::from_secs(600));
    assert_eq!(client.send("POST", "auth", &login("a10")).status, 200);
}

#[test]
fn every_session_begins_in_the_shared_partition() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let inside = Client::inside(&simulator, "t1");
    let active = |client: &Client| client.get("active-partition").body()["active-partition"]["partition-name"].clone();
    assert_eq!((active(&inside), active(&Client::logged_in(&simulator))), (json!("t1"), json!("shared")));
}
