//! The dashboard without a browser: who sees which page, sessions, what each answer says, and what is live.

pub(crate) mod browser;
mod certificates;
mod forms;
mod kept;
mod lists;
mod live;
mod parts;
mod same;
mod switch;

use std::collections::BTreeSet;

use ballast_service::config::AuthMode;
use browser::{Answer, Browser};
use serde_json::json;

use crate::{
    certificates::{Pem, keep_secrets},
    played::{able, farsighted},
    services::{PATIENCE, Services},
};

/// Who looks: nobody, a reader and a member of the project whose it is, a member of another one, and an admin.
const CALLERS: [&str; 5] = ["", "rita", "alice", "bob", "admin"];

/// What each gets of what is project a's.
const TABLE: &str = "
ui_door                      303 303 303 303 303
ui_door_without_slash        303 303 303 303 303
ui_overview                  303 200 200 200 200
ui_load_balancers            303 200 200 200 200
ui_load_balancer             303 200 200 404 200
ui_load_balancer_listeners   303 200 200 404 200
ui_load_balancer_monitors    303 200 200 404 200
ui_load_balancer_traffic     303 200 200 404 200
ui_load_balancer_events      303 200 200 404 200
ui_load_balancer_history     303 200 200 404 200
ui_load_balancer_config      303 404 404 404 200
ui_load_balancer_copy        303 200 200 404 200
ui_form_new                  303 403 200 200 200
ui_form_new_sent             401 403 200 200 200
ui_form_edit                 303 403 200 404 200
ui_form_edit_sent            401 403 200 404 200
ui_form_delete               303 403 200 404 200
ui_form_delete_sent          401 403 200 404 200
ui_form_rollback             303 403 200 404 200
ui_form_rollback_sent        401 403 200 404 200
ui_form_new_listener         303 403 200 404 200
ui_form_new_listener_sent    401 403 200 404 200
ui_form_listener             303 403 200 404 200
ui_form_listener_sent        401 403 200 404 200
ui_form_delete_listener      303 403 200 404 200
ui_form_delete_listener_sent 401 403 200 404 200
ui_form_new_policy           303 403 200 404 200
ui_form_new_policy_sent      401 403 200 404 200
ui_form_new_pool             303 403 200 404 200
ui_form_new_pool_sent        401 403 200 404 200
ui_form_pool                 303 403 200 404 200
ui_form_pool_sent            401 403 200 404 200
ui_form_delete_pool          303 403 200 404 200
ui_form_delete_pool_sent     401 403 200 404 200
ui_form_add_members          303 403 200 404 200
ui_form_add_members_sent     401 403 200 404 200
ui_form_change_members       303 403 200 404 200
ui_form_change_members_sent  401 403 200 404 200
ui_form_new_monitor          303 403 200 404 200
ui_form_new_monitor_sent     401 403 200 404 200
ui_form_monitor              303 403 200 404 200
ui_form_monitor_sent         401 403 200 404 200
ui_form_delete_monitor       303 403 200 404 200
ui_form_delete_monitor_sent  401 403 200 404 200
ui_form_policy               303 403 200 404 200
ui_form_policy_sent          401 403 200 404 200
ui_form_delete_policy        303 403 200 404 200
ui_form_delete_policy_sent   401 403 200 404 200
ui_form_new_rule             303 403 200 404 200
ui_form_new_rule_sent        401 403 200 404 200
ui_form_rule                 303 403 200 404 200
ui_form_rule_sent            401 403 200 404 200
ui_form_delete_rule          303 403 200 404 200
ui_form_delete_rule_sent     401 403 200 404 200
ui_certificates              303 200 200 200 200
ui_secret                    303 200 200 404 200
ui_certificate               303 200 200 404 200
ui_form_new_certificate      303 403 200 200 200
ui_form_new_certificate_sent 401 403 200 200 200
ui_form_order_certificate    303 403 200 200 200
ui_form_order_certificate_sent 401 403 200 200 200
ui_form_certificate          303 403 200 404 200
ui_form_certificate_sent     401 403 200 404 200
ui_form_rotate_certificate   303 403 200 404 200
ui_form_rotate_certificate_sent 401 403 200 404 200
ui_form_delete_certificate   303 403 200 404 200
ui_form_delete_certificate_sent 401 403 200 404 200
ui_look_at_secrets           303 403 303 303 303
ui_monitors                  303 200 200 200 200
ui_networks                  303 200 200 200 200
ui_quotas                    303 200 200 200 200
ui_agents                    303 404 404 404 200
ui_agent                     303 404 404 404 200
ui_schedulers                303 404 404 404 200
ui_events                    303 200 200 200 200
ui_explain_all               303 200 200 200 200
ui_explain                   303 200 200 200 200
ui_projects                  303 200 200 200 200
ui_choose_project            303 404 404 404 303
ui_theme                     303 303 303 303 303
ui_login_form                200 200 200 200 200
ui_login                     401 401 401 401 401
ui_logout                    303 303 303 303 303
ui_static                    404 404 404 404 404
ui_live                      200 200 200 200 200
";

fn rows() -> impl Iterator<Item = (&'static str, Vec<u16>)> {
    TABLE.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut words = line.split_whitespace();
        let action = words.next().unwrap();
        (action, words.map(|word| word.parse().unwrap()).collect())
    })
}

#[test]
fn the_policy_of_the_dashboard_knows_every_route_and_no_other() {
    let served: BTreeSet<String> = ballast_api_gateway::page_routes().into_iter().map(|route| route.action).collect();
    let known: BTreeSet<String> = rows().map(|(action, _)| action.to_owned()).collect();
    assert_eq!(served, known);
}

/// Services with tokens, an agent, and a load balancer of alice's; its id and the agent's.
async fn world() -> (Services, String, String) {
    let services = Services::with_tokens(keep_secrets).await;
    let agent = farsighted(&services.channel, "h1").await;
    let subnet = shared_subnet(&services).await;
    let id = load_balancer(&services, "alice", &subnet, "shop").await;
    (services, id, agent)
}

/// A shared network's.
async fn shared_subnet(services: &Services) -> String {
    let network = json!({ "network": { "name": "net", "shared": true, "tenant_id": "ops" } });
    let network = services.call_as("admin", "POST", "/v2.0/networks", Some(network)).await.id();
    let subnet = json!({ "subnet": { "network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24" } });
    services.call_as("admin", "POST", "/v2.0/subnets", Some(subnet)).await.id()
}

async fn load_balancer(services: &Services, token: &str, subnet: &str, name: &str) -> String {
    let body = json!({ "loadbalancer": { "name": name, "vip_subnet_id": subnet, "listeners": [{
        "name": "front", "protocol": "HTTP", "protocol_port": 80, "default_pool": { "name": "web" },
        "l7policies": [{ "name": "no", "action": "REJECT", "rules": [
            { "type": "PATH", "compare_type": "STARTS_WITH", "value": "/no" }
        ] }]
    }], "pools": [{ "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        "healthmonitor": { "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2 },
        "members": [{ "address": "10.0.0.9", "protocol_port": 80 }]
    }] } });
    let made = services.call_as(token, "POST", "/v2.0/lbaas/loadbalancers", Some(body)).await;
    assert_eq!(made.status, 201, "{made}");
    made.id()
}

/// The page, once it is so.
async fn until(browser: &Browser, path: &str, is_so: impl Fn(&Answer) -> bool) -> Answer {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = browser.get(path).await;
        if is_so(&answer) {
            return answer;
        }
        assert!(tokio::time::Instant::now() < end, "{path} did not become so: {answer:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The ids of alice's listener, pool, monitor, policy and rule.
async fn parts(services: &Services) -> [String; 5] {
    let first = async |path: &str| {
        let found = services.call_as("alice", "GET", path, None).await;
        let all = found.body.as_object().unwrap().values().find_map(serde_json::Value::as_array).unwrap();
        all[0]["id"].as_str().unwrap().to_owned()
    };
    let policy = first("/v2.0/lbaas/l7policies").await;
    let rule = first(&format!("/v2.0/lbaas/l7policies/{policy}/rules")).await;
    let all = ["listeners", "pools", "healthmonitors"].map(|kind| format!("/v2.0/lbaas/{kind}"));
    [first(&all[0]).await, first(&all[1]).await, first(&all[2]).await, policy, rule]
}

/// The part that a form is of, by the words of its path.
fn part<'a>(path: &str, [listener, pool, monitor, policy, _]: &'a [String; 5]) -> &'a str {
    match path.split('/').nth(4) {
        Some("history") => "1",
        Some("listeners") => listener,
        Some("monitors") => monitor,
        Some("policies") => policy,
        _ => pool,
    }
}

#[tokio::test]
async fn every_page_answers_every_role_as_the_policy_says() {
    let (services, id, agent) = world().await;
    let parts = parts(&services).await;
    let certificate = certificates::used(&services, "alice", &id, &Pem::of("www.example")).await;
    let routes = ballast_api_gateway::page_routes();
    let mut wrong = Vec::new();
    for (at, caller) in CALLERS.into_iter().enumerate() {
        let mut browser = Browser::new(&services);
        if !caller.is_empty() {
            browser.log_in(caller).await;
        }
        for (action, cells) in rows() {
            // Who has logged out is nobody.
            if action == "ui_logout" {
                continue;
            }
            let route = routes.iter().find(|route| route.action == action).unwrap();
            let of = match action {
                "ui_agent" => &agent,
                _ if route.path.starts_with("/ui/certificates/") => &certificate,
                _ => &id,
            };
            let path = route
                .path
                .replace("{part}", part(route.path, &parts))
                .replace("{rule}", &parts[4])
                .replace("{id}", of)
                .replace("{status}", "ERROR")
                .replace("{file}", "x");
            let path = if action == "ui_form_change_members" { format!("{path}?act=drain") } else { path };
            let path = match action {
                "ui_secret" => format!("{path}?project=a&reference={}/v1/containers/{certificate}", services.url),
                _ => path,
            };
            // The ordinary answer of this stream would not end.
            let path = if action == "ui_live" { format!("{path}?view=/ui/nosuch") } else { path };
            let answer = match route.method {
                "GET" => browser.get(&path).await,
                _ => browser.post(&path, "only=a&token=nosuch&act=drain").await,
            };
            if answer.status != cells[at] {
                wrong.push(format!("{} {path} by {caller:?}: {}, not {}", route.method, answer.status, cells[at]));
            }
            if answer.status == 200 && action != "ui_login_form" && !path.contains("/live") {
                assert!(answer.body.contains("</html>") && answer.body.matches("<h1").count() == 1, "{path}");
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_what_pages_do_not_do() {
    let (services, id, _) = world().await;
    let mut browser = Browser::new(&services);
    let mut paths = vec!["/ui".to_owned(), "/ui/login".to_owned(), "/ui/".to_owned(), "/ui/nosuch".to_owned()];
    browser.log_in("alice").await;
    paths.extend(["/ui/".to_owned(), format!("/ui/load-balancers/{id}"), "/ui/%ff".to_owned()]);
    for path in paths {
        let answer = browser.get(&path).await;
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "trusted-types ballast"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        // No script, style or handler stands in a page.
        for inline in ["<style", " style=", "javascript:", " onclick=", "<script>"] {
            assert!(!answer.body.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn what_pages_load_is_kept_for_good_under_a_name_with_its_hash() {
    let services = Services::start().await;
    let browser = Browser::new(&services);
    let page = browser.get("/ui/").await.body;
    let names: Vec<&str> = page.split('"').filter(|part| part.starts_with("/ui/static/")).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        let file = browser.get(name).await;
        assert_eq!((file.status, file.header("cache-control")), (200, "public, max-age=31536000, immutable"));
        let again = browser.with("if-none-match", file.header("etag")).get(name).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""));
    }
}

#[tokio::test]
async fn a_session_is_a_cookie_that_no_script_reads_and_that_says_no_token() {
    let (services, id, _) = world().await;
    let mut browser = Browser::new(&services);
    let asked = browser.get(&format!("/ui/load-balancers/{id}?x=1")).await;
    let login = asked.header("location").to_owned();
    assert_eq!(login, format!("/ui/login?back=%2Fui%2Fload-balancers%2F{id}%3Fx%3D1"));
    let form = browser.get(&login).await;
    assert!(form.body.contains("autocomplete=\"current-password\""));
    let refused = browser.post("/ui/login", "token=nosuch").await;
    assert_eq!(refused.status, 401);
    assert!(!refused.body.contains("nosuch") && refused.cookies().is_empty(), "{}", refused.body);

    let answer = browser.post("/ui/login", &format!("token=alice&back=/ui/load-balancers/{id}")).await;
    assert_eq!((answer.status, answer.header("location")), (303, format!("/ui/load-balancers/{id}").as_str()));
    let cookie = answer.cookies().remove(0);
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(cookie.starts_with("ballast=") && !cookie.contains("alice") && !cookie.contains("Domain"), "{cookie}");
    let page = browser.get("/ui/").await;
    assert!(page.body.contains(">alice<") && page.body.contains("project: <bdi>a</bdi>"), "{}", page.body);

    // A cookie is never good for REST, and a token never for a page.
    assert_eq!(browser.get("/v2.0/lbaas/loadbalancers").await.status, 401);
    assert_eq!(Browser::new(&services).with("x-auth-token", "alice").get("/ui/").await.status, 303);
    // One that was changed is none.
    let mut forged = Browser::new(&services);
    forged.cookie = browser.cookie.replacen('=', "=A", 1);
    assert_eq!(forged.get("/ui/").await.status, 303);

    let out = browser.post("/ui/logout", "").await;
    assert!(out.status == 303 && out.cookies()[0].contains("Max-Age=0"), "{:?}", out.cookies());
    assert_eq!(browser.get("/ui/").await.status, 303);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_a_name_that_is_not_ours_too() {
    let (services, ..) = world().await;
    let mut browser = Browser::new(&services);
    browser.log_in("admin").await;
    for header in [("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:1"), ("origin", "null")] {
        let answer = browser.bare().with(header.0, header.1).post("/ui/project", "only=a").await;
        assert_eq!(answer.status, 403, "{header:?}");
        assert!(answer.cookies().is_empty());
    }
    assert_eq!(browser.bare().post("/ui/project", "only=a").await.status, 403, "nobody says whose page it is");
    let link = browser.bare().with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "navigate");
    assert_eq!(link.get("/ui/").await.status, 200);
    assert_eq!(browser.bare().with("sec-fetch-site", "cross-site").get("/ui/live").await.status, 403);

    let open = Services::start().await;
    assert_eq!(Browser::new(&open).get("/ui/").await.status, 200);
    assert_eq!(Browser::new(&open).called("evil.example").get("/ui/").await.status, 400);
}

#[tokio::test]
async fn who_fails_too_often_waits() {
    let services = Services::with_tokens(|_| {}).await;
    let mut browser = Browser::new(&services);
    for _ in 0..5 {
        assert_eq!(browser.post("/ui/login", "token=nosuch").await.status, 401);
    }
    assert_eq!(browser.post("/ui/login", "token=alice").await.status, 429);
}

#[tokio::test]
async fn an_admin_looks_at_all_projects_or_at_one() {
    let (services, id, _) = world().await;
    let mut browser = Browser::new(&services);
    browser.log_in("admin").await;
    let all = browser.get("/ui/load-balancers").await.body;
    assert!(all.contains(&id) && all.contains("all projects"));
    assert!(browser.get("/ui/projects").await.body.contains("value=\"a\""));
    browser.post("/ui/project", "only=b").await;
    let one = browser.get("/ui/load-balancers").await.body;
    assert!(!one.contains(&id) && one.contains("project: <bdi>b</bdi>"), "{one}");
    browser.post("/ui/project", "only=a").await;
    assert!(browser.get("/ui/load-balancers").await.body.contains(&id));
}

#[tokio::test]
async fn lists_filter_sort_and_go_by_pages_and_say_so_in_their_address() {
    let services = Services::start().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    for number in 0..53 {
        let body = json!({ "loadbalancer": { "name": format!("lb-{number:02}"), "vip_subnet_id": subnet } });
        services.create("/v2.0/lbaas/loadbalancers", body).await;
    }
    let browser = Browser::new(&services);
    let names = |page: &str| -> Vec<String> {
        let starts = page.match_indices("<bdi>lb-").map(|(at, _)| page[at + 5..at + 10].to_owned());
        starts.collect()
    };
    let next = |page: &str, rel: &str| -> Option<String> {
        let link = page.split("<a ").find(|link| link.contains(&format!("rel=\"{rel}\"")))?;
        let path = link.split("href=\"").nth(1)?.split('"').next()?;
        Some(path.replace("&#38;", "&").replace("&amp;", "&"))
    };
    let first = browser.get("/ui/load-balancers?sort=name").await.body;
    assert_eq!((names(&first).len(), names(&first)[0].as_str()), (50, "lb-00"));
    assert_eq!(next(&first, "prev"), None);
    let second = browser.get(&next(&first, "next").unwrap()).await.body;
    assert_eq!(names(&second), ["lb-50", "lb-51", "lb-52"]);
    let back = browser.get(&next(&second, "prev").unwrap()).await.body;
    assert_eq!(names(&back), names(&first));
    let reversed = browser.get("/ui/load-balancers?sort=-name").await.body;
    assert_eq!(names(&reversed)[0], "lb-52");
    assert!(reversed.contains("aria-sort=\"descending\""));
    assert_eq!(names(&browser.get("/ui/load-balancers?q=LB-4").await.body).len(), 10);
    assert_eq!(names(&browser.get("/ui/load-balancers?q=lb-4&status=ERROR").await.body), [""; 0]);
    assert_eq!(browser.get("/ui/load-balancers?status=nosuch").await.status, 400);
    assert_eq!(browser.get("/ui/load-balancers?after=nosuch").await.status, 400);
}

#[tokio::test]
async fn without_a_scheduler_a_page_says_so_and_tries_again() {
    let mut services = Services::start().await;
    assert_eq!(Browser::new(&services).get("/ui/").await.status, 200);
    services.kill();
    let answer = until(&Browser::new(&services), "/ui/", |answer| answer.status == 503).await;
    assert_eq!(answer.header("refresh"), "5");
    assert!(answer.body.contains("The scheduler does not answer.") && answer.body.contains("Request <code>req-"));
    services.stop();
}

#[tokio::test]
async fn without_a_dashboard_there_is_none() {
    let services = Services::with(|settings| settings.gateway.dashboard = false).await;
    let browser = Browser::new(&services).with("accept", "text/html,application/json");
    assert_eq!(browser.get("/ui/").await.status, 404);
    assert_eq!(browser.get("/").await.status, 200);
    let services = Services::start().await;
    let browser = Browser::new(&services);
    let door = browser.with("accept", "text/html,*/*").get("/").await;
    assert_eq!((door.status, door.header("location")), (303, "/ui/"));
    assert!(browser.with("accept", "application/json").get("/").await.body.contains("versions"));
}

#[tokio::test]
async fn gateways_with_the_same_key_take_each_others_sessions_and_others_do_not() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), [9; 64]).unwrap();
    let with = |path: std::path::PathBuf| {
        move |settings: &mut ballast_service::config::Settings| {
            assert_eq!(settings.auth.mode, AuthMode::TokenFile);
            settings.gateway.cookie_key_file = path;
        }
    };
    let first = Services::with_tokens(with(key.path().to_owned())).await;
    let second = Services::with_tokens(with(key.path().to_owned())).await;
    let third = Services::with_tokens(|_| {}).await;
    let mut browser = Browser::new(&first);
    browser.log_in("alice").await;
    for (services, status) in [(&first, 200), (&second, 200), (&third, 303)] {
        let mut other = Browser::new(services);
        other.cookie.clone_from(&browser.cookie);
        assert_eq!(other.get("/ui/").await.status, status);
    }
}

/// What an agent reports of a member, and what changed, stand on the pages.
#[tokio::test]
async fn a_load_balancers_pages_have_its_parts_and_what_happened() {
    let services = Services::start().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "shop").await;
    let browser = Browser::new(&services);
    until(&browser, &format!("/ui/load-balancers/{id}/events"), |answer| answer.body.contains("deployed")).await;
    for (tab, texts) in [
        ("", &["10.0.0.9:80", "Pool <bdi>web</bdi>", "Checked by <bdi>HTTP GET / -&#62; 200", "<bdi>h1</bdi>"][..]),
        ("/listeners", &["port 80 HTTP", "reject", "PATH STARTS_WITH /no", "<bdi>web</bdi>"]),
        ("/monitors", &["every 5 s", "<bdi>web</bdi>"]),
        ("/traffic", &["Listener", "front", "10.0.0.9:80"]),
        ("/events", &["POST /v2.0/lbaas/loadbalancers", "deployed, generation 1", "agent h1", "a user, req-"]),
    ] {
        let page = browser.get(&format!("/ui/load-balancers/{id}{tab}")).await;
        assert_eq!(page.status, 200, "{tab}");
        for text in texts {
            assert!(page.body.contains(text), "{tab}: {text} is not in\n{}", page.body);
        }
    }
    let events = browser.get("/ui/events?kind=member").await.body;
    assert!(events.contains("10.0.0.9:80") && !events.contains("<td>listener</td>"), "{events}");
    let overview = browser.get("/ui/?view=table").await.body;
    assert!(overview.contains(&format!("branch-{id}")) && overview.contains("10.0.0.9:80"), "{overview}");
    assert!(browser.get("/ui/networks").await.body.contains("10.0.0.0/24"));
    assert!(browser.get("/ui/agents").await.body.contains("<bdi>h1</bdi>"));
    let schedulers = browser.get("/ui/schedulers").await.body;
    assert!(schedulers.contains("<td>leads</td>") && schedulers.contains(env!("CARGO_PKG_VERSION")), "{schedulers}");
    assert!(schedulers.contains("What Dead agents have moves to others."), "{schedulers}");
}
