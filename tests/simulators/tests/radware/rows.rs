//! Rows: made, changed, read and deleted.

use ballast_simulators::{
    Options, Simulator,
    radware::{Alteon, Release},
};
use serde_json::{Value, json};

use crate::client::{Client, assuming, deploy, simulator};

#[test]
fn a_put_makes_a_row_changes_only_what_it_names_and_takes_text_and_numbers() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &json!({"IpAddr": "10.0.0.1", "Weight": "5"})), 200);
    assert_eq!(client.put("SlbNewCfgEnhRealServerTable/s1", &json!({"MaxConns": 1000})), 200);
    let row = client.row("SlbNewCfgEnhRealServerTable/s1");
    let fields = ["Index", "IpAddr", "Weight", "MaxConns", "State", "Ipv6Addr", "Delete"].map(|name| row[name].clone());
    let shown = [json!("s1"), json!("10.0.0.1"), json!(5), json!(1000), json!(3), json!("0:0:0:0:0:0:0:0"), json!(1)];
    assert_eq!(fields, shown, "numbers are numbers, addresses are written out, a new server is disabled");
    assert_eq!(client.rows("SlbCurCfgEnhRealServerTable"), [Value::Null; 0], "it is staged only");
}

#[test]
fn a_body_may_have_a_comma_too_many() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let body = "{\n\"IpAddr\":\"10.0.0.1\",\n\"State\":\"2\",\n}";
    assert_eq!(client.send_text("PUT", "/SlbNewCfgEnhRealServerTable/s1", body).status, 200);
    assert_eq!(simulator.journal.all()[0].body, Some(json!({"IpAddr": "10.0.0.1", "State": "2"})));
    assert_eq!(client.row("SlbNewCfgEnhRealServerTable/s1")["State"], 2);
}

#[test]
fn the_parts_of_a_row_come_and_go_together() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    let part = client.row("SlbNewCfgEnhVirtServicesSixthPartTable/v1/1");
    let index = (&part["ServSixthPartIndex"], &part["SixthPartIndex"], &part["Cname"]);
    assert_eq!(index, (&json!("v1"), &json!(1), &json!("AlteonP")), "it was never written");
    assert_eq!(client.delete("SlbNewCfgEnhVirtServicesTable/v1/1"), 200);
    assert_eq!(client.rows("SlbNewCfgEnhVirtServicesSeventhPartTable"), [Value::Null; 0]);
    assert_eq!(client.put("SlbNewCfgEnhVirtServicesSeventhPartTable/v1/1", &json!({"RealGroup": "g1"})), 406);
}

#[test]
fn members_are_added_and_removed_one_by_one_and_listed_below_their_group() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    let members = |table: &str| -> Vec<Value> {
        client.rows(&format!("{table}/g1")).iter().map(|row| row["ServIndex"].clone()).collect()
    };
    assert_eq!(members("SlbNewCfgEnhGroupRealServerTable"), ["s1", "s2"]);
    let group = client.row("SlbNewCfgEnhGroupTable/g1");
    assert_eq!((&group["AddServer"], &group["RemoveServer"]), (&json!(0), &json!(0)), "both read 0");
    assert_eq!(client.put("SlbNewCfgEnhGroupRealServerTable/g1/s2", &json!({"State": "2"})), 200);
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"RemoveServer": "s1"})), 200);
    assert_eq!(client.put("SlbNewCfgEnhGroupTable/g1", &json!({"RemoveServer": "s1"})), 406);
    assert_eq!(client.put("SlbNewCfgEnhGroupRealServerTable/g1/s1", &json!({"State": "2"})), 406);
    assert_eq!(members("SlbNewCfgEnhGroupRealServerTable"), ["s2"]);
    assert_eq!(client.delete("SlbNewCfgEnhGroupTable/g1"), 200);
    assert_eq!(client.rows("SlbNewCfgEnhGroupRealServerTable"), [Value::Null; 0]);
}

#[test]
fn what_is_below_a_row_needs_it_and_goes_with_it() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let service = json!({"VirtPort": "80"});
    assert_eq!(client.put("SlbNewCfgEnhVirtServicesTable/v1/1", &service), 406);
    deploy(&client);
    assert_eq!(client.put("SlbNewCfgEnhContRuleTable/v1/1/10", &json!({"ContClass": "cc1"})), 200);
    assert_eq!(client.put("SlbNewCfgEnhContRuleTable/v1/2/10", &json!({"ContClass": "cc1"})), 406);
    assert_eq!(client.row("SlbNewCfgEnhVirtServerTable/v1")["VirtServerFreeServiceIdx"], 2);
    assert_eq!(client.put("SlbNewCfgEnhVirtServerTable/v1", &json!({"VirtServerDelete": "2"})), 200);
    let tables = ["SlbNewCfgEnhVirtServerTable", "SlbNewCfgEnhVirtServicesTable", "SlbNewCfgEnhContRuleTable"];
    for table in tables.map(|table| client.rows(table)) {
        assert_eq!(table, [Value::Null; 0]);
    }
}

#[test]
fn lists_are_cut_filtered_and_narrowed() {
    let simulator = assuming(|assumptions| assumptions.page = Some(2));
    let client = Client::new(&simulator);
    for (number, name) in (1..).zip(["one", "two", "twofold"]) {
        let body = json!({"IpAddr": format!("10.0.0.{number}"), "Name": name});
        assert_eq!(client.put(&format!("SlbNewCfgEnhRealServerTable/s{number}"), &body), 200);
    }
    let names = |query: &str| -> Vec<Value> {
        let rows = client.rows(&format!("SlbNewCfgEnhRealServerTable{query}"));
        rows.iter().map(|row| row["Name"].clone()).collect()
    };
    assert_eq!(names(""), ["one", "two"]);
    assert_eq!(names("?count=9000"), ["one", "two", "twofold"]);
    assert_eq!(names("?count=1&offset=1"), ["two"]);
    assert_eq!(names("?filter=Name:two&filtertype=exact"), ["two", "twofold"], "exact is not exact");
    assert_eq!(names("?filter=Name:one,IpAddr:10.0.0.3&filtertype=any"), ["one", "twofold"]);
    let narrowed = client.rows("SlbNewCfgEnhRealServerTable?props=Name&count=1");
    assert_eq!(narrowed, [json!({"Name": "one"})]);
}

#[test]
fn old_trains_take_short_names_only_and_know_no_tls_1_3() {
    let simulator = Simulator::start(Alteon::new(Release::Old), Options::default()).unwrap();
    let client = Client::new(&simulator);
    let (short, long) = ("n".repeat(32), "n".repeat(33));
    let group = |id: &str, name: &str| client.put(&format!("SlbNewCfgEnhGroupTable/{id}"), &json!({"Name": name}));
    assert_eq!((group(&short, &short), group(&long, "x"), group("g1", &long)), (200, 406, 406));
    assert_eq!(client.put("SlbNewSslCfgSSLPolTable/p1", &json!({"FETls12Version": "1"})), 200);
    assert_eq!(client.put("SlbNewSslCfgSSLPolTable/p1", &json!({"FETls13Version": "1"})), 406);
    assert_eq!(client.get("?prop=agApplyPending,agSyncNeeded").status, 405, "one unknown name fails all");
}

#[test]
fn names_that_differ_by_case_are_the_same_where_that_is_assumed() {
    for any_case in [false, true] {
        let simulator = assuming(|assumptions| assumptions.any_case = any_case);
        let client = Client::new(&simulator);
        for id in ["g1", "G1"] {
            assert_eq!(client.put(&format!("SlbNewCfgEnhGroupTable/{id}"), &json!({"Metric": 1})), 200);
        }
        assert_eq!(client.rows("SlbNewCfgEnhGroupTable").len(), if any_case { 1 } else { 2 });
        assert_eq!(client.rows("SlbNewCfgEnhGroupTable/g1").len(), 1);
    }
}
