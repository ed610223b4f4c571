//! Contexts and `login`, against servers that play gateways.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "played/gateway.rs"]
mod gateway;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Output, Stdio},
};

use gateway::{Asked, Gateway, clean, refusal, stdout};
use serde_json::json;

/// One without load balancers.
fn site() -> Gateway {
    Gateway::start(|asked: &Asked| {
        assert!(asked.method == "GET" && asked.query.is_empty() && asked.body.is_null());
        (200, json!({"loadbalancers": []}))
    })
}

/// The command with a file of contexts.
fn with_contexts(path: &Path, environment: &[(&str, &str)], line: &str) -> Output {
    let mut command = clean();
    command.env("BALLAST_CONTEXTS", path).envs(environment.iter().copied());
    command.args(line.split_whitespace()).output().unwrap()
}

#[test]
fn a_context_says_who_is_asked_and_its_token_goes_nowhere_else() {
    let (one, other) = (site(), site());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let context = |line: &str| with_contexts(&path, &[], line);
    stdout(&with_contexts(
        &path,
        &[("BALLAST_TOKEN", "hunter2")],
        &format!("--url {} context set one --project p1", one.url),
    ));
    stdout(&context(&format!("--url {} context set other", other.url)));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = stdout(&context("context list"));
    assert!(shown.contains("*  one") && shown.contains("yes") && !shown.contains("hunter2"), "{shown}");
    assert!(!stdout(&context("context show -o json")).contains("hunter2"));

    let heads = |gateway: &Gateway| gateway.asked().iter().map(|asked| asked.head.to_lowercase()).collect::<String>();
    stdout(&context("lb list"));
    assert!(heads(&one).contains("x-auth-token: hunter2") && heads(&one).contains("x-project-id: p1"));
    // Another address, another context, the environment.
    stdout(&context(&format!("--url {} lb list", other.url)));
    stdout(&context("--context other lb list"));
    stdout(&with_contexts(&path, &[("BALLAST_URL", &other.url)], "lb list"));
    stdout(&context(&format!("--context one --url {} lb list", other.url)));
    assert_eq!(other.asked().len(), 4);
    assert!(!heads(&other).contains("hunter2") && !heads(&other).contains("x-project-id"));
    // What is said goes over what is kept.
    stdout(&context("--token t2 lb list"));
    assert!(heads(&one).contains("x-auth-token: t2"));

    stdout(&context("context use other"));
    stdout(&context("lb list"));
    assert_eq!(other.asked().len(), 5);
    stdout(&context("context delete other"));
    assert!(refusal(&context("context use other")).contains("have: one"));
    assert_eq!(stdout(&site().run(&["lb", "list"])), "No load balancers.\n", "none is needed");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(&context("lb list")).contains("chmod 600"));
    assert_eq!(
        with_contexts(&path, &[("BALLAST_URL", &one.url)], "lb list").status.code(),
        Some(0),
        "it is not needed"
    );
}

#[test]
fn a_token_is_kept_once_it_is_good() {
    let gateway = Gateway::start(|asked: &Asked| {
        let good = asked.head.to_lowercase().contains("x-auth-token: good\r\n");
        if good { (200, json!({"overview": {}})) } else { (401, json!("authentication required")) }
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    assert!(refusal(&with_contexts(&path, &[], "login")).contains("no context is used"));
    stdout(&with_contexts(&path, &[], &format!("--url {} context set lab", gateway.url)));
    let login = |token: &str| {
        let mut command = clean();
        command
            .arg("login")
            .env("BALLAST_CONTEXTS", &path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{token}\n").as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert!(refusal(&login("bad")).contains("asks who calls"));
    assert!(!fs::read_to_string(&path).unwrap().contains("bad"));
    let done = login("good");
    assert_eq!((done.status.code(), done.stdout.len()), (Some(0), 0), "{done:?}");
    assert!(fs::read_to_string(&path).unwrap().contains("token = \"good\""));
    assert!(refusal(&login("")).contains("no token was given"));
}
