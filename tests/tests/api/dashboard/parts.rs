//! Listeners, pools, monitors, policies and rules, made, changed and deleted one by one.

use ballast_proto::{
    agent::{ListenerStatistics, LoadBalancerStatistics},
    driver::{PoolStatistics, Statistics},
};
use serde_json::{Value, json};

use super::{
    browser::Browser,
    forms::{below, field, form, list, location, shop_with_parts},
};
use crate::{browser::Watchful, played::farsighted, services::Services};

async fn get(services: &Services, path: &str) -> Value {
    services.call("GET", path, None).await.object().clone()
}

/// Checks a form, which makes nothing, then makes it twice, which is once; what its page said.
async fn make(services: &Services, browser: &mut Browser, (path, of): (&str, &str), fields: &[(&str, &str)]) -> String {
    let before = list(services, of).await.len();
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.body);
    let request_id = field(&page.body, "request_id");
    assert_eq!(request_id.len(), 32, "{path}");
    let with = |wish: &'static str| {
        let own = [("request_id", request_id.as_str()), ("do", wish)];
        form(&fields.iter().copied().chain(own).collect::<Vec<_>>())
    };
    let checked = browser.post(path, &with("check")).await;
    assert_eq!(checked.status, 200, "{path}");
    for text in ["explain/runtime", "tell it while it runs", "<dt>Quota</dt>", "curl -sS -X POST"] {
        assert!(checked.body.contains(text), "{path}: {text} is not in {}", checked.body);
    }
    assert_eq!(list(services, of).await.len(), before, "{path}: a check makes nothing");
    for _ in 0..2 {
        location(&browser.post(path, &with("make")).await);
    }
    assert_eq!(list(services, of).await.len(), before + 1, "{path}: twice is once");
    checked.body
}

/// Changes something by a form; the object after it.
async fn change(services: &Services, browser: &mut Browser, (path, object): (&str, &str), to: (&str, &str)) -> Value {
    let etag = field(&browser.get(path).await.body, "etag");
    let with = |wish: &'static str| form(&[("etag", etag.as_str()), to, ("do", wish)]);
    let checked = browser.post(path, &with("check")).await;
    for text in ["<h3>Changes</h3>", "explain/runtime", "curl -sS -X PUT"] {
        assert!(checked.body.contains(text), "{path}: {text} is not in {}", checked.body);
    }
    location(&browser.post(path, &with("make")).await);
    let late = browser.post(path, &with("make")).await;
    // What was changed already differs no more.
    assert!(late.status == 303 || late.body.contains("It was changed since"), "{path}: {}", late.body);
    get(services, object).await
}

/// Deletes something by a form, which is gone then.
async fn delete(services: &Services, browser: &mut Browser, (path, object): (&str, &str), says: &[&str]) {
    let page = browser.get(path).await.body;
    for text in says.iter().chain(&["explain/runtime", "curl -sS -X DELETE", "does not say this"]) {
        assert!(page.contains(text), "{path}: {text} is not in {page}");
    }
    assert_eq!(browser.post(path, "do=check").await.status, 200);
    assert_eq!(services.call("GET", object, None).await.status, 200, "{path}: a check deletes nothing");
    location(&browser.post(path, "do=make").await);
    assert_eq!(services.call("GET", object, None).await.status, 404, "{path}");
    assert_eq!(browser.post(path, "do=make").await.status, 404);
}

/// The id of the one of a list whose field has this value.
async fn id(services: &Services, path: &str, (key, value): (&str, &str)) -> String {
    let all = list(services, path).await;
    let one = all.iter().find(|one| one[key] == value).unwrap_or_else(|| panic!("{value} is not in {all:?}"));
    one["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_listener_is_made_changed_and_deleted_by_itself() {
    let services = Services::start().await;
    let [lb, _, pool, ..] = shop_with_parts(&services).await;
    let mut browser = Browser::new(&services);
    let (one, all) = (format!("/ui/load-balancers/{lb}"), "/v2.0/lbaas/listeners");
    let new = format!("{one}/listeners/new");
    let fields = [
        ("name", "second"),
        ("protocol", "HTTP"),
        ("protocol_port", "8080"),
        ("default_pool_id", pool.as_str()),
        ("connection_limit", "9"),
        ("allowed_cidrs", "10.0.0.0/8\r\n192.0.2.0/24"),
        ("timeout_client_data", "7000"),
        ("tags", "a, b"),
        ("admin_state_up", "down"),
    ];
    let page = make(&services, &mut browser, (&new, all), &fields).await;
    assert!(page.contains("listener 2, no limit"), "{page}");
    let made = id(&services, all, ("name", "second")).await;
    let object = format!("{all}/{made}");
    let found = get(&services, &object).await;
    for (key, value) in [
        ("protocol_port", json!(8080)),
        ("default_pool_id", json!(pool)),
        ("connection_limit", json!(9)),
        ("allowed_cidrs", json!(["10.0.0.0/8", "192.0.2.0/24"])),
        ("timeout_client_data", json!(7000)),
        ("admin_state_up", json!(false)),
        ("tags", json!(["a", "b"])),
    ] {
        assert_eq!(found[key], value, "{key}");
    }
    // What is wrong stands at its field.
    for (name, value, text) in [
        ("protocol_port", "8080", "protocol_port"),
        ("protocol_port", "70000", "protocol_port is refused"),
        ("allowed_cidrs", "nonsense", "nonsense"),
        ("connection_limit", "x", "no whole number"),
    ] {
        let other = [("protocol", "HTTP"), ("protocol_port", "8081"), ("do", "make")];
        let own = other.into_iter().filter(|(own, _)| *own != name).chain([(name, value)]);
        let refused = browser.post(&new, &form(&own.collect::<Vec<_>>())).await;
        let said = below(&refused.body, name);
        assert!(refused.status == 422 && said.contains("class=\"bad\""), "{name}={value}: {} {said}", refused.status);
        assert!(text == "protocol_port" || said.contains(text), "{said}");
    }
    let path = format!("{one}/listeners/{made}");
    let changed =
        change(&services, &mut browser, (&format!("{path}/edit"), &object), ("allowed_cidrs", "198.51.100.0/24")).await;
    assert_eq!(changed["allowed_cidrs"], json!(["198.51.100.0/24"]));
    let says = ["Delete listener second", "No connection is open", "its pool stays"];
    delete(&services, &mut browser, (&format!("{path}/delete"), &object), &says).await;
    assert_eq!(list(&services, "/v2.0/lbaas/pools").await.len(), 1);
}

#[tokio::test]
async fn a_pool_is_made_with_its_members_and_its_monitor_and_goes_with_them() {
    let services = Services::start().await;
    let [lb, ..] = shop_with_parts(&services).await;
    let mut browser = Browser::new(&services);
    let (one, all) = (format!("/ui/load-balancers/{lb}"), "/v2.0/lbaas/pools");
    let new = format!("{one}/pools/new");
    let fields = [
        ("name", "blue"),
        ("protocol", "HTTP"),
        ("lb_algorithm", "LEAST_CONNECTIONS"),
        ("persistence", "APP_COOKIE"),
        ("cookie_name", "sid"),
        ("members", "10.0.0.31:80\r\n10.0.0.32:80 5"),
        ("monitor_type", "HTTP"),
        ("url_path", "/up"),
        ("delay", "5"),
        ("timeout", "3"),
        ("max_retries", "2"),
        ("max_retries_down", "3"),
    ];
    let page = make(&services, &mut browser, (&new, all), &fields).await;
    for text in ["pool 2, no limit", "member 3, no limit", "health monitor 2, no limit"] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    let made = id(&services, all, ("name", "blue")).await;
    let object = format!("{all}/{made}");
    let found = get(&services, &object).await;
    assert_eq!(found["session_persistence"]["cookie_name"], "sid");
    assert_eq!(list(&services, &format!("{object}/members")).await.len(), 2);
    let monitor = found["healthmonitor_id"].as_str().unwrap().to_owned();
    assert_eq!(get(&services, &format!("/v2.0/lbaas/healthmonitors/{monitor}")).await["url_path"], "/up");
    for (name, value, at) in [
        ("members", "10.0.0.31:80\nnonsense", "members"),
        ("members", "10.0.0.31:80 900", "members"),
        ("delay", "-1", "delay"),
        ("cookie_name", "", "persistence"),
        ("protocol", "GOPHER", "protocol"),
    ] {
        let own = fields.iter().copied().filter(|(own, _)| *own != name).chain([(name, value), ("do", "make")]);
        let refused = browser.post(&new, &form(&own.collect::<Vec<_>>())).await;
        assert_eq!(refused.status, 422, "{name}={value}");
        assert!(below(&refused.body, at).contains("class=\"bad\""), "{name}={value}: {}", refused.body);
    }
    // Only a name is needed, beside what it cannot be without.
    let bare = [("protocol", "TCP"), ("lb_algorithm", "ROUND_ROBIN")];
    make(&services, &mut browser, (&new, all), &bare).await;
    let path = format!("{one}/pools/{made}");
    let changed = change(&services, &mut browser, (&format!("{path}/edit"), &object), ("persistence", "")).await;
    assert_eq!(changed["session_persistence"], Value::Null);
    let says = ["Delete pool blue", "2 members", "1 health monitor"];
    delete(&services, &mut browser, (&format!("{path}/delete"), &object), &says).await;
    assert_eq!(services.call("GET", &format!("/v2.0/lbaas/healthmonitors/{monitor}"), None).await.status, 404);
}

#[tokio::test]
async fn a_monitor_is_made_changed_and_deleted_by_itself() {
    let services = Services::start().await;
    let [lb, _, pool, monitor, _] = shop_with_parts(&services).await;
    let mut browser = Browser::new(&services);
    let (one, all) = (format!("/ui/load-balancers/{lb}"), "/v2.0/lbaas/healthmonitors");
    let page = browser.get(&one).await.body;
    assert!(page.contains(&format!("{one}/monitors/{monitor}/edit")) && !page.contains("monitors/new"), "{page}");
    let object = format!("{all}/{monitor}");
    let says = ["Nothing checks the members then", "HTTP GET"];
    delete(&services, &mut browser, (&format!("{one}/monitors/{monitor}/delete"), &object), &says).await;
    let new = format!("{one}/pools/{pool}/monitors/new");
    assert!(browser.get(&one).await.body.contains(&new));
    let fields = [
        ("name", "check"),
        ("monitor_type", "HTTP"),
        ("http_method", "HEAD"),
        ("url_path", "/up"),
        ("expected_codes", "200-299"),
        ("delay", "7"),
        ("timeout", "3"),
        ("max_retries", "2"),
        ("max_retries_down", "4"),
    ];
    make(&services, &mut browser, (&new, all), &fields).await;
    let made = id(&services, all, ("name", "check")).await;
    let object = format!("{all}/{made}");
    let found = get(&services, &object).await;
    assert_eq!((&found["http_method"], &found["delay"]), (&json!("HEAD"), &json!(7)));
    assert_eq!((&found["expected_codes"], &found["max_retries_down"]), (&json!("200-299"), &json!(4)));
    let again = browser.post(&new, &form(&[&fields[..], &[("do", "make")]].concat())).await;
    assert_eq!(again.status, 422, "it has one: {}", again.body);
    let path = format!("{one}/monitors/{made}/edit");
    let changed = change(&services, &mut browser, (&path, &object), ("url_path", "/ready")).await;
    assert_eq!(changed["url_path"], "/ready");
}

#[tokio::test]
async fn a_policy_is_made_with_its_rules_and_both_are_changed_and_deleted() {
    let services = Services::start().await;
    let [lb, listener, pool, ..] = shop_with_parts(&services).await;
    let mut browser = Browser::new(&services);
    let (one, all) = (format!("/ui/load-balancers/{lb}"), "/v2.0/lbaas/l7policies");
    let new = format!("{one}/listeners/{listener}/policies/new");
    let fields = [
        ("name", "api"),
        ("action", "REDIRECT_TO_POOL"),
        ("redirect_pool_id", pool.as_str()),
        // It does not go with the action, and is not said.
        ("redirect_url", "https://other.example/"),
        ("position", "1"),
        ("rules", "PATH STARTS_WITH /api\r\nHEADER X-Version not EQUAL_TO 1"),
    ];
    let page = make(&services, &mut browser, (&new, all), &fields).await;
    assert!(page.contains("l7policy 2, no limit; l7rule 3, no limit"), "{page}");
    let made = id(&services, all, ("name", "api")).await;
    let object = format!("{all}/{made}");
    let found = get(&services, &object).await;
    assert_eq!((&found["redirect_pool_id"], &found["redirect_url"]), (&json!(pool), &Value::Null));
    assert_eq!(found["position"], 1);
    let rules = list(&services, &format!("{object}/rules")).await;
    assert_eq!((&rules[1]["key"], &rules[1]["invert"]), (&json!("X-Version"), &json!(true)));
    for (name, value, at, text) in [
        ("rules", "PATH STARTS_WITH /a\nGOPHER x", "rules", "line 2"),
        ("rules", "PATH REGEX (", "rules", ""),
        ("position", "0", "position", "position"),
        ("action", "EXPLODE", "action", "not among"),
    ] {
        let own = fields.iter().copied().filter(|(own, _)| *own != name).chain([(name, value), ("do", "make")]);
        let refused = browser.post(&new, &form(&own.collect::<Vec<_>>())).await;
        let said = below(&refused.body, at);
        assert!(
            refused.status == 422 && said.contains("class=\"bad\"") && said.contains(text),
            "{value}: {}",
            refused.body
        );
    }
    let path = format!("{one}/policies/{made}");
    let changed = change(&services, &mut browser, (&format!("{path}/edit"), &object), ("action", "REJECT")).await;
    assert_eq!((&changed["action"], &changed["redirect_pool_id"]), (&json!("REJECT"), &Value::Null));

    let rule = [("type", "COOKIE"), ("key", "beta"), ("compare_type", "EQUAL_TO"), ("value", "1"), ("invert", "")];
    make(&services, &mut browser, (&format!("{path}/rules/new"), &format!("{object}/rules")), &rule).await;
    let rule = id(&services, &format!("{object}/rules"), ("type", "COOKIE")).await;
    let at = format!("{object}/rules/{rule}");
    let of_rule = format!("{path}/rules/{rule}");
    let changed = change(&services, &mut browser, (&format!("{of_rule}/edit"), &at), ("value", "2")).await;
    assert_eq!((&changed["value"], &changed["key"]), (&json!("2"), &json!("beta")));
    let listeners = browser.get(&format!("{one}/listeners")).await.body;
    for link in [&format!("{of_rule}/edit"), &format!("{path}/delete"), &new] {
        assert!(listeners.contains(link.as_str()), "{link} is not in {listeners}");
    }
    delete(&services, &mut browser, (&format!("{of_rule}/delete"), &at), &["COOKIE beta EQUAL_TO 2"]).await;
    delete(&services, &mut browser, (&format!("{path}/delete"), &object), &["Delete L7 policy api", "2 rules"]).await;
}

#[tokio::test]
async fn what_is_another_load_balancers_is_not_found_under_this_one() {
    let services = Services::start().await;
    let [lb, listener, ..] = shop_with_parts(&services).await;
    let (browser, one, all) = (Browser::new(&services), format!("/ui/load-balancers/{lb}"), "/v2.0/lbaas/l7policies");
    let other = services.create("/v2.0/lbaas/loadbalancers", {
        let subnet = services.subnet_of("10.9.0.0/24").await;
        json!({ "loadbalancer": { "name": "other", "vip_subnet_id": subnet } })
    });
    let other = format!("/ui/load-balancers/{}", other.await.id());
    let policy = list(&services, all).await[0]["id"].as_str().unwrap().to_owned();
    for path in [
        format!("{other}/listeners/{listener}/policies/new"),
        format!("{other}/policies/{policy}/edit"),
        format!("{other}/policies/{policy}/rules/new"),
        format!("{one}/policies/{policy}/rules/{listener}/edit"),
        format!("{one}/policies/nosuch/delete"),
    ] {
        assert_eq!(browser.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_listener_and_a_pool_that_have_served_anybody_go_only_with_their_name() {
    let services = Services::start().await;
    let agent = Watchful::connect(&services).await;
    let subnet = services.subnet().await;
    let lb = super::load_balancer(&services, "", &subnet, "shop").await;
    let agent = Watchful::deploy(agent).await;
    let (listener, pool) = (
        id(&services, "/v2.0/lbaas/listeners", ("name", "front")).await,
        id(&services, "/v2.0/lbaas/pools", ("name", "web")).await,
    );
    let counted = Some(Statistics { total_connections: 9, ..Statistics::default() });
    agent
        .count(LoadBalancerStatistics {
            load_balancer_id: lb.clone(),
            statistics: counted,
            listeners: vec![ListenerStatistics { listener_id: listener.clone(), statistics: counted }],
            pools: vec![PoolStatistics { pool_id: pool.clone(), statistics: counted, ..PoolStatistics::default() }],
            ..LoadBalancerStatistics::default()
        })
        .await;
    let mut browser = Browser::new(&services);
    let one = format!("/ui/load-balancers/{lb}");
    for (path, name, object) in [
        (format!("{one}/listeners/{listener}/delete"), "front", format!("/v2.0/lbaas/listeners/{listener}")),
        (format!("{one}/pools/{pool}/delete"), "web", format!("/v2.0/lbaas/pools/{pool}")),
    ] {
        super::until(&browser, &path, |answer| answer.body.contains("id=\"f-typed\"")).await;
        for typed in ["", "other"] {
            let refused = browser.post(&path, &form(&[("typed", typed), ("do", "make")])).await;
            assert_eq!(refused.status, 422, "{path}");
            assert!(below(&refused.body, "typed").contains("This is not its name"), "{}", refused.body);
        }
        assert_eq!(services.call("GET", &object, None).await.status, 200);
        location(&browser.post(&path, &form(&[("typed", name), ("do", "make")])).await);
        assert_eq!(services.call("GET", &object, None).await.status, 404);
    }
}

/// What a plan says of where else it could be placed, and of quotas.
#[tokio::test]
async fn a_plan_says_which_agents_could_not_and_why_and_what_quotas_would_count() {
    let limit = |settings: &mut ballast_service::config::Settings| {
        (settings.quotas.pool, settings.quotas.vip) = (3, -1);
        settings.placement.policy = "least-loaded".to_owned();
    };
    let services = Services::with_tokens(limit).await;
    farsighted(&services.channel, "h3").await;
    let subnet = super::shared_subnet(&services).await;
    super::load_balancer(&services, "alice", &subnet, "first").await;
    farsighted(&services.channel, "h7").await;
    let out = farsighted(&services.channel, "h4").await;
    let down = Some(json!({ "agent": { "admin_state_up": false } }));
    assert_eq!(services.call_as("admin", "PUT", &format!("/v2.0/agents/{out}"), down).await.status, 200);
    let new =
        form(&[("name", "x"), ("subnet_id", &subnet), ("protocol", "HTTP"), ("protocol_port", "80"), ("do", "check")]);
    let mut browser = Browser::new(&services);
    browser.log_in("admin").await;
    browser.post("/ui/project", "only=a").await;
    let page = browser.post("/ui/new", &new).await.body;
    for text in [
        "<dt>Agent</dt><dd><bdi>h7</bdi>",
        "<dt>Others</dt><dd><bdi>h3 (1)</bdi>",
        "<dt>Not</dt><dd><bdi>h4: taken out of placement</bdi>",
        "load balancer 2 of 3",
        "listener 2, no limit",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    let mut browser = Browser::new(&services);
    browser.log_in("alice").await;
    let page = browser.post("/ui/new", &new).await.body;
    assert!(page.contains("load balancer 2 of 3") && !page.contains("h4") && !page.contains("<dt>Others"), "{page}");

    // REST says the same.
    let body = json!({ "loadbalancer": { "vip_subnet_id": subnet } });
    let path = "/v2.0/lbaas/loadbalancers?validate_only=true";
    let plan = services.call_as("admin", "POST", path, Some(body.clone())).await.body["plan"].clone();
    assert_eq!((&plan["agent"]["host"], &plan["others"][0]["host"]), (&json!("h7"), &json!("h3")));
    let rejected = &plan["rejected"][0];
    assert_eq!((&rejected["host"], &rejected["reason"]), (&json!("h4"), &json!("taken out of placement")));
    assert_eq!(plan["quotas"], json!([{ "resource": "loadbalancer", "used": 1, "limit": 3 }]));
    let plan = services.call_as("alice", "POST", path, Some(body)).await.body["plan"].clone();
    assert_eq!((&plan["agent"], &plan["others"], &plan["rejected"]), (&Value::Null, &json!([]), &json!([])));
    assert_eq!(plan["quotas"], json!([{ "resource": "loadbalancer", "used": 2, "limit": 3 }]));
}
