//! `openstack loadbalancer healthmonitor`

use serde_json::json;

use super::{Shell, fields};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_monitors_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("health_monitors_by_the_openstack_command").await else { return };
    let [_, _, pool] = shell.web("web");
    let line = "healthmonitor create --name check --delay 5 --timeout 3 --max-retries 2 --max-retries-down 4 --type HTTP \
                --expected-codes 200-204 --http-method HEAD --url-path /ok --http-version 1.1 --domain-name www.example.org \
                --tag a --disable --wait servers";
    let made = shell.openstack.json(line);
    fields(
        &made,
        &[
            ("type", json!("HTTP")),
            ("delay", json!(5)),
            ("timeout", json!(3)),
            ("max_retries", json!(2)),
            ("max_retries_down", json!(4)),
            ("expected_codes", json!("200-204")),
            ("http_method", json!("HEAD")),
            ("url_path", json!("/ok")),
            ("http_version", json!(1.1)),
            ("domain_name", json!("www.example.org")),
            ("pools", json!([{"id": pool}])),
            ("admin_state_up", json!(false)),
            ("provisioning_status", json!("ACTIVE")),
        ],
    );
    assert_eq!(shell.column("healthmonitor list", "name"), ["check"]);
    assert_eq!(shell.column("healthmonitor list --tags nosuch", "name"), [""; 0]);
    fields(&shell.openstack.json("healthmonitor show check"), &[("id", made["id"].clone())]);
    let line =
        "healthmonitor set check --name probe --delay 9 --timeout 8 --max-retries 1 --url-path /other --enable --wait";
    shell.openstack.quietly(line);
    fields(
        &shell.openstack.json("healthmonitor show probe"),
        &[
            ("delay", json!(9)),
            ("max_retries", json!(1)),
            ("url_path", json!("/other")),
            ("admin_state_up", json!(true)),
        ],
    );
    let line = "healthmonitor unset probe --domain-name --http-version --expected-codes --http-method --url-path \
                --max-retries-down --all-tag --wait";
    shell.openstack.quietly(line);
    fields(
        &shell.openstack.json("healthmonitor show probe"),
        &[
            ("max_retries_down", json!(3)),
            ("url_path", json!("/")),
            ("http_method", json!("GET")),
            ("expected_codes", json!("200")),
            ("http_version", json!(null)),
            ("domain_name", json!(null)),
        ],
    );
    let again = "healthmonitor create --delay 5 --timeout 3 --max-retries 2 --type TCP servers";
    let said = shell.openstack.refused(1, again);
    assert!(said.contains("This pool already has a health monitor (HTTP 409)"), "{said}");
    shell.openstack.quietly("healthmonitor delete probe --wait");
    assert_eq!(shell.openstack.run("healthmonitor list").trim(), "");
}
