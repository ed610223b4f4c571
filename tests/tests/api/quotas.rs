//! Quotas: defaults, a project's own limits, and what is refused.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    played::{Agent, obedient},
    services::{PATIENCE, Services, member, monitor, pool, vip},
};

fn defaults() -> Value {
    json!({"network": 10, "subnet": 10, "port": 50, "vip": 10, "pool": 10, "member": -1, "health_monitor": -1})
}

async fn with_default_quotas() -> Services {
    Services::with(|settings| settings.quotas = ballast_service::config::Quotas::default()).await
}

#[tokio::test]
async fn a_project_has_the_defaults_until_it_has_its_own() {
    let services = with_default_quotas().await;
    assert_eq!(services.get("/v2.0/quotas/tenant").await, json!({"tenant": {"tenant_id": "demo"}}));
    assert_eq!(services.get("/v2.0/quotas/demo").await, json!({"quota": defaults()}));
    assert_eq!(services.get("/v2.0/quotas").await, json!({"quotas": []}));

    let mut own = defaults();
    own["pool"] = json!(3);
    own["health_monitor"] = json!(7);
    let body = json!({"quota": {"pool": "3", "healthmonitor": 7}});
    let changed = services.call("PUT", "/v2.0/quotas/demo", Some(body)).await;
    assert_eq!((changed.status, changed.body), (200, json!({"quota": own})));
    assert_eq!(services.get("/v2.0/quotas/demo").await, json!({"quota": own}));
    assert_eq!(services.get("/v2.0/quotas/demo?fields=pool").await, json!({"quota": {"pool": 3}}));
    assert_eq!(services.get("/v2.0/quotas/other.json").await, json!({"quota": defaults()}));
    assert_eq!(services.get("/v2.0/quotas/demo/default").await, json!({"quota": defaults()}));
    own["tenant_id"] = json!("demo");
    assert_eq!(services.get("/v2.0/quotas").await, json!({"quotas": [own]}));

    for _ in 0..2 {
        assert_eq!(services.call("DELETE", "/v2.0/quotas/demo", None).await.status, 204);
    }
    assert_eq!(services.get("/v2.0/quotas/demo").await, json!({"quota": defaults()}));
}

#[tokio::test]
async fn bad_limits_get_neutrons_words() {
    let services = with_default_quotas().await;
    for (limits, kind, text) in [
        (json!({"foo": 1}), "HTTPBadRequest", "Unrecognized attribute(s) 'foo'"),
        (
            json!({"pool": -2}),
            "HTTPBadRequest",
            "Invalid input for pool. Reason: '-2' is too small - must be at least '-1'.",
        ),
        (json!({"pool": "many"}), "InvalidInput", "Invalid input for operation: 'many' is not a integer."),
    ] {
        let refused = services.call("PUT", "/v2.0/quotas/demo", Some(json!({"quota": limits}))).await;
        assert_eq!((refused.status, refused.error()), (400, (kind, text)));
    }
    let refused = services.call("POST", "/v2.0/quotas", Some(json!({"quota": {"pool": 1}}))).await;
    let words = ("HTTPNotImplemented", "POST requests are not supported on this resource.");
    assert_eq!((refused.status, refused.error()), (501, words));
}

#[tokio::test]
async fn one_more_than_the_limit_is_409_for_each_resource() {
    let services = with_default_quotas().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let first = services.pool(&subnet).await;
    let second = services.pool(&subnet).await;
    services.create("/v2.0/lb/vips", vip(&subnet, &first)).await;
    services.create("/v2.0/lb/members", member(&first, "10.0.0.11")).await;
    services.create("/v2.0/lb/health_monitors", monitor()).await;
    let network = services.get(&format!("/v2.0/subnets/{subnet}")).await["subnet"]["network_id"].clone();
    let limits = json!({"network": 1, "subnet": 1, "port": 1, "vip": 1, "pool": 2, "member": 1, "healthmonitor": 1});
    assert_eq!(services.call("PUT", "/v2.0/quotas/demo", Some(json!({"quota": limits}))).await.status, 200);
    for (path, body, resource) in [
        ("lb/pools", pool(&subnet), "pool"),
        ("lb/vips", vip(&subnet, &second), "vip"),
        ("lb/members", member(&first, "10.0.0.12"), "member"),
        ("lb/health_monitors", monitor(), "health_monitor"),
        ("networks", json!({"network": {"name": "n"}}), "network"),
        ("subnets", json!({"subnet": {"network_id": network, "cidr": "10.8.0.0/24", "ip_version": 4}}), "subnet"),
        ("ports", json!({"port": {"network_id": network}}), "port"),
    ] {
        let path = format!("/v2.0/{path}");
        let refused = services.call("POST", &path, Some(body.clone())).await;
        let text = format!("Quota exceeded for resources: ['{resource}']");
        assert_eq!((refused.status, refused.error()), (409, ("OverQuota", text.as_str())), "{path}");
        // Another project has limits of its own.
        if !path.contains("/lb/vips") && !path.contains("subnets") {
            let mut others = body;
            others.as_object_mut().unwrap().values_mut().next().unwrap()["tenant_id"] = json!("other");
            assert_eq!(services.call("POST", &path, Some(others)).await.status, 201, "{path}");
        }
    }
}

#[tokio::test]
async fn creates_at_the_same_time_never_pass_the_limit() {
    let services = Arc::new(with_default_quotas().await);
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let mut creates = JoinSet::new();
    for _ in 0..24 {
        let (services, subnet) = (Arc::clone(&services), subnet.clone());
        creates.spawn(async move { services.call("POST", "/v2.0/lb/pools", Some(pool(&subnet))).await.status });
    }
    let mut statuses = creates.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[..10], [201; 10]);
    assert_eq!(statuses[10..], [409; 14]);
    assert_eq!(services.get("/v2.0/lb/pools").await["pools"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn a_member_sees_his_own_quota_and_no_more() {
    let services = Services::with_tokens(|settings| settings.quotas = ballast_service::config::Quotas::default()).await;
    let any = "User does not have admin privileges: Only admin can view or configure quota";
    let others = "User does not have admin privileges: Only admin is authorized to access quotas for another tenant";
    for path in ["/v2.0/quotas/a", "/v2.0/quotas/a/default", "/v2.0/quotas/tenant"] {
        assert_eq!(services.call_as("alice", "GET", path, None).await.status, 200, "{path}");
    }
    let body = || Some(json!({"quota": {"pool": 1}}));
    for (method, path, body, words) in [
        ("GET", "/v2.0/quotas/b", None, others),
        ("GET", "/v2.0/quotas/b/default", None, others),
        ("GET", "/v2.0/quotas", None, any),
        ("PUT", "/v2.0/quotas/a", body(), any),
        ("DELETE", "/v2.0/quotas/a", None, any),
    ] {
        let refused = services.call_as("alice", method, path, body).await;
        assert_eq!((refused.status, refused.error()), (403, ("AdminRequired", words)), "{method} {path}");
    }
    assert_eq!(services.call_as("admin", "PUT", "/v2.0/quotas/a", body()).await.status, 200);
    let own = services.call_as("alice", "GET", "/v2.0/quotas/a", None).await;
    assert_eq!(own.object()["pool"], 1);
}

#[tokio::test]
async fn a_vip_that_no_agent_was_told_of_leaves_nothing() {
    let services = Services::with(|settings| settings.quotas.vip = 1).await;
    let agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet_of("10.0.0.0/30").await;
    let pool = services.pool(&subnet).await;
    drop(agent);
    services.pass(21);
    let alive = async || services.get("/v2.0/agents").await["agents"][0]["alive"] == true;
    tokio::time::timeout(PATIENCE, async { while alive().await {} }).await.unwrap();
    for _ in 0..5 {
        let made = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await;
        assert_eq!(made.object()["address"], "10.0.0.2", "the subnet's only one");
        services.call("DELETE", &format!("/v2.0/lb/vips/{}", made.id()), None).await;
    }
    services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await;
    let mut agent = Agent::connect(&services.channel, "a", "2").await.unwrap();
    let told = agent.desired().await.load_balancer.unwrap().vip.unwrap();
    assert_eq!(told.address, "10.0.0.2");
}

#[tokio::test]
async fn a_vip_that_its_agent_has_not_let_go_of_is_still_in_its_projects_quota() {
    let services = Services::with(|settings| settings.quotas.vip = 2).await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let made = services.call("POST", "/v2.0/lb/vips", Some(vip(&subnet, &pool))).await;
        statuses.push(made.status);
        if made.status == 201 {
            while agent.desired().await.load_balancer.unwrap().vip.is_none() {}
            services.call("DELETE", &format!("/v2.0/lb/vips/{}", made.id()), None).await;
        }
    }
    assert_eq!(statuses, [201, 201, 409], "one tenant in a loop empties no subnet that others share");
    // The agent has what there is by now, without any of them.
    let confirmed = async {
        loop {
            let desired = agent.desired().await;
            agent.deployed(&desired).await;
        }
    };
    let made = async { while services.call("POST", "/v2.0/lb/vips", Some(vip(&subnet, &pool))).await.status != 201 {} };
    tokio::select! {
        () = confirmed => unreachable!("it goes on for ever"),
        made = tokio::time::timeout(PATIENCE, made) => made.unwrap(),
    }
}
