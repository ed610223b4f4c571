//! What the contract says of HTTP itself: paths, methods, headers, versions, extensions.

use serde_json::{Value, json};

use crate::{
    played::obedient,
    services::{Services, member, monitor, vip},
};

const NOWHERE: &str = "11111111-2222-3333-4444-555555555555";

/// One load balancer with everything; the paths of what there is.
async fn paths(services: &Services) -> Vec<String> {
    let agent = obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let vip = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await.id();
    let member = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await.id();
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let associations = format!("/v2.0/lb/pools/{pool}/health_monitors");
    services.create(&associations, json!({"health_monitor": {"id": monitor}})).await;
    let path = format!("/v2.0/lb/pools/{pool}");
    let settled =
        async { while services.get(&path).await["pool"]["health_monitors_status"][0]["status"] != "ACTIVE" {} };
    tokio::time::timeout(crate::services::PATIENCE, settled).await.expect("a settled association");
    vec![
        "/v2.0/lb/pools".to_owned(),
        format!("/v2.0/lb/pools/{pool}"),
        format!("/v2.0/lb/pools/{pool}/stats"),
        format!("/v2.0/lb/pools/{pool}/loadbalancer-agent"),
        associations.clone(),
        format!("{associations}/{monitor}"),
        "/v2.0/lb/vips".to_owned(),
        format!("/v2.0/lb/vips/{vip}"),
        "/v2.0/lb/members".to_owned(),
        format!("/v2.0/lb/members/{member}"),
        "/v2.0/lb/health_monitors".to_owned(),
        format!("/v2.0/lb/health_monitors/{monitor}"),
        "/v2.0/agents".to_owned(),
        format!("/v2.0/agents/{agent}"),
        format!("/v2.0/agents/{agent}/loadbalancer-pools"),
        "/v2.0/service-providers".to_owned(),
        "/v2.0/extensions".to_owned(),
        "/v2.0/extensions/lbaas".to_owned(),
        "/v2.0/networks".to_owned(),
        "/v2.0/subnets".to_owned(),
    ]
}

#[tokio::test]
async fn every_path_works_with_json_behind_it_and_none_with_a_slash() {
    let services = Services::start().await;
    for path in paths(&services).await {
        let plain = services.get(&path).await;
        assert_eq!(services.get(&format!("{path}.json")).await, plain, "{path}.json");
        for broken in [format!("{path}/"), format!("{path}.xml"), format!("{path}/nosuch/deep/er")] {
            let reply = services.raw("GET", &broken).await;
            assert_eq!(reply.status(), 404, "{broken}");
        }
    }
}

#[tokio::test]
async fn every_reply_has_a_request_id_and_a_type() {
    let services = Services::start().await;
    let mut asked: Vec<(&str, String)> = paths(&services).await.into_iter().map(|path| ("GET", path)).collect();
    asked.extend(
        [
            ("GET", "/v2.0/"),
            ("GET", "/openapi.json"),
            ("GET", "/nosuch"),
            ("PATCH", "/v2.0/lb/pools"),
            ("POST", "/v2.0/lb/pools"),
            ("GET", "/v2.0/lb/pools?limit=x"),
        ]
        .map(|(method, path)| (method, path.to_owned())),
    );
    for (method, path) in asked {
        let reply = services.raw(method, &path).await;
        let id = reply.headers()["x-openstack-request-id"].to_str().unwrap();
        let uuid = id.strip_prefix("req-").unwrap_or_default();
        assert!(uuid::Uuid::parse_str(uuid).is_ok(), "{method} {path}: {id}");
        let media = reply.headers()["content-type"].to_str().unwrap().to_owned();
        let is_json = serde_json::from_slice::<Value>(&reply.bytes().await.unwrap()).is_ok();
        let expected = if is_json { "application/json; charset=UTF-8" } else { "text/plain; charset=UTF-8" };
        assert_eq!(media, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_not_routed_is_404_in_plain_text_and_never_405() {
    let services = Services::start().await;
    let item = format!("/v2.0/lb/pools/{NOWHERE}");
    let association = format!("{item}/health_monitors/{NOWHERE}");
    for (method, path) in [
        ("GET", "/v2.0/lb"),
        ("GET", "/v1.0"),
        ("GET", "/v2.0/lb/nosuch"),
        ("PATCH", item.as_str()),
        ("PATCH", "/v2.0/lb/pools"),
        ("PUT", "/v2.0/lb/pools"),
        ("DELETE", "/v2.0/lb/pools"),
        ("POST", item.as_str()),
        ("OPTIONS", item.as_str()),
        ("OPTIONS", "/v2.0/lb/pools"),
        ("PUT", association.as_str()),
        ("POST", "/v2.0/extensions"),
        ("GET", "/v2.0//lb/pools"),
    ] {
        let reply = services.raw(method, path).await;
        assert_eq!(reply.status(), 404, "{method} {path}");
        assert_eq!(reply.text().await.unwrap(), "The resource could not be found.", "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let services = Services::start().await;
    for path in paths(&services).await {
        let reply = services.raw("HEAD", &path).await;
        assert_eq!(reply.status(), 200, "{path}");
        assert!(reply.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_delete_has_an_empty_body_without_a_type() {
    let services = Services::start().await;
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let reply = services.raw("DELETE", &format!("/v2.0/lb/health_monitors/{monitor}.json")).await;
    assert_eq!((reply.status().as_u16(), reply.headers().get("content-type")), (204, None));
    assert!(reply.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn versions_and_extensions_are_told() {
    let services = Services::start().await;
    let versions = services.get("/").await;
    // Octavia's: the command looks for no more than v2.0 in it.
    assert_eq!(
        (&versions["versions"][0]["id"], &versions["versions"][30]["status"]),
        (&json!("v2.0"), &json!("CURRENT"))
    );
    assert!(services.get("/v2.0/").await["resources"].as_array().is_some_and(|resources| resources.len() >= 2));
    for (alias, name, updated) in [
        ("lbaas", "LoadBalancing service", "2012-10-07T10:00:00-00:00"),
        ("lbaas_agent_scheduler", "Loadbalancer Agent Scheduler", "2013-02-07T10:00:00-00:00"),
    ] {
        let shown = services.get(&format!("/v2.0/extensions/{alias}")).await["extension"].clone();
        assert_eq!(
            (&shown["alias"], &shown["name"], &shown["updated"]),
            (&json!(alias), &json!(name), &json!(updated))
        );
        for key in ["description", "namespace", "links"] {
            assert!(shown.get(key).is_some(), "{alias} {key}");
        }
    }
    let listed = services.get("/v2.0/extensions").await;
    for alias in ["lbaas", "lbaas_agent_scheduler", "service-type", "agent"] {
        let found = listed["extensions"].as_array().into_iter().flatten().any(|one| one["alias"] == alias);
        assert!(found, "{alias}: {listed}");
    }
    assert_eq!(services.raw("GET", "/v2.0/extensions/nosuch").await.status(), 404);
}

#[tokio::test]
async fn huge_and_odd_queries_are_answered() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let pool = services.pool(&services.subnet().await).await;
    let many = |pair: &str, count: usize| vec![pair; count].join("&");
    for query in [
        many("name=a", 8_000),
        many("fields=id", 6_000),
        many("sort_key=name&sort_dir=desc", 2_000),
        many("id=11111111-2222-3333-4444-555555555555", 1_500),
        format!("{}&limit=1&marker={pool}", many("sort_key=name&sort_dir=asc", 1_900)),
        format!("name={}", "x".repeat(60_000)),
        "limit=99999999999999999999999999999999999999999".to_owned(),
        "name=%F0%9F%98%80&&&==&=&%=%zz".to_owned(),
        "status=NOSUCH&subnet_id=nonsense&vip_id=&protocol=%27%3B+DROP+TABLE+pools%3B--".to_owned(),
        "marker=nonsense&limit=5&page_reverse=maybe".to_owned(),
    ] {
        let reply = services.raw("GET", &format!("/v2.0/lb/pools?{query}")).await;
        assert_eq!(reply.status(), 200, "{}", &query[..query.len().min(80)]);
    }
    assert_eq!(services.get("/v2.0/lb/pools?fields=id").await, json!({"pools": [{"id": pool}]}));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let services = Services::start().await;
    let body = format!(r#"{{"pool": {{"name": "{}"}}}}"#, "x".repeat(2 << 20));
    assert_eq!(services.send("POST", "/v2.0/lb/pools", &body).await.status, 413);
}
