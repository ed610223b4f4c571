//! REST against a scheduler whose answers are scripted: what the gateway makes of requests and replies.

#[cfg(test)]
mod http2;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod second;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod several;
#[cfg(test)]
mod v2;

use scripted::{ID, OTHER};
use serde_json::{Value, json};
use setting::Setting;

fn error(kind: &str, message: &str) -> Value {
    json!({ "NeutronError": { "type": kind, "message": message, "detail": "" } })
}

fn new_pool() -> Value {
    json!({ "pool": { "name": "p1", "subnet_id": OTHER, "protocol": "HTTP", "lb_method": "ROUND_ROBIN" } })
}

fn shown_pool(id: &str) -> Value {
    json!({
        "id": id, "tenant_id": "p", "name": "p1", "description": "", "subnet_id": OTHER, "protocol": "HTTP",
        "lb_method": "ROUND_ROBIN", "provider": "haproxy", "vip_id": null, "members": [OTHER],
        "health_monitors": [ID],
        "health_monitors_status": [{ "monitor_id": ID, "status": "ACTIVE", "status_description": null }],
        "admin_state_up": true, "status": "PENDING_CREATE", "status_description": null,
    })
}

#[tokio::test]
async fn a_pool_is_created_shown_listed_changed_and_deleted() {
    let setting = Setting::start().await;
    assert_eq!(
        setting.call("POST", "/v2.0/lb/pools", Some(new_pool())).await,
        (201, json!({ "pool": shown_pool(ID) }))
    );
    let item = format!("/v2.0/lb/pools/{ID}");
    assert_eq!(setting.get(&item).await, (200, json!({ "pool": shown_pool(ID) })));
    let all = json!({ "pools": [shown_pool(ID), shown_pool(OTHER)] });
    assert_eq!(setting.get("/v2.0/lb/pools").await, (200, all));
    let change = json!({ "pool": { "name": "new", "admin_state_up": "False" } });
    assert_eq!(setting.call("PUT", &item, Some(change)).await.0, 200);
    {
        let seen = setting.seen.lock().unwrap();
        let created = seen.pool.as_ref().unwrap().pool.as_ref().unwrap();
        assert_eq!((created.project_id.as_str(), created.admin_state_up), ("p", None));
        let update = seen.pool_update.as_ref().unwrap();
        let pool = update.pool.as_ref().unwrap();
        assert_eq!((pool.id.as_str(), pool.name.as_str(), pool.admin_state_up), (ID, "new", Some(false)));
        assert_eq!(update.update_mask.as_ref().unwrap().paths, ["name", "admin_state_up"]);
    }
    let reply = setting.request("DELETE", &item).send().await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.headers().get("content-type")), (204, None));
    assert!(reply.text().await.unwrap().is_empty());
}

#[tokio::test]
async fn every_path_works_with_the_json_suffix_too() {
    let setting = Setting::start().await;
    for path in [
        "/v2.0/lb/pools.json".to_owned(),
        format!("/v2.0/lb/pools/{ID}.json?fields=id"),
        format!("/v2.0/lb/pools/{ID}/stats.json"),
        format!("/v2.0/lb/pools/{ID}/health_monitors/{ID}.json"),
        format!("/v2.0/agents/{ID}.json"),
        "/v2.0/extensions/lbaas.json".to_owned(),
    ] {
        assert_eq!(setting.get(&path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn replies_carry_a_type_and_a_request_id_that_the_scheduler_saw_too() {
    let setting = Setting::start().await;
    let reply = setting.request("GET", "/v2.0/lb/pools").header("x-project-id", "q").send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "application/json; charset=UTF-8");
    let id = reply.headers()["x-openstack-request-id"].to_str().unwrap().to_owned();
    assert!(id.starts_with("req-") && id.len() == 40, "{id}");
    let seen = setting.seen.lock().unwrap();
    assert_eq!(seen.metadata["ballast-request-id"], id);
    assert_eq!(seen.metadata["ballast-project-id"], "q");
    assert_eq!(seen.metadata["ballast-roles"], "admin");
    assert!(seen.metadata.contains_key("grpc-timeout"));
}

#[tokio::test]
async fn what_is_not_routed_is_a_plain_404_whatever_the_method() {
    let setting = Setting::start().await;
    for (method, path) in [
        ("GET", "/nosuch"),
        ("GET", "/v2.0/lb"),
        ("GET", "/v2.0/lb/pools/"),
        ("PATCH", "/v2.0/lb/pools"),
        ("DELETE", "/v2.0/lb/pools"),
        ("POST", "/v2.0/lb/pools/x"),
        ("PUT", "/v2.0/lb/pools/x/health_monitors/y"),
    ] {
        let reply = setting.request(method, path).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), 404, "{method} {path}");
        assert!(reply.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
        assert!(reply.headers().contains_key("x-openstack-request-id"));
        assert_eq!(reply.text().await.unwrap(), "The resource could not be found.");
    }
}

#[tokio::test]
async fn bad_bodies_get_neutrons_words() {
    let setting = Setting::start().await;
    let item = format!("/v2.0/lb/pools/{ID}");
    for (method, path, body, kind, message) in [
        ("POST", "/v2.0/lb/pools", "", "HTTPBadRequest", "Resource body required"),
        ("PUT", &item, "", "BadRequest", "Bad body request: Invalid format: "),
        ("POST", "/v2.0/lb/pools", "{", "MalformedRequestBody", "Malformed request body: Cannot understand JSON"),
        ("POST", "/v2.0/lb/pools", "[{}]", "BadRequest", "Bad body request: Invalid format: [{}]"),
        ("POST", "/v2.0/lb/pools", "{\"x\":{}}", "HTTPBadRequest", "Unable to find 'pool' in request body"),
        ("POST", "/v2.0/lb/pools", "{\"pools\":[]}", "HTTPBadRequest", "Bulk operation not supported"),
        ("POST", "/v2.0/lb/vips", "{\"vips\":[]}", "HTTPBadRequest", "Bulk operation not supported"),
        ("PUT", &item, "{\"pool\":{\"foo\":1}}", "HTTPBadRequest", "Unrecognized attribute(s) 'foo'"),
        ("PUT", &item, "{\"pool\":{\"id\":1}}", "HTTPBadRequest", "Cannot update read-only attribute id"),
        ("POST", "/v2.0/agents", "{\"agent\":{}}", "HTTPBadRequest", "Unrecognized attribute(s) 'tenant_id'"),
    ] {
        let reply = setting.with_json(method, path, body).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), 400, "{method} {body}");
        assert_eq!(reply.json::<Value>().await.unwrap(), error(kind, message));
    }
}

#[tokio::test]
async fn deep_and_large_bodies_are_refused_and_the_gateway_lives() {
    let setting = Setting::start().await;
    let deep = setting.with_json("POST", "/v2.0/lb/pools", "[".repeat(100_000)).send().await.unwrap();
    assert_eq!(deep.status().as_u16(), 400);
    let large = setting.with_json("POST", "/v2.0/lb/pools", " ".repeat((1 << 20) + 1)).send().await.unwrap();
    assert_eq!(large.status().as_u16(), 413);
    let body = large.json::<Value>().await.unwrap();
    assert_eq!(body, error("HTTPRequestEntityTooLarge", "The body is larger than 1048576 bytes."));
    assert_eq!(setting.get("/").await.0, 200);
}

#[tokio::test]
async fn the_schedulers_faults_pass_with_their_words_and_nothing_more() {
    let setting = Setting::start().await;
    let not_found = setting.get("/v2.0/lb/pools/nosuch").await;
    assert_eq!(not_found, (404, error("PoolNotFound", "Pool nosuch could not be found")));
    let mut pool = new_pool();
    pool["pool"]["name"] = json!("nobody");
    let unplaced = setting.call("POST", "/v2.0/lb/pools", Some(pool.clone())).await;
    assert_eq!(unplaced, (404, error("NoEligibleBackend", &format!("No eligible backend for pool {ID}"))));
    pool["pool"]["name"] = json!("bug");
    let message = "Request Failed: internal server error while processing your request.";
    let bug = setting.call("POST", "/v2.0/lb/pools", Some(pool)).await;
    assert_eq!(bug, (500, error("HTTPInternalServerError", message)));
}

#[tokio::test]
async fn a_scheduler_that_is_down_is_a_503_that_says_so() {
    let setting = Setting::alone().await;
    let expected = error("ServiceUnavailable", "The scheduler does not answer; try again.");
    assert_eq!(setting.get("/v2.0/lb/pools").await, (503, expected));
    for path in ["/v2.0/lb/pools", "/v2/lbaas/loadbalancers", "/ballast/v1/overview"] {
        let answer = setting.request("GET", path).send().await.unwrap();
        assert_eq!(answer.headers().get("retry-after").map(|told| told.as_bytes()), Some(b"1".as_slice()), "{path}");
    }
    assert_eq!(setting.get("/v2.0/extensions").await.0, 200);
}

#[tokio::test]
async fn a_gateway_that_is_asked_to_end_does_not_wait_for_idle_connections() {
    let setting = Setting::start().await;
    assert_eq!(setting.get("/").await.0, 200);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), setting.end()).await;
    assert!(ended.unwrap().is_ok());
}

#[tokio::test]
async fn lists_pass_filters_on_and_show_only_the_fields_asked_for() {
    let setting = Setting::start().await;
    let path = "/v2.0/lb/pools?fields=id&fields=nosuch&name=a&name=b&admin_state_up=1&status=";
    assert_eq!(setting.get(path).await, (200, json!({ "pools": [{ "id": ID }, { "id": OTHER }] })));
    let filters = setting.seen.lock().unwrap().list.take().unwrap().filters;
    let filters: Vec<_> = filters.into_iter().map(|filter| (filter.field, filter.values)).collect();
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(filters, [("name".to_owned(), owned(&["a", "b"])), ("admin_state_up".to_owned(), owned(&["true"]))]);
    assert_eq!(setting.get(&format!("/v2.0/lb/pools/{ID}?fields=nosuch")).await, (200, json!({ "pool": {} })));
}

#[tokio::test]
async fn pages_link_to_their_neighbours_as_the_client_named_the_path() {
    let setting = Setting::start().await;
    let (status, page) = setting.get("/v2.0/lb/pools.json?limit=2&fields=name&marker=m").await;
    let base = format!("{}/v2.0/lb/pools.json?limit=2&fields=name&marker=", setting.url);
    assert_eq!(status, 200);
    assert_eq!(page["pools"], json!([{ "name": "p1" }, { "name": "p1" }]));
    assert_eq!(
        page["pools_links"],
        json!([
            { "rel": "next", "href": format!("{base}{OTHER}") },
            { "rel": "previous", "href": format!("{base}{ID}&page_reverse=True") },
        ])
    );
    let request = setting.seen.lock().unwrap().list.take().unwrap();
    assert_eq!((request.page_size, request.page_token.as_str()), (2, "m"));
}

#[tokio::test]
async fn a_vip_keeps_its_persistence_unless_null_or_nothing_is_put() {
    let setting = Setting::start().await;
    let item = format!("/v2.0/lb/vips/{ID}");
    for (change, paths, kept) in [
        (json!({ "name": "v" }), vec!["name"], false),
        (json!({ "session_persistence": null }), vec!["session_persistence"], false),
        (json!({ "session_persistence": {} }), vec!["session_persistence"], false),
        (json!({ "session_persistence": { "type": "SOURCE_IP" } }), vec!["session_persistence"], true),
    ] {
        assert_eq!(setting.call("PUT", &item, Some(json!({ "vip": change }))).await.0, 200, "{change}");
        let update = setting.seen.lock().unwrap().vip_update.take().unwrap();
        assert_eq!(update.update_mask.unwrap().paths, paths);
        assert_eq!(update.vip.unwrap().session_persistence.is_some(), kept, "{change}");
    }
}

#[tokio::test]
async fn a_vip_is_decoded_from_what_the_client_sends() {
    let setting = Setting::start().await;
    let vip = json!({ "vip": {
        "name": "v", "protocol": "HTTP", "protocol_port": "80", "subnet_id": OTHER, "pool_id": ID,
        "admin_state_up": true, "connection_limit": "10",
        "session_persistence": { "type": "APP_COOKIE", "cookie_name": "c" },
    } });
    let (status, reply) = setting.call("POST", "/v2.0/lb/vips", Some(vip)).await;
    assert_eq!(status, 201);
    assert_eq!(reply["vip"]["session_persistence"], json!({ "type": "APP_COOKIE", "cookie_name": "c" }));
    assert_eq!((&reply["vip"]["protocol_port"], &reply["vip"]["connection_limit"]), (&json!(80), &json!(10)));
    assert_eq!((&reply["vip"]["tenant_id"], &reply["vip"]["address"]), (&json!("p"), &Value::Null));
    let vip = json!({ "vip": {
        "protocol": "HTTP", "protocol_port": 80, "subnet_id": OTHER, "pool_id": ID,
        "session_persistence": { "type": "SOURCE_IP", "cookie_name": "" },
    } });
    let message = "Invalid input for session_persistence. Reason: 'cookie_name' is not allowed for this type of session \
                   persistence.";
    assert_eq!(setting.call("POST", "/v2.0/lb/vips", Some(vip)).await, (400, error("HTTPBadRequest", message)));
}

#[tokio::test]
async fn http_details_are_shown_for_http_monitors_only() {
    let setting = Setting::start().await;
    for (kind, detailed) in [("PING", false), ("TCP", false), ("HTTP", true), ("HTTPS", true)] {
        let body = json!({ "health_monitor": { "type": kind, "delay": "5", "timeout": 3, "max_retries": "2" } });
        let (status, reply) = setting.call("POST", "/v2.0/lb/health_monitors", Some(body)).await;
        let monitor = &reply["health_monitor"];
        assert_eq!((status, &monitor["type"], &monitor["delay"]), (201, &json!(kind), &json!(5)));
        for key in ["http_method", "url_path", "expected_codes"] {
            assert_eq!(monitor.get(key).is_some(), detailed, "{kind} {key}");
        }
        assert!(monitor.get("status").is_none());
        assert_eq!(monitor["pools"], json!([{ "pool_id": ID, "status": "ACTIVE", "status_description": null }]));
    }
}

#[tokio::test]
async fn monitors_are_associated_one_by_one_or_in_bulk() {
    let setting = Setting::start().await;
    let path = format!("/v2.0/lb/pools/{ID}/health_monitors");
    let one = json!({ "health_monitor": { "id": ID } });
    assert_eq!(setting.call("POST", &path, Some(one)).await, (201, json!({ "health_monitor": {} })));
    let bulk = json!({ "health_monitors": [{ "id": ID }, { "health_monitor": { "id": ID } }] });
    assert_eq!(setting.call("POST", &path, Some(bulk)).await, (201, json!({ "health_monitors": [{}, {}] })));
    let none = json!({ "health_monitors": [] });
    assert_eq!(setting.call("POST", &path, Some(none)).await, (400, error("HTTPBadRequest", "Resources required")));
    setting.seen.lock().unwrap().associations.clear();
    let second_missing = json!({ "health_monitors": [{ "id": ID }, { "id": OTHER }] });
    let expected = error("HealthMonitorNotFound", &format!("Health_monitor {OTHER} could not be found"));
    assert_eq!(setting.call("POST", &path, Some(second_missing)).await, (404, expected));
    let calls = setting.seen.lock().unwrap().associations.clone();
    assert_eq!(calls, [format!("+{ID}"), format!("+{OTHER}"), format!("-{ID}")]);
    assert_eq!(setting.call("DELETE", &format!("{path}/{ID}"), None).await.0, 204);
}

#[tokio::test]
async fn associations_show_their_tenant_and_the_list_shows_the_monitors() {
    let setting = Setting::start().await;
    let path = format!("/v2.0/lb/pools/{ID}/health_monitors");
    let shown = setting.get(&format!("{path}/{ID}")).await;
    assert_eq!(shown, (200, json!({ "health_monitor": { "tenant_id": "p" } })));
    for (pool, monitor) in [(ID, OTHER), (OTHER, ID)] {
        let message = format!("Monitor {monitor} is not associated with Pool {pool}");
        let path = format!("/v2.0/lb/pools/{pool}/health_monitors/{monitor}");
        assert_eq!(setting.get(&path).await, (404, error("PoolMonitorAssociationNotFound", &message)));
    }
    let (status, list) = setting.get(&format!("{path}?fields=id")).await;
    assert_eq!((status, list), (200, json!({ "health_monitors": [{ "id": ID }] })));
    let filters = setting.seen.lock().unwrap().list.take().unwrap().filters;
    assert_eq!((filters[0].field.as_str(), filters[0].values.as_slice()), ("id", [ID.to_owned()].as_slice()));
    assert_eq!(setting.get(&format!("{path}?id={OTHER}")).await, (200, json!({ "health_monitors": [] })));
    assert_eq!(setting.get(&format!("/v2.0/lb/pools/{OTHER}/health_monitors")).await.0, 404);
}

#[tokio::test]
async fn stats_are_four_numbers_whatever_fields_are_asked_for() {
    let setting = Setting::start().await;
    let stats = json!({ "bytes_in": 1, "bytes_out": 2, "active_connections": 3, "total_connections": 4 });
    let path = format!("/v2.0/lb/pools/{ID}/stats?fields=bytes_in");
    assert_eq!(setting.get(&path).await, (200, json!({ "stats": stats })));
}

#[tokio::test]
async fn agents_are_shown_as_neutrons_with_their_drivers() {
    let setting = Setting::start().await;
    let agent = json!({
        "id": ID, "agent_type": "Loadbalancer agent", "binary": "neutron-lbaas-agent", "topic": "n-lbaas_agent",
        "host": "h", "admin_state_up": true, "alive": true, "description": null,
        "created_at": null, "started_at": null, "heartbeat_timestamp": "2015-01-01 00:00:00.123456",
        "configurations": {
            "device_drivers": ["haproxy_ns"],
            "instances": 2,
            "drivers": [
                { "name": "haproxy-ns", "version": "1.0", "state": "READY", "reason": null,
                  "network_types": ["own", "bridge"], "physical_networks": ["front"],
                  "remarks": ["no SCTP on this host"] },
                { "name": "a10", "version": "1.0", "state": "FAILED", "reason": "not an ELF file",
                  "network_types": [], "physical_networks": [], "remarks": [] },
            ],
        },
    });
    assert_eq!(setting.get(&format!("/v2.0/agents/{ID}")).await, (200, json!({ "agent": agent })));
    let hosting = setting.get(&format!("/v2.0/lb/pools/{ID}/loadbalancer-agent")).await;
    assert_eq!(hosting, (200, json!({ "agent": agent })));
    assert_eq!(setting.get("/v2.0/lb/pools/x/loadbalancer-agent").await, (200, Value::Null));
    assert_eq!(setting.get("/v2.0/agents/x/loadbalancer-pools").await, (200, json!({ "pools": [] })));
    for (query, count) in
        [("", 2), ("?limit=1", 2), ("?alive=True", 1), ("?alive=False", 1), ("?agent_type=L3%20agent", 0)]
    {
        let (_, list) = setting.get(&format!("/v2.0/agents{query}")).await;
        assert_eq!(list["agents"].as_array().map(Vec::len), Some(count), "{query}");
        assert!(list.get("agents_links").is_none());
    }
}

#[tokio::test]
async fn networks_and_subnets_look_like_neutrons() {
    let setting = Setting::start().await;
    let body = json!({ "network": { "name": "n", "provider:network_type": "vlan", "provider:segmentation_id": "7" } });
    let (status, reply) = setting.call("POST", "/v2.0/networks", Some(body)).await;
    assert_eq!(status, 201);
    let expected = json!({
        "id": "", "tenant_id": "p", "name": "n", "shared": false, "admin_state_up": null, "status": "ACTIVE",
        "subnets": [], "router:external": false, "provider:network_type": "vlan",
        "provider:physical_network": null, "provider:segmentation_id": 7, "mtu": 0,
    });
    assert_eq!(reply, json!({ "network": expected }));
    let body = json!({ "subnet": {
        "network_id": ID, "ip_version": 4, "cidr": "10.0.0.0/24", "gateway_ip": null, "enable_dhcp": false,
        "allocation_pools": [{ "start": "10.0.0.2", "end": "10.0.0.9" }],
        "host_routes": [{ "destination": "10.1.0.0/16", "nexthop": "10.0.0.1" }],
    } });
    let (status, reply) = setting.call("POST", "/v2.0/subnets", Some(body)).await;
    assert_eq!(status, 201);
    let expected = json!({
        "id": "", "tenant_id": "p", "name": "", "network_id": ID, "ip_version": 4, "cidr": "10.0.0.0/24",
        "gateway_ip": null, "allocation_pools": [{ "start": "10.0.0.2", "end": "10.0.0.9" }],
        "host_routes": [{ "destination": "10.1.0.0/16", "nexthop": "10.0.0.1" }], "dns_nameservers": [],
        "enable_dhcp": false, "ipv6_ra_mode": null, "ipv6_address_mode": null,
    });
    assert_eq!(reply, json!({ "subnet": expected }));
    assert_eq!(setting.get("/v2.0/networks?router:external=True").await, (200, json!({ "networks": [] })));
}

#[tokio::test]
async fn resources_and_extensions_are_announced() {
    let setting = Setting::start().await;
    let (status, resources) = setting.get("/v2.0/").await;
    assert_eq!((status, &resources["resources"][0]["collection"]), (200, &json!("networks")));
    let (_, extensions) = setting.get("/v2.0/extensions?fields=alias").await;
    let aliases = ["lbaas", "lbaas_agent_scheduler", "service-type", "agent", "quotas"];
    let aliases = aliases.map(|alias| json!({ "alias": alias }));
    assert_eq!(extensions, json!({ "extensions": aliases }));
    let (_, lbaas) = setting.get("/v2.0/extensions/lbaas").await;
    assert_eq!(lbaas["extension"]["name"], "LoadBalancing service");
    let missing = error("HTTPNotFound", "Extension with alias nosuch does not exist");
    assert_eq!(setting.get("/v2.0/extensions/nosuch").await, (404, missing));
}
