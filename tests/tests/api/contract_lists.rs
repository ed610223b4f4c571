//! What the contract says of lists: filters, `fields`, order, pages and the links between them.

use serde_json::{Value, json};

use crate::{
    played::obedient,
    services::{Services, member, monitor, pool, vip},
};

/// The ids of a list.
async fn ids(services: &Services, path: &str) -> Vec<String> {
    let body = services.get(path).await;
    let (_, list) = body.as_object().unwrap().iter().find(|(key, _)| !key.ends_with("_links")).unwrap();
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The links of a list, as paths.
async fn links(services: &Services, path: &str) -> Vec<(String, String)> {
    let body = services.get(path).await;
    let found = body.as_object().unwrap().iter().find(|(key, _)| key.ends_with("_links"));
    let links = found.map_or(Vec::new(), |(_, links)| links.as_array().unwrap().clone());
    let link = |link: Value| {
        let href = link["href"].as_str().unwrap().to_owned();
        (link["rel"].as_str().unwrap().to_owned(), href[href.find("/v2.0").unwrap()..].to_owned())
    };
    links.into_iter().map(link).collect()
}

/// Five members with ports 1 to 5 of one pool, in this order.
async fn five(services: &Services) -> Vec<String> {
    obedient(&services.channel, "a").await;
    let pool = services.pool(&services.subnet().await).await;
    let mut ids = Vec::new();
    for port in 1..=5 {
        let mut body = member(&pool, "10.0.0.11");
        body["member"]["protocol_port"] = json!(port);
        ids.push(services.create("/v2.0/lb/members", body).await.id());
    }
    ids
}

#[tokio::test]
async fn a_repeated_key_is_or_different_keys_are_and_an_empty_value_is_no_filter() {
    let services = Services::start().await;
    let all = five(&services).await;
    for (query, found) in [
        ("protocol_port=2&protocol_port=4", vec![1, 3]),
        ("protocol_port=2&weight=1", vec![1]),
        ("protocol_port=2&weight=7", vec![]),
        ("protocol_port=", vec![0, 1, 2, 3, 4]),
        ("protocol_port=&protocol_port=2", vec![1]),
        ("nosuch=1", vec![0, 1, 2, 3, 4]),
        ("verbose=True", vec![0, 1, 2, 3, 4]),
        ("name=nosuch", vec![]),
        ("admin_state_up=TRUE", vec![0, 1, 2, 3, 4]),
        ("admin_state_up=0", vec![]),
        ("address=10.0.0.11&protocol_port=3", vec![2]),
        ("id=nonsense", vec![]),
    ] {
        let expected: Vec<&String> = found.into_iter().map(|at: usize| &all[at]).collect();
        let got = ids(&services, &format!("/v2.0/lb/members?{query}")).await;
        assert_eq!(got.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let bad = services.call("GET", "/v2.0/lb/members?admin_state_up=maybe", None).await;
    let text = "Invalid input for operation: 'maybe' cannot be converted to boolean.";
    assert_eq!((bad.status, bad.error()), (400, ("InvalidInput", text)));
    let bad = services.call("GET", "/v2.0/lb/members?protocol_port=x", None).await;
    assert_eq!((bad.status, bad.error().0), (400, "InvalidInput"));
}

#[tokio::test]
async fn each_attribute_that_is_shown_filters() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let of_pool = services.pool(&subnet).await;
    let other = services.pool(&subnet).await;
    services.create("/v2.0/lb/vips", vip(&subnet, &of_pool)).await;
    services.create("/v2.0/lb/members", member(&of_pool, "10.0.0.11")).await;
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let path = format!("/v2.0/lb/pools/{of_pool}/health_monitors");
    services.create(&path, json!({"health_monitor": {"id": monitor}})).await;
    services.settled(&format!("/v2.0/lb/pools/{of_pool}"), "ACTIVE").await;
    for collection in ["pools", "vips", "members", "health_monitors"] {
        let path = format!("/v2.0/lb/{collection}");
        let body = services.get(&path).await;
        let shown = &body[collection][0];
        for (field, value) in shown.as_object().unwrap() {
            let texts: Vec<String> = match value {
                Value::String(text) => vec![text.clone()],
                Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Value::Null | Value::Object(_) => vec![String::new()],
                other => vec![other.to_string()],
            };
            let query: Vec<String> = texts.iter().map(|text| format!("{field}={text}")).collect();
            let found = ids(&services, &format!("{path}?{}", query.join("&"))).await;
            assert!(found.iter().any(|id| shown["id"] == id.as_str()), "{path}?{}", query.join("&"));
        }
    }
    for query in ["health_monitors=", "health_monitors_status=", "members=", "health_monitors_status=x"] {
        assert_eq!(ids(&services, &format!("/v2.0/lb/pools?{query}")).await.len(), 2, "{query}");
    }
    let members = services.get("/v2.0/lb/members").await["members"][0]["id"].clone();
    for query in [
        format!("members={}", members.as_str().unwrap()),
        format!("health_monitors={monitor}"),
        format!("provider=haproxy&id={of_pool}"),
    ] {
        assert_eq!(ids(&services, &format!("/v2.0/lb/pools?{query}")).await, [of_pool.as_str()], "{query}");
    }
    assert_eq!(ids(&services, "/v2.0/lb/pools?provider=a10").await, [] as [&str; 0]);
    assert_eq!(ids(&services, &format!("/v2.0/lb/pools?id={other}")).await, [other.as_str()]);
    assert_eq!(ids(&services, &format!("/v2.0/lb/vips?subnet_id={subnet}&address=10.0.0.2")).await.len(), 1);
    assert_eq!(ids(&services, "/v2.0/lb/vips?address=10.0.0.99").await.len(), 0);
}

#[tokio::test]
async fn fields_leave_keys_out_of_lists_and_items() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let id = services.pool(&services.subnet().await).await;
    let item = format!("/v2.0/lb/pools/{id}");
    assert_eq!(
        services.get(&format!("{item}?fields=id&fields=name")).await,
        json!({"pool": {"id": id, "name": "web"}})
    );
    assert_eq!(services.get(&format!("{item}?fields=nosuch")).await, json!({"pool": {}}));
    assert_eq!(services.get("/v2.0/lb/pools?fields=protocol").await, json!({"pools": [{"protocol": "HTTP"}]}));
    let stats = services.get(&format!("{item}/stats?fields=bytes_in")).await;
    assert_eq!(stats["stats"].as_object().map(serde_json::Map::len), Some(4));
}

#[tokio::test]
async fn lists_are_sorted_by_several_keys_each_with_its_direction() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    for (name, method) in [("b", "SOURCE_IP"), ("a", "ROUND_ROBIN"), ("a", "SOURCE_IP"), ("c", "ROUND_ROBIN")] {
        let mut body = pool(&subnet);
        body["pool"]["name"] = json!(name);
        body["pool"]["lb_method"] = json!(method);
        services.create("/v2.0/lb/pools", body).await;
    }
    let sorted = async |query: &str| {
        let body = services.get(&format!("/v2.0/lb/pools?fields=name&fields=lb_method&{query}")).await;
        let show = |pool: &Value| {
            format!("{}{}", pool["name"].as_str().unwrap(), &pool["lb_method"].as_str().unwrap()[..1].to_lowercase())
        };
        body["pools"].as_array().unwrap().iter().map(show).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(sorted("").await, "bs ar as cr", "the order of creation");
    assert_eq!(sorted("sort_key=name&sort_dir=asc").await, "ar as bs cr");
    let both = "sort_key=lb_method&sort_dir=desc&sort_key=name&sort_dir=asc";
    assert_eq!(sorted(both).await, "as bs ar cr");
    for (query, text) in [
        ("sort_key=name", "The number of sort_keys and sort_dirs must be same"),
        ("sort_key=bogus&sort_dir=asc", "[u'bogus'] is invalid attribute for sort_keys"),
        ("sort_key=name&sort_dir=up", "[u'up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"),
    ] {
        let reply = services.call("GET", &format!("/v2.0/lb/pools?{query}"), None).await;
        assert_eq!((reply.status, reply.error().1), (400, text), "{query}");
    }
    for collection in ["pools", "vips", "members", "health_monitors"] {
        for key in ["id", "tenant_id", "admin_state_up", "name", "status"] {
            let path = format!("/v2.0/lb/{collection}?sort_key={key}&sort_dir=asc");
            let status = services.call("GET", &path, None).await.status;
            assert!([200, 400].contains(&status), "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_forwards_and_backwards() {
    let services = Services::start().await;
    let all = five(&services).await;
    let path = |query: &str| format!("/v2.0/lb/members?{query}");
    assert_eq!(ids(&services, &path("limit=2")).await, all[..2]);
    assert_eq!(ids(&services, &path(&format!("limit=2&marker={}", all[1]))).await, all[2..4]);
    assert_eq!(ids(&services, &path(&format!("limit=2&marker={}", all[3]))).await, all[4..]);
    assert_eq!(ids(&services, &path(&format!("limit=2&marker={}&page_reverse=True", all[3]))).await, all[1..3]);
    let sorted = format!("sort_key=protocol_port&sort_dir=desc&limit=2&marker={}", all[3]);
    assert_eq!(ids(&services, &path(&sorted)).await, [all[2].clone(), all[1].clone()]);
    assert_eq!(ids(&services, &path("limit=0")).await, all);
    let unknown = path("limit=2&marker=11111111-2222-3333-4444-555555555555");
    assert_eq!(ids(&services, &unknown).await, [] as [&str; 0]);
    for limit in ["-1", "x", "1.5"] {
        let reply = services.call("GET", &path(&format!("limit={limit}")), None).await;
        let text = "Bad limit request: Limit must be an integer 0 or greater and not '%d'";
        assert_eq!((reply.status, reply.error()), (400, ("BadRequest", text)), "{limit}");
    }
}

#[tokio::test]
async fn links_lead_through_all_pages_and_back() {
    let services = Services::start().await;
    let all = five(&services).await;
    let mut seen = Vec::new();
    let mut path = "/v2.0/lb/members?limit=2&sort_key=protocol_port&sort_dir=asc".to_owned();
    for page in 0.. {
        seen.extend(ids(&services, &path).await);
        let links = links(&services, &path).await;
        assert!(links.iter().any(|(rel, _)| rel == "previous"), "page {page}: {links:?}");
        let Some((_, next)) = links.into_iter().find(|(rel, _)| rel == "next") else { break };
        path = next;
    }
    assert_eq!(seen, all);
    let back = links(&services, &path).await.into_iter().find(|(rel, _)| rel == "previous").unwrap().1;
    assert!(back.ends_with("page_reverse=True"), "{back}");
    assert_eq!(ids(&services, &back).await, all[2..4]);
    let full = links(&services, "/v2.0/lb/members?limit=5").await;
    assert_eq!(full.len(), 2, "an exactly full last page still has a next one: {full:?}");
    let after = ids(&services, &full[0].1).await;
    assert_eq!((full[0].0.as_str(), after), ("next", Vec::new()));
    assert_eq!(links(&services, "/v2.0/lb/members").await, []);
    assert_eq!(links(&services, "/v2.0/agents?limit=1").await, [], "agents have no pages");
    let suffixed = links(&services, "/v2.0/lb/members.json?limit=1").await;
    assert!(suffixed[0].1.starts_with("/v2.0/lb/members.json?limit=1&marker="), "{suffixed:?}");
}

#[tokio::test]
async fn providers_and_agents_are_listed_filtered_and_sorted() {
    let services = Services::start().await;
    let agent = obedient(&services.channel, "a").await;
    let providers = async |query: &str| services.get(&format!("/v2.0/service-providers{query}")).await;
    let haproxy = json!({"service_type": "LOADBALANCER", "name": "haproxy", "default": true});
    let a10 = json!({"service_type": "LOADBALANCER", "name": "a10", "default": false});
    assert_eq!(providers("").await, json!({"service_providers": [haproxy, a10]}));
    assert_eq!(providers("?default=True").await, json!({"service_providers": [haproxy]}));
    assert_eq!(providers("?name=a10&fields=name").await, json!({"service_providers": [{"name": "a10"}]}));
    assert_eq!(providers("?service_type=VPN").await, json!({"service_providers": []}));
    for (query, count) in [
        ("", 1),
        ("?host=a", 1),
        ("?host=b", 0),
        ("?agent_type=Loadbalancer+agent", 1),
        ("?agent_type=L3+agent", 0),
        ("?binary=neutron-lbaas-agent", 1),
        ("?alive=True", 1),
        ("?alive=False", 0),
        ("?admin_state_up=False", 0),
        ("?topic=x", 0),
    ] {
        assert_eq!(ids(&services, &format!("/v2.0/agents{query}")).await.len(), count, "{query}");
    }
    let shown = services.get(&format!("/v2.0/agents/{agent}?fields=id&fields=host")).await;
    assert_eq!(shown, json!({"agent": {"id": agent, "host": "a"}}));
}
