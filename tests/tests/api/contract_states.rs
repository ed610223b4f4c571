//! The status machine of the contract, row by row, and what an agent is told.

use ballast_proto::agent::Desired;
use serde_json::{Value, json};

use crate::{
    played::{Agent, obedient},
    services::{Services, member, monitor, vip},
};

/// The newest Desired, of at least this generation.
async fn desired(agent: &mut Agent, generation: u64) -> Desired {
    loop {
        let desired = agent.desired().await;
        if desired.generation >= generation {
            return desired;
        }
    }
}

async fn status(services: &Services, path: &str) -> Value {
    services.call("GET", path, None).await.object()["status"].clone()
}

#[tokio::test]
async fn every_object_is_pending_until_its_agent_answers_and_again_after_each_put() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let vip = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await.id();
    let member = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await.id();
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let associations = format!("/v2.0/lb/pools/{pool}/health_monitors");
    services.create(&associations, json!({"health_monitor": {"id": monitor}})).await;
    let pool_path = format!("/v2.0/lb/pools/{pool}");
    let paths = [pool_path.clone(), format!("/v2.0/lb/vips/{vip}"), format!("/v2.0/lb/members/{member}")];
    for path in &paths {
        assert_eq!(status(&services, path).await, "PENDING_CREATE", "{path}");
    }
    let association = async || services.get(&pool_path).await["pool"]["health_monitors_status"][0]["status"].clone();
    assert_eq!(association().await, "PENDING_CREATE");
    let newest = desired(&mut agent, 4).await;
    agent.deployed(&newest).await;
    for path in &paths {
        services.settled(path, "ACTIVE").await;
    }
    assert_eq!(association().await, "ACTIVE");

    let mut generation = 4;
    for (path, wrapper) in paths.iter().zip(["pool", "vip", "member"]) {
        let changed = services.call("PUT", path, Some(json!({ wrapper: {} }))).await;
        assert_eq!((changed.status, &changed.object()["status"]), (200, &json!("PENDING_UPDATE")), "{path}");
        generation += 1;
        let newest = desired(&mut agent, generation).await;
        agent.outcome(&newest, Some("broken")).await;
        let failed = services.settled(path, "ERROR").await;
        assert_eq!(failed["status_description"], "broken", "{path}");
        services.call("PUT", path, Some(json!({ wrapper: {} }))).await;
        assert_eq!(status(&services, path).await, "PENDING_UPDATE", "a PUT clears ERROR");
        generation += 1;
        let newest = desired(&mut agent, generation).await;
        agent.deployed(&newest).await;
        let mended = services.settled(path, "ACTIVE").await;
        assert_eq!(mended["status_description"], json!(null), "{path}");
        services.settled(&pool_path, "ACTIVE").await;
    }
    let path = format!("/v2.0/lb/health_monitors/{monitor}");
    services.call("PUT", &path, Some(json!({"health_monitor": {"delay": 7}}))).await;
    assert_eq!(association().await, "ACTIVE", "a monitor's change does not make its associations pending");
    assert_eq!(desired(&mut agent, generation + 1).await.load_balancer.unwrap().pools[0].monitors[0].delay, 7);
}

/// What is pending stays so and says why; what is not, and what has changed since, is as it was.
#[tokio::test]
async fn while_a_device_is_busy_what_is_pending_says_so() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let pool_path = format!("/v2.0/lb/pools/{pool}");
    let first = desired(&mut agent, 1).await;
    agent.deployed(&first).await;
    services.settled(&pool_path, "ACTIVE").await;
    let vip = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await.id();
    let waits = desired(&mut agent, 2).await;
    let member = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await.id();
    let newest = desired(&mut agent, 3).await;
    agent.waiting(&waits, "the device is busy").await;
    let (vip_path, member_path) = (format!("/v2.0/lb/vips/{vip}"), format!("/v2.0/lb/members/{member}"));
    let shown = async |path: &str, wrapper: &str| {
        let shown = services.get(path).await[wrapper].clone();
        (shown["status"].clone(), shown["status_description"].clone())
    };
    while shown(&vip_path, "vip").await != (json!("PENDING_CREATE"), json!("the device is busy")) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(shown(&pool_path, "pool").await, (json!("ACTIVE"), json!(null)));
    assert_eq!(shown(&member_path, "member").await, (json!("PENDING_CREATE"), json!(null)));
    agent.deployed(&newest).await;
    assert_eq!(services.settled(&vip_path, "ACTIVE").await["status_description"], json!(null));
    services.settled(&member_path, "ACTIVE").await;
}

#[tokio::test]
async fn what_is_deleted_is_gone_at_once_and_the_agent_is_told() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let vip = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await.id();
    let member = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await.id();
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let associations = format!("/v2.0/lb/pools/{pool}/health_monitors");
    services.create(&associations, json!({"health_monitor": {"id": monitor}})).await;
    let in_use = services.call("DELETE", &format!("/v2.0/lb/health_monitors/{monitor}"), None).await;
    let text = format!("Health monitor {monitor} still has associations with pools");
    assert_eq!((in_use.status, in_use.error()), (409, ("HealthMonitorInUse", text.as_str())));
    // Nobody has answered yet: nothing waits for that.
    for (path, generation) in [
        (format!("/v2.0/lb/vips/{vip}"), 5),
        (format!("/v2.0/lb/members/{member}"), 6),
        (format!("{associations}/{monitor}"), 7),
    ] {
        assert_eq!(services.call("DELETE", &path, None).await.status, 204, "{path}");
        assert_eq!(services.call("GET", &path, None).await.status, 404, "{path}");
        assert_eq!(services.call("DELETE", &path, None).await.status, 404, "{path}");
        desired(&mut agent, generation).await;
    }
    let left = services.get(&format!("/v2.0/lb/pools/{pool}")).await;
    let pool_shown = &left["pool"];
    assert_eq!((&pool_shown["vip_id"], &pool_shown["members"]), (&json!(null), &json!([])));
    assert_eq!(services.call("DELETE", &format!("/v2.0/lb/pools/{pool}"), None).await.status, 204);
    assert_eq!(
        services.get(&format!("/v2.0/lb/health_monitors/{monitor}")).await["health_monitor"]["pools"],
        json!([])
    );
}

#[tokio::test]
async fn a_pool_takes_members_and_associations_with_it_and_leaves_monitors() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await;
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let associations = format!("/v2.0/lb/pools/{pool}/health_monitors");
    services.create(&associations, json!({"health_monitor": {"id": monitor}})).await;
    let front = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await.id();
    let path = format!("/v2.0/lb/pools/{pool}");
    // The newest part: when it is settled, all is.
    services.settled(&format!("/v2.0/lb/vips/{front}"), "ACTIVE").await;
    let before = services.get(&path).await["pool"].clone();
    let refused = services.call("DELETE", &path, None).await;
    assert_eq!((refused.status, refused.error().0), (409, "PoolInUse"));
    assert_eq!(services.get(&path).await["pool"], before, "a refused delete changes nothing");
    services.call("DELETE", &format!("/v2.0/lb/vips/{front}"), None).await;
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
    assert_eq!(services.get("/v2.0/lb/members").await, json!({"members": []}));
    let shown = services.get(&format!("/v2.0/lb/health_monitors/{monitor}")).await;
    assert_eq!(shown["health_monitor"]["pools"], json!([]));
    assert_eq!(services.call("GET", &path, None).await.error().1, format!("Pool {pool} could not be found"));
}

#[tokio::test]
async fn a_pool_that_nobody_can_take_is_changed_filled_and_deleted_without_an_agent() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let refused = services.call("POST", "/v2.0/lb/pools", Some(crate::services::pool(&subnet))).await;
    assert_eq!((refused.status, refused.error().0), (404, "NoEligibleBackend"));
    let pool = services.get("/v2.0/lb/pools").await["pools"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v2.0/lb/pools/{pool}");
    // Neutron answered 404 NoActiveLbaasAgent although it had written. Here the write is taken, and deployed when placed.
    let made = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await;
    assert_eq!(made.object()["status"], "PENDING_CREATE");
    let front = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await.id();
    let changed = services.call("PUT", &path, Some(json!({"pool": {"name": "n"}}))).await;
    assert_eq!((changed.status, &changed.object()["status"]), (200, &json!("PENDING_UPDATE")));
    obedient(&services.channel, "a").await;
    services.settled(&path, "ACTIVE").await;
    services.settled(&format!("/v2.0/lb/vips/{front}"), "ACTIVE").await;
    services.settled(&format!("/v2.0/lb/members/{}", made.id()), "ACTIVE").await;
}

#[tokio::test]
async fn a_pool_in_error_is_deleted_without_an_agent() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let refused = services.call("POST", "/v2.0/lb/pools", Some(crate::services::pool(&subnet))).await;
    assert_eq!(refused.status, 404);
    let pool = services.get("/v2.0/lb/pools").await["pools"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(services.call("DELETE", &format!("/v2.0/lb/pools/{pool}"), None).await.status, 204);
    assert_eq!(services.get("/v2.0/lb/pools").await, json!({"pools": []}));
}

#[tokio::test]
async fn admin_down_is_told_to_the_agent_and_settles_active() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let mut body = vip(&subnet, &pool);
    body["vip"]["admin_state_up"] = json!(false);
    let front = services.create("/v2.0/lb/vips", body).await;
    assert_eq!(front.object()["admin_state_up"], false);
    let made = services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await.id();
    let paths = [
        (format!("/v2.0/lb/pools/{pool}"), "pool"),
        (format!("/v2.0/lb/vips/{}", front.id()), "vip"),
        (format!("/v2.0/lb/members/{made}"), "member"),
    ];
    for (path, wrapper) in &paths {
        services.call("PUT", path, Some(json!({ *wrapper: {"admin_state_up": "False"} }))).await;
    }
    let newest = desired(&mut agent, 6).await;
    let told = newest.load_balancer.clone().unwrap();
    assert!(!told.listeners[0].admin_state_up && !told.pools[0].admin_state_up);
    assert!(!told.pools[0].members[0].admin_state_up);
    agent.deployed(&newest).await;
    for (path, _) in &paths {
        let shown = services.settled(path, "ACTIVE").await;
        assert_eq!(shown["admin_state_up"], false, "{path}");
    }
}

#[tokio::test]
async fn a_vip_moves_with_its_persistence_and_both_pools_are_deployed_again() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let (from, to) = (services.pool(&subnet).await, services.pool(&subnet).await);
    let mut body = vip(&subnet, &from);
    body["vip"]["session_persistence"] = json!({"type": "APP_COOKIE", "cookie_name": "sid"});
    let front = services.create("/v2.0/lb/vips", body).await;
    let path = format!("/v2.0/lb/vips/{}", front.id());
    let moved = services.call("PUT", &path, Some(json!({"vip": {"pool_id": to}}))).await;
    assert_eq!((moved.status, &moved.object()["status"]), (200, &json!("PENDING_UPDATE")));
    assert_eq!(moved.object()["address"], front.object()["address"]);
    assert_eq!(moved.object()["session_persistence"], json!({"type": "APP_COOKIE", "cookie_name": "sid"}));
    services.settled(&path, "ACTIVE").await;
    let vip_of = async |pool: &str| services.get(&format!("/v2.0/lb/pools/{pool}")).await["pool"]["vip_id"].clone();
    assert_eq!((vip_of(&from).await, vip_of(&to).await), (json!(null), json!(front.id())));

    let other = services.create("/v2.0/lb/vips", vip(&subnet, &from)).await.id();
    let taken = services.call("PUT", &path, Some(json!({"vip": {"pool_id": from}}))).await;
    let text = format!("Another Vip already exists for pool {from}");
    assert_eq!((taken.status, taken.error()), (409, ("VipExists", text.as_str())));
    let mut tcp = crate::services::pool(&subnet);
    tcp["pool"]["protocol"] = json!("TCP");
    let tcp = services.create("/v2.0/lb/pools", tcp).await.id();
    let mismatch = services.call("PUT", &path, Some(json!({"vip": {"pool_id": tcp}}))).await;
    let text = "Protocol HTTP does not match pool protocol TCP";
    assert_eq!((mismatch.status, mismatch.error()), (400, ("ProtocolMismatch", text)));
    let nowhere = "11111111-2222-3333-4444-555555555555";
    let missing = services.call("PUT", &path, Some(json!({"vip": {"pool_id": nowhere}}))).await;
    assert_eq!((missing.status, missing.error().0), (404, "PoolNotFound"));
    assert_eq!((vip_of(&from).await, vip_of(&to).await), (json!(other), json!(front.id())));
}

#[tokio::test]
async fn a_member_moves_and_is_refused_where_its_like_is() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let (from, to) = (services.pool(&subnet).await, services.pool(&subnet).await);
    let path =
        format!("/v2.0/lb/members/{}", services.create("/v2.0/lb/members", member(&from, "10.0.0.11")).await.id());
    let put = async |pool: &str| services.call("PUT", &path, Some(json!({"member": {"pool_id": pool}}))).await;
    let moved = put(&to).await;
    assert_eq!((moved.status, &moved.object()["status"]), (200, &json!("PENDING_UPDATE")));
    services.settled(&path, "ACTIVE").await;
    assert_eq!(put(&from).await.object()["pool_id"], json!(from));
    services.create("/v2.0/lb/members", member(&to, "10.0.0.11")).await;
    let twin = put(&to).await;
    let text = format!("Member with address 10.0.0.11 and port 80 already present in pool {to}");
    assert_eq!((twin.status, twin.error()), (409, ("MemberExists", text.as_str())));
    assert_eq!(put("11111111-2222-3333-4444-555555555555").await.error().0, "PoolNotFound");
}

#[tokio::test]
async fn an_association_is_made_shown_refused_and_ended_as_in_neutron() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let pool = services.pool(&services.subnet().await).await;
    let (one, other) = (
        services.create("/v2.0/lb/health_monitors", monitor()).await.id(),
        services.create("/v2.0/lb/health_monitors", monitor()).await.id(),
    );
    let path = format!("/v2.0/lb/pools/{pool}/health_monitors");
    let bulk = services.create(&path, json!({"health_monitors": [{"id": one}, {"id": other}]})).await;
    assert_eq!(bulk.body, json!({"health_monitors": [{}, {}]}));
    let listed = services.get(&path).await;
    assert_eq!(listed["health_monitors"].as_array().map(Vec::len), Some(2));
    assert_eq!(services.get(&format!("{path}/{one}")).await, json!({"health_monitor": {"tenant_id": "demo"}}));
    let shown = services.get(&format!("/v2.0/lb/pools/{pool}")).await;
    assert_eq!(shown["pool"]["health_monitors"], json!([one, other]));
    assert_eq!(services.call("DELETE", &format!("{path}/{one}"), None).await.status, 204);
    let shown = services.get(&format!("/v2.0/lb/pools/{pool}")).await;
    assert_eq!(shown["pool"]["health_monitors"], json!([other]), "the other stays");
    let nowhere = "11111111-2222-3333-4444-555555555555";
    for (method, path, body, status, kind) in [
        ("POST", path.clone(), Some(json!({"health_monitor": {"id": nowhere}})), 404, "HealthMonitorNotFound"),
        ("POST", path.clone(), Some(json!({"health_monitor": {"id": "x"}})), 400, "HTTPBadRequest"),
        ("POST", path.clone(), Some(json!({"health_monitor": {}})), 400, "HTTPBadRequest"),
        ("POST", path.clone(), Some(json!({"health_monitor": {"id": other}})), 409, "PoolMonitorAssociationExists"),
        (
            "POST",
            format!("/v2.0/lb/pools/{nowhere}/health_monitors"),
            Some(json!({"health_monitor": {"id": other}})),
            404,
            "PoolNotFound",
        ),
        ("GET", format!("{path}/{one}"), None, 404, "PoolMonitorAssociationNotFound"),
        ("DELETE", format!("{path}/{one}"), None, 404, "PoolMonitorAssociationNotFound"),
        ("GET", format!("/v2.0/lb/pools/{nowhere}/stats"), None, 404, "PoolNotFound"),
    ] {
        let reply = services.call(method, &path, body).await;
        assert_eq!((reply.status, reply.error().0), (status, kind), "{method} {path}");
    }
}

#[tokio::test]
async fn the_agent_of_a_pool_and_the_pools_of_an_agent_are_shown() {
    let services = Services::start().await;
    let agent = obedient(&services.channel, "a").await;
    let pool = services.pool(&services.subnet().await).await;
    services.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;
    let hosting = services.get(&format!("/v2.0/lb/pools/{pool}/loadbalancer-agent")).await;
    assert_eq!((&hosting["agent"]["id"], &hosting["agent"]["alive"]), (&json!(agent), &json!(true)));
    for key in ["agent_type", "binary", "topic", "host", "created_at", "started_at", "heartbeat_timestamp"] {
        assert!(hosting["agent"][key].is_string(), "{key}: {hosting}");
    }
    let hosted = services.get(&format!("/v2.0/agents/{agent}/loadbalancer-pools")).await;
    assert_eq!(hosted, json!({"pools": services.get("/v2.0/lb/pools").await["pools"]}));
    let nowhere = "11111111-2222-3333-4444-555555555555";
    assert_eq!(services.get(&format!("/v2.0/agents/{nowhere}/loadbalancer-pools")).await, json!({"pools": []}));
    assert_eq!(services.get(&format!("/v2.0/lb/pools/{nowhere}/loadbalancer-agent")).await, json!(null));
    let path = format!("/v2.0/agents/{agent}");
    let put = async |agent: Value| services.call("PUT", &path, Some(json!({ "agent": agent }))).await;
    let changed = put(json!({"description": "rack 7", "admin_state_up": "False"})).await;
    let shown = changed.object();
    assert_eq!((&shown["description"], &shown["admin_state_up"]), (&json!("rack 7"), &json!(false)));
    assert_eq!(put(json!({"host": "b"})).await.error().1, "Cannot update read-only attribute host");
    let text = "Invalid input for description. Reason: 'None' is not a valid string.";
    assert_eq!(put(json!({"description": null})).await.error().1, text);
    let refused = services.call("POST", "/v2.0/lb/pools", Some(crate::services::pool(&services.subnet().await))).await;
    assert_eq!((refused.status, refused.error().0), (404, "NoEligibleBackend"), "a disabled agent takes nothing");
    let refused = services.call("DELETE", &path, None).await;
    assert_eq!((refused.status, refused.error().0), (409, "AgentInUse"), "Neutron would: {refused}");
    assert_eq!(services.call("DELETE", &format!("{path}?force=true"), None).await.status, 204);
    assert_eq!(services.call("GET", &path, None).await.error().0, "AgentNotFound");
}
