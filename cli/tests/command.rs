//! The real command against a small HTTP server that knows a few objects and filters as the gateway does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "played/gateway.rs"]
mod gateway;

use std::{net::TcpListener, process::Command};

use gateway::{Asked, Gateway, ballast, refusal, stdout};
use serde_json::{Value, json};

const ONE: &str = "11111111-1111-4111-8111-111111111111";
const TWO: &str = "22222222-2222-4222-8222-222222222222";
const THREE: &str = "33333333-3333-4333-8333-333333333333";

/// Exact matches, all filters; members know no `name` and, as Neutron did, ignore it.
fn filtered(wrapper: &str, objects: Vec<Value>, pairs: &[(String, String)]) -> (u16, Value) {
    let matches = |object: &Value| {
        pairs.iter().all(|(key, value)| object.get(key).is_none_or(|found| found.as_str() == Some(value)))
    };
    let found: Vec<_> = objects.into_iter().filter(matches).collect();
    (200, json!({ wrapper: found }))
}

fn objects(asked: &Asked) -> (u16, Value) {
    let pairs = &asked.query;
    match asked.path.as_str() {
        "/v2.0/lb/pools" => filtered(
            "pools",
            vec![
                json!({"id": ONE, "name": "web", "provider": "haproxy", "protocol": "HTTP", "lb_method": "ROUND_ROBIN",
                       "members": ["x"], "admin_state_up": true, "status": "ACTIVE"}),
                json!({"id": TWO, "name": "twin", "status": "ERROR"}),
                json!({"id": THREE, "name": "twin", "status": "ACTIVE"}),
                // a name that is another one's id
                json!({"id": "44444444-4444-4444-8444-444444444444", "name": ONE, "status": "ACTIVE"}),
            ],
            pairs,
        ),
        "/v2.0/lb/members" => filtered("members", vec![json!({"id": ONE, "address": "192.0.2.1"})], pairs),
        "/v2.0/lb/vips" => filtered("vips", Vec::new(), pairs),
        "/v2.0/agents" => filtered(
            "agents",
            vec![json!({"id": ONE, "host": "rack 1", "alive": true, "configurations": {"instances": 0, "drivers": [
                {"name": "broken.so", "version": "", "state": "FAILED", "reason": "it is no driver"}]}})],
            pairs,
        ),
        _ => (404, json!({"NeutronError": {"type": "X", "message": "Nothing is\nhere", "detail": ""}})),
    }
}

#[test]
fn a_list_is_an_aligned_table() {
    let gateway = Gateway::start(objects);
    let shown = stdout(&gateway.run(&["v1", "pools", "list"]));
    let asked = gateway.asked();
    assert!(asked[0].method == "GET" && asked[0].body.is_null());
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[0].starts_with("ID ") && lines[0].ends_with("STATUS"));
    let column = lines[0].find("STATUS").unwrap();
    assert!(lines[1..].iter().all(|line| ["ACTIVE", "ERROR"].contains(&&line[column..])), "{shown}");
}

#[test]
fn an_empty_list_says_so_and_is_an_empty_array_in_json() {
    let gateway = Gateway::start(objects);
    assert_eq!(stdout(&gateway.run(&["v1", "vips", "list"])), "No vips.\n");
    assert_eq!(stdout(&gateway.run(&["v1", "vips", "list", "--json"])), "[]\n");
}

#[test]
fn json_is_the_object_as_it_is() {
    let shown = stdout(&Gateway::start(objects).run(&["v1", "pools", "show", "web", "--json"]));
    let object: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((object["id"].as_str(), object["members"][0].as_str()), (Some(ONE), Some("x")));
    assert!(shown.lines().count() > 5, "not pretty: {shown}");
}

#[test]
fn an_id_wins_over_a_name() {
    let gateway = Gateway::start(objects);
    let shown = stdout(&gateway.run(&["v1", "pools", "show", ONE]));
    assert!(shown.contains("web"), "{shown}");
    assert!(stdout(&gateway.run(&["v1", "pools", "show", "web"])).contains(ONE));
}

#[test]
fn a_name_of_two_is_refused_with_their_ids() {
    let text = refusal(&Gateway::start(objects).run(&["v1", "pools", "show", "twin"]));
    assert!(text.contains("2 pools") && text.contains(TWO) && text.contains(THREE), "{text}");
}

#[test]
fn what_is_not_there_is_refused_by_its_noun() {
    let gateway = Gateway::start(objects);
    assert_eq!(
        refusal(&gateway.run(&["v1", "pools", "show", "nosuch"])),
        "ballast: there is no pool with the id or name 'nosuch'\n"
    );
    assert!(
        refusal(&gateway.run(&["v1", "pools", "show", "99999999-9999-4999-8999-999999999999"])).contains("no pool")
    );
}

#[test]
fn the_last_member_is_not_what_an_unknown_name_means() {
    let gateway = Gateway::start(objects);
    assert_eq!(
        refusal(&gateway.run(&["v1", "members", "show", "nosuch"])),
        "ballast: there is no member with the id 'nosuch'\n"
    );
    assert!(stdout(&gateway.run(&["v1", "members", "show", ONE])).contains("192.0.2.1"));
}

#[test]
fn an_agent_is_found_by_its_host_and_shows_why_a_driver_failed() {
    let shown = stdout(&Gateway::start(objects).run(&["agents", "show", "rack 1"]));
    assert!(shown.contains("broken.so           FAILED            it is no driver"), "{shown}");
}

#[test]
fn the_gateways_own_words_are_passed_on_in_one_line() {
    assert_eq!(refusal(&Gateway::start(objects).run(&["v1", "monitors", "list"])), "ballast: Nothing is here\n");
}

#[test]
fn token_and_project_travel_as_headers() {
    let gateway = Gateway::start(objects);
    stdout(&gateway.run(&["v1", "vips", "list", "--token", "hunter2", "--project", "p1"]));
    let asked: String = gateway.asked().iter().map(|asked| asked.head.to_lowercase()).collect();
    assert!(asked.contains("x-auth-token: hunter2\r\n") && asked.contains("x-project-id: p1\r\n"), "{asked}");
}

#[test]
fn a_token_of_the_environment_is_not_in_the_help() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ballast"));
    let output = command.args(["--help"]).env("BALLAST_TOKEN", "hunter2").output().unwrap();
    let text = stdout(&output);
    assert!(text.contains("BALLAST_TOKEN") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_redirect_is_not_followed() {
    let gateway = Gateway::start(|_| (302, json!({})));
    assert!(refusal(&gateway.run(&["v1", "pools", "list", "--token", "t"])).contains("302"));
    assert_eq!(gateway.asked().len(), 1);
}

#[test]
fn a_server_that_is_no_gateway_is_named() {
    let gateway = Gateway::start(|_| (200, json!({"hello": "world"})));
    let text = refusal(&gateway.run(&["v1", "pools", "list"]));
    assert!(text.contains(&gateway.url) && text.contains("BALLAST_URL"), "{text}");
}

#[test]
fn a_gateway_that_does_not_answer_is_named_with_what_to_do() {
    // bound and let go: nobody listens there
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let text = refusal(&ballast(&["--url", &url, "v1", "pools", "list"]));
    assert!(text.contains(&format!("no answer from {url} (")) && text.contains("start it"), "{text}");
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    for arguments in [
        &["v1", "pools"][..],
        &["v1", "pools", "drop"],
        &["routers", "list"],
        &["v1", "pools", "show"],
        &["v1", "pools", "show", ""],
        &["v1", "pools", "list", "--nosuch"],
        &[],
    ] {
        assert_eq!(ballast(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_ca_and_certificates_are_made_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("pki");
    let pki = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ballast"));
        command.arg("pki").args(line.split_whitespace()).env("BALLAST_PKI", &dir).output().unwrap()
    };
    let none = pki("issue gateway");
    assert!(String::from_utf8_lossy(&none.stderr).contains("ballast pki init"), "{none:?}");
    assert!(pki(&format!("init {}", dir.display())).status.success());
    assert!(pki("issue agent --host host-1").status.success());
    assert!(pki("issue scheduler --dns scheduler.example --ip 10.0.0.1").status.success());
    for (name, mode) in [("ca.key", 0o600), ("ca.pem", 0o644), ("agent-host-1.key", 0o600), ("scheduler.pem", 0o644)] {
        let found = std::fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found & !mode, 0, "{name}: {found:o}");
    }
    let before = std::fs::read(dir.join("ca.key")).unwrap();
    assert_eq!(pki(&format!("init {}", dir.display())).status.code(), Some(1));
    assert_eq!(pki("issue agent --host host-1").status.code(), Some(1));
    assert_eq!(std::fs::read(dir.join("ca.key")).unwrap(), before);
    assert_eq!(pki("issue agent").status.code(), Some(2));
    assert_eq!(pki("issue agent --host ../x").status.code(), Some(2));
}
