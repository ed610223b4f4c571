//! `/ballast/v1`: what changes as server-sent events, all counters, the overview; and writes that are only checked.

use std::time::Duration;

use ballast_proto::agent::{LoadBalancerStatistics, StatisticsReport, agent_message, scheduler_message::Message};
use serde_json::{Value, json};

use crate::{
    played::{Agent, able, able_driver, obedient},
    services::{PATIENCE, Services},
};

const LBS: &str = "/v2.0/lbaas/loadbalancers";

/// One event of a stream.
#[derive(Debug)]
struct Told {
    id: String,
    name: String,
    data: Value,
}

/// A stream, read as any client reads it.
struct Stream {
    response: reqwest::Response,
    text: String,
    /// Lines that are comments.
    beats: usize,
}

impl Stream {
    async fn open(services: &Services, token: &str, query: &str, last: &str) -> Self {
        let response = send(services, token, query, last).await;
        assert_eq!(response.status(), 200, "{query}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = Self { response, text: String::new(), beats: 0 };
        assert_eq!(stream.next().await.expect("a first event").name, "begin");
        stream
    }

    /// The next event that has a name. None: the stream ended.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let told = self.read(&block);
                if told.is_some() {
                    return told;
                }
                continue;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("a chunk in time");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }

    fn read(&mut self, block: &str) -> Option<Told> {
        let of = |key: &str| block.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        self.beats += block.lines().filter(|line| line.starts_with(':')).count();
        let data = serde_json::from_str(&of("data: ")?).unwrap();
        Some(Told { id: of("id: ").unwrap_or_default(), name: of("event: ").unwrap_or_default(), data })
    }

    /// The first change that is so.
    async fn until(&mut self, is_so: impl Fn(&Value) -> bool) -> Told {
        loop {
            let told = self.next().await.expect("a stream that goes on");
            if told.name == "change" && is_so(&told.data) {
                return told;
            }
        }
    }
}

async fn send(services: &Services, token: &str, query: &str, last: &str) -> reqwest::Response {
    let client = ballast_service::http::plain().unwrap();
    let mut request = client.get(format!("{}/ballast/v1/events{query}", services.url));
    request = request.header("accept", "text/event-stream");
    if !token.is_empty() {
        request = request.header("x-auth-token", token);
    }
    if !last.is_empty() {
        request = request.header("last-event-id", last);
    }
    request.send().await.unwrap()
}

async fn load_balancer(services: &Services, token: &str, subnet: &str) -> String {
    let body = json!({ "loadbalancer": { "vip_subnet_id": subnet, "listeners": [
        { "protocol": "HTTP", "protocol_port": 80, "default_pool": { "name": "web" } }
    ], "pools": [{ "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": [
        { "address": "10.0.0.9", "protocol_port": 80 }
    ] }] } });
    let made = services.call_as(token, "POST", LBS, Some(body)).await;
    assert_eq!(made.status, 201, "{made}");
    made.id()
}

async fn with_tokens() -> (Services, String) {
    let services = Services::with_tokens(|_| {}).await;
    able(&services.channel, "h1").await;
    let network = json!({ "network": { "name": "net", "shared": true, "tenant_id": "ops" } });
    let network = services.call_as("admin", "POST", "/v2.0/networks", Some(network)).await.id();
    let subnet = json!({ "subnet": {
        "network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24", "tenant_id": "ops"
    } });
    let subnet = services.call_as("admin", "POST", "/v2.0/subnets", Some(subnet)).await.id();
    (services, subnet)
}

fn causes(told: &Told) -> Vec<Value> {
    told.data["causes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_changes_is_told_with_who_did_it_by_what_and_what_became_of_it() {
    let (services, subnet) = with_tokens().await;
    let mut by_admin = Stream::open(&services, "admin", "", "").await;
    let mut by_alice = Stream::open(&services, "alice", "?kind=loadbalancer", "").await;
    let mut by_bob = Stream::open(&services, "bob", "", "").await;
    let id = load_balancer(&services, "alice", &subnet).await;

    for (stream, sees_host) in [(&mut by_admin, true), (&mut by_alice, false)] {
        let mut all = Vec::new();
        let mut last = Value::Null;
        while all.iter().all(|cause: &Value| cause["settled"].is_null()) {
            let told = stream.until(|data| data["kind"] == "loadbalancer" && data["id"] == id.as_str()).await;
            assert!(!told.id.is_empty());
            assert_eq!((&told.data["loadbalancer_id"], &told.data["deleted"]), (&json!(id), &json!(false)));
            all.extend(causes(&told));
            last = told.data["object"].clone();
        }
        assert_eq!((&last["id"], &last["provisioning_status"]), (&json!(id), &json!("ACTIVE")));
        let made = &all[0];
        let expected = json!(["user", "alice", "a", "POST /v2.0/lbaas/loadbalancers"]);
        assert_eq!(json!([made["origin"], made["user"], made["project_id"], made["action"]]), expected);
        assert!(made["request_id"].as_str().unwrap().starts_with("req-"), "{made}");
        assert!(made["time"].as_str().unwrap().ends_with('Z'), "{made}");
        let settled = all.iter().find(|cause| !cause["settled"].is_null()).unwrap();
        assert_eq!((&settled["origin"], &settled["action"]), (&json!("agent"), &json!("deploy")));
        assert_eq!(settled["host"] == "h1", sees_host, "{settled}");
        let ended = &settled["settled"];
        assert_eq!((&ended["failed"], &ended["effect"]), (&json!(false), &Value::Null));
        assert!(ended["duration_ms"].as_f64().unwrap() < 10_000.0 && ended["generation"].as_u64() > Some(0), "{ended}");
    }
    // An operator's doing is told to the tenant, and who he is is not.
    let gone = services.call_as("admin", "DELETE", &format!("{LBS}/{id}?cascade=true"), None).await;
    assert_eq!(gone.status, 204, "{gone}");
    let told = by_alice.until(|data| data["deleted"] == true).await;
    assert_eq!((&told.data["id"], &told.data["object"]), (&json!(id), &Value::Null));
    let cause = causes(&told).pop().unwrap();
    let shown = json!([cause["origin"], cause["user"], cause["request_id"], cause["action"]]);
    assert_eq!(shown, json!(["user", null, null, "DELETE /v2.0/lbaas/loadbalancers/{id}"]));
    // What is another's is told to nobody else: the first that bob hears of is his own.
    let own = load_balancer(&services, "bob", &subnet).await;
    let told = by_bob.until(|_| true).await;
    assert_eq!(told.data["loadbalancer_id"], own.as_str(), "{told:?}");
}

#[tokio::test]
async fn a_stream_goes_on_from_its_last_id_and_from_an_overviews_cursor_and_is_of_what_was_asked_for() {
    let (services, subnet) = with_tokens().await;
    let overview = services.call_as("alice", "GET", "/ballast/v1/overview", None).await;
    let cursor = overview.object()["cursor"].as_str().unwrap().to_owned();
    let first = load_balancer(&services, "alice", &subnet).await;
    let second = load_balancer(&services, "alice", &subnet).await;
    let mut all = Stream::open(&services, "alice", &format!("?cursor={cursor}&kind=loadbalancer"), "").await;
    let told = all.until(|data| data["id"] == first.as_str()).await;
    drop(all);
    let mut later = Stream::open(&services, "alice", &format!("?cursor={cursor}&kind=loadbalancer"), &told.id).await;
    later.until(|data| data["id"] == second.as_str()).await;
    let mut of_second = Stream::open(&services, "alice", &format!("?cursor={cursor}&id={second}"), "").await;
    let mut kinds = std::collections::BTreeSet::new();
    while kinds.len() < 4 {
        let told = of_second.until(|_| true).await;
        assert_eq!(told.data["loadbalancer_id"], second.as_str(), "{told:?}");
        kinds.insert(told.data["kind"].as_str().unwrap().to_owned());
    }
    assert!(kinds.contains("member") && kinds.contains("listener"), "{kinds:?}");
    let mut snapshot = Stream::open(&services, "alice", "?snapshot=true&kind=loadbalancer", "").await;
    let mut seen = Vec::new();
    let ready = loop {
        let told = snapshot.next().await.unwrap();
        if told.name == "ready" {
            break told;
        }
        assert!(told.id.is_empty() && causes(&told).is_empty(), "{told:?}");
        seen.push(told.data["id"].as_str().unwrap().to_owned());
    };
    assert_eq!((seen, ready.data["cursor"].as_str()), (vec![first, second], Some(ready.id.as_str())));
}

#[tokio::test]
async fn a_stream_begins_with_what_changed_since_a_time() {
    let (services, subnet) = with_tokens().await;
    let time = async || {
        let overview = services.call_as("alice", "GET", "/ballast/v1/overview", None).await;
        overview.object()["time"].as_str().unwrap().to_owned()
    };
    let before = time().await;
    let first = load_balancer(&services, "alice", &subnet).await;
    // The overview counts once in a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let between = time().await;
    let second = load_balancer(&services, "alice", &subnet).await;
    for (since, token, expected) in
        [(&before, "alice", &first), (&between, "alice", &second), (&before, "admin", &first)]
    {
        let mut stream = Stream::open(&services, token, &format!("?since={since}&kind=loadbalancer"), "").await;
        let told = stream.until(|_| true).await;
        assert_eq!((&told.data["id"], &causes(&told)[0]["origin"]), (&json!(expected), &json!("user")), "{since}");
    }
    let faulty = send(&services, "alice", "?since=1h", "").await;
    assert_eq!(faulty.status(), 400);
    assert!(faulty.text().await.unwrap().contains("no time of RFC 3339, as 2026-12-01T03:05:20Z"));
}

#[tokio::test]
async fn an_id_that_is_not_known_any_more_is_told_and_the_stream_goes_on() {
    let services = Services::start().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let of_another = format!("{}.0.1", uuid::Uuid::nil().simple());
    for last in [of_another.as_str(), ""] {
        let mut stream = Stream::open(&services, "", &format!("?cursor={of_another}"), last).await;
        let expired = stream.next().await.unwrap();
        assert_eq!((expired.name.as_str(), expired.data["cursor"].as_str()), ("expired", Some(expired.id.as_str())));
        let made = load_balancer(&services, "", &subnet).await;
        stream.until(|data| data["id"] == made.as_str()).await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_before_a_stream_begins_and_there_are_so_many_of_them() {
    let services = Services::with(|settings| settings.gateway.streams_per_caller = 2).await;
    for query in ["?kind=agent", "?cursor=x", "?id=x", "?snapshot=maybe", "?since=1h"] {
        let refused = send(&services, "", query, "").await;
        assert_eq!(refused.status(), 400, "{query}");
        let body: Value = serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
        assert!(body["faultstring"].as_str().is_some_and(|text| !text.is_empty()), "{query}: {body}");
    }
    let held = [Stream::open(&services, "", "", "").await, Stream::open(&services, "", "", "").await];
    assert_eq!(send(&services, "", "", "").await.status(), 429);
    drop(held);
    let again = async {
        while send(&services, "", "", "").await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("a place that is free again");
}

#[tokio::test]
async fn a_stream_lives_while_nothing_changes_and_says_why_it_ends() {
    let mut services = Services::start().await;
    let mut stream = Stream::open(&services, "", "", "").await;
    let beat = async {
        while stream.beats == 0 {
            let chunk = stream.response.chunk().await.unwrap().unwrap();
            let text = std::str::from_utf8(&chunk).unwrap().to_owned();
            stream.read(&text);
        }
    };
    tokio::time::timeout(Duration::from_secs(15), beat).await.expect("a sign of life within 15 seconds");
    services.stop();
    let end = stream.next().await.expect("a last event");
    assert_eq!(end.name, "end");
    let reason = end.data["reason"].as_str().unwrap();
    assert!(["gateway_stops", "scheduler_ends"].contains(&reason), "{end:?}");
    assert!(stream.next().await.is_none());
}

/// The overview, once it is so.
async fn overview(services: &Services, token: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let wait = async {
        loop {
            last = services.call_as(token, "GET", "/ballast/v1/overview", None).await.object().clone();
            if is_so(&last) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, wait).await;
    assert!(in_time.is_ok(), "{last}");
    last
}

#[tokio::test]
async fn an_overview_counts_what_its_caller_sees_and_follows_what_changes() {
    let (services, subnet) = with_tokens().await;
    let empty = overview(&services, "admin", |found| found["load_balancers"] == 0).await;
    assert_eq!((&empty["provisioning_status"], &empty["members"]), (&json!({}), &json!({})));
    let first = load_balancer(&services, "alice", &subnet).await;
    load_balancer(&services, "bob", &subnet).await;
    let all = overview(&services, "admin", |found| found["provisioning_status"] == json!({ "ACTIVE": 2 })).await;
    assert_eq!((&all["load_balancers"], &all["providers"]), (&json!(2), &json!({ "haproxy": 2 })));
    assert_eq!((&all["members"], &all["operating_status"]), (&json!({ "NO_MONITOR": 2 }), &json!({ "OFFLINE": 2 })));
    assert_eq!((&all["oldest"][0]["id"], &all["oldest"][0]["provisioning_status"]), (&json!(first), &json!("ACTIVE")));
    let agent = &all["agents"][0];
    assert_eq!(
        (&agent["host"], &agent["liveness"], &agent["load_balancers"]),
        (&json!("h1"), &json!("alive"), &json!(2))
    );
    let own = overview(&services, "alice", |found| found["load_balancers"] == 1).await;
    assert_eq!(own["agents"], Value::Null);
    let of_a = services.call_as("admin", "GET", "/ballast/v1/overview?project_id=a", None).await;
    assert_eq!(of_a.object()["load_balancers"], 1);
    assert_eq!(services.call_as("alice", "GET", "/ballast/v1/overview?project_id=b", None).await.status, 403);
    services.call_as("alice", "DELETE", &format!("{LBS}/{first}?cascade=true"), None).await;
    overview(&services, "admin", |found| found["load_balancers"] == 1).await;
    overview(&services, "alice", |found| found["load_balancers"] == 0).await;
}

#[tokio::test]
async fn counters_are_listed_by_pages_and_then_those_that_changed() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let mut agent = Agent::with_drivers(&services.channel, "h1", "1", vec![able_driver()]).await.expect("a session");
    agent.snapshot().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(load_balancer(&services, "", &subnet).await);
    }
    let mut epochs = std::collections::HashMap::new();
    while epochs.len() < 3 {
        let desired = agent.desired().await;
        agent.deployed(&desired).await;
        epochs.insert(desired.load_balancer.unwrap().id, desired.epoch);
    }
    let list = async |query: String| {
        let reply = services.call("GET", &format!("/ballast/v1/stats{query}"), None).await;
        assert_eq!(reply.status, 200, "{reply}");
        reply.body
    };
    let first = list("?limit=2".to_owned()).await;
    assert_eq!((first["stats"].as_array().unwrap().len(), &first["more"]), (2, &json!(true)));
    let cursor = first["cursor"].as_str().unwrap().to_owned();
    let second = list(format!("?limit=2&cursor={cursor}")).await;
    assert_eq!((second["stats"].as_array().unwrap().len(), &second["more"]), (1, &json!(false)));
    let cursor = second["cursor"].as_str().unwrap().to_owned();
    let counted = ballast_proto::driver::Statistics { bytes_in: 5, total_connections: 2, ..Default::default() };
    let one = LoadBalancerStatistics {
        load_balancer_id: made[1].clone(),
        epoch: epochs[&made[1]],
        statistics: Some(counted),
        ..Default::default()
    };
    agent.say(agent_message::Message::Statistics(StatisticsReport { load_balancers: vec![one] })).await;
    let wait = async {
        loop {
            let changed = list(format!("?cursor={cursor}")).await;
            if changed["stats"] != json!([]) {
                return changed;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let changed = tokio::time::timeout(PATIENCE, wait).await.unwrap();
    let expected = json!([{ "id": made[1], "project_id": "demo", "bytes_in": 5, "bytes_out": 0, "active_connections": 0,
                            "total_connections": 2, "request_errors": 0 }]);
    assert_eq!(changed["stats"], expected);
    assert_eq!(list(format!("?id={}", made[0])).await["stats"][0]["id"], made[0].as_str());
    assert_eq!(services.call("GET", "/ballast/v1/stats?limit=0", None).await.status, 400);
    assert_eq!(services.call("GET", "/ballast/v1/stats?cursor=x", None).await.status, 400);
}

#[tokio::test]
async fn a_write_that_is_only_checked_changes_nothing_and_says_what_it_would_do() {
    let (services, subnet) = with_tokens().await;
    let body = json!({ "loadbalancer": { "vip_subnet_id": subnet, "name": "new" } });
    let planned = services.call_as("alice", "POST", &format!("{LBS}?validate_only=true"), Some(body.clone())).await;
    assert_eq!(planned.status, 200, "{planned}");
    let (would_be, plan) = (&planned.body["loadbalancer"], &planned.body["plan"]);
    assert_eq!(would_be["name"], "new");
    assert!(would_be["vip_address"].as_str().unwrap().starts_with("10.0.0."), "{would_be}");
    assert_eq!((&plan["effect"], &plan["connections"], &plan["agent"]), (&json!("none"), &json!("kept"), &Value::Null));
    let by_admin = services.call_as("admin", "POST", &format!("{LBS}?validate_only=true"), Some(body.clone())).await;
    assert_eq!(by_admin.body["plan"]["agent"]["host"], "h1", "{by_admin}");
    let none = services.call_as("admin", "GET", LBS, None).await;
    assert_eq!(none.body["loadbalancers"], json!([]));
    // Whoever does not know it does nothing.
    let pool = json!({ "pool": { "name": "p", "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": subnet } });
    let refused = services.call_as("alice", "POST", "/v2.0/lb/pools?validate_only=true", Some(pool)).await;
    assert!(refused.status == 400 && refused.to_string().contains("validate_only"), "{refused}");
    assert_eq!(services.call_as("admin", "GET", "/v2.0/lb/pools", None).await.body["pools"], json!([]));
    // What is neither yes nor no makes nothing, and neither does a slip of the pen.
    for query in ["validate_only=maybe", "validate_onyl=true"] {
        let refused = services.call_as("alice", "POST", &format!("{LBS}?{query}"), Some(body.clone())).await;
        assert_eq!(refused.status, 400, "{query}: {refused}");
    }
    assert_eq!(services.call_as("rita", "POST", &format!("{LBS}?validate_only=1"), Some(body)).await.status, 403);

    let id = load_balancer(&services, "alice", &subnet).await;
    let path = format!("{LBS}/{id}");
    let renamed = json!({ "loadbalancer": { "name": "other" } });
    let planned = services.call_as("alice", "PUT", &format!("{path}?validate_only=true"), Some(renamed)).await;
    assert_eq!((planned.status, &planned.body["loadbalancer"]["name"]), (200, &json!("other")), "{planned}");
    // This agent answers no questions, as one of a former version.
    assert_eq!(planned.body["plan"]["effect"], Value::Null);
    assert!(planned.body["plan"]["reason"].as_str().is_some(), "{planned}");
    let refused = services.call_as("alice", "DELETE", &format!("{path}?validate_only=true"), None).await;
    assert_eq!(refused.status, 400, "it has listeners: {refused}");
    let planned = services.call_as("admin", "DELETE", &format!("{path}?cascade=true&validate_only=true"), None).await;
    let plan = &planned.body["plan"];
    assert_eq!((planned.status, &plan["connections"], &plan["agent"]["host"]), (200, &json!("cut"), &json!("h1")));
    let moved = services.call_as("admin", "PUT", &format!("{path}/failover?validate_only=true"), None).await;
    assert_eq!(moved.status, 400, "{moved}");
    let still = services.call_as("alice", "GET", &path, None).await;
    assert_eq!((still.status, &still.object()["name"]), (200, &json!("")), "{still}");
    let flavor = json!({ "flavorprofile": { "name": "p", "provider_name": "haproxy", "flavor_data": "{}" } });
    let planned =
        services.call_as("admin", "POST", "/v2.0/lbaas/flavorprofiles?validate_only=true", Some(flavor)).await;
    assert_eq!((planned.status, &planned.body["plan"]), (200, &Value::Null), "{planned}");
    let profiles = services.call_as("admin", "GET", "/v2.0/lbaas/flavorprofiles", None).await;
    assert_eq!(profiles.body["flavorprofiles"], json!([]));
}

#[tokio::test]
async fn a_plan_has_what_the_driver_says() {
    let services = Services::start().await;
    let subnet = services.subnet().await;
    let mut agent = Agent::with_drivers(&services.channel, "h1", "1", vec![able_driver()]).await.expect("a session");
    agent.snapshot().await;
    let id = load_balancer(&services, "", &subnet).await;
    let desired = agent.desired().await;
    agent.deployed(&desired).await;
    let pool = services.get(&format!("{LBS}/{id}")).await["loadbalancer"]["pools"][0]["id"].clone();
    let answering = tokio::spawn(async move {
        loop {
            if let Message::Foresee(question) = agent.next().await {
                let preview = ballast_proto::driver::Preview {
                    effect: ballast_proto::driver::Effect::Reload.into(),
                    connections: ballast_proto::driver::Connections::Drained.into(),
                    steps: vec!["reload haproxy".to_owned()],
                    ..Default::default()
                };
                let answer =
                    ballast_proto::agent::Foreseen { number: question.number, preview: Some(preview), fault: None };
                agent.say(agent_message::Message::Foreseen(answer)).await;
                return agent;
            }
        }
    });
    let path = format!("/v2.0/lbaas/pools/{}/members?validate_only=true", pool.as_str().unwrap());
    let planned = services.call("PUT", &path, Some(json!({ "members": [] }))).await;
    assert_eq!(planned.status, 200, "{planned}");
    let plan = &planned.body["plan"];
    let shown = json!([plan["effect"], plan["connections"], plan["steps"], plan["agent"]["host"]]);
    assert_eq!(shown, json!(["reload", "drained", ["reload haproxy"], "h1"]));
    drop(answering.await.unwrap());
    let members = services.get(&format!("/v2.0/lbaas/pools/{}/members", pool.as_str().unwrap())).await;
    assert_eq!(members["members"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn streams_end_with_the_scheduler_that_has_too_many_watches_of_a_project() {
    let services = Services::with(|settings| settings.events.watches_per_project = 1).await;
    obedient(&services.channel, "h1").await;
    let _held = Stream::open(&services, "", "", "").await;
    assert_eq!(send(&services, "", "", "").await.status(), 403, "said before the stream begins");
}
