//! `openstack loadbalancer quota`

use serde_json::json;

use super::{Shell, fields};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("quotas_by_the_openstack_command").await else { return };
    let defaults = shell.openstack.json("quota defaults show");
    fields(&defaults, &[("load_balancer", json!(-1)), ("member", json!(-1)), ("l7rule", json!(-1))]);
    let line =
        "quota set --loadbalancer 1 --listener 2 --pool 3 --member 4 --healthmonitor 5 --l7policy 6 --l7rule 7 demo";
    let set = shell.openstack.json(line);
    let all = [
        ("load_balancer", json!(1)),
        ("listener", json!(2)),
        ("pool", json!(3)),
        ("member", json!(4)),
        ("health_monitor", json!(5)),
        ("l7policy", json!(6)),
        ("l7rule", json!(7)),
    ];
    fields(&set, &all);
    fields(&shell.openstack.json("quota show demo"), &all);
    assert_eq!(shell.column("quota list", "project_id"), ["demo"]);
    shell.made("create --name one --vip-subnet-id demo-subnet");
    let said = shell.openstack.refused(1, "create --name two --vip-subnet-id demo-subnet");
    assert!(said.contains("Quota has been met for resources: Load Balancer (HTTP 403)"), "{said}");
    shell.openstack.quietly("quota unset --loadbalancer demo");
    fields(&shell.openstack.json("quota show demo"), &[("load_balancer", json!(-1)), ("pool", json!(3))]);
    shell.openstack.quietly("quota reset demo");
    fields(&shell.openstack.json("quota show demo"), &[("pool", json!(-1))]);
}
