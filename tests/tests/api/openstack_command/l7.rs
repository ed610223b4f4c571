//! `openstack loadbalancer l7policy` and `l7rule`

use serde_json::json;

use super::{Shell, fields};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l7_policies_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("l7_policies_by_the_openstack_command").await else { return };
    let [_, front, pool] = shell.web("web");
    let line = "l7policy create --name away --description d --action REDIRECT_TO_URL --redirect-url http://example.org/ \
                --redirect-http-code 301 --tag a --disable --wait front";
    let made = shell.openstack.json(line);
    fields(
        &made,
        &[
            ("action", json!("REDIRECT_TO_URL")),
            ("listener_id", json!(front)),
            ("redirect_url", json!("http://example.org/")),
            ("redirect_http_code", json!(301)),
            ("position", json!(1)),
            ("admin_state_up", json!(false)),
            ("provisioning_status", json!("ACTIVE")),
        ],
    );
    let line = "l7policy create --name first --action REDIRECT_TO_POOL --redirect-pool servers --position 1 front";
    fields(&shell.openstack.json(line), &[("redirect_pool_id", json!(pool)), ("position", json!(1))]);
    shell.made("l7policy create --name no --action REJECT front");
    let line = "l7policy create --name prefix --action REDIRECT_PREFIX --redirect-prefix https://example.org front";
    fields(&shell.openstack.json(line), &[("redirect_prefix", json!("https://example.org")), ("position", json!(4))]);
    let names = shell.column("l7policy list --listener front --sort-column name", "name");
    assert_eq!(names, ["away", "first", "no", "prefix"]);
    fields(&shell.openstack.json("l7policy show away"), &[("position", json!(2)), ("redirect_pool_id", json!(null))]);
    shell.openstack.quietly("l7policy set away --name off --action REJECT --position 3 --enable --wait");
    fields(
        &shell.openstack.json("l7policy show off"),
        &[("action", json!("REJECT")), ("redirect_url", json!(null)), ("position", json!(3))],
    );
    shell.openstack.quietly("l7policy unset off --name --description --all-tag --wait");
    shell.openstack.quietly("l7policy delete first --wait");
    let policies = shell.openstack.json("l7policy list");
    let positions: Vec<_> = policies.as_array().unwrap().iter().map(|policy| policy["position"].clone()).collect();
    assert_eq!(positions.len(), 3, "{positions:?}");
    // What the client itself looks at is not asked.
    let said = shell.openstack.refused(1, "l7policy create --action REDIRECT_TO_URL front");
    assert!(said.contains("Missing argument: --redirect-url"), "{said}");
    let said = shell.openstack.refused(1, "l7policy create --action REDIRECT_TO_URL --redirect-url ftp://x front");
    assert!(said.contains("(HTTP 400)"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l7_rules_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("l7_rules_by_the_openstack_command").await else { return };
    shell.web("web");
    shell.made("l7policy create --name no --action REJECT front");
    let line = "l7rule create --type HEADER --key X-Debug --compare-type EQUAL_TO --value on --invert --tag a --disable \
                --wait no";
    let made = shell.openstack.json(line);
    fields(
        &made,
        &[
            ("type", json!("HEADER")),
            ("key", json!("X-Debug")),
            ("compare_type", json!("EQUAL_TO")),
            ("value", json!("on")),
            ("invert", json!(true)),
            ("admin_state_up", json!(false)),
            ("provisioning_status", json!("ACTIVE")),
        ],
    );
    let rule = made["id"].as_str().unwrap().to_owned();
    let path = shell.made("l7rule create --type PATH --compare-type STARTS_WITH --value /x no");
    assert_eq!(shell.column("l7rule list no", "id"), [rule.as_str(), &path]);
    fields(&shell.openstack.json(&format!("l7rule show no {path}")), &[("value", json!("/x"))]);
    let line = format!("l7rule set no {rule} --type COOKIE --key sid --compare-type REGEX --value a.* --enable --wait");
    shell.openstack.quietly(&line);
    fields(
        &shell.openstack.json(&format!("l7rule show no {rule}")),
        &[
            ("type", json!("COOKIE")),
            ("compare_type", json!("REGEX")),
            ("value", json!("a.*")),
            ("admin_state_up", json!(true)),
        ],
    );
    shell.openstack.quietly(&format!("l7rule unset no {rule} --invert --all-tag --wait"));
    fields(&shell.openstack.json(&format!("l7rule show no {rule}")), &[("invert", json!(false))]);
    shell.openstack.quietly(&format!("l7rule delete no {path} --wait"));
    assert_eq!(shell.column("l7rule list no", "id"), [rule.as_str()]);
    let said = shell.openstack.refused(1, "l7rule create --type FILE_TYPE --compare-type CONTAINS --value x no");
    assert!(said.contains("invalid comparison type for rule type (HTTP 400)"), "{said}");
}
