//! The resources over REST, from request to status.

use serde_json::json;

use crate::{
    played::{Agent, obedient},
    services::{Services, member, monitor, vip},
};

#[tokio::test]
async fn what_is_made_is_pending_and_becomes_active_when_an_agent_has_deployed_it() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let pool = services.create("/v2.0/lb/pools", crate::services::pool(&subnet)).await;
    assert_eq!(pool.object()["status"], "PENDING_CREATE");
    let desired = agent.desired().await;
    agent.deployed(&desired).await;
    let shown = services.settled(&format!("/v2.0/lb/pools/{}", pool.id()), "ACTIVE").await;
    assert_eq!(shown["status_description"], json!(null));

    let change = json!({"pool": {"name": "other", "lb_method": "SOURCE_IP"}});
    let changed = services.call("PUT", &format!("/v2.0/lb/pools/{}", pool.id()), Some(change)).await;
    assert_eq!((changed.status, &changed.object()["status"]), (200, &json!("PENDING_UPDATE")));
    assert_eq!((&changed.object()["name"], &changed.object()["lb_method"]), (&json!("other"), &json!("SOURCE_IP")));
}

#[tokio::test]
async fn a_driver_that_fails_shows_why_and_a_later_success_clears_it() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let pool = services.pool(&services.subnet().await).await;
    let desired = agent.desired().await;
    agent.outcome(&desired, Some("no bridge br-x on this host")).await;
    let shown = services.settled(&format!("/v2.0/lb/pools/{pool}"), "ERROR").await;
    assert_eq!(shown["status_description"], "no bridge br-x on this host");
    agent.deployed(&desired).await;
    services.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;
}

#[tokio::test]
async fn the_whole_load_balancer_goes_down_the_stream() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let made = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await;
    let mut cookie = vip(&subnet, &pool);
    cookie["vip"]["session_persistence"] = json!({"type": "APP_COOKIE", "cookie_name": "sid"});
    services.create("/v2.0/lb/vips", cookie).await;
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let associate = json!({"health_monitor": {"id": monitor}});
    let path = format!("/v2.0/lb/pools/{pool}/health_monitors");
    assert_eq!(services.create(&path, associate).await.body, json!({"health_monitor": {}}));
    let newest = loop {
        let desired = agent.desired().await;
        if desired.generation == 4 {
            break desired.load_balancer.unwrap();
        }
    };
    let address = newest.vip.as_ref().unwrap();
    assert_eq!(
        (address.address.as_str(), address.prefix_length, address.gateway.as_str()),
        ("10.0.0.2", 24, "10.0.0.1")
    );
    assert!(address.mac.starts_with("fa:16:3e:"));
    assert_eq!(newest.pools[0].members[0].id, made.id());
    assert_eq!(newest.pools[0].monitors[0].url_path, "/");
    assert_eq!(newest.pools[0].session_persistence.as_ref().unwrap().cookie_name, "sid");
    let features = ["lb_method:ROUND_ROBIN", "monitor:HTTP", "persistence:APP_COOKIE", "protocol:HTTP"];
    assert_eq!(newest.features, features);
}

#[tokio::test]
async fn lists_filter_restrict_fields_and_page() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let mut ids = Vec::new();
    for n in 11..16 {
        ids.push(services.create("/v2.0/lb/members", member(&pool, &format!("10.0.0.{n}"))).await.id());
    }
    let found = services.get("/v2.0/lb/members?address=10.0.0.12&address=10.0.0.14&fields=id").await;
    assert_eq!(found["members"], json!([{"id": ids[1]}, {"id": ids[3]}]));
    assert_eq!(services.get("/v2.0/lb/members?name=nosuch").await["members"], json!([]));
    assert_eq!(services.get("/v2.0/lb/pools?name=web&admin_state_up=False").await["pools"], json!([]));

    let page = services.get("/v2.0/lb/members?limit=2&sort_key=address&sort_dir=desc&fields=id").await;
    assert_eq!(page["members"], json!([{"id": ids[4]}, {"id": ids[3]}]));
    let next = page["members_links"][0]["href"].as_str().unwrap();
    let next = &next[next.find("/v2.0").unwrap()..];
    assert_eq!(services.get(next).await["members"], json!([{"id": ids[2]}, {"id": ids[1]}]));
}

#[tokio::test]
async fn a_shared_monitor_changes_every_pool_that_has_it_and_cannot_go_before_them() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let mut pools = Vec::new();
    for _ in 0..3 {
        let pool = services.pool(&subnet).await;
        let path = format!("/v2.0/lb/pools/{pool}/health_monitors");
        services.create(&path, json!({"health_monitor": {"id": monitor}})).await;
        pools.push(pool);
    }
    let path = format!("/v2.0/lb/health_monitors/{monitor}");
    let changed = services.call("PUT", &path, Some(json!({"health_monitor": {"delay": 30}}))).await;
    assert_eq!((changed.status, &changed.object()["delay"]), (200, &json!(30)));
    assert_eq!(changed.object()["pools"].as_array().map(Vec::len), Some(3));

    let refused = services.call("DELETE", &path, None).await;
    assert_eq!((refused.status, refused.error().0), (409, "HealthMonitorInUse"));
    for pool in pools {
        let gone = services.call("DELETE", &format!("/v2.0/lb/pools/{pool}/health_monitors/{monitor}"), None).await;
        assert_eq!(gone.status, 204);
    }
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
}

#[tokio::test]
async fn a_pool_goes_with_its_members_but_not_with_its_vip() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let made = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await.id();
    let front = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await.id();
    let path = format!("/v2.0/lb/pools/{pool}");
    services.settled(&path, "ACTIVE").await;
    let refused = services.call("DELETE", &path, None).await;
    assert_eq!((refused.status, refused.error().1), (409, format!("Pool {pool} is still in use").as_str()));
    services.settled(&path, "ACTIVE").await;
    assert_eq!(services.call("DELETE", &format!("/v2.0/lb/vips/{front}"), None).await.status, 204);
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
    assert_eq!(services.call("GET", &format!("/v2.0/lb/members/{made}"), None).await.status, 404);
}

#[tokio::test]
async fn a_member_moves_to_another_pool() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let (from, to) = (services.pool(&subnet).await, services.pool(&subnet).await);
    let made = services.create("/v2.0/lb/members", member(&from, "10.0.0.11")).await.id();
    let change = json!({"member": {"pool_id": to, "weight": "7"}});
    let moved = services.call("PUT", &format!("/v2.0/lb/members/{made}"), Some(change)).await;
    assert_eq!((moved.status, &moved.object()["pool_id"], &moved.object()["weight"]), (200, &json!(to), &json!(7)));
    let members = |pool: String| {
        let services = &services;
        async move { services.get(&format!("/v2.0/lb/pools/{pool}")).await["pool"]["members"].clone() }
    };
    assert_eq!((members(from).await, members(to).await), (json!([]), json!([made])));
}
