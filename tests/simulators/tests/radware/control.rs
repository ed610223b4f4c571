//! The levers that this device alone has, for tests in other processes.

use serde_json::{Value, json};

use crate::{
    client::{Client, simulator},
    wire,
};

#[test]
fn visits_commits_and_rows_are_moved_and_seen_from_another_process() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let lever = |method: &str, name: &str, body: &Value| {
        wire::send(simulator.address(), (method, &format!("/_simulator/{name}")), &[], body)
    };
    let his = json!({"ask": ["PUT", "SlbNewCfgEnhGroupTable/his", {"Metric": 1}]});
    let visit = json!({"when": "after", "method": "PUT", "path": "*/SlbNewCfgEnhGroupTable/*", "acts": [his, "wait"]});
    assert_eq!(lever("POST", "visits", &visit).status, 200);
    assert_eq!(lever("GET", "visits", &Value::Null).body()["waiting"], 1);
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"Metric": 1})), 200);
    let seen = lever("GET", "visits", &Value::Null).body();
    assert_eq!(seen, json!({"waiting": 0, "harmed": [], "forced": [], "refused": []}));
    let rows = lever("GET", "rows", &Value::Null).body();
    assert_eq!(rows["staged"], json!(["SlbNewCfgEnhGroupTable/g1", "SlbNewCfgEnhGroupTable/his"]));
    assert_eq!((lever("POST", "apply-fails", &json!(["Error: x"])).status, client.apply()), (200, 5));
    assert_eq!((lever("POST", "apply-warns", &json!(["Warning: x"])).status, client.apply()), (200, 6));
    assert_eq!((lever("POST", "save-fails", &json!(["Error: x"])).status, client.save()), (200, 5));
    assert_eq!(lever("POST", "pace", &json!({"apply_seconds": 1})).status, 200);
    assert_eq!(client.apply(), 3);
    assert_eq!(lever("POST", "commit", &Value::Null).status, 200);
    assert_eq!(lever("GET", "rows", &Value::Null).body()["flash"], rows["staged"]);
    assert_eq!(lever("POST", "assume", &json!({"absent": "not_found", "empty_group": "refused"})).status, 200);
    assert_eq!(client.get("SlbNewCfgEnhGroupTable/nope").status, 404);
    assert_eq!(lever("POST", "identifier", &json!("vadc-7")).status, 200);
    assert_eq!(client.get("agPlatformIdentifier").body(), json!({"agPlatformIdentifier": "vadc-7"}));
    assert_eq!(lever("POST", "visits", &json!({"when": "never"})).status, 400);
    assert_eq!(lever("POST", "nothing", &Value::Null).status, 400);
}
