//! What is to be typed for the same as a form does: typed into a shell, it does the same, whatever a tenant has called things.

use std::process::Command;

use ballast_lab::require_tool;
use ballast_tests::programs;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{browser::Browser, forms::form, kept::plain, load_balancer, parts, world};
use crate::{certificates::Pem, services::Services};

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

/// A person who copies what stands beside forms, and what there is.
struct Copying {
    services: Services,
    browser: Browser,
    folder: TempDir,
    subnet: String,
    /// A load balancer, and where its pages are.
    lb: String,
    one: String,
    /// Of it.
    parts: [String; 5],
}

const REST: &str = "/v2.0/lbaas";

impl Copying {
    /// None: there is no curl, which was said aloud.
    async fn start(test: &str) -> Option<Self> {
        if !require_tool("curl", test) {
            return None;
        }
        let (services, lb, _) = world().await;
        let subnets = services.call_as("alice", "GET", "/v2.0/subnets", None).await;
        let subnet = subnets.body["subnets"][0]["id"].as_str().unwrap().to_owned();
        let parts = parts(&services).await;
        let mut browser = Browser::new(&services);
        browser.log_in("alice").await;
        let one = format!("/ui/load-balancers/{lb}");
        Some(Self { services, browser, folder: tempfile::tempdir().unwrap(), subnet, lb, one, parts })
    }

    /// Types it; what it says.
    async fn typed(&self, text: &str) -> String {
        // Nothing of it is done by the line editor or the terminal.
        let hidden = |one: char| (one.is_control() && one != '\n') || ('\u{202a}'..='\u{202e}').contains(&one);
        assert!(!text.chars().any(hidden), "{text:?}");
        let programs = programs::built("ballast");
        let path = format!("{}:/usr/bin:/bin", programs.parent().unwrap().display());
        let (folder, mut command) = (self.folder.path(), Command::new("sh"));
        command.arg("-c").arg(text).current_dir(folder).env_clear().env("PATH", path).env("HOME", folder);
        command.env("BALLAST_URL", &self.services.url).env("BALLAST_TOKEN", "alice");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains("\"faultstring\""), "{text}: {said} {why}");
        let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name == "pwned"), "{text}: {left:?}");
        said
    }

    /// Fills in a form, and types what stands beside it.
    async fn instead(&mut self, path: &str, fields: &[(&str, &str)], way: &str) {
        let fields: Vec<_> = fields.iter().copied().chain([("do", "check")]).collect();
        let page = self.browser.post(path, &form(&fields)).await;
        assert_eq!(page.status, 200, "{path}");
        self.typed(&beside(&page.body, way)).await;
    }

    async fn get(&self, path: &str) -> Value {
        self.services.call_as("alice", "GET", &format!("{REST}/{path}"), None).await.object().clone()
    }

    async fn all(&self, path: &str) -> Vec<Value> {
        let found = self.services.call_as("alice", "GET", &format!("{REST}/{path}"), None).await;
        found.body.as_object().unwrap().values().find_map(Value::as_array).cloned().unwrap()
    }
}

const MEMBERS: &str = "10.0.0.31:80\n10.0.0.32:80 5";
const CHECK: [(&str, &str); 3] = [("delay", "5"), ("timeout", "3"), ("max_retries", "2")];
const NEW_LOAD_BALANCER: [(&str, &str); 7] = [
    ("protocol", "HTTP"),
    ("protocol_port", "80"),
    ("members", MEMBERS),
    ("monitor_type", "HTTP"),
    ("lb_algorithm", "SOURCE_IP"),
    ("tags", "a, it's"),
    ("description", "it's $HOME"),
];
const NEW_LISTENER: [(&str, &str); 5] = [
    ("protocol", "HTTP"),
    ("connection_limit", "-1"),
    ("allowed_cidrs", "10.0.0.0/8"),
    ("admin_state_up", "down"),
    ("tags", "-x"),
];
const NEW_POOL: [(&str, &str); 6] = [
    ("protocol", "HTTP"),
    ("lb_algorithm", "SOURCE_IP"),
    ("members", MEMBERS),
    ("persistence", "APP_COOKIE"),
    ("cookie_name", "sid"),
    ("monitor_type", "TCP"),
];
const NEW_POLICY: [(&str, &str); 3] = [
    ("action", "REDIRECT_TO_URL"),
    ("redirect_url", "https://x.example/$HOME?a=b&c=%20"),
    ("rules", "PATH STARTS_WITH /it's\nHEADER X-Y not CONTAINS $(x)"),
];

impl Copying {
    /// One more is there by it, with this name; it.
    async fn makes(&mut self, (path, of): (&str, &str), fields: &[(&str, &str)], (name, way): (&str, &str)) -> Value {
        let before = self.all(of).await;
        let fields: Vec<_> = fields.iter().copied().chain([("name", name)]).collect();
        self.instead(path, &fields, way).await;
        let after = self.all(of).await;
        assert_eq!(after.len(), before.len() + 1, "{path} by {way}");
        let made = after.iter().find(|one| before.iter().all(|other| other["id"] != one["id"])).unwrap();
        assert_eq!(made["name"], name.trim(), "{path} by {way}");
        made.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_makes_what_the_form_would_make() {
    let test = "what_is_typed_makes_what_the_form_would_make";
    let Some(mut copying) = Copying::start(test).await else { return };
    let (one, subnet, [listener, pool, ..]) = (copying.one.clone(), copying.subnet.clone(), copying.parts.clone());
    let ways = ["curl", "ballast", "yaml"];
    for (at, (name, way)) in HOSTILE.into_iter().flat_map(|name| ways.map(|way| (name, way))).enumerate() {
        let (port, name) = ((8000 + at).to_string(), format!("{name} {way}"));
        let by = (name.as_str(), way);
        let whole = [&NEW_LOAD_BALANCER[..], &CHECK, &[("subnet_id", &subnet)]].concat();
        let made = copying.makes(("/ui/new", "loadbalancers"), &whole, by).await;
        assert_eq!(made["description"], "it's $HOME");
        let fields = [&NEW_LISTENER[..], &[("protocol_port", &port), ("default_pool_id", &pool)]].concat();
        let made = copying.makes((&format!("{one}/listeners/new"), "listeners"), &fields, by).await;
        assert_eq!((&made["default_pool_id"], &made["admin_state_up"]), (&json!(pool), &json!(false)));
        assert_eq!(made["tags"], json!(["-x"]));
        let fields = [&NEW_POOL[..], &CHECK].concat();
        let made = copying.makes((&format!("{one}/pools/new"), "pools"), &fields, by).await;
        assert_eq!(made["session_persistence"]["cookie_name"], "sid");
        assert!(made["members"].as_array().unwrap().len() == 2 && made["healthmonitor_id"].is_string(), "{made}");
        let path = format!("{one}/listeners/{listener}/policies/new");
        let made = copying.makes((&path, "l7policies"), &NEW_POLICY, by).await;
        assert_eq!((&made["redirect_url"], made["rules"].as_array().map(Vec::len)), (&NEW_POLICY[1].1.into(), Some(2)));
    }
    // All of it, as a command that changes nothing of what is there.
    let page = copying.browser.get(&format!("{one}/copy")).await.body;
    let command = page.split("<pre tabindex=\"0\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap();
    let said = copying.typed(&plain(command).replacen("ballast apply", "ballast diff", 1)).await;
    assert!(said.contains("0 to change, 0 to add, 0 to remove"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_changes_what_the_form_would() {
    let Some(mut copying) = Copying::start("what_is_typed_changes_what_the_form_would").await else { return };
    let (one, [listener, pool, monitor, policy, _]) = (copying.one.clone(), copying.parts.clone());
    let ways = ["curl", "ballast", "yaml"];
    for (name, way) in HOSTILE.into_iter().flat_map(|name| ways.map(|way| (name, way))) {
        let value = format!("{name} {way}");
        for (form, object, key) in [
            (String::new(), format!("loadbalancers/{}", copying.lb), "description"),
            (format!("/listeners/{listener}"), format!("listeners/{listener}"), "name"),
            (format!("/pools/{pool}"), format!("pools/{pool}"), "description"),
            (format!("/monitors/{monitor}"), format!("healthmonitors/{monitor}"), "name"),
            (format!("/policies/{policy}"), format!("l7policies/{policy}"), "name"),
        ] {
            copying.instead(&format!("{one}{form}/edit"), &[(key, &value)], way).await;
            assert_eq!(copying.get(&object).await[key], value.trim(), "{form} by {way}");
            assert_eq!(copying.all(&format!("pools/{pool}/members")).await.len(), 1, "{form} by {way}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_changes_members_and_rules_and_takes_values_away() {
    let test = "what_is_typed_changes_members_and_rules_and_takes_values_away";
    let Some(mut copying) = Copying::start(test).await else { return };
    let (one, [listener, pool, _, policy, rule]) = (copying.one.clone(), copying.parts.clone());
    let members = format!("pools/{pool}/members");
    let member = copying.all(&members).await[0]["id"].as_str().unwrap().to_owned();
    for (way, weight) in [("curl", "7"), ("ballast", "8")] {
        let fields = [("act", "weight"), ("member", &member), ("weight", weight)];
        copying.instead(&format!("{one}/{members}/change"), &fields, way).await;
        assert_eq!(copying.get(&format!("{members}/{member}")).await["weight"].to_string(), weight, "{way}");
        let value = format!("/it's-{way}");
        copying.instead(&format!("{one}/policies/{policy}/rules/{rule}/edit"), &[("value", &value)], way).await;
        assert_eq!(copying.get(&format!("l7policies/{policy}/rules/{rule}")).await["value"], value);
        let (before, added) =
            (copying.all(&members).await.len(), format!("10.0.0.5{weight}:80\n10.0.0.6{weight}:80 3"));
        copying.instead(&format!("{one}/{members}/new"), &[("members", &added)], way).await;
        assert_eq!(copying.all(&members).await.len(), before + 2, "{way}");
        let nothing = [("default_pool_id", ""), ("name", "")];
        copying.instead(&format!("{one}/listeners/{listener}/edit"), &nothing, way).await;
        let found = copying.get(&format!("listeners/{listener}")).await;
        assert_eq!((&found["default_pool_id"], &found["name"]), (&Value::Null, &json!("")), "{way}");
        let back = json!({ "listener": { "default_pool_id": pool, "name": "front" } });
        let path = format!("{REST}/listeners/{listener}");
        assert_eq!(copying.services.call_as("alice", "PUT", &path, Some(back)).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_deletes_what_the_form_would() {
    let Some(copying) = Copying::start("what_is_typed_deletes_what_the_form_would").await else { return };
    for way in ["curl", "ballast"] {
        let lb = load_balancer(&copying.services, "alice", &copying.subnet, &format!("gone-{way}")).await;
        let one = format!("/ui/load-balancers/{lb}");
        let first = async |kind: &str| {
            let of = copying.all(&format!("{kind}?loadbalancer_id={lb}")).await;
            of[0]["id"].as_str().unwrap().to_owned()
        };
        let (listener, pool) = (first("listeners").await, first("pools").await);
        let monitor = copying.get(&format!("pools/{pool}")).await["healthmonitor_id"].as_str().unwrap().to_owned();
        let policies = copying.get(&format!("listeners/{listener}")).await["l7policies"].clone();
        let policy = policies[0]["id"].as_str().unwrap();
        for (path, object) in [
            (format!("policies/{policy}/delete"), format!("l7policies/{policy}")),
            (format!("monitors/{monitor}/delete"), format!("healthmonitors/{monitor}")),
            (format!("listeners/{listener}/delete"), format!("listeners/{listener}")),
            (format!("pools/{pool}/delete"), format!("pools/{pool}")),
            ("history/1/rollback".to_owned(), String::new()),
            ("delete".to_owned(), format!("loadbalancers/{lb}")),
        ] {
            let page = copying.browser.get(&format!("{one}/{path}")).await.body;
            assert!(page.contains("does not say this"), "{path}: {page}");
            copying.typed(&beside(&page, way)).await;
            if object.is_empty() {
                let pools = format!("pools?loadbalancer_id={lb}");
                assert_eq!(copying.all(&pools).await.len(), 1, "{path} by {way}: it is back");
                continue;
            }
            let gone = copying.services.call_as("alice", "GET", &format!("{REST}/{object}"), None).await;
            assert_eq!(gone.status, 404, "{path} by {way}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_keeps_rotates_and_deletes_certificates() {
    let test = "what_is_typed_keeps_rotates_and_deletes_certificates";
    if !require_tool("jq", test) {
        return;
    }
    let Some(mut copying) = Copying::start(test).await else { return };
    let all = "/ballast/v1/certificates";
    let write = |folder: &TempDir, pem: &Pem| {
        std::fs::write(folder.path().join("chain.pem"), &pem.chain).unwrap();
        std::fs::write(folder.path().join("key.pem"), &pem.key).unwrap();
    };
    for (name, way) in HOSTILE.into_iter().flat_map(|name| ["curl", "ballast"].map(|way| (name, way))) {
        let (first, next) = (Pem::of("first.example"), Pem::of("next.example"));
        write(&copying.folder, &first);
        let own = [("certificate_chain", first.chain.as_str()), ("private_key", &first.key), ("name", name)];
        copying.instead("/ui/certificates/new", &own, way).await;
        let kept = copying.services.call_as("alice", "GET", all, None).await.body["certificates"][0].clone();
        assert_eq!((&kept["name"], &kept["names"][0]), (&json!(name.trim()), &json!("first.example")), "{way}");
        let path = format!("/ui/certificates/{}", kept["id"].as_str().unwrap());
        write(&copying.folder, &next);
        let other = [("certificate_chain", next.chain.as_str()), ("private_key", &next.key)];
        copying.instead(&format!("{path}/rotate"), &other, way).await;
        copying.instead(&format!("{path}/edit"), &[("description", name)], way).await;
        let kept = copying.services.call_as("alice", "GET", all, None).await.body["certificates"][0].clone();
        assert_eq!((&kept["version"], &kept["description"]), (&json!(2), &json!(name.trim())), "{way}");
        let page = copying.browser.get(&format!("{path}/delete")).await.body;
        copying.typed(&beside(&page, way)).await;
        let left = copying.services.call_as("alice", "GET", all, None).await.body["certificates"].clone();
        assert_eq!(left, json!([]), "{way}");
    }
}
