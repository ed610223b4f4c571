//! `openstack loadbalancer listener`

use serde_json::json;

use super::{Shell, fields};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("listeners_by_the_openstack_command").await else { return };
    let [lb, front, pool] = shell.web("web");
    let line = "listener create --name admin --description d --protocol HTTP --protocol-port 8080 --connection-limit 100 \
                --default-pool servers --insert-headers X-Forwarded-For=true,X-Forwarded-Port=true --timeout-client-data \
                1000 --timeout-member-connect 2000 --timeout-member-data 3000 --timeout-tcp-inspect 4 --allowed-cidr \
                10.0.0.0/24 --allowed-cidr 192.0.2.1 --tag a --disable --wait web";
    let made = shell.openstack.json(line);
    fields(
        &made,
        &[
            ("protocol", json!("HTTP")),
            ("protocol_port", json!(8080)),
            ("connection_limit", json!(100)),
            ("default_pool_id", json!(pool)),
            ("loadbalancers", json!([{"id": lb}])),
            ("timeout_client_data", json!(1000)),
            ("timeout_member_connect", json!(2000)),
            ("timeout_member_data", json!(3000)),
            ("timeout_tcp_inspect", json!(4)),
            ("allowed_cidrs", json!(["10.0.0.0/24", "192.0.2.1/32"])),
            ("admin_state_up", json!(false)),
            ("provisioning_status", json!("ACTIVE")),
            ("tags", json!(["a"])),
            ("insert_headers", json!({"X-Forwarded-For": "true", "X-Forwarded-Port": "true"})),
        ],
    );
    assert_eq!(shell.column("listener list", "name"), ["front", "admin"]);
    assert_eq!(shell.column("listener list --loadbalancer web --name front", "id"), [front.as_str()]);
    assert_eq!(shell.column("listener list --tags a", "name"), ["admin"]);
    fields(&shell.openstack.json("listener show admin"), &[("id", made["id"].clone())]);

    shell.openstack.quietly("listener delete admin --wait");
    assert_eq!(shell.column("listener list", "name"), ["front"]);
    let said =
        shell.openstack.refused(1, "listener create --protocol TCP --protocol-port 81 --insert-headers X=true web");
    assert!(said.contains("insert-headers is not a valid option for a TCP protocol listener. (HTTP 400)"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_are_changed_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("listeners_are_changed_by_the_openstack_command").await else { return };
    shell.web("web");
    shell.made("listener create --name admin --protocol HTTP --protocol-port 8080 --default-pool servers web");
    let line = "listener set admin --name api --connection-limit 7 --insert-headers X-Forwarded-Proto=true \
                --allowed-cidr 10.0.0.0/8 --timeout-client-data 5 --enable --tag b --wait";
    shell.openstack.quietly(line);
    let shown = shell.openstack.json("listener show api");
    fields(
        &shown,
        &[
            ("connection_limit", json!(7)),
            ("allowed_cidrs", json!(["10.0.0.0/8"])),
            ("timeout_client_data", json!(5)),
            ("admin_state_up", json!(true)),
        ],
    );
    let line = "listener unset api --description --connection-limit --default-pool --insert-headers --allowed-cidrs \
                --timeout-client-data --timeout-member-connect --timeout-member-data --timeout-tcp-inspect --all-tag";
    shell.openstack.quietly(line);
    let shown = shell.openstack.json("listener show api");
    fields(
        &shown,
        &[
            ("connection_limit", json!(-1)),
            ("default_pool_id", json!(null)),
            ("timeout_client_data", json!(50000)),
            ("timeout_member_connect", json!(5000)),
            ("timeout_member_data", json!(50000)),
            ("timeout_tcp_inspect", json!(0)),
            ("allowed_cidrs", json!(null)),
            ("insert_headers", json!({})),
            ("tags", json!([])),
        ],
    );
    let stats = shell.openstack.json("listener stats show api");
    assert_eq!(stats["bytes_in"], json!(0));
}
