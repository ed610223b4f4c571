//! What is to be typed for the same as a form does: typed into a shell, it does the same, whatever a tenant has called things.

use std::{path::Path, process::Command};

use ballast_lab::require_tool;
use ballast_tests::programs;
use serde_json::Value;

use super::{browser::Browser, forms::form, kept::plain, load_balancer, parts, world};
use crate::services::Services;

/// What a person who copies them would not like.
const HOSTILE: [&str; 2] = [
    "it's $(touch pwned) \"$HOME\" `touch pwned` \\ & ; | > pwned # {{ }}",
    "- a\nEND\ntouch pwned\n\u{3}\u{1b}[A\u{202e}drow\u{9b}",
];

/// What stands below this heading beside a form.
fn beside(page: &str, way: &str) -> String {
    let after = page.split(&format!("<h3>{way}</h3>")).nth(1).unwrap_or_else(|| panic!("no {way} in {page}"));
    let text = after.split("<pre tabindex=\"0\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap();
    plain(text)
}

/// Types it, in a folder of its own; what it says.
async fn typed(services: &Services, folder: &Path, text: &str) -> String {
    // Nothing of it is done by the line editor or the terminal.
    let hidden = |one: char| (one.is_control() && one != '\n') || ('\u{202a}'..='\u{202e}').contains(&one);
    assert!(!text.chars().any(hidden), "{text:?}");
    let programs = programs::built("ballast");
    let path = format!("{}:/usr/bin:/bin", programs.parent().unwrap().display());
    let mut command = Command::new("sh");
    command.arg("-c").arg(text).current_dir(folder).env_clear().env("PATH", path).env("HOME", folder);
    command.env("BALLAST_URL", &services.url).env("BALLAST_TOKEN", "alice");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (said, why) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success() && !said.contains("\"faultstring\""), "{text}: {said} {why}");
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name == "pwned"), "{text}: {left:?}");
    said
}

async fn all(services: &Services, path: &str) -> Vec<Value> {
    let found = services.call_as("alice", "GET", path, None).await;
    found.body.as_object().unwrap().values().find_map(Value::as_array).cloned().unwrap()
}

/// Forms that make something: below which path, with what fields beside a name, where that is then, and what must be so.
type New<'a> = (String, Vec<(&'a str, &'a str)>, String, &'a [(&'a str, &'a str)]);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_makes_what_the_form_would_make() {
    let test = "what_is_typed_makes_what_the_form_would_make";
    if !require_tool("curl", test) {
        return;
    }
    let (services, lb, _) = world().await;
    let [listener, pool, ..] = parts(&services).await;
    let subnet = services.call_as("alice", "GET", "/v2.0/subnets", None).await;
    let subnet = subnet.body["subnets"][0]["id"].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::new(&services);
    browser.log_in("alice").await;
    let one = format!("/ui/load-balancers/{lb}");
    for (at, (name, way)) in
        HOSTILE.into_iter().flat_map(|name| ["curl", "ballast", "yaml"].map(|way| (name, way))).enumerate()
    {
        let (port, name) = ((8000 + at).to_string(), format!("{name} {way}"));
        let members = "10.0.0.31:80\n10.0.0.32:80 5";
        let forms: [New<'_>; 4] = [
            (
                "/ui/new".to_owned(),
                vec![
                    ("subnet_id", &subnet),
                    ("protocol", "HTTP"),
                    ("protocol_port", "80"),
                    ("members", members),
                    ("monitor_type", "HTTP"),
                    ("delay", "5"),
                    ("timeout", "3"),
                    ("max_retries", "2"),
                    ("lb_algorithm", "SOURCE_IP"),
                    ("tags", "a, it's"),
                    ("description", &name),
                ],
                "/v2.0/lbaas/loadbalancers".to_owned(),
                &[("description", "")],
            ),
            (
                format!("{one}/listeners/new"),
                vec![
                    ("protocol", "HTTP"),
                    ("protocol_port", &port),
                    ("default_pool_id", &pool),
                    ("connection_limit", "-1"),
                    ("allowed_cidrs", "10.0.0.0/8"),
                    ("admin_state_up", "down"),
                    ("tags", "-x"),
                ],
                "/v2.0/lbaas/listeners".to_owned(),
                &[("default_pool_id", &pool)],
            ),
            (
                format!("{one}/pools/new"),
                vec![
                    ("protocol", "HTTP"),
                    ("lb_algorithm", "SOURCE_IP"),
                    ("members", members),
                    ("persistence", "APP_COOKIE"),
                    ("cookie_name", "sid"),
                    ("monitor_type", "TCP"),
                    ("delay", "5"),
                    ("timeout", "3"),
                    ("max_retries", "2"),
                ],
                "/v2.0/lbaas/pools".to_owned(),
                &[("lb_algorithm", "SOURCE_IP")],
            ),
            (
                format!("{one}/listeners/{listener}/policies/new"),
                vec![
                    ("action", "REDIRECT_TO_URL"),
                    ("redirect_url", "https://x.example/$HOME?a=b&c=%20"),
                    ("rules", "PATH STARTS_WITH /it's\nHEADER X-Y not CONTAINS $(x)"),
                ],
                "/v2.0/lbaas/l7policies".to_owned(),
                &[("redirect_url", "https://x.example/$HOME?a=b&c=%20")],
            ),
        ];
        for (path, fields, of, must) in forms {
            let fields: Vec<_> = fields.into_iter().chain([("name", name.as_str()), ("do", "check")]).collect();
            let page = browser.post(&path, &form(&fields)).await;
            assert_eq!(page.status, 200, "{path}");
            let before = all(&services, &of).await;
            typed(&services, folder.path(), &beside(&page.body, way)).await;
            let after = all(&services, &of).await;
            assert_eq!(after.len(), before.len() + 1, "{path} by {way}");
            let made = after.iter().find(|one| before.iter().all(|other| other["id"] != one["id"])).unwrap();
            assert_eq!(made["name"], name.trim(), "{path} by {way}");
            for (key, value) in must {
                let value = if value.is_empty() { name.trim() } else { value };
                assert_eq!(made[*key], value, "{path} by {way}: {key}");
            }
        }
    }
    let pools = all(&services, "/v2.0/lbaas/pools").await;
    for pool in pools.iter().filter(|pool| pool["lb_algorithm"] == "SOURCE_IP") {
        assert_eq!(pool["members"].as_array().unwrap().len(), 2, "{pool}");
        assert!(pool["healthmonitor_id"].is_string(), "{pool}");
    }
    for policy in all(&services, "/v2.0/lbaas/l7policies").await.iter().filter(|one| one["action"] != "REJECT") {
        assert_eq!(policy["rules"].as_array().unwrap().len(), 2, "{policy}");
    }
    // All of it, as a command that changes nothing of what is there.
    let page = browser.get(&format!("{one}/copy")).await.body;
    let command =
        plain(page.split("<pre tabindex=\"0\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap());
    let said = typed(&services, folder.path(), &command.replacen("ballast apply", "ballast diff", 1)).await;
    assert!(said.contains("0 to change, 0 to add, 0 to remove"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_changes_and_deletes_what_the_form_would() {
    let test = "what_is_typed_changes_and_deletes_what_the_form_would";
    if !require_tool("curl", test) {
        return;
    }
    let (services, lb, _) = world().await;
    let subnet = services.call_as("alice", "GET", "/v2.0/subnets", None).await;
    let subnet = subnet.body["subnets"][0]["id"].as_str().unwrap().to_owned();
    let [listener, pool, monitor, policy, rule] = parts(&services).await;
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::new(&services);
    browser.log_in("alice").await;
    let (one, rest) = (format!("/ui/load-balancers/{lb}"), "/v2.0/lbaas");
    let member = all(&services, &format!("{rest}/pools/{pool}/members")).await[0]["id"].as_str().unwrap().to_owned();
    let rule_at = format!("{rest}/l7policies/{policy}/rules/{rule}");
    let member_at = format!("{rest}/pools/{pool}/members/{member}");
    let members = format!("{one}/pools/{pool}/members/change");
    for (name, ways) in HOSTILE.into_iter().zip([["curl", "ballast", "yaml"], ["yaml", "ballast", "curl"]]) {
        for way in ways {
            let value = format!("{name} {way}");
            let changes = [
                (format!("{one}/edit"), format!("{rest}/loadbalancers/{lb}"), "description"),
                (format!("{one}/listeners/{listener}/edit"), format!("{rest}/listeners/{listener}"), "name"),
                (format!("{one}/pools/{pool}/edit"), format!("{rest}/pools/{pool}"), "description"),
                (format!("{one}/monitors/{monitor}/edit"), format!("{rest}/healthmonitors/{monitor}"), "name"),
                (format!("{one}/policies/{policy}/edit"), format!("{rest}/l7policies/{policy}"), "name"),
            ];
            for (path, object, key) in changes {
                let page = browser.post(&path, &form(&[(key, &value), ("do", "check")])).await.body;
                typed(&services, folder.path(), &beside(&page, way)).await;
                let found = services.call_as("alice", "GET", &object, None).await;
                assert_eq!(found.object()[key], value.trim(), "{path} by {way}");
                let left = all(&services, &format!("{rest}/pools/{pool}/members")).await.len();
                assert_eq!(left, 1, "{path} by {way}: {page}");
            }
        }
    }
    for (way, weight) in [("curl", 7), ("ballast", 8)] {
        let fields = form(&[("act", "weight"), ("member", &member), ("weight", &weight.to_string()), ("do", "check")]);
        let page = browser.post(&members, &fields).await.body;
        assert!(
            page.contains("curl"),
            "{way} {member} {:?}",
            all(&services, &format!("{rest}/pools/{pool}/members")).await
        );
        typed(&services, folder.path(), &beside(&page, way)).await;
        assert_eq!(services.call_as("alice", "GET", &member_at, None).await.object()["weight"], weight, "{way}");
        let page = browser
            .post(
                &format!("{one}/policies/{policy}/rules/{rule}/edit"),
                &form(&[("value", &format!("/it's-{way}")), ("do", "check")]),
            )
            .await
            .body;
        typed(&services, folder.path(), &beside(&page, way)).await;
        let found = services.call_as("alice", "GET", &rule_at, None).await;
        assert_eq!(found.object()["value"], format!("/it's-{way}"));
        let added = form(&[("members", &format!("10.0.0.5{weight}:80\n10.0.0.6{weight}:80 3")), ("do", "check")]);
        let page = browser.post(&format!("{one}/pools/{pool}/members/new"), &added).await.body;
        let before = all(&services, &format!("{rest}/pools/{pool}/members")).await.len();
        typed(&services, folder.path(), &beside(&page, way)).await;
        assert_eq!(all(&services, &format!("{rest}/pools/{pool}/members")).await.len(), before + 2, "{way}");
        // A text that is taken away, and a list.
        let page = browser
            .post(
                &format!("{one}/listeners/{listener}/edit"),
                &form(&[("default_pool_id", ""), ("name", ""), ("do", "check")]),
            )
            .await
            .body;
        typed(&services, folder.path(), &beside(&page, way)).await;
        let found = services.call_as("alice", "GET", &format!("{rest}/listeners/{listener}"), None).await;
        assert_eq!((&found.object()["default_pool_id"], &found.object()["name"]), (&Value::Null, &"".into()), "{way}");
        let back = serde_json::json!({ "listener": { "default_pool_id": pool, "name": "front" } });
        let path = format!("{rest}/listeners/{listener}");
        assert_eq!(services.call_as("alice", "PUT", &path, Some(back)).await.status, 200);
    }
    for way in ["curl", "ballast"] {
        let lb = load_balancer(&services, "alice", &subnet, &format!("gone-{way}")).await;
        let one = format!("/ui/load-balancers/{lb}");
        let first = async |kind: &str| {
            let of = all(&services, &format!("{rest}/{kind}?loadbalancer_id={lb}")).await;
            of[0]["id"].as_str().unwrap().to_owned()
        };
        let (listener, pool) = (first("listeners").await, first("pools").await);
        let found = services.call_as("alice", "GET", &format!("{rest}/pools/{pool}"), None).await;
        let monitor = found.object()["healthmonitor_id"].as_str().unwrap().to_owned();
        let found = services.call_as("alice", "GET", &format!("{rest}/listeners/{listener}"), None).await;
        let policy = found.object()["l7policies"][0]["id"].as_str().unwrap().to_owned();
        for (path, object) in [
            (format!("{one}/policies/{policy}/delete"), format!("{rest}/l7policies/{policy}")),
            (format!("{one}/monitors/{monitor}/delete"), format!("{rest}/healthmonitors/{monitor}")),
            (format!("{one}/listeners/{listener}/delete"), format!("{rest}/listeners/{listener}")),
            (format!("{one}/pools/{pool}/delete"), format!("{rest}/pools/{pool}")),
            (format!("{one}/history/1/rollback"), String::new()),
            (format!("{one}/delete"), format!("{rest}/loadbalancers/{lb}")),
        ] {
            let page = browser.get(&path).await.body;
            assert!(page.contains("does not say this"), "{path}: {page}");
            typed(&services, folder.path(), &beside(&page, way)).await;
            if object.is_empty() {
                let pools = format!("{rest}/pools?loadbalancer_id={lb}");
                assert_eq!(all(&services, &pools).await.len(), 1, "{path} by {way}: it is back");
            } else {
                assert_eq!(services.call_as("alice", "GET", &object, None).await.status, 404, "{path} by {way}");
            }
        }
    }
}
