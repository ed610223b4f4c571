//! The real command's nouns of v2, against a server that plays a gateway: what each asks, and what comes of the answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "played/gateway.rs"]
mod gateway;

use std::sync::atomic::{AtomicUsize, Ordering};

use gateway::{Asked, Gateway, ballast, refusal, refusal_with, stdout};
use serde_json::{Value, json};

const LB: &str = "11111111-1111-4111-8111-111111111111";
const LISTENER: &str = "22222222-2222-4222-8222-222222222222";
const POOL: &str = "33333333-3333-4333-8333-333333333333";
const MEMBER: &str = "44444444-4444-4444-8444-444444444444";
const SUBNET: &str = "55555555-5555-4555-8555-555555555555";

/// One of each, found by id and name; what is written is answered with what was sent.
fn objects(asked: &Asked) -> (u16, Value) {
    let lb = json!({"id": LB, "name": "web", "vip_address": "10.0.0.100", "provider": "haproxy",
        "provisioning_status": "ACTIVE", "operating_status": "ONLINE", "admin_state_up": true,
        "listeners": [{"id": LISTENER}], "pools": []});
    let listener = json!({"id": LISTENER, "name": "front", "loadbalancers": [{"id": LB}]});
    let pool = json!({"id": POOL, "name": "servers", "loadbalancers": [{"id": LB}], "members": [{"id": MEMBER}]});
    let member = json!({"id": MEMBER, "name": "one", "address": "10.0.0.11", "protocol_port": 80});
    let members = format!("/v2.0/lbaas/pools/{POOL}/members");
    let collections = [
        ("/v2.0/lbaas/loadbalancers", "loadbalancer", lb),
        ("/v2.0/lbaas/listeners", "listener", listener),
        ("/v2.0/lbaas/pools", "pool", pool),
        ("/v2.0/subnets", "subnet", json!({"id": SUBNET, "name": "demo-subnet"})),
        (&members, "member", member),
    ];
    for (path, wrapper, object) in collections {
        if asked.path == path && asked.method == "GET" {
            let found = asked.query.iter().all(|(key, value)| key == "limit" || object[key].as_str() == Some(value));
            let found = if found { vec![object] } else { Vec::new() };
            return (200, json!({ format!("{wrapper}s"): found }));
        }
        let id = object["id"].as_str().unwrap();
        if asked.path == format!("{path}/{id}") {
            return match asked.method.as_str() {
                "DELETE" => (204, Value::Null),
                _ => (200, json!({ wrapper: object })),
            };
        }
        if asked.path == path && asked.method == "POST" {
            let mut made = object.clone();
            made["sent"] = asked.body[wrapper].clone();
            return (201, json!({ wrapper: made }));
        }
    }
    (404, json!({"faultcode": "Client", "faultstring": "Nothing is\nhere", "debuginfo": null}))
}

/// The body of the one write that was asked.
fn sent(gateway: &Gateway) -> Value {
    let asked = gateway.asked();
    let writes: Vec<_> = asked.iter().filter(|asked| asked.method != "GET").collect();
    assert_eq!(writes.len(), 1);
    assert!(writes[0].head.to_lowercase().contains("content-type: application/json\r\n"));
    writes[0].body.clone()
}

fn done(gateway: &Gateway, line: &str) -> String {
    stdout(&gateway.run(&line.split_whitespace().collect::<Vec<_>>()))
}

#[test]
fn a_list_is_a_table_and_its_short_form_is_the_same() {
    let gateway = Gateway::start(objects);
    let shown = done(&gateway, "load-balancers list");
    assert_eq!(shown, done(&gateway, "lb list"));
    let title = "ID                                    NAME  ADDRESS     PROVIDER  ADMIN  PROVISIONING  OPERATING";
    let line = format!("{LB}  web   10.0.0.100  haproxy   up     ACTIVE        ONLINE");
    assert_eq!(shown, format!("{title}\n{line}\n"));
    assert_eq!(done(&gateway, "pools list --name nosuch"), "No pools.\n");
}

#[test]
fn who_keeps_secrets_is_asked_now_and_that_is_all() {
    let gateway = Gateway::start(|asked: &Asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("PUT", "/ballast/v1/secrets/look") => (202, Value::Null),
        other => panic!("{other:?} was asked"),
    });
    assert!(done(&gateway, "secrets look").contains("was looked at"));
    assert_eq!(gateway.asked().len(), 1);
    assert_eq!(done(&gateway, "secrets look --help").matches("--dry-run").count(), 0);
}

#[test]
fn pages_are_followed_on_the_same_server() {
    let gateway = Gateway::start(|asked: &Asked| {
        let page = |id: &str, links: Value| (200, json!({"pools": [{"id": id}], "pools_links": links}));
        match asked.query.iter().any(|(key, _)| key == "marker") {
            false => page("a", json!([{"rel": "next", "href": "http://192.0.2.1/elsewhere?name=x&marker=a"}])),
            true => page("b", json!([{"rel": "previous", "href": "http://192.0.2.1/?marker=b"}])),
        }
    });
    let shown = done(&gateway, "pools list --name x --json");
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), json!([{"id": "a"}, {"id": "b"}]));
    let asked: Vec<_> = gateway.asked().iter().map(|asked| asked.path.clone()).collect();
    assert_eq!(asked, ["/v2.0/lbaas/pools"; 2]);
}

#[test]
fn a_filter_that_names_another_object_is_sent_as_its_id() {
    let gateway = Gateway::start(objects);
    done(&gateway, "listeners list --load-balancer web --tag a --tag b");
    let last = gateway.asked().pop().unwrap();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(last.query, [pair("loadbalancer_id", LB), pair("tags", "a"), pair("tags", "b")]);
}

#[test]
fn what_is_made_has_what_was_said_and_nothing_else() {
    for (line, expected) in [
        (
            "lb create --name web --subnet demo-subnet --additional-vip subnet=x,address=2001:db8::1 --tag a --tag b",
            json!({"loadbalancer": {"name": "web", "vip_subnet_id": SUBNET, "tags": ["a", "b"],
                "additional_vips": [{"subnet_id": "x", "ip_address": "2001:db8::1"}]}}),
        ),
        (
            "lb create shop --subnet demo-subnet --port 80 --member 10.0.0.11:80 --member 10.0.0.12:80=5 \
             --check http:/health",
            json!({"loadbalancer": {"name": "shop", "vip_subnet_id": SUBNET,
                "listeners": [{"name": "shop", "protocol": "HTTP", "protocol_port": 80,
                    "default_pool": {"name": "shop"}}],
                "pools": [{"name": "shop", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                    "members": [{"address": "10.0.0.11", "protocol_port": 80},
                        {"address": "10.0.0.12", "protocol_port": 80, "weight": 5}],
                    "healthmonitor": {"type": "HTTP", "url_path": "/health", "delay": 5, "timeout": 3,
                        "max_retries": 1, "max_retries_down": 3}}]}}),
        ),
        (
            "listeners create --load-balancer web --protocol HTTP --port 80 --connection-limit -1 --admin down \
             --insert-header X-Forwarded-For=true --insert-header X-Forwarded-Port=true --default-pool servers",
            json!({"listener": {"loadbalancer_id": LB, "protocol": "HTTP", "protocol_port": 80,
                "connection_limit": -1, "admin_state_up": false, "default_pool_id": POOL,
                "insert_headers": {"X-Forwarded-For": "true", "X-Forwarded-Port": "true"}}}),
        ),
        (
            "pools create --listener front --protocol HTTP --algorithm ROUND_ROBIN --persistence APP_COOKIE \
             --cookie-name sid --tls false",
            json!({"pool": {"listener_id": LISTENER, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "session_persistence": {"type": "APP_COOKIE", "cookie_name": "sid"}, "tls_enabled": false}}),
        ),
        (
            "members create servers --address 10.0.0.12 --port 80 --backup true --subnet demo-subnet",
            json!({"member": {"address": "10.0.0.12", "protocol_port": 80, "backup": true, "subnet_id": SUBNET}}),
        ),
    ] {
        let gateway = Gateway::start(objects);
        let shown: Value = serde_json::from_str(&done(&gateway, &format!("{line} --json"))).unwrap();
        assert_eq!(sent(&gateway), expected, "{line}");
        assert_eq!(&shown["sent"], expected.as_object().unwrap().values().next().unwrap());
    }
}

#[test]
fn a_request_has_the_name_that_it_was_given() {
    for (line, is_made) in [
        ("lb create --name web --request-id r-1", true),
        ("lb set web --name x --request-id r-1", false),
        ("members delete servers one --request-id r-1", false),
    ] {
        let gateway = Gateway::start(objects);
        done(&gateway, line);
        for asked in gateway.asked() {
            let head = asked.head.to_lowercase();
            assert_eq!(head.contains("x-openstack-request-id: r-1\r\n"), asked.method != "GET", "{line}: {head}");
            assert_eq!(head.contains("idempotency-key: r-1\r\n"), is_made && asked.method == "POST", "{line}: {head}");
        }
    }
    let odd = refusal_with(2, &Gateway::start(objects).run(&["lb", "create", "--request-id", "a\nb"]));
    assert!(odd.contains("--request-id"), "{odd}");
}

#[test]
fn what_is_set_is_sent_alone_and_what_is_unset_is_null() {
    for (line, expected) in [
        ("lb set web --name web2 --unset tag", json!({"loadbalancer": {"name": "web2", "tags": null}})),
        ("pools set servers --unset persistence", json!({"pool": {"session_persistence": null}})),
        ("pools set servers --unset cookie-name", json!({"pool": {"session_persistence": null}})),
        ("members set servers one --weight 0", json!({"member": {"weight": 0}})),
    ] {
        let gateway = Gateway::start(objects);
        done(&gateway, line);
        assert_eq!(sent(&gateway), expected, "{line}");
    }
    let nothing = Gateway::start(objects).run(&["lb", "set", "web"]);
    let text = String::from_utf8(nothing.stderr).unwrap();
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text.contains("nothing to change") && text.contains("--name"), "{text}");
}

#[test]
fn a_file_is_sent_as_it_is_with_options_over_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("graph.json");
    let listener = json!({"protocol": "HTTP", "protocol_port": 80});
    let graph = json!({"loadbalancer": {"name": "a", "listeners": [listener]}});
    std::fs::write(&file, graph.to_string()).unwrap();
    let gateway = Gateway::start(objects);
    done(&gateway, &format!("lb create --body {} --name b", file.display()));
    assert_eq!(sent(&gateway), json!({"loadbalancer": {"name": "b", "listeners": [listener]}}));
    std::fs::write(&file, "[1]").unwrap();
    let refused = refusal(&gateway.run(&["pools", "create", "--body", file.to_str().unwrap()]));
    assert!(refused.contains("this is no object of JSON") && refused.contains("graph.json"), "{refused}");
}

#[test]
fn what_needs_a_value_says_so_before_anything_is_asked() {
    let gateway = Gateway::start(objects);
    for line in [
        "listeners create --protocol HTTP --port 80",
        "listeners create --load-balancer web --protocol HTTP --port http",
        "members create servers --address 10.0.0.1",
        "members list",
        "lb set web --unset nosuch",
        "l7policies rules create p --type PATH",
        "quota create",
        "lb create --wait-seconds 3",
    ] {
        assert_eq!(gateway.run(&line.split_whitespace().collect::<Vec<_>>()).status.code(), Some(2), "{line}");
    }
    assert!(gateway.asked().is_empty());
    let odd = refusal_with(2, &gateway.run(&["lb", "create", "--additional-vip", "net=x"]));
    assert!(odd.contains("there is no 'net', but subnet, address, port"), "{odd}");
}

#[test]
fn one_is_deleted_by_its_name_and_with_all_that_is_its_where_that_was_said() {
    let gateway = Gateway::start(objects);
    assert_eq!(done(&gateway, "members delete servers one"), "Deleted the member.\n");
    let last = gateway.asked().pop().unwrap();
    assert_eq!(last.path, format!("/v2.0/lbaas/pools/{POOL}/members/{MEMBER}"));
    assert_eq!(done(&gateway, "lb delete web --cascade"), "Deleted the load balancer.\n");
    let last = gateway.asked().pop().unwrap();
    assert_eq!(last.query, [("cascade".to_owned(), "true".to_owned())]);
}

/// A load balancer that is PENDING when it is asked for the first times, and then as it is said.
fn pending(then: Value) -> Gateway {
    let times = AtomicUsize::new(0);
    Gateway::start(move |asked| {
        let is_it = asked.path == format!("/v2.0/lbaas/loadbalancers/{LB}") && asked.method == "GET";
        match is_it && times.fetch_add(1, Ordering::Relaxed) < 2 {
            true => (200, json!({"loadbalancer": {"id": LB, "provisioning_status": "PENDING_UPDATE"}})),
            false if is_it && then.is_null() => (404, json!({"faultstring": "Load Balancer not found."})),
            false if is_it => (200, json!({ "loadbalancer": then })),
            false => objects(asked),
        }
    })
}

#[test]
fn who_waits_is_answered_when_the_load_balancer_is_active_with_it() {
    let gateway = pending(json!({"id": LB, "provisioning_status": "ACTIVE"}));
    let shown = done(&gateway, "members set servers one --weight 3 --wait");
    assert!(shown.contains("10.0.0.11"), "{shown}");
    let asked: Vec<_> = gateway.asked().iter().map(|asked| asked.path.clone()).collect();
    assert_eq!(asked.iter().filter(|path| path.ends_with(LB)).count(), 3, "{asked:?}");

    let gone = pending(Value::Null);
    assert_eq!(done(&gone, "lb delete web --wait"), "Deleted the load balancer.\n");
}

#[test]
fn who_waits_in_vain_is_told_why_and_what_to_do() {
    let error = json!({"id": LB, "provisioning_status": "ERROR", "status_description": "haproxy says no"});
    let text = refusal_with(3, &pending(error).run(&["listeners", "set", "front", "--name", "x", "--wait"]));
    assert!(text.contains(&format!("the load balancer {LB} is in ERROR: haproxy says no.")), "{text}");
    let still = json!({"id": LB, "provisioning_status": "PENDING_UPDATE"});
    let line = ["pools", "set", "servers", "--name", "x", "--wait", "--wait-seconds", "1"];
    let text = refusal_with(4, &pending(still).run(&line));
    assert!(text.contains("after 1 s") && text.contains("PENDING_UPDATE") && text.contains("agents list"), "{text}");
}

#[test]
fn refusals_say_what_was_asked_where_and_the_gateways_words_in_one_line() {
    let gateway = Gateway::start(objects);
    let text = refusal(&gateway.run(&["quotas", "show", "p 1"]));
    let expected = format!("ballast: GET {}/v2.0/lbaas/quotas/p%201: Nothing is here (HTTP 404)\n", gateway.url);
    assert_eq!(text, expected);
    let none = refusal(&gateway.run(&["members", "list", "nosuch"]));
    assert_eq!(none, "ballast: there is no pool with the id or name 'nosuch' (have: servers)\n");
    let scheduler = refusal_with(2, &ballast(&["--url", "unix:/nowhere", "lb", "list"]));
    assert!(scheduler.contains("unix:/nowhere is a scheduler") && scheduler.contains("ballast v1"), "{scheduler}");
    let closed = Gateway::start(|_: &Asked| (401, json!("authentication required")));
    assert!(refusal(&closed.run(&["lb", "list"])).contains("BALLAST_TOKEN"));
    let other = Gateway::start(|_: &Asked| (200, json!({"hello": "world"})));
    assert!(refusal(&other.run(&["zones", "list"])).contains("does not answer as a part of Ballast"));
}
