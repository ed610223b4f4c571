//! Forms without a browser: what they make, what they refuse and where that stands, and who may send them.

use serde_json::{Value, json};

use super::{
    browser::{Answer, Browser},
    load_balancer, world,
};
use crate::{
    played::{able, farsighted},
    services::Services,
};

/// Fields as a browser sends them.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

/// What a page's hidden or filled field has.
pub(super) fn field(page: &str, name: &str) -> String {
    let tag = page.split("<input").find(|tag| tag.contains(&format!("name=\"{name}\""))).unwrap_or_default();
    tag.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

/// What stands below the field of this name: its hint, and what is wrong with it.
pub(super) fn below<'a>(page: &'a str, name: &str) -> &'a str {
    let after = page.split(&format!("id=\"h-{name}\"")).nth(1).unwrap_or_default();
    after.split("</div>").next().unwrap_or_default()
}

pub(super) async fn list(services: &Services, path: &str) -> Vec<Value> {
    let found = services.call_as("", "GET", path, None).await;
    let lists = found.body.as_object().unwrap().values().find_map(Value::as_array);
    lists.cloned().unwrap()
}

const SHOP: [(&str, &str); 14] = [
    ("name", "shop"),
    ("address", ""),
    ("protocol", "HTTP"),
    ("protocol_port", "80"),
    ("members", "10.0.0.11:80\r\n10.0.0.12:8080 5"),
    ("monitor_type", "HTTP"),
    ("url_path", "/health"),
    ("expected_codes", "200-299"),
    ("delay", "5"),
    ("timeout", "3"),
    ("max_retries", "2"),
    ("max_retries_down", "3"),
    ("lb_algorithm", "LEAST_CONNECTIONS"),
    ("persistence", "SOURCE_IP"),
];

/// The form for a new one, with some fields else.
pub(super) fn shop(subnet: &str, other: &[(&str, &str)]) -> String {
    let own = SHOP.iter().filter(|(name, _)| other.iter().all(|(changed, _)| changed != name));
    let all: Vec<(&str, &str)> = own.copied().chain([("subnet_id", subnet)]).chain(other.iter().copied()).collect();
    form(&all)
}

pub(super) fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").to_owned()
}

#[tokio::test]
async fn a_form_makes_a_whole_load_balancer_once_however_often_it_is_sent() {
    let services = Services::start().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let mut browser = Browser::new(&services);
    let page = browser.get("/ui/new").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("10.0.0.0/24</option>") && page.body.contains("method=\"post\""), "{}", page.body);
    let request_id = field(&page.body, "request_id");
    assert_eq!(request_id.len(), 32);

    // It is said what would come before it is made, and nothing is made by that.
    let ids = [("request_id", request_id.as_str()), ("do", "check")];
    let checked = browser.post("/ui/new", &shop(&subnet, &ids)).await;
    assert_eq!(checked.status, 200);
    for text in ["10.0.0.2", "<bdi>h1</bdi>", "place it on an agent", "value=\"shop\"", "10.0.0.12:8080 5"] {
        assert!(checked.body.contains(text), "{text} is not in {}", checked.body);
    }
    assert_eq!(list(&services, "/v2.0/lbaas/loadbalancers").await.len(), 0);

    let ids = [("request_id", request_id.as_str()), ("do", "make")];
    let made = location(&browser.post("/ui/new", &shop(&subnet, &ids)).await);
    assert_eq!(location(&browser.post("/ui/new", &shop(&subnet, &ids)).await), made, "a double click");
    let all = list(&services, "/v2.0/lbaas/loadbalancers").await;
    assert_eq!((all.len(), all[0]["name"].as_str()), (1, Some("shop")));
    assert_eq!(made, format!("/ui/load-balancers/{}", all[0]["id"].as_str().unwrap()));
    let pool = &list(&services, "/v2.0/lbaas/pools").await[0];
    assert_eq!(pool["lb_algorithm"], "LEAST_CONNECTIONS");
    assert_eq!(pool["session_persistence"]["type"], "SOURCE_IP");
    let members = list(&services, &format!("/v2.0/lbaas/pools/{}/members", pool["id"].as_str().unwrap())).await;
    let shown: Vec<_> = members.iter().map(|one| (&one["address"], &one["protocol_port"], &one["weight"])).collect();
    assert_eq!(json!(shown), json!([["10.0.0.11", 80, 1], ["10.0.0.12", 8080, 5]]));
    let monitor = &list(&services, "/v2.0/lbaas/healthmonitors").await[0];
    assert_eq!((&monitor["url_path"], &monitor["expected_codes"]), (&json!("/health"), &json!("200-299")));
    let listener = &list(&services, "/v2.0/lbaas/listeners").await[0];
    assert_eq!((&listener["protocol_port"], &listener["default_pool_id"]), (&json!(80), &pool["id"]));

    // Another one with the same form is asked for again, and said to be so.
    let others = [("request_id", request_id.as_str()), ("do", "make"), ("name", "other")];
    let used = browser.post("/ui/new", &shop(&subnet, &others)).await;
    assert_eq!(used.status, 422);
    assert!(used.body.contains("is made already") && field(&used.body, "request_id") != request_id, "{}", used.body);

    // A copy begins with what is there.
    let id = made.rsplit('/').next().unwrap();
    let copy = browser.get(&format!("/ui/new?from={id}")).await.body;
    assert_eq!((field(&copy, "name").as_str(), field(&copy, "url_path").as_str()), ("shop-copy", "/health"));
    assert!(copy.contains("10.0.0.12:8080 5") && copy.contains("<option value=\"LEAST_CONNECTIONS\" selected>"));
}

#[tokio::test]
async fn all_but_the_address_can_be_left_out() {
    let services = Services::start().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let mut browser = Browser::new(&services);
    let bare = [("subnet_id", subnet.as_str()), ("protocol", "HTTP"), ("protocol_port", ""), ("do", "make")];
    location(&browser.post("/ui/new", &form(&bare)).await);
    assert_eq!(list(&services, "/v2.0/lbaas/loadbalancers").await.len(), 1);
    assert_eq!(list(&services, "/v2.0/lbaas/listeners").await.len(), 0);
    assert_eq!(list(&services, "/v2.0/lbaas/pools").await.len(), 0);
}

#[tokio::test]
async fn what_is_refused_stands_at_its_field_and_what_was_written_stays() {
    let services = Services::with(|settings| settings.quotas.pool = 1).await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let mut browser = Browser::new(&services);
    let wrong = [
        ("address", "10.9.9.9", "address", "cannot have the address 10.9.9.9"),
        ("address", "nonsense", "address", "nonsense"),
        ("protocol_port", "x", "protocol_port", "no whole number"),
        ("protocol_port", "70000", "protocol_port", "protocol_port is refused"),
        ("members", "10.0.0.11:80\nnonsense", "members", "line 2: &#34;nonsense&#34;"),
        ("members", "10.0.0.11:80 900", "members", "weight is refused"),
        ("delay", "-1", "delay", "delay is refused"),
        ("max_retries", "99", "max_retries", "max_retries is refused"),
        ("expected_codes", "x", "expected_codes", "expected_codes is refused"),
        ("provider", "nosuch", "provider", "nosuch"),
        ("subnet_id", "6a6f4de5-4d2f-4c5a-9d0b-4c7c7d6b8f10", "subnet_id", "not among what can be chosen"),
        ("protocol", "GOPHER", "protocol", "&#34;GOPHER&#34; is not among"),
    ];
    let mut failed = Vec::new();
    for (name, value, at, text) in wrong {
        let mut fields = vec![(name, value), ("do", "make")];
        fields.extend((name != "subnet_id").then_some(("subnet_id", subnet.as_str())));
        let own = SHOP.iter().filter(|(own, _)| *own != name).copied();
        let answer = browser.post("/ui/new", &form(&own.chain(fields).collect::<Vec<_>>())).await;
        let said = below(&answer.body, at);
        // Focus is there, and there alone, and what was written is there still.
        let tag = answer.body.split('<').find(|tag| tag.contains("autofocus")).unwrap_or_default();
        let is_pointed = tag.contains(&format!("f-{at}")) && tag.contains("aria-invalid");
        let is_kept = answer.body.contains("value=\"/health\"") && answer.body.matches("autofocus").count() == 1;
        let is_said = answer.status == 422 && said.contains("class=\"bad\"") && said.contains(text);
        if !(is_said && is_pointed && is_kept) {
            failed.push(format!("{name}={value}: {} {is_pointed} {is_kept} {said}", answer.status));
        }
    }
    assert_eq!(failed, [""; 0]);
    assert_eq!(list(&services, "/v2.0/lbaas/loadbalancers").await.len(), 0);
    // What is of no field stands above all of them.
    location(&browser.post("/ui/new", &shop(&subnet, &[("do", "make")])).await);
    let full = browser.post("/ui/new", &shop(&subnet, &[("do", "make"), ("name", "second")])).await;
    assert_eq!(full.status, 422);
    assert!(full.body.contains("role=\"alert\"") && full.body.to_lowercase().contains("quota"), "{}", full.body);
    // A check is an answer, whatever it says.
    let checked = browser.post("/ui/new", &shop(&subnet, &[("do", "check"), ("name", "second")])).await;
    assert_eq!(checked.status, 200);
    assert!(checked.body.contains("It is refused as it is"));
}

/// A load balancer of everybody's, with its parts' ids: itself, its listener, its pool, its monitor, its first member.
pub(super) async fn shop_with_parts(services: &Services) -> [String; 5] {
    farsighted(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let id = load_balancer(services, "", &subnet, "shop").await;
    let first = |all: Vec<Value>| all[0]["id"].as_str().unwrap().to_owned();
    let listener = first(list(services, "/v2.0/lbaas/listeners").await);
    let pool = first(list(services, "/v2.0/lbaas/pools").await);
    let monitor = first(list(services, "/v2.0/lbaas/healthmonitors").await);
    let member = first(list(services, &format!("/v2.0/lbaas/pools/{pool}/members")).await);
    [id, listener, pool, monitor, member]
}

/// What differs stands there, and what the agent's driver would do.
fn is_foretold(page: &str, path: &str) {
    let parts = ["<h3>Changes</h3>", "→", "explain/runtime", "explain/kept", "tell it while it runs", ">global"];
    for part in parts {
        assert!(page.contains(part), "{path}: {part} is not in {page}");
    }
}

/// A form that was shown before a change knows nothing of it, and says so.
async fn is_refused_late(browser: &mut Browser, path: &str, etag: &str) {
    let late = browser.post(path, &form(&[("etag", etag), ("name", "late"), ("do", "make")])).await;
    assert_eq!(late.status, 422, "{path}");
    assert!(late.body.contains("It was changed since"), "{path}: {}", late.body);
    let now = field(&late.body, "etag");
    assert_ne!(now, etag, "{path}");
    location(&browser.post(path, &form(&[("etag", &now), ("name", "late"), ("do", "make")])).await);
}

#[tokio::test]
async fn a_change_says_what_differs_and_writes_nothing_else() {
    let services = Services::start().await;
    let [id, listener, pool, monitor, _] = shop_with_parts(&services).await;
    let mut browser = Browser::new(&services);
    let one = format!("/ui/load-balancers/{id}");
    let idle = browser.get(&format!("{one}/edit")).await.body;
    assert!(idle.contains("Nothing changes.") && field(&idle, "name") == "shop", "{idle}");
    let changes = [
        (format!("{one}/edit"), "description", "for all", format!("/v2.0/lbaas/loadbalancers/{id}"), "description"),
        (
            format!("{one}/listeners/{listener}/edit"),
            "connection_limit",
            "7",
            format!("/v2.0/lbaas/listeners/{listener}"),
            "connection_limit",
        ),
        (
            format!("{one}/pools/{pool}/edit"),
            "lb_algorithm",
            "SOURCE_IP",
            format!("/v2.0/lbaas/pools/{pool}"),
            "lb_algorithm",
        ),
        (
            format!("{one}/monitors/{monitor}/edit"),
            "delay",
            "9",
            format!("/v2.0/lbaas/healthmonitors/{monitor}"),
            "delay",
        ),
    ];
    for (path, name, value, object, key) in changes {
        let etag = field(&browser.get(&path).await.body, "etag");
        assert!(!etag.is_empty(), "{path}");
        let send = |wish: &str| form(&[("etag", &etag), (name, value), ("do", wish)]);
        let checked = browser.post(&path, &send("check")).await;
        assert_eq!(checked.status, 200, "{path}: {}", checked.body);
        is_foretold(&checked.body, &path);
        let before = services.call_as("", "GET", &object, None).await.body;
        let made = browser.post(&path, &send("make")).await;
        assert!(location(&made).starts_with(&one), "{path}");
        let after = services.call_as("", "GET", &object, None).await.body;
        let (before, after) = (before.as_object().unwrap(), after.as_object().unwrap());
        let (before, after) = (before.values().next().unwrap(), after.values().next().unwrap());
        let differ: Vec<&str> = before
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .filter(|own| before[*own] != after[*own] && !own.ends_with("_at") && !own.ends_with("_status"))
            .collect();
        assert_eq!(differ, [key], "{path}");
        assert_eq!(after[key].to_string().trim_matches('"'), value, "{path}");
        is_refused_late(&mut browser, &path, &etag).await;
    }
    assert!(browser.get(&format!("{one}/config")).await.body.contains(">global"));
    // Another one's part is not found under this one.
    assert_eq!(browser.get(&format!("{one}/pools/{id}/edit")).await.status, 404);
    assert_eq!(browser.get(&format!("{one}/listeners/nosuch/edit")).await.status, 404);
}

#[tokio::test]
async fn members_are_added_many_at_once_and_those_that_are_ticked_are_changed() {
    let services = Services::start().await;
    let [id, _, pool, _, first] = shop_with_parts(&services).await;
    let mut browser = Browser::new(&services);
    let one = format!("/ui/load-balancers/{id}");
    let (add, change) = (format!("{one}/pools/{pool}/members/new"), format!("{one}/pools/{pool}/members/change"));
    let at = format!("/v2.0/lbaas/pools/{pool}/members");
    let pasted = "10.0.0.21:80\n10.0.0.22:80 5\n10.0.0.9:80";
    for _ in 0..2 {
        let added = browser.post(&add, &form(&[("members", pasted), ("do", "make")])).await;
        assert_eq!(location(&added), one, "twice is once");
    }
    let members = list(&services, &at).await;
    assert_eq!(members.len(), 3);
    let refused = browser.post(&add, &form(&[("members", "10.0.0.22:80 6\nnonsense"), ("do", "make")])).await;
    assert!(refused.status == 422 && below(&refused.body, "members").contains("line 2"), "{}", refused.body);
    let refused = browser.post(&add, &form(&[("members", "10.0.0.22:80 6"), ("do", "make")])).await;
    assert!(below(&refused.body, "members").contains("is a member already, with the weight 5"), "{}", refused.body);

    let page = browser.get(&one).await.body;
    assert!(page.contains(&format!("name=\"member\" value=\"{first}\"")) && page.contains("value=\"drain\""), "{page}");
    let second = members.iter().find(|one| one["address"] == "10.0.0.22").unwrap()["id"].as_str().unwrap();
    let both = [("member", first.as_str()), ("member", second)];
    let asked = browser.get(&format!("{change}?act=drain&member={first}&member={second}")).await;
    assert_eq!(asked.status, 200);
    for text in ["10.0.0.9:80", "10.0.0.22:80", "no new clients", "id=\"plan\""] {
        assert!(asked.body.contains(text), "{text} is not in {}", asked.body);
    }
    let with = |act: &'static str, more: &[(&str, &str)]| {
        let fields: Vec<(&str, &str)> =
            both.into_iter().chain([("act", act), ("do", "make")]).chain(more.iter().copied()).collect();
        form(&fields)
    };
    let of = |key: &'static str, members: &[Value]| -> Vec<Value> {
        [first.as_str(), second]
            .iter()
            .map(|id| members.iter().find(|one| one["id"] == **id).unwrap()[key].clone())
            .collect()
    };
    for (act, more, key, value) in [
        ("drain", &[][..], "weight", json!(0)),
        ("weight", &[("weight", "7")], "weight", json!(7)),
        ("disable", &[], "admin_state_up", json!(false)),
        ("enable", &[], "admin_state_up", json!(true)),
    ] {
        assert_eq!(location(&browser.post(&change, &with(act, more)).await), one, "{act}");
        let members = list(&services, &at).await;
        assert_eq!(of(key, &members), [value.clone(), value], "{act}");
        assert_eq!(members.iter().find(|one| one["address"] == "10.0.0.21").unwrap()["weight"], 1, "{act}");
    }
    let refused = browser.post(&change, &with("weight", &[("weight", "257")])).await;
    assert!(refused.status == 422 && below(&refused.body, "weight").contains("weight is refused"), "{}", refused.body);
    let plan = browser.get(&format!("{change}?act=remove&member={first}&member={second}")).await.body;
    assert!(plan.contains("drain them first") && !plan.contains("refused"), "{plan}");
    location(&browser.post(&change, &with("remove", &[])).await);
    assert_eq!(list(&services, &at).await.len(), 1);
    let nothing = browser.get(&format!("{change}?act=drain")).await.body;
    assert!(nothing.contains("No member is ticked"), "{nothing}");
    assert_eq!(browser.get(&format!("{change}?act=explode")).await.status, 400);
}

#[tokio::test]
async fn a_delete_says_what_goes_along_and_takes_it() {
    let services = Services::start().await;
    let [id, ..] = shop_with_parts(&services).await;
    let mut browser = Browser::new(&services);
    let path = format!("/ui/load-balancers/{id}/delete");
    let page = browser.get(&path).await.body;
    for text in [
        "Delete shop",
        "1 listener",
        "1 L7 policy",
        "1 pool",
        "1 member",
        "1 health monitor",
        "No connection is open",
        "take it away from its agent",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert_eq!(browser.post(&path, "do=check").await.status, 200);
    assert_eq!(list(&services, "/v2.0/lbaas/loadbalancers").await.len(), 1);
    assert_eq!(location(&browser.post(&path, "do=make").await), "/ui/load-balancers");
    assert_eq!(list(&services, "/v2.0/lbaas/loadbalancers").await.len(), 0);
    assert_eq!(browser.post(&path, "do=make").await.status, 404);
}

#[tokio::test]
async fn who_only_reads_sees_no_button_and_sends_no_form() {
    let (services, id, _) = world().await;
    let mut browser = Browser::new(&services);
    browser.log_in("rita").await;
    for path in ["/ui/".to_owned(), "/ui/load-balancers".to_owned(), format!("/ui/load-balancers/{id}")] {
        let page = browser.get(&path).await.body;
        assert!(page.contains("read only: role reader"), "{page}");
        for part in ["/ui/new", "/edit", "/delete", "checkbox\" name=\"member", "/members/"] {
            assert!(!page.contains(part), "{path}: {part}");
        }
    }
    let forged = browser.post(&format!("/ui/load-balancers/{id}/delete"), "do=make").await;
    assert!(forged.status == 403 && forged.body.contains("Your role reads"), "{forged:?}");
    let found = services.call_as("alice", "GET", &format!("/v2.0/lbaas/loadbalancers/{id}"), None).await;
    assert_eq!(found.status, 200);
    // A form of another site's page is none, whoever it is of.
    browser.log_in("alice").await;
    let other = browser.bare().with("sec-fetch-site", "cross-site").with("origin", "http://127.0.0.1:1");
    assert_eq!(other.clone().post(&format!("/ui/load-balancers/{id}/delete"), "do=make").await.status, 403);
    assert_eq!(services.call_as("alice", "GET", &format!("/v2.0/lbaas/loadbalancers/{id}"), None).await.status, 200);
}

#[tokio::test]
async fn what_was_written_is_kept_while_nobody_is_there_to_take_it() {
    let mut services = Services::start().await;
    let subnet = services.subnet().await;
    let mut browser = Browser::new(&services);
    services.kill();
    let end = tokio::time::Instant::now() + crate::services::PATIENCE;
    let answer = loop {
        let answer = browser.post("/ui/new", &shop(&subnet, &[("do", "check"), ("name", "kept & safe")])).await;
        if answer.status == 503 || tokio::time::Instant::now() > end {
            break answer;
        }
    };
    assert_eq!((answer.status, answer.header("refresh")), (503, ""));
    assert!(
        answer.body.contains("value=\"kept &#38; safe\"") && answer.body.contains("Send it again"),
        "{}",
        answer.body
    );
    services.stop();
}

#[tokio::test]
async fn a_load_balancer_goes_back_to_what_it_was_by_its_history() {
    let services = Services::start().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "shop").await;
    let path = format!("/v2.0/lbaas/loadbalancers/{id}");
    services.call("PUT", &path, Some(json!({ "loadbalancer": { "description": "<b>sale" } }))).await;
    let mut browser = Browser::new(&services);
    let history = format!("/ui/load-balancers/{id}/history");
    let page = browser.get(&history).await;
    for text in ["description none -&#62; &#60;b&#62;sale", "<bdi>made</bdi>", &format!("{history}/1/rollback")] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains(&format!("{history}/2/rollback")), "it is what it is: {}", page.body);

    let rollback = format!("{history}/1/rollback");
    let asked = browser.get(&rollback).await;
    assert!(asked.body.contains("description none -&#62;"), "what would be undone: {}", asked.body);
    let description = async || services.call("GET", &path, None).await.object()["description"].clone();
    assert_eq!(description().await, "<b>sale");
    let done = browser.post(&rollback, &form(&[("do", "make")])).await;
    assert_eq!((location(&done), description().await), (history.clone(), json!("")));

    let nowhere = browser.post(&format!("{history}/99/rollback"), &form(&[("do", "make")])).await;
    assert_eq!(nowhere.status, 422);
    assert!(nowhere.body.contains("cannot be what it was at generation 99"), "{}", nowhere.body);
    assert_eq!(browser.get(&format!("{history}/x/rollback")).await.status, 404);
}
