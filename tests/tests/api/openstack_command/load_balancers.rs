//! `openstack loadbalancer`

use serde_json::json;

use super::{Shell, fields};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_balancers_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("load_balancers_by_the_openstack_command").await else { return };
    let line = "create --name web --description front --vip-subnet-id demo-subnet --vip-address 10.0.0.77 --tag a --tag b \
                --project demo --provider haproxy --wait";
    let web = shell.openstack.json(line);
    fields(
        &web,
        &[
            ("name", json!("web")),
            ("description", json!("front")),
            ("vip_address", json!("10.0.0.77")),
            ("provider", json!("haproxy")),
            ("provisioning_status", json!("ACTIVE")),
            ("operating_status", json!("OFFLINE")),
            ("admin_state_up", json!(true)),
            ("tags", json!(["a", "b"])),
            ("vip_vnic_type", json!("normal")),
        ],
    );
    let id = web["id"].as_str().unwrap().to_owned();
    let other = shell.openstack.json("create --name other --vip-network-id demo-net --disable --no-tag");
    fields(&other, &[("admin_state_up", json!(false)), ("provisioning_status", json!("PENDING_CREATE"))]);

    assert_eq!(shell.column("list", "name"), ["web", "other"]);
    assert_eq!(shell.column("list --name web", "id"), [id.as_str()]);
    assert_eq!(shell.column("list --disable", "name"), ["other"]);
    assert_eq!(shell.column("list --tags a,b", "name"), ["web"]);
    assert_eq!(shell.column("list --any-tags b,c", "name"), ["web"]);
    assert_eq!(shell.column("list --not-tags a", "name"), ["other"]);
    assert_eq!(shell.column("list --not-any-tags a,c", "name"), ["other"]);
    assert_eq!(shell.column("list --provisioning-status ERROR", "name"), [""; 0]);
    assert_eq!(shell.column("list --vip-subnet-id demo-subnet --provider haproxy", "name"), ["web", "other"]);
    assert_eq!(shell.column("list --sort-column name", "name"), ["other", "web"]);

    for wanted in ["web", &id] {
        let shown = shell.openstack.json(&format!("show {wanted}"));
        fields(&shown, &[("id", json!(id)), ("vip_address", json!("10.0.0.77"))]);
        assert!(shown["created_at"].is_string() && shown["vip_port_id"].is_string(), "{shown}");
    }
    shell.openstack.quietly("set web --name web2 --description '' --tag c --disable --wait");
    let shown = shell.openstack.json("show web2");
    fields(&shown, &[("description", json!("")), ("admin_state_up", json!(false))]);
    // The client sends them in any order.
    let mut tags: Vec<_> = shown["tags"].as_array().unwrap().iter().map(ToString::to_string).collect();
    tags.sort();
    assert_eq!(tags.join(""), r#""a""b""c""#);
    shell.openstack.quietly("set web2 --enable");
    shell.openstack.quietly("unset web2 --name --description --all-tag --wait");
    fields(&shell.openstack.json(&format!("show {id}")), &[("name", json!("")), ("tags", json!([]))]);

    let stats = shell.openstack.json(&format!("stats show {id}"));
    let counters = ["active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections"];
    fields(&stats, &counters.map(|counter| (counter, json!(0))));
    let tree = shell.openstack.run(&format!("status show {id}"));
    assert!(tree.contains("\"provisioning_status\": \"ACTIVE\""), "{tree}");
    shell.openstack.quietly(&format!("failover {id} --wait"));
    shell.openstack.quietly("delete other --wait");
    shell.openstack.quietly(&format!("delete {id} --cascade"));
    assert_eq!(shell.openstack.run("list").trim(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("mistakes_by_the_openstack_command").await else { return };
    let [lb, ..] = shell.web("web");
    shell.made("create --name twin --vip-subnet-id demo-subnet");
    shell.made("create --name twin --vip-subnet-id demo-subnet");
    let unknown = "11111111-2222-4333-8444-555555555555";
    for (status, line, text) in [
        (1, "show nosuch", "Unable to locate nosuch in loadbalancers"),
        (1, &*format!("show {unknown}"), &*format!("Unable to locate {unknown} in loadbalancers")),
        (1, "show twin", "2 loadbalancers found with name or ID of twin. Please try again with UUID"),
        (1, "create --name x --vip-subnet-id nosuch", "Unable to locate nosuch in subnets"),
        (1, "create --vip-subnet-id demo-subnet --provider nosuch", "Provider 'nosuch' is not enabled. (HTTP 400)"),
        (1, "create --vip-subnet-id demo-subnet --vip-address 192.0.2.1", "(HTTP 400)"),
        (1, "delete web", "has children (HTTP 400)"),
        (1, "create --name x", "Missing required argument: Requires one of --vip-subnet-id"),
        (2, "listener create --protocol NOSUCH --protocol-port 80 web", "invalid choice: 'NOSUCH'"),
        (2, "nosuch", "is not an openstack command"),
        (
            1,
            "listener create --protocol HTTP --protocol-port 80 web",
            "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80 (HTTP 409)",
        ),
    ] {
        let said = shell.openstack.refused(status, line);
        assert!(said.contains(text), "{line}: {said}");
        // Whom to name when an operator is asked.
        assert_eq!(said.contains("(HTTP "), said.contains("(Request-ID: req-"), "{said}");
    }
    let said = shell.openstack.refused(1, "delete web");
    assert!(said.contains(&format!("Cannot delete Load Balancer {lb} - it ")), "{said}");
    assert_eq!(shell.services.get(&format!("/v2.0/lbaas/loadbalancers/{lb}")).await["loadbalancer"]["name"], "web");
}
