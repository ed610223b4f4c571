//! Octavia's API against a scheduler whose answers are scripted: its shapes, its words, and what it makes of requests.

use serde_json::{Value, json};

use crate::{
    scripted::{ID, OTHER},
    setting::Setting,
};

const ALL: &str = "/v2.0/lbaas/loadbalancers";

fn fault(message: &str) -> Value {
    json!({ "faultcode": "Client", "faultstring": message, "debuginfo": null })
}

fn titled(code: u16, title: &str, description: &str) -> Value {
    json!({ "code": code, "title": title, "description": description })
}

fn new() -> Value {
    json!({ "loadbalancer": { "name": "lb", "vip_subnet_id": OTHER, "provider": "octavia" } })
}

/// The keys of an object, sorted.
fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn versions_are_thirty_one_and_lead_to_v2() {
    let setting = Setting::start().await;
    let (status, body) = setting.get("/").await;
    let versions = body["versions"].as_array().unwrap();
    assert_eq!((status, versions.len()), (200, 31));
    let link = json!([{ "href": format!("{}/v2", setting.url), "rel": "self" }]);
    let first =
        json!({ "id": "v2.0", "status": "SUPPORTED", "updated": "2016-12-11T00:00:00Z", "links": link.clone() });
    let last = json!({ "id": "v2.30", "status": "CURRENT", "updated": "2025-02-26T00:00:00Z", "links": link });
    assert_eq!((&versions[0], &versions[30]), (&first, &last));
    assert_eq!(versions[7]["updated"], "2018-01-25T12:00:00Z");
    for path in ["/v2", "/v2/", "/v2.0/lbaas", "/v2.0/octavia", "/v2/lbaas/"] {
        assert_eq!(setting.get(path).await, (200, json!("v2")), "{path}");
    }
    assert_eq!(setting.get("/v2.0").await.1["resources"][0]["name"], "network");
    for path in ["/v1", "/v2.1", "/v3"] {
        assert_eq!(setting.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_load_balancer_has_exactly_octavias_keys_and_what_was_sent() {
    let setting = Setting::start().await;
    let (status, body) = setting.call("POST", ALL, Some(new())).await;
    let made = &body["loadbalancer"];
    let expected = [
        "additional_vips",
        "admin_state_up",
        "availability_zone",
        "created_at",
        "description",
        "flavor_id",
        "id",
        "listeners",
        "name",
        "operating_status",
        "pools",
        "project_id",
        "provider",
        "provisioning_status",
        "status_description",
        "tags",
        "tenant_id",
        "updated_at",
        "vip_address",
        "vip_network_id",
        "vip_port_id",
        "vip_qos_policy_id",
        "vip_sg_ids",
        "vip_subnet_id",
        "vip_vnic_type",
    ];
    assert_eq!((status, keys(made)), (201, expected.to_vec()));
    assert_eq!((&made["provider"], &made["created_at"]), (&json!("octavia"), &json!("2026-12-01T03:05:20")));
    assert_eq!((&made["listeners"], &made["pools"], &made["updated_at"]), (&json!([]), &json!([]), &Value::Null));
    assert_eq!(
        (&made["provisioning_status"], &made["operating_status"]),
        (&json!("PENDING_CREATE"), &json!("OFFLINE"))
    );
    let (status, shown) = setting.get(&format!("{ALL}/{ID}?fields=tags&fields=vip_address&fields=nosuch")).await;
    assert_eq!((status, shown), (200, json!({ "loadbalancer": { "vip_address": "198.51.100.1", "tags": [] } })));
    assert_eq!(setting.get(&format!("{ALL}/{ID}?fields=")).await.1, json!({ "loadbalancer": {} }));
}

#[tokio::test]
async fn what_is_made_whole_is_answered_whole() {
    let setting = Setting::start().await;
    let mut body = new();
    body["loadbalancer"]["listeners"] = json!([{
        "name": "l", "protocol": "HTTP", "protocol_port": "80", "insert_headers": { "X-Forwarded-For": "true" },
        "default_pool": { "name": "p" },
        "l7policies": [{ "action": "REJECT", "rules": [{ "type": "PATH", "compare_type": "EQUAL_TO", "value": "/x" }] }]
    }]);
    body["loadbalancer"]["pools"] = json!([{
        "name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        "members": [{ "address": "192.0.2.1", "protocol_port": 80 }]
    }]);
    let (status, body) = setting.call("POST", ALL, Some(body)).await;
    let made = &body["loadbalancer"];
    assert_eq!(status, 201, "{body}");
    let (listener, pool) = (&made["listeners"][0], &made["pools"][0]);
    assert_eq!(
        (&listener["protocol_port"], &listener["insert_headers"]["X-Forwarded-For"]),
        (&json!(80), &json!("true"))
    );
    assert_eq!(listener["l7policies"][0]["rules"][0]["value"], "/x");
    assert_eq!(
        (listener.get("loadbalancers"), pool.get("loadbalancers"), pool.get("healthmonitor_id")),
        (None, None, None)
    );
    assert_eq!((&pool["healthmonitor"], &pool["members"][0]["address"]), (&Value::Null, &json!("192.0.2.1")));
}

#[tokio::test]
async fn a_listener_and_a_pool_have_their_keys_and_no_monitor_is_no_key() {
    let setting = Setting::start().await;
    let listener = json!({ "listener": {
        "loadbalancer_id": OTHER, "protocol": "TCP", "protocol_port": 80, "connection_limit": "100",
        "project_id": "another", "allowed_cidrs": ["0.0.0.0/0"]
    } });
    let (status, body) = setting.call("POST", "/v2/lbaas/listeners", Some(listener)).await;
    let made = &body["listener"];
    let expected = [
        "admin_state_up",
        "allowed_cidrs",
        "alpn_protocols",
        "client_authentication",
        "client_ca_tls_container_ref",
        "client_crl_container_ref",
        "connection_limit",
        "created_at",
        "default_pool_id",
        "default_tls_container_ref",
        "description",
        "hsts_include_subdomains",
        "hsts_max_age",
        "hsts_preload",
        "id",
        "insert_headers",
        "l7policies",
        "loadbalancers",
        "name",
        "operating_status",
        "project_id",
        "protocol",
        "protocol_port",
        "provisioning_status",
        "sni_container_refs",
        "status_description",
        "tags",
        "tenant_id",
        "timeout_client_data",
        "timeout_member_connect",
        "timeout_member_data",
        "timeout_tcp_inspect",
        "tls_ciphers",
        "tls_versions",
        "updated_at",
    ];
    assert_eq!((status, keys(made)), (201, expected.to_vec()));
    assert_eq!((&made["connection_limit"], &made["project_id"]), (&json!(100), &json!("p")));
    assert_eq!((&made["allowed_cidrs"], &made["loadbalancers"]), (&json!(["0.0.0.0/0"]), &json!([{ "id": OTHER }])));
    let pool = json!({ "pool": {
        "loadbalancer_id": OTHER, "protocol": "HTTP", "lb_algorithm": "SOURCE_IP_PORT",
        "session_persistence": { "type": "HTTP_COOKIE" }
    } });
    let (status, body) = setting.call("POST", "/v2.0/pools", Some(pool)).await;
    let made = &body["pool"];
    assert_eq!((status, made.get("healthmonitor_id"), &made["tls_enabled"]), (201, None, &json!(false)));
    let persistence = json!({
        "type": "HTTP_COOKIE", "cookie_name": null, "persistence_timeout": null, "persistence_granularity": null
    });
    assert_eq!((&made["session_persistence"], &made["lb_algorithm"]), (&persistence, &json!("SOURCE_IP_PORT")));
}

#[tokio::test]
async fn what_is_refused_on_the_way_has_a_title_and_what_a_method_refuses_a_fault() {
    let setting = Setting::start().await;
    let member = json!({ "member": { "address": "192.0.2.1", "protocol_port": 80 } });
    let nowhere = titled(404, "Not Found", "");
    for (method, path, body, status, expected) in [
        ("GET", "/v2.0/lbaas/nosuch".to_owned(), None, 404, nowhere.clone()),
        ("GET", "/v2.0/lbaas/members".to_owned(), None, 404, nowhere.clone()),
        ("GET", format!("{ALL}/{ID}/foo"), None, 404, nowhere.clone()),
        ("GET", format!("{ALL}/{ID}/stats/foo"), None, 404, nowhere.clone()),
        ("GET", "/v2.0/lbaas/quotas/p77/defaults".to_owned(), None, 404, nowhere),
        ("GET", format!("{ALL}/{ID}/failover"), None, 405, titled(405, "Method Not Allowed", "")),
        ("PUT", "/v2.0/lbaas/providers".to_owned(), None, 405, titled(405, "Method Not Allowed", "")),
        ("PUT", format!("/v2.0/octavia/amphorae/{ID}"), None, 405, titled(405, "Method Not Allowed", "")),
        ("DELETE", format!("{ALL}/{ID}/failover"), None, 400, fault("Missing argument: \"id\"")),
        ("DELETE", ALL.to_owned(), None, 400, fault("Missing argument: \"id\"")),
        ("DELETE", format!("/v2.0/lbaas/pools/{ID}/members"), None, 400, fault("Missing argument: \"id\"")),
        ("GET", format!("{ALL}/x"), None, 404, fault("Load Balancer x not found.")),
        (
            "POST",
            "/v2.0/lbaas/pools/x/members".to_owned(),
            Some(member),
            404,
            titled(404, "Bad Request", "Pool x not found."),
        ),
        ("GET", format!("/v2.0/lbaas/pools/{ID}/members/x"), None, 404, fault("Member x not found.")),
        ("GET", "/v2.0/octavia/amphorae/x".to_owned(), None, 404, fault("Amphora x not found.")),
        (
            "GET",
            format!("{ALL}?limit=x"),
            None,
            400,
            titled(400, "Bad Request", "Supplied pagination limit 'x' is not valid."),
        ),
        ("GET", format!("{ALL}?bogus=x"), None, 400, fault("One or more arguments are either duplicate or invalid")),
        ("PUT", format!("/v2.0/lbaas/pools/{ID}/members?foo=1"), None, 400, fault("Unknown argument: \"foo\"")),
    ] {
        assert_eq!(setting.call(method, &path, body).await, (status, expected), "{method} {path}");
    }
}

#[tokio::test]
async fn the_schedulers_faults_have_octavias_status_and_words() {
    let setting = Setting::start().await;
    let policy = fault("Policy does not allow this request to be performed.");
    let unable = "Provider 'amphora' does not support a requested option: no driver of it has l7";
    let unable = json!({ "faultcode": "Server", "faultstring": unable, "debuginfo": null });
    let children = format!("Validation failure: Cannot delete Load Balancer {ID} - it has children");
    for (name, status, expected) in [
        ("taken", 400, fault(&children)),
        ("nobody", 403, policy.clone()),
        ("foreign", 403, policy),
        ("unable", 501, unable),
    ] {
        let mut body = new();
        body["loadbalancer"]["name"] = json!(name);
        assert_eq!(setting.call("POST", ALL, Some(body)).await, (status, expected), "{name}");
    }
    let mut body = new();
    body["loadbalancer"]["name"] = json!("bug");
    let (status, body) = setting.call("POST", ALL, Some(body)).await;
    assert_eq!((status, &body["faultcode"], body.to_string().contains("hunter2")), (500, &json!("Server"), false));
}

#[tokio::test]
async fn methods_types_and_sizes_are_looked_at_first() {
    let setting = Setting::start().await;
    for method in ["HEAD", "PATCH"] {
        let reply = setting.request(method, ALL).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), 405);
        assert_eq!(reply.headers()["allow"], "DELETE, GET, POST, PUT");
    }
    let reply = setting.request("OPTIONS", ALL).send().await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.text().await.unwrap().as_str()), (200, ""));
    let reply = setting.request("GET", ALL).header("accept", "text/html").send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "application/json");
    assert!(reply.headers()["x-openstack-request-id"].to_str().unwrap().starts_with("req-"));
    let only = titled(406, "Not Acceptable", "Only content type application/json is accepted.");
    assert_eq!(reply.json::<Value>().await.unwrap(), only);
    let reply =
        setting.request("POST", ALL).header("content-type", "application/xml").body("<a/>").send().await.unwrap();
    assert_eq!(reply.status().as_u16(), 415);
    assert_eq!(reply.json::<Value>().await.unwrap(), fault("Unknown mimetype: application/xml"));
    let large = setting.with_json("POST", ALL, " ".repeat((4 << 20) + 1)).send().await.unwrap();
    assert_eq!(large.status().as_u16(), 413);
    assert_eq!(large.json::<Value>().await.unwrap(), fault("The body is larger than 4194304 bytes."));
    let reply = setting.request("DELETE", &format!("{ALL}/{ID}")).send().await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.text().await.unwrap().as_str()), (204, ""));
}

#[tokio::test]
async fn lists_always_have_links_which_keep_the_query() {
    let setting = Setting::start().await;
    let (status, body) = setting.get("/v2/lbaas/loadbalancers?limit=2&name=lb&fields=id&tags=a,b").await;
    let href = format!("{}/v2/lbaas/loadbalancers?limit=2&name=lb&fields=id&tags=a,b&marker={OTHER}", setting.url);
    let links = json!([{ "rel": "next", "href": href }]);
    let expected = json!({ "loadbalancers": [{ "id": ID }, { "id": OTHER }], "loadbalancers_links": links });
    assert_eq!((status, body), (200, expected));
    let list = setting.second.lock().unwrap().list.take().unwrap();
    assert_eq!((list.page_size, list.tags.len(), list.filters[0].values[0].as_str()), (2, 2, "lb"));
    assert_eq!(list.read_mask.unwrap().paths, ["id"]);
    let empty = json!({ "listeners": [], "listeners_links": [] });
    assert_eq!(setting.get("/v2.0/lbaas/listeners").await, (200, empty));
    assert_eq!(setting.get("/v2.0/lbaas/quotas").await, (200, json!({ "quotas": [], "quotas_links": [] })));
    let none = json!({ "amphorae": [], "amphorae_links": [] });
    assert_eq!(setting.get("/v2/octavia/amphorae").await, (200, none));
}

#[tokio::test]
async fn a_change_and_a_delete_pass_on_what_they_depend_on() {
    let setting = Setting::start().await;
    let item = format!("{ALL}/{ID}");
    let reply = setting.request("GET", &item).send().await.unwrap();
    assert_eq!(reply.headers()["etag"], "\"7\"");
    let change = json!({ "loadbalancer": { "name": "new", "description": null, "tags": [] } });
    let reply = setting.request("PUT", &item).header("if-match", "\"7\"").json(&change).send().await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.headers()["etag"].to_str().unwrap()), (200, "\"7\""));
    let update = setting.second.lock().unwrap().update.take().unwrap();
    let asked = update.load_balancer.unwrap();
    assert_eq!((asked.id.as_str(), asked.status.unwrap().etag.as_str()), (ID, "7"));
    assert_eq!(update.update_mask.unwrap().paths, ["name", "description", "tags"]);
    let change = json!({ "loadbalancer": { "name": "changed" } });
    assert_eq!(setting.call("PUT", &item, Some(change)).await.0, 412);
    assert_eq!(setting.call("PUT", &item, Some(json!({ "loadbalancer": {} }))).await.0, 200);
    for (query, cascade) in [("", false), ("?cascade=true", true), ("?cascade=1", true), ("?cascade=maybe", false)] {
        let path = format!("{item}{query}");
        assert_eq!(setting.request("DELETE", &path).header("if-match", "\"8\"").send().await.unwrap().status(), 204);
        let delete = setting.second.lock().unwrap().delete.take().unwrap();
        assert_eq!((delete.cascade, delete.etag.as_str()), (cascade, "8"), "{query}");
    }
    let keyed = setting.request("POST", ALL).header("idempotency-key", "once").json(&new()).send().await.unwrap();
    assert_eq!(keyed.status(), 201);
    assert_eq!(setting.second.lock().unwrap().create.take().unwrap().request_id, "once");
}

#[tokio::test]
async fn a_batch_says_which_fields_each_member_sets() {
    let setting = Setting::start().await;
    let path = format!("/v2.0/lbaas/pools/{ID}/members");
    let body = json!({ "members": [
        { "address": "192.0.2.1", "protocol_port": 80 }, { "address": "192.0.2.2", "protocol_port": 80, "weight": "5", "name": "" }
    ] });
    let (status, reply) = setting.call("PUT", &format!("{path}?additive_only=Yes"), Some(body)).await;
    assert_eq!((status, reply), (202, json!("")));
    let asked = setting.second.lock().unwrap().replace.take().unwrap();
    assert_eq!((asked.pool_id.as_str(), asked.additive_only, asked.members[1].weight), (ID, true, Some(5)));
    assert_eq!(asked.given[0].paths, ["address", "protocol_port"]);
    assert_eq!(asked.given[1].paths, ["name", "address", "protocol_port", "weight"]);
    let unknown = setting.call("PUT", "/v2.0/lbaas/pools/x/members", Some(json!({ "members": [] }))).await;
    assert_eq!(unknown, (404, titled(404, "Bad Request", "Pool x not found.")));
    let many: Vec<_> = (0..10_000)
        .map(|at| json!({ "address": format!("10.0.{}.{}", at / 250, at % 250 + 1), "protocol_port": 80, "weight": 1 }))
        .collect();
    assert_eq!(setting.call("PUT", &path, Some(json!({ "members": many }))).await.0, 202);
}

#[tokio::test]
async fn statuses_stats_failover_and_quotas_have_their_shapes() {
    let setting = Setting::start().await;
    let (status, body) = setting.get(&format!("{ALL}/{ID}/status")).await;
    let pool = &body["statuses"]["loadbalancer"]["listeners"][0]["pools"][0];
    assert_eq!((status, &pool["operating_status"], pool.get("health_monitor")), (200, &json!("ONLINE"), None));
    assert_eq!(setting.get(&format!("{ALL}/{ID}/statuses")).await.1, body);
    let stats = json!({ "stats": {
        "bytes_in": 1, "bytes_out": 0, "active_connections": 0, "total_connections": 0, "request_errors": 2
    } });
    assert_eq!(setting.get(&format!("{ALL}/{ID}/stats")).await, (200, stats));
    for (path, bytes_in) in
        [(format!("listeners/{ID}"), 2), (format!("pools/{ID}"), 3), (format!("pools/{ID}/members/{ID}"), 4)]
    {
        let (status, body) = setting.get(&format!("/v2.0/lbaas/{path}/stats")).await;
        assert_eq!((status, &body["stats"]["bytes_in"]), (200, &json!(bytes_in)), "{path}");
    }
    for (path, missing) in [
        (format!("pools/{OTHER}"), format!("Pool {OTHER} not found.")),
        (format!("pools/{ID}/members/{OTHER}"), format!("Member {OTHER} not found.")),
    ] {
        assert_eq!(setting.get(&format!("/v2.0/lbaas/{path}/stats")).await, (404, fault(&missing)), "{path}");
    }
    // As of all that is below a pool that is not there.
    let (status, body) = setting.get(&format!("/v2.0/lbaas/pools/{OTHER}/members/{ID}/stats")).await;
    assert_eq!((status, &body["description"]), (404, &json!(format!("Pool {OTHER} not found."))));
    let health = json!({ "health": { "id": ID, "members": [
        { "id": OTHER, "pool_id": ID, "name": "", "address": "10.0.0.1", "protocol_port": 80, "operating_status": "ERROR",
          "since": "2026-12-01T03:05:20",
          "last_check": { "result": "L7STS", "code": 503, "text": null, "milliseconds": 7 } },
        { "id": ID, "pool_id": "", "name": "", "address": "", "protocol_port": 0, "operating_status": null, "since": null,
          "last_check": null },
    ] } });
    assert_eq!(setting.get(&format!("{ALL}/{ID}/health")).await, (200, health));
    assert_eq!(setting.call("PUT", &format!("{ALL}/{ID}/failover"), None).await, (202, json!("")));
    let (status, body) = setting.get("/v2.0/lbaas/quotas/p77").await;
    assert_eq!((status, &body["quota"]["loadbalancer"], &body["quota"]["load_balancer"]), (200, &json!(5), &json!(5)));
    let change = json!({ "quota": { "load_balancer": 50, "health_monitor": null, "member": "7" } });
    let (status, body) = setting.call("PUT", "/v2.0/lbaas/quotas/p77", Some(change)).await;
    assert_eq!((status, &body["quota"]["loadbalancer"], &body["quota"]["member"]), (202, &json!(50), &json!(7)));
    let asked = setting.second.lock().unwrap().quota.take().unwrap();
    assert_eq!(asked.update_mask.unwrap().paths, ["load_balancer", "member", "health_monitor"]);
    assert_eq!(setting.get("/v2.0/lbaas/quotas/defaults").await.1["quota"]["loadbalancer"], 10);
    let unknown = setting.call("DELETE", "/v2.0/lbaas/quotas/p77", None).await;
    assert_eq!(unknown, (404, fault("Quotas p77 not found.")));
    assert_eq!(setting.call("POST", "/v2.0/lbaas/quotas", Some(json!({}))).await.0, 405);
}

#[tokio::test]
async fn what_the_command_asks_of_other_services_is_answered() {
    let setting = Setting::start().await;
    assert_eq!(setting.get("/v2/networks?name=x").await.1["networks"][0]["id"], ID);
    assert_eq!(setting.get("/v2/security-groups?name=x").await, (200, json!({ "security_groups": [] })));
    assert_eq!(setting.get("/v2/qos/policies?id=x").await, (200, json!({ "policies": [] })));
    assert_eq!(setting.get("/projects/p").await, (200, json!({ "project": { "id": "p", "name": "p" } })));
}
