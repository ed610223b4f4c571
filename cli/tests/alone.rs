//! The verbs that stand alone and forms of output, against a server that plays a gateway.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "played/gateway.rs"]
mod gateway;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use gateway::{Asked, Gateway, ballast, refusal, refusal_with, stdout};
use serde_json::{Value, json};

const LB: &str = "11111111-1111-4111-8111-111111111111";

fn load_balancer(provisioning: &str, operating: &str) -> Value {
    json!({"id": LB, "name": "web", "vip_address": "10.0.0.100", "provider": "haproxy", "project_id": "demo",
        "tags": ["a"], "provisioning_status": provisioning, "operating_status": operating, "admin_state_up": true})
}

/// One load balancer that is so, and an agent that lives.
fn site(provisioning: &'static str, operating: &'static str) -> Gateway {
    Gateway::start(move |asked: &Asked| {
        let health = json!({"id": LB, "members": [{"operating_status": "ERROR", "address": "10.0.0.11",
            "protocol_port": 80, "last_check": {"result": "L4CON", "code": null, "text": "Connection refused"}}]});
        let overview = json!({"load_balancers": 1, "provisioning_status": {provisioning: 1},
            "operating_status": {operating: 1}, "members": {"ERROR": 1}, "oldest": [],
            "time": "2026-12-01T00:00:00Z", "cursor": "c.1",
            "agents": [{"id": "9", "host": "h1", "liveness": "alive", "load_balancers": 1}]});
        match asked.path.as_str() {
            "/ballast/v1/overview" => (200, json!({ "overview": overview })),
            "/v2.0/agents" => (200, json!({"agents": [{"host": "h1", "configurations": {"drivers": []}}]})),
            "/v2.0/lbaas/loadbalancers" => (200, json!({"loadbalancers": [load_balancer(provisioning, operating)]})),
            path if path.ends_with("/failover") => (202, Value::Null),
            path if path.ends_with("/health") => (200, json!({ "health": health })),
            path if path.ends_with(LB) => (200, json!({"loadbalancer": load_balancer(provisioning, operating)})),
            _ => (404, json!({"faultcode": "Client", "faultstring": "Nothing is here", "debuginfo": null})),
        }
    })
}

fn run(gateway: &Gateway, line: &str) -> Output {
    gateway.run(&line.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn every_status_is_what_its_table_says() {
    let well = site("ACTIVE", "ONLINE");
    let ill = site("ACTIVE", "ERROR");
    let error = site("ERROR", "OFFLINE");
    let late = site("PENDING_UPDATE", "ONLINE");
    let set = "lb set web --name x";
    for (gateway, line, status) in [
        (&well, "status", 0),
        (&well, "lb list", 0),
        (&well, "explain error", 0),
        (&well, "version", 0),
        (&well, "lb set web --name x --wait", 0),
        (&well, "lb show nosuch", 1),
        (&well, "quotas show p", 1),
        (&well, "explain nosuch", 1),
        (&well, "context use nosuch", 1),
        (&well, "--context nosuch lb list", 1),
        (&well, "apply -f /nonexistent", 1),
        (&well, "lb", 2),
        (&well, "lb list --filter nosuch=1", 2),
        (&well, "lb list -o xml", 2),
        (&well, "lb list -o json --json", 2),
        (&well, "lb set web", 2),
        (&well, "member drain web nonsense", 2),
        (&well, "lb list --cacert /nonexistent", 2),
        (&well, "watch routers", 2),
        (&ill, "status", 3),
        (&error, "status", 3),
        (&error, &format!("{set} --wait"), 3),
        (&late, &format!("{set} --wait=1s"), 4),
        (&late, &format!("{set} --wait --wait-seconds 1"), 4),
    ] {
        let output = run(gateway, line);
        assert_eq!(output.status.code(), Some(status), "{line}: {output:?}");
        if ![0, 3].contains(&status) {
            assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{line}: {output:?}");
        }
    }
    let help = String::from_utf8(ballast(&["--help"]).stdout).unwrap();
    assert!(help.contains("\n    3  not as wished"), "{help}");
}

#[test]
fn ctrl_c_ends_a_wait_with_130_and_says_that_the_server_goes_on() {
    let late = site("PENDING_UPDATE", "ONLINE");
    for line in ["lb set web --name x --wait", "lb failover web --wait"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ballast"));
        command.args(["--url", &late.url]).args(line.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let before = late.asked().len();
        let child = command.spawn().unwrap();
        // It waits once it has asked how far it is for the second time.
        let deadline = Instant::now() + Duration::from_secs(30);
        let looks =
            || late.asked()[before..].iter().filter(|one| one.path.ends_with(LB) && one.method == "GET").count();
        while looks() < 2 {
            assert!(Instant::now() < deadline, "{line}: it does not wait");
            std::thread::yield_now();
        }
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(130), 0), "{line}: {said}");
        assert_eq!(said, "ballast: interrupted: what was asked for goes on\n", "no spinner, as this is no terminal");
    }
}

#[test]
fn what_needs_attention_is_named_with_its_reason_and_what_to_do() {
    let ill = site("ACTIVE", "ERROR");
    let output = run(&ill, "status");
    let shown = String::from_utf8(output.stdout).unwrap();
    for part in
        ["Needs attention (1):", "not serving", "1 of 1 members fail: 10.0.0.11:80 L4CON Connection refused", "1 alive"]
    {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    assert!(shown.contains(&format!("ballast lb health {LB}")), "{shown}");
    let json: Value = serde_json::from_slice(&run(&ill, "status -o json").stdout).unwrap();
    assert_eq!((&json["attention"][0]["id"], &json["overview"]["cursor"]), (&json!(LB), &json!("c.1")));
    let well = stdout(&run(&site("ACTIVE", "ONLINE"), "status"));
    assert!(well.ends_with("\nNothing needs attention.\n"), "{well}");
}

#[test]
fn a_list_has_each_form() {
    let gateway = site("ACTIVE", "ONLINE");
    let yaml = stdout(&run(&gateway, "lb list -o yaml"));
    assert!(yaml.contains("name: web") && !yaml.contains('{'), "{yaml}");
    assert_eq!(stdout(&run(&gateway, "lb list -o name")), "web\n");
    assert_eq!(stdout(&run(&gateway, "lb list -o jsonpath=[*].vip_address")), "10.0.0.100\n");
    assert_eq!(stdout(&run(&gateway, "lb list -o json")), stdout(&run(&gateway, "lb list --json")));
    let (narrow, wide) = (stdout(&run(&gateway, "lb list")), stdout(&run(&gateway, "lb list -o wide")));
    assert!(wide.starts_with(narrow.lines().next().unwrap()) && wide.contains("PROJECT"), "{wide}");
    assert_eq!(stdout(&run(&gateway, "lb list --filter name!=web")), "No load balancers.\n");
    // A terminal is none here; and it is asked for.
    assert!(!narrow.contains('\u{1b}'));
    let painted = stdout(&run(&gateway, "lb list --color always"));
    assert!(painted.contains("\u{1b}[32mACTIVE\u{1b}[0m"), "{painted}");
    assert!(!stdout(&run(&gateway, "lb list -o json --color always")).contains('\u{1b}'));
}

/// A gateway whose stream ends after each event, and that goes on behind the id it is told.
fn streaming() -> Gateway {
    let times = AtomicUsize::new(0);
    Gateway::start(move |asked: &Asked| {
        if asked.path == "/v2.0/lbaas/loadbalancers" {
            let status = if times.fetch_add(1, Ordering::Relaxed) == 0 { "PENDING_CREATE" } else { "ACTIVE" };
            return (200, json!({"loadbalancers": [load_balancer(status, "ONLINE")]}));
        }
        let head = asked.head.to_lowercase();
        let last = head
            .lines()
            .find_map(|line| line.strip_prefix("last-event-id: c."))
            .map_or(0, |id| id.trim().parse().unwrap());
        let user = format!("u{}", last + 1);
        let cause = json!({"time": "2026-12-01T03:05:20.5Z", "origin": "user", "user": user, "action": "PUT /x"});
        let object = load_balancer("ACTIVE", "ONLINE");
        let change = json!({"kind": "loadbalancer", "id": LB, "deleted": false, "object": object, "causes": [cause]});
        let begin = if last == 0 { "event: begin\ndata: {\"cursor\":\"\"}\n\n" } else { "" };
        (200, format!("retry: 1000\n{begin}:\n\nid: c.{}\nevent: change\ndata: {change}\n\n", last + 1).into())
    })
}

#[test]
fn a_stream_that_ends_goes_on_behind_the_last_id() {
    let gateway = streaming();
    let shown = stdout(&run(&gateway, "events --count 3"));
    let users: Vec<&str> = shown.lines().skip(1).filter_map(|line| line.split_whitespace().nth(3)).collect();
    assert_eq!(users, ["u1", "u2", "u3"], "{shown}");
    let asked = gateway.asked();
    assert!(asked[0].query.is_empty() && asked.len() == 3, "{}", asked.len());
    let json = stdout(&run(&gateway, "watch lb members --count 2 -o json"));
    let cursors: Vec<Value> =
        json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["cursor"].clone()).collect();
    assert_eq!(cursors, ["c.1", "c.2"]);
    let query = &gateway.asked()[3].query;
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(*query, [pair("kind", "loadbalancer"), pair("kind", "member"), pair("snapshot", "true")]);
    run(&gateway, "events --since c.5 --count 1");
    assert!(gateway.asked()[5].head.to_lowercase().contains("last-event-id: c.5\r\n"));
    run(&gateway, "events --since 2026-12-01T04:05:20+01:00 --count 1");
    assert_eq!(gateway.asked()[6].query, [pair("since", "2026-12-01T03%3A05%3A20Z")]);
    assert!(!gateway.asked()[6].head.to_lowercase().contains("last-event-id"));
}

#[test]
fn a_list_goes_on_with_what_changes_until_its_reader_has_enough() {
    let gateway = streaming();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ballast"));
    command.args(["--url", &gateway.url, "lb", "list", "-w"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen: Vec<String> = lines.by_ref().take(3).map(Result::unwrap).collect();
    assert!(seen[0].starts_with("ID "), "{seen:?}");
    assert!(seen[1].contains("PENDING_CREATE") && seen[2].contains("ACTIVE"), "{seen:?}");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_stream_that_is_refused_is_a_failure_and_not_tried_again() {
    let gateway = Gateway::start(|_: &Asked| (400, json!({"faultstring": "kind is bad", "debuginfo": null})));
    let said = refusal_after_title(&run(&gateway, "events"));
    assert!(said.contains("kind is bad (HTTP 400)"), "{said}");
    assert_eq!(gateway.asked().len(), 1);
    let foreign = Gateway::start(|_: &Asked| (200, json!({"hello": "world"})));
    let said = refusal_after_title(&run(&foreign, "watch"));
    assert!(said.contains("does not answer as a part of Ballast"), "{said}");
}

/// The refusal of a command that has printed titles.
fn refusal_after_title(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn words_are_explained_without_a_gateway() {
    let nowhere = ["--url", "http://127.0.0.1:1", "explain"];
    let shown = stdout(&ballast(&[&nowhere[..], &["no-eligible-agent"]].concat()));
    assert!(shown.starts_with("NO_ELIGIBLE_AGENT: error\n") && shown.contains("  do         "), "{shown}");
    let both = stdout(&ballast(&[&nowhere[..], &["ERROR", "-o", "json"]].concat()));
    let both: Value = serde_json::from_str(&both).unwrap();
    assert_eq!((&both[0]["kind"], &both[1]["kind"]), (&json!("provisioning_status"), &json!("operating_status")));
    let all = stdout(&ballast(&nowhere));
    assert!(all.lines().count() > 100 && all.contains("pools.lb_algorithm"), "{all}");
    let unknown = refusal(&ballast(&[&nowhere[..], &["PENDING"]].concat()));
    assert!(unknown.contains("is it PENDING_CREATE"), "{unknown}");
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&ballast(&["completion", shell]));
        assert!(script.contains("BALLAST_COMPLETE"), "{shell}: {script}");
    }
    let folder = tempfile::tempdir().unwrap();
    stdout(&ballast(&["man", "--out", folder.path().to_str().unwrap()]));
    let page = fs::read_to_string(folder.path().join("ballast-load-balancers-create.1")).unwrap();
    assert!(page.contains("ballast\\-load\\-balancers\\-create") && page.contains("\\-\\-subnet"), "{page}");
    assert!(fs::read_dir(folder.path()).unwrap().count() > 60);
}

#[test]
fn a_dry_run_asks_for_the_plan_and_writes_nothing() {
    let gateway = Gateway::start(|asked: &Asked| {
        let member = json!({"id": "4", "address": "10.0.0.11", "protocol_port": 80, "weight": 1});
        match (asked.method.as_str(), asked.path.rsplit('/').next().unwrap_or_default()) {
            ("GET", "agents") => {
                let agent = json!({"id": "9", "host": "h1", "configurations": {"instances": 3}});
                return (200, json!({"agents": [agent]}));
            }
            ("GET", "pools") => return (200, json!({"pools": [{"id": "p1"}, {"id": "p2"}]})),
            ("GET", "members") => return (200, json!({"members": [member]})),
            ("GET", LB) => return (200, json!({"loadbalancer": load_balancer("ACTIVE", "ONLINE")})),
            ("GET", _) => return (200, json!({"loadbalancers": [load_balancer("ACTIVE", "ONLINE")]})),
            _ => {}
        }
        let plan = json!({"effect": "reload", "connections": "drained", "steps": ["a new haproxy takes over"],
            "faults": [], "agent": {"id": "9", "host": "h1"}, "reason": null, "configuration": null});
        (200, json!({"loadbalancer": {}, "plan": plan}))
    });
    for line in ["lb set web --name x --dry-run", "lb create --name x --dry-run", "lb delete web --cascade --dry-run"] {
        let shown = stdout(&run(&gateway, line));
        assert!(shown.starts_with("effect       reload\nconnections  drained\nagent        h1\n"), "{shown}");
    }
    let both = stdout(&run(&gateway, "member drain web 10.0.0.11:80 --dry-run"));
    assert_eq!(both.matches("effect       reload\n").count(), 2, "{both}");
    let moved = stdout(&run(&gateway, "lb failover web --dry-run"));
    assert!(moved.starts_with("effect       move\nconnections  not known\nagent        h1\n"), "{moved}");
    for (line, would) in [
        (
            "agents drain h1 --dry-run",
            "h1 would be given no new load balancers, and those that it has would move; it has 3",
        ),
        ("agents enable h1 --dry-run", "h1 would be given new load balancers; it has 3"),
        ("agents forget h1 --dry-run", "h1 would be forgotten; it has 3"),
    ] {
        assert_eq!(stdout(&run(&gateway, line)), format!("{would} load balancers.\n"));
    }
    let writes: Vec<_> = gateway.asked().into_iter().filter(|asked| asked.method != "GET").collect();
    assert_eq!(writes.len(), 6);
    assert!(writes[..2].iter().all(|asked| asked.body == json!({"loadbalancer": {"name": "x"}})));
    assert!(writes.iter().all(|asked| asked.query.contains(&("validate_only".to_owned(), "true".to_owned()))));
}

#[test]
fn wrong_words_in_a_file_name_their_place() {
    let gateway = site("ACTIVE", "ONLINE");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lb.yaml");
    fs::write(&file, "name: [").unwrap();
    let said = refusal(&run(&gateway, &format!("diff -f {}", file.display())));
    assert!(said.contains("lb.yaml: this is no YAML"), "{said}");
    let said = refusal_with(2, &run(&gateway, "member enable web 10.0.0.1"));
    assert!(said.contains("write ADDRESS:PORT"), "{said}");
}
