//! What load balancers were, over REST: who changed what, and going back.

use ballast_tests::rest::Reply;
use serde_json::{Value, json};

use crate::{
    played::{able_driver, obedient_with},
    services::Services,
};

/// A load balancer of project a that alice has made, with a listener, a pool, two members, a monitor and a policy.
struct World {
    services: Services,
    id: String,
}

impl World {
    async fn make(change: impl FnOnce(&mut ballast_service::config::Settings)) -> Self {
        let services = Services::with_tokens(change).await;
        obedient_with(&services.channel, "agent", able_driver()).await;
        let network = json!({ "network": { "name": "net", "shared": true, "tenant_id": "ops" } });
        let network = services.call_as("admin", "POST", "/v2.0/networks", Some(network)).await.id();
        let subnet = json!({ "subnet": {
            "network_id": network, "ip_version": 4, "cidr": "10.0.0.0/16", "tenant_id": "ops"
        } });
        let subnet = services.call_as("admin", "POST", "/v2.0/subnets", Some(subnet)).await.id();
        let member = |last: u8| json!({ "address": format!("10.0.1.{last}"), "protocol_port": 80 });
        let rule = json!({ "type": "PATH", "compare_type": "STARTS_WITH", "value": "/x" });
        let whole = json!({ "loadbalancer": { "name": "shop", "vip_subnet_id": subnet,
            "listeners": [{ "name": "front", "protocol": "HTTP", "protocol_port": 80,
                "default_pool": { "name": "web" },
                "l7policies": [{ "name": "no", "action": "REJECT", "rules": [rule] }] }],
            "pools": [{ "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "members": [member(1), member(2)],
                "healthmonitor": { "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2 } }] } });
        let made = services.call_as("alice", "POST", "/v2.0/lbaas/loadbalancers", Some(whole)).await;
        assert_eq!(made.status, 201, "{made}");
        Self { services, id: made.id() }
    }

    async fn alice(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.services.call_as("alice", method, path, body).await
    }

    async fn change(&self, method: &str, path: &str, body: Option<Value>) {
        let reply = self.alice(method, &format!("/v2.0/lbaas/{path}"), body).await;
        assert!(reply.status < 300, "{method} {path}: {reply}");
    }

    /// All of what is wanted, without what is known of it.
    async fn whole(&self) -> Value {
        let mut all = json!({});
        for noun in ["loadbalancers", "listeners", "pools", "healthmonitors", "l7policies"] {
            all[noun] = self.alice("GET", &format!("/v2.0/lbaas/{noun}"), None).await.body[noun].clone();
        }
        for pool in all["pools"].as_array().cloned().unwrap() {
            let (id, path) = (pool["id"].as_str().unwrap(), "/v2.0/lbaas/pools");
            all[id] = self.alice("GET", &format!("{path}/{id}/members"), None).await.body["members"].clone();
        }
        without_state(all)
    }

    async fn revisions(&self) -> Vec<Value> {
        let reply = self.alice("GET", &format!("/ballast/v1/loadbalancers/{}/revisions", self.id), None).await;
        assert_eq!(reply.status, 200, "{reply}");
        reply.body["revisions"].as_array().unwrap().clone()
    }

    async fn roll_back(&self, generation: u64, query: &str) -> Reply {
        let path = format!("/ballast/v1/loadbalancers/{}/revisions/{generation}/rollback{query}", self.id);
        self.alice("PUT", &path, None).await
    }

    async fn pool(&self) -> String {
        self.alice("GET", "/v2.0/lbaas/pools?name=web", None).await.body["pools"][0]["id"].as_str().unwrap().to_owned()
    }
}

fn without_state(mut value: Value) -> Value {
    match &mut value {
        Value::Object(keys) => {
            keys.retain(|key, _| !key.ends_with("_status") && key != "updated_at" && key != "status_description");
            keys.values_mut().for_each(|value| *value = without_state(value.take()));
        }
        Value::Array(values) => {
            values.iter_mut().for_each(|value| *value = without_state(value.take()));
            values.sort_by_key(Value::to_string);
        }
        _ => {}
    }
    value
}

#[tokio::test]
async fn a_change_says_who_made_it_and_what_it_was_before() {
    let world = World::make(|_| {}).await;
    let pool = world.pool().await;
    let members = world.alice("GET", &format!("/v2.0/lbaas/pools/{pool}/members"), None).await;
    let member = members.body["members"][0]["id"].as_str().unwrap().to_owned();
    world.change("PUT", &format!("pools/{pool}/members/{member}"), Some(json!({ "member": { "weight": 7 } }))).await;
    world.change("DELETE", &format!("pools/{pool}/members/{member}"), None).await;
    let revisions = world.revisions().await;
    let of = |revision: &Value| (revision["generation"].clone(), revision["cause"]["user"].clone());
    assert_eq!(
        revisions.iter().map(of).collect::<Vec<_>>(),
        [(json!(3), json!("alice")), (json!(2), json!("alice")), (json!(1), json!("alice"))]
    );
    let [gone, weighed, made] = &revisions[..] else { panic!("{revisions:?}") };
    assert_eq!((&made["changes"], &made["reachable"]), (&json!([]), &json!(true)));
    let change = json!({ "kind": "member", "id": member, "name": "10.0.1.1:80", "change": "updated",
        "fields": { "weight": [1, 7] } });
    assert_eq!(weighed["changes"], json!([change]));
    assert_eq!(weighed["cause"]["action"], "PUT /v2.0/lbaas/pools/{pool_id}/members/{id}");
    let change = &gone["changes"][0];
    assert_eq!((&change["change"], &change["fields"]["weight"]), (&json!("deleted"), &json!([7, null])));
    let limited = format!("/ballast/v1/loadbalancers/{}/revisions?limit=1", world.id);
    assert_eq!(world.alice("GET", &limited, None).await.body["revisions"], json!([gone]));
}

#[tokio::test]
async fn after_many_changes_it_becomes_what_it_was_with_its_ids_and_forth_again() {
    let world = World::make(|_| {}).await;
    let before = world.whole().await;
    let pool = world.pool().await;
    let listener = before["listeners"][0]["id"].as_str().unwrap();
    let policy = before["l7policies"][0]["id"].as_str().unwrap();
    let monitor = before["healthmonitors"][0]["id"].as_str().unwrap();
    world.change("PUT", &format!("loadbalancers/{}", world.id), Some(json!({ "loadbalancer": { "name": "n" } }))).await;
    world.change("PUT", &format!("listeners/{listener}"), Some(json!({ "listener": { "connection_limit": 9 } }))).await;
    world.change("PUT", &format!("healthmonitors/{monitor}"), Some(json!({ "healthmonitor": { "delay": 60 } }))).await;
    world.change("DELETE", &format!("l7policies/{policy}"), None).await;
    world.change("DELETE", &format!("healthmonitors/{monitor}"), None).await;
    world.change("PUT", &format!("pools/{pool}/members"), Some(json!({ "members": [] }))).await;
    let generation = world.revisions().await[0]["generation"].as_u64().unwrap();
    world.change("DELETE", &format!("pools/{pool}"), None).await;
    world.change("DELETE", &format!("listeners/{listener}"), None).await;
    let after = world.whole().await;
    assert_eq!(after["pools"], json!([]));

    let planned = world.roll_back(1, "?validate_only=true").await;
    assert_eq!((planned.status, &planned.body["loadbalancer"]["name"]), (200, &json!("shop")), "{planned}");
    assert!(planned.body["plan"].is_object(), "{planned}");
    assert_eq!(world.whole().await, after, "it was only checked");

    let last = world.revisions().await[0]["generation"].as_u64().unwrap();
    assert_eq!(world.roll_back(1, "").await.status, 202);
    assert_eq!(world.whole().await, before);
    let revisions = world.revisions().await;
    assert_eq!(revisions[0]["generation"], last + 1, "it is a change itself");
    assert!(revisions.iter().all(|revision| revision["reachable"] == true), "{revisions:?}");
    assert_eq!(world.roll_back(last, "").await.status, 202);
    assert_eq!(world.whole().await, after);
    assert_eq!(world.roll_back(generation, "").await.status, 202);
    let between = world.whole().await;
    assert_eq!((&between["pools"][0]["id"], &between[&pool]), (&json!(pool), &json!([])));
}

#[tokio::test]
async fn what_is_not_kept_or_is_not_there_is_refused_with_why() {
    let world = World::make(|settings| settings.history.revisions = 3).await;
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        let body = json!({ "loadbalancer": { "name": name } });
        world.change("PUT", &format!("loadbalancers/{}", world.id), Some(body)).await;
    }
    let revisions = world.revisions().await;
    assert_eq!(revisions.len(), 3);
    let refused = world.roll_back(1, "").await;
    let said = refused.body["faultstring"].as_str().unwrap_or_default();
    assert_eq!(refused.status, 400, "{refused}");
    assert!(said.contains("cannot be what it was at generation 1: its changes are known from generation"), "{said}");
    for beyond in [999, 0] {
        assert_eq!(world.roll_back(beyond, "").await.status, 400);
    }
    let path = format!("/ballast/v1/loadbalancers/{}/revisions/x/rollback", world.id);
    assert_eq!(world.alice("PUT", &path, None).await.status, 400);
    let nowhere = "/ballast/v1/loadbalancers/11111111-2222-3333-4444-555555555555/revisions";
    assert_eq!(world.alice("GET", nowhere, None).await.status, 404);
    for query in ["?limit=0", "?limit=x", "?bogus=1"] {
        let path = format!("/ballast/v1/loadbalancers/{}/revisions{query}", world.id);
        assert_eq!(world.alice("GET", &path, None).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn an_etag_that_is_old_stops_a_rollback() {
    let world = World::make(|_| {}).await;
    let path = format!("/v2.0/lbaas/loadbalancers/{}", world.id);
    world.alice("PUT", &path, Some(json!({ "loadbalancer": { "name": "n" } }))).await;
    let path = format!("{}/ballast/v1/loadbalancers/{}/revisions/1/rollback", world.services.url, world.id);
    let client = ballast_service::http::plain().unwrap();
    for (etag, status) in [("\"1\"", 412), ("\"2\"", 202)] {
        let request = client.put(&path).header("x-auth-token", "alice").header("if-match", etag);
        assert_eq!(request.send().await.unwrap().status(), status, "{etag}");
    }
}

#[tokio::test]
async fn of_a_change_of_many_objects_a_hundred_are_told_and_all_come_back() {
    let world = World::make(|_| {}).await;
    let pool = world.pool().await;
    let member = |number: u16| json!({ "address": "10.0.2.1", "protocol_port": 1000 + number });
    let members: Vec<Value> = (0..150).map(member).collect();
    world.change("PUT", &format!("pools/{pool}/members"), Some(json!({ "members": members }))).await;
    world.change("PUT", &format!("pools/{pool}/members"), Some(json!({ "members": [] }))).await;
    let revisions = world.revisions().await;
    let told = |revision: &Value| (revision["changes"].as_array().unwrap().len(), revision["more_changes"].clone());
    // The second one takes the two away that there were.
    assert_eq!([told(&revisions[0]), told(&revisions[1])], [(100, json!(50)), (100, json!(52))]);
    assert_eq!(world.roll_back(2, "").await.status, 202);
    let members = world.alice("GET", &format!("/v2.0/lbaas/pools/{pool}/members?limit=1000"), None).await;
    assert_eq!(members.body["members"].as_array().unwrap().len(), 150);
}

#[tokio::test]
async fn rollbacks_and_changes_at_once_are_all_taken_or_refused_as_a_conflict() {
    let world = World::make(|_| {}).await;
    let path = format!("/v2.0/lbaas/loadbalancers/{}", world.id);
    let name =
        async |name: &str| world.alice("PUT", &path, Some(json!({ "loadbalancer": { "name": name } }))).await.status;
    assert_eq!(name("n").await, 200);
    let (one, other, changed) = tokio::join!(world.roll_back(1, ""), world.roll_back(1, ""), name("m"));
    assert_eq!(changed, 200);
    for reply in [one, other] {
        assert!([202, 409].contains(&reply.status), "{reply}");
    }
    let revisions = world.revisions().await;
    assert!(revisions.iter().all(|revision| revision["reachable"] == true), "{revisions:?}");
    let shown = world.alice("GET", &path, None).await.object()["name"].clone();
    assert!(["shop", "m"].contains(&shown.as_str().unwrap()), "{shown}");
}
