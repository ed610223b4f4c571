//! Sessions: their four cookies, their end, their limit; and requests without one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, login, outcome, simulator};

const VSERVERS: &str = "config/lbvserver";

#[test]
fn a_session_is_known_by_each_of_the_vendors_cookies() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let raw = client.login();
    let encoded = raw.replace('#', "%23");
    for (header, cookie) in [
        ("Cookie", format!("NITRO_AUTH_TOKEN={raw}")),
        ("Set-Cookie", format!("NITRO_AUTH_TOKEN={raw}")),
        ("Cookie", format!("SESSID=deleted; sessionid={encoded}")),
        ("Cookie", format!("sessionid={raw}")),
    ] {
        let mut client = Client::new(&simulator);
        client.headers.push((header.to_owned(), cookie.clone()));
        assert_eq!(outcome(&client.get(VSERVERS)), (200, 0), "{header}: {cookie}");
    }
    let beside = json!({"sessionid": raw, "server": {"name": "s1", "ipaddress": "10.0.0.1"}});
    assert_eq!(client.post("server", &beside), (201, 0));
}

#[test]
fn a_login_is_answered_with_the_session_and_its_cookie() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let answer = client.send("POST", "/nitro/v1/config/login", &login("nsroot"));
    let body = answer.body();
    let token = body["sessionid"].as_str().unwrap().trim_start_matches("##");
    assert_eq!((answer.status, &body["severity"], &body["message"]), (201, &json!("NONE"), &json!("Done")));
    assert!(answer.head.contains(&format!("set-cookie: sessionid=%23%23{token}; path=/nitro/v1")), "{}", answer.head);
    assert_eq!(client.post("login", &login("wrong")), (401, 354));
    let unknown = json!({"login": {"username": "nsroot", "password": "nsroot", "realm": "x"}});
    assert_eq!(client.post("login", &unknown), (599, 278));
}

#[test]
fn a_session_that_ended_and_none_at_all_are_told_apart() {
    let simulator = simulator();
    assert_eq!(outcome(&Client::new(&simulator).get(VSERVERS)), (401, 1027));
    let client = Client::logged_in(&simulator);
    assert_eq!(client.post("logout", &json!({"logout": {}})), (201, 0));
    assert_eq!(outcome(&client.get(VSERVERS)), (401, 444));
    let client = Client::logged_in(&simulator);
    assert_eq!(client.send("DELETE", "/_simulator/sessions", &Value::Null).status, 200);
    assert_eq!(outcome(&client.get(VSERVERS)), (401, 444), "an administrator has ended them all");
}

#[test]
fn a_session_that_rests_too_long_ends() {
    let simulator = simulator();
    let long = Client::logged_in(&simulator);
    let mut short = Client::new(&simulator);
    let body = json!({"login": {"username": "nsroot", "password": "nsroot", "timeout": 60}});
    let token = short.send("POST", "/nitro/v1/config/login", &body).body()["sessionid"].as_str().unwrap().to_owned();
    short.headers.push(("Cookie".to_owned(), format!("sessionid={token}")));
    simulator.clock.advance(Duration::from_secs(59));
    assert_eq!(outcome(&short.get(VSERVERS)), (200, 0), "used in time, it goes on");
    simulator.clock.advance(Duration::from_secs(60));
    assert_eq!(outcome(&short.get(VSERVERS)), (401, 444));
    assert_eq!(outcome(&long.get(VSERVERS)), (200, 0));
    simulator.clock.advance(Duration::from_secs(900));
    assert_eq!(outcome(&long.get(VSERVERS)), (401, 444));
}

#[test]
fn too_many_sessions_are_refused_until_one_ends() {
    let simulator = simulator();
    simulator.device().set_session_limits(2, Duration::from_secs(60), 446);
    let client = Client::logged_in(&simulator);
    client.login();
    let refused = client.send("POST", "/nitro/v1/config/login", &login("nsroot"));
    assert_eq!(outcome(&refused), (599, 446));
    assert_eq!(client.post("logout", &json!({"logout": {}})), (201, 0));
    client.login();
}

#[test]
fn a_request_with_name_and_password_works_in_the_default_partition_only() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let mut client = Client::new(&simulator);
    for name in ["X-NITRO-USER", "X-NITRO-PASS"] {
        client.headers.push((name.to_owned(), "nsroot".to_owned()));
    }
    assert_eq!(client.post("nspartition?action=Switch", &json!({"nspartition": {"partitionname": "t1"}})), (200, 0));
    assert_eq!(client.post("server", &json!({"server": {"name": "s1", "ipaddress": "10.0.0.1"}})), (201, 0));
    assert_eq!(simulator.device().objects("default"), ["server/s1"]);
    let entry = simulator.journal.all().pop().unwrap();
    assert_eq!((entry.session.as_deref(), entry.partition.as_deref()), (Some("stateless"), Some("default")));
    client.headers[1].1 = "wrong".to_owned();
    assert_eq!(outcome(&client.get(VSERVERS)), (401, 354));
    assert_eq!(ballast_simulators::Device::sessions(&*simulator.device()), 0);
    assert_eq!(Value::Null, client.get("config/nothing").body()["lbvserver"]);
}
