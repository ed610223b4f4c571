//! `openstack loadbalancer pool`

use serde_json::json;

use super::{Shell, fields};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("pools_by_the_openstack_command").await else { return };
    let [lb, listener, servers] = shell.web("web");
    let line = "pool create --name api --description d --protocol HTTP --lb-algorithm LEAST_CONNECTIONS --loadbalancer web \
                --session-persistence type=APP_COOKIE,cookie_name=sid --tag a --disable --wait";
    let made = shell.openstack.json(line);
    fields(
        &made,
        &[
            ("protocol", json!("HTTP")),
            ("lb_algorithm", json!("LEAST_CONNECTIONS")),
            ("loadbalancers", json!([{"id": lb}])),
            ("listeners", json!([])),
            ("admin_state_up", json!(false)),
            ("provisioning_status", json!("ACTIVE")),
            ("tls_enabled", json!(false)),
            ("healthmonitor_id", json!("")),
        ],
    );
    fields(&made["session_persistence"], &[("type", json!("APP_COOKIE")), ("cookie_name", json!("sid"))]);
    assert_eq!(shell.column("pool list", "name"), ["servers", "api"]);
    assert_eq!(shell.column("pool list --loadbalancer web --tags a", "name"), ["api"]);
    let shown = shell.openstack.json(&format!("pool show {servers}"));
    fields(&shown, &[("listeners", json!([{"id": listener}])), ("name", json!("servers"))]);
    let line =
        "pool set api --name api2 --lb-algorithm SOURCE_IP --session-persistence type=HTTP_COOKIE --enable --wait";
    shell.openstack.quietly(line);
    fields(
        &shell.openstack.json("pool show api2"),
        &[("lb_algorithm", json!("SOURCE_IP")), ("admin_state_up", json!(true))],
    );
    shell.openstack.quietly("pool unset api2 --session-persistence --description --all-tag --wait");
    fields(&shell.openstack.json("pool show api2"), &[("session_persistence", json!(null)), ("tags", json!([]))]);
    shell.openstack.quietly("pool delete api2 --wait");
    assert_eq!(shell.column("pool list", "name"), ["servers"]);
    let line = "pool create --protocol HTTP --lb-algorithm ROUND_ROBIN --listener front";
    let said = shell.openstack.refused(1, line);
    assert!(said.contains("(HTTP 409)"), "{said}");
}
