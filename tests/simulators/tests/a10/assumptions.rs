//! What nobody saw a device do can be chosen.

use ballast_simulators::a10::{Assumptions, Exclusive};
use serde_json::{Value, json};

use crate::client::{BAD_VALUE, Client, EXISTS, MISSING, deploy, login, simulator};

#[test]
fn an_assumed_status_can_be_another_and_a_known_one_cannot() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    let choose = |code: u64, status: u16| client.lever("status", &json!({"code": code, "status": status}));
    assert_eq!((choose(EXISTS, 400), choose(MISSING, 400)), (200, 400));
    assert_eq!(client.post("slb/server", &json!({"server": {"name": "s1", "host": "10.0.0.2"}})), (400, EXISTS));
    assert_eq!(client.delete("slb/server/s9"), (404, MISSING));
}

#[test]
fn an_open_point_can_be_settled_either_way() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    deploy(&client);
    simulator.device().assume(Assumptions {
        over_limit: 401,
        keys_in_any_case: true,
        deletes_what_is_used: true,
        exclusive: Exclusive::Refuses,
        null_is_the_default: false,
        saves_silently: true,
        shows_empty_lists: true,
    });
    assert_eq!(client.get("slb/virtual-server/v1/port/80+HTTP").status, 200);
    let method = json!({"service-group": {"name": "g1", "lb-method": "src-ip-hash"}});
    assert_eq!(client.post("slb/service-group/g1", &method), (200, 0));
    let method = json!({"service-group": {"name": "g1", "lc-method": "least-connection"}});
    assert_eq!(client.post("slb/service-group/g1", &method), (400, BAD_VALUE));
    let cleared = json!({"service-group": {"name": "g1", "lb-method": null, "lc-method": "least-connection"}});
    assert_eq!(client.post("slb/service-group/g1", &cleared), (200, 0));
    assert_eq!(client.delete("health/monitor/m1"), (200, 0));
    assert_eq!(client.get("slb/service-group/g1").body()["service-group"].get("health-check"), None);
    assert_eq!(client.get("health/monitor").body(), json!({"monitor-list": []}));
    assert_eq!(client.send("POST", "write/memory", &Value::Null).status, 204);
    simulator.device().set_session_limits(1, std::time::Duration::from_secs(600));
    assert_eq!(client.send("POST", "auth", &login("a10")).status, 401);
}

/// By what it answers, and by what it has then.
#[test]
fn null_clears_or_is_the_default_and_what_excludes_the_older_does_as_is_chosen() {
    let change = |exclusive, null_is_the_default, body: Value| {
        let simulator = simulator();
        let client = Client::logged_in(&simulator);
        deploy(&client);
        let weighted = json!({"service-group": {"name": "g1", "lb-method": "weighted-rr"}});
        assert_eq!(client.post("slb/service-group/g1", &weighted), (200, 0));
        simulator.device().assume(Assumptions { exclusive, null_is_the_default, ..Assumptions::default() });
        let (_, code) = client.post("slb/service-group/g1", &json!({"service-group": body}));
        let group = client.get("slb/service-group/g1").body()["service-group"].clone();
        (code, group["lb-method"].clone(), group["lc-method"].clone())
    };
    let least = json!("least-connection");
    let alone = || json!({"name": "g1", "lc-method": "least-connection"});
    let with_null = || json!({"name": "g1", "lb-method": null, "lc-method": "least-connection"});
    let (weighted, nothing) = (json!("weighted-rr"), Value::Null);
    for null_is_the_default in [false, true] {
        let by = |exclusive| change(exclusive, null_is_the_default, alone());
        assert_eq!(by(Exclusive::Replaces), (0, nothing.clone(), least.clone()));
        assert_eq!(by(Exclusive::Refuses), (BAD_VALUE, weighted.clone(), nothing.clone()));
        assert_eq!(by(Exclusive::KeepsBoth), (0, weighted.clone(), least.clone()));
    }
    for exclusive in [Exclusive::Replaces, Exclusive::Refuses, Exclusive::KeepsBoth] {
        assert_eq!(change(exclusive, false, with_null()), (0, nothing.clone(), least.clone()));
        assert_eq!(change(exclusive, true, with_null()), (BAD_VALUE, weighted.clone(), nothing.clone()));
        let cleared = change(exclusive, true, json!({"name": "g1", "lb-method": null}));
        assert_eq!(cleared, (0, json!("round-robin"), nothing.clone()));
    }
}
