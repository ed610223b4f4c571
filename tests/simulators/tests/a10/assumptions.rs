//! What nobody saw a device do can be chosen.

use ballast_simulators::a10::Assumptions;
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
        refuses_exclusive_changes: true,
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
