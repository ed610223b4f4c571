//! `openstack loadbalancer member`

use serde_json::json;

use super::{Shell, fields};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("members_by_the_openstack_command").await else { return };
    shell.web("web");
    let line = "member create --name one --address 10.0.0.11 --protocol-port 80 --weight 7 --subnet-id demo-subnet \
                --monitor-address 10.0.0.12 --monitor-port 8080 --enable-backup --disable --tag a --wait servers";
    let made = shell.openstack.json(line);
    fields(
        &made,
        &[
            ("address", json!("10.0.0.11")),
            ("protocol_port", json!(80)),
            ("weight", json!(7)),
            ("monitor_address", json!("10.0.0.12")),
            ("monitor_port", json!(8080)),
            ("backup", json!(true)),
            ("admin_state_up", json!(false)),
            ("provisioning_status", json!("ACTIVE")),
            ("vnic_type", json!("normal")),
        ],
    );
    let two = shell.made("member create --name two --address 2001:db8::2 --protocol-port 80 servers");
    assert_eq!(shell.column("member list servers", "name"), ["one", "two"]);
    assert_eq!(shell.column("member list servers --tags a", "name"), ["one"]);
    for wanted in ["two", &two] {
        let shown = shell.openstack.json(&format!("member show servers {wanted}"));
        fields(&shown, &[("address", json!("2001:db8::2")), ("operating_status", json!("NO_MONITOR"))]);
    }
    let line =
        "member set servers one --name uno --weight 0 --disable-backup --monitor-port 81 --enable --no-tag --wait";
    shell.openstack.quietly(line);
    fields(
        &shell.openstack.json("member show servers uno"),
        &[
            ("weight", json!(0)),
            ("backup", json!(false)),
            ("monitor_port", json!(81)),
            ("admin_state_up", json!(true)),
            ("tags", json!([])),
        ],
    );
    shell.openstack.quietly("member unset servers uno --weight --monitor-address --monitor-port --backup --wait");
    fields(
        &shell.openstack.json("member show servers uno"),
        &[("weight", json!(1)), ("monitor_address", json!(null)), ("monitor_port", json!(null))],
    );
    let said = shell.openstack.refused(1, "member create --address 10.0.0.11 --protocol-port 80 servers");
    let text = "Another member on this pool is already using ip 10.0.0.11 on protocol_port 80 (HTTP 409)";
    assert!(said.contains(text), "{said}");
    shell.openstack.quietly("member delete servers uno --wait");
    assert_eq!(shell.column("member list servers", "id"), [two.as_str()]);
}
