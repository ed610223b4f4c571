//! What is refused, and in which words and statuses.

use ballast_simulators::radware::AbsentRow;
use serde_json::{Value, json};

use crate::client::{Client, assuming, simulator};

#[test]
fn a_bad_value_names_its_table_and_field() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    for (path, field, bad) in [
        ("SlbNewCfgEnhRealServerTable/s1", "Weight", json!(49)),
        ("SlbNewCfgEnhRealServerTable/s1", "Weight", json!("0")),
        ("SlbNewCfgEnhRealServerTable/s1", "State", json!(1)),
        ("SlbNewCfgEnhRealServerTable/s1", "IpAddr", json!("nowhere")),
        ("SlbNewCfgEnhRealServerTable/s1", "Colour", json!("red")),
        ("SlbNewCfgEnhRealServerTable/s1", "NxtRportIdx", json!(1)),
        ("SlbNewCfgEnhGroupTable/g1", "Metric", json!([1])),
        ("SlbNewAdvhcHttpTable/h1", "ResponseCode", json!("200,".repeat(13))),
        ("SlbNewAdvhcHttpTable/h1", "Timeout", json!(64)),
    ] {
        let answer = client.send("PUT", &format!("/{path}"), &json!({ field: bad }));
        let table = path.split('/').next().unwrap();
        let body = json!({"status": "err", "testErr": "Wrong input 28.", "mibName": format!("{table},{field}")});
        assert_eq!((answer.status, answer.body()), (406, body), "{field}");
    }
    assert!(simulator.device().staged().is_empty());
}

#[test]
fn what_the_device_does_not_know_is_405() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let unknown = json!({
        "status": "err", "message": "405 Method Not Allowed", "application message": "REST API unknown error"
    });
    for (method, path, body) in [
        ("PUT", "/SlbNewNothingTable/x", json!({"A": 1})),
        ("GET", "/SlbNewNothingTable/x", Value::Null),
        ("PUT", "/SlbNewCfgEnhGroupTable/g1", json!({})),
        ("PUT", "/SlbNewCfgEnhGroupTable/g1", Value::Null),
        ("PUT", "/SlbNewCfgEnhGroupTable/g1/more", json!({"Metric": 1})),
        ("PUT", "/SlbCurCfgEnhGroupTable/g1", json!({"Metric": 1})),
        ("PUT", "/SlbStatEnhVServerTable/v1", json!({"CurrSessions": 1})),
        ("PATCH", "/SlbNewCfgEnhGroupTable/g1", json!({"Metric": 1})),
        ("POST", "?action=explode", Value::Null),
        ("GET", "?prop=agApplyPending,agNothing", Value::Null),
        ("GET", "/agNothing", Value::Null),
        ("PUT", "/", json!({"agNothing": 1})),
    ] {
        let answer = client.send(method, path, &body);
        assert_eq!((answer.status, answer.body()), (405, unknown.clone()), "{method} {path}");
    }
}

#[test]
fn names_with_signs_of_the_syntax_are_refused() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    for name in ["a%20b", "a%2Fb", "a&b", "a:b", "a,b", "a%25", "(a)"] {
        assert_eq!(client.put(&format!("SlbNewCfgEnhGroupTable/{name}"), &json!({"Metric": 1})), 406, "{name}");
    }
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/a-b_c.1", &json!({"Metric": 1})), 200);
}

#[test]
fn an_absent_row_has_four_answers() {
    for (absent, status, shown) in [
        (AbsentRow::Empty, 200, "{\"SlbNewCfgEnhGroupTable\":[]}"),
        (AbsentRow::Error, 200, "\"status\":\"err\""),
        (AbsentRow::NotFound, 404, "err"),
        (AbsentRow::NotAllowed, 405, "REST API unknown error"),
    ] {
        let simulator = assuming(|assumptions| assumptions.absent = absent);
        let client = Client::new(&simulator);
        let answer = client.get("SlbNewCfgEnhGroupTable/nope");
        assert_eq!(answer.status, status);
        assert!(answer.text.contains(shown), "{absent:?}: {}", answer.text);
        assert_eq!(
            client.get("SlbNewCfgEnhGroupTable").body(),
            json!({"SlbNewCfgEnhGroupTable": []}),
            "a table is no row"
        );
    }
}

#[test]
fn deleting_what_is_not_there_says_so() {
    let simulator = simulator();
    let answer = Client::new(&simulator).send("DELETE", "/SlbNewCfgEnhGroupTable/nope", &Value::Null);
    let said = answer.body()["testErr"].as_str().unwrap().to_owned();
    assert_eq!(answer.status, 406);
    assert!(said.contains("not exist"), "{said}");
}

#[test]
fn a_post_over_a_row_is_refused_unless_it_is_assumed_to_be_fine() {
    for (posts_over, status) in [(false, 406), (true, 200)] {
        let simulator = assuming(|assumptions| assumptions.posts_over = posts_over);
        let client = Client::new(&simulator);
        let post = || client.send("POST", "/SlbNewCfgEnhGroupTable/g1", &json!({"Metric": 1})).status;
        assert_eq!((post(), post()), (200, status));
    }
}

#[test]
fn refusals_may_have_the_status_200() {
    let simulator = assuming(|assumptions| assumptions.errors_are_200 = true);
    let answer = Client::new(&simulator).send("PUT", "/SlbNewCfgEnhRealServerTable/s1", &json!({"Weight": 49}));
    assert_eq!((answer.status, answer.body()["status"].as_str()), (200, Some("err")));
}

#[test]
fn bodies_may_be_no_good_json() {
    let simulator = assuming(|assumptions| {
        (assumptions.stray_commas, assumptions.raw_line_ends, assumptions.numbers_are_text) = (true, true, true);
    });
    let client = Client::new(&simulator);
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"Name": "a", "Metric": 1})), 200);
    let text = client.get("SlbNewCfgEnhGroupTable/g1").text;
    assert!(text.contains(",}") && text.contains("\n") && text.contains("\"Metric\":\"1\""), "{text}");
    assert!(serde_json::from_str::<Value>(&text).is_err());
}
