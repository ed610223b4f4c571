//! What a shell offers, as a shell asks: against a server that plays a gateway, and in a real bash.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "others ask more of it")]
#[path = "played/gateway.rs"]
mod gateway;

use std::{
    net::TcpListener,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use gateway::{Asked, Gateway, clean, stdout};
use serde_json::{Value, json};

fn objects(asked: &Asked) -> (u16, Value) {
    let pool = |id: &str, name: &str| json!({"id": id, "name": name});
    let member = json!({"id": "m-1", "name": "", "address": "10.0.0.11", "protocol_port": 80});
    match asked.path.as_str() {
        "/v2.0/lbaas/pools" => {
            (200, json!({"pools": [pool("p-1", "web"), pool("p-2", "$(reboot)"), pool("p-3", "wiki")]}))
        }
        "/v2.0/lbaas/pools/p-1/members" => (200, json!({"members": [member]})),
        "/v2.0/lbaas/loadbalancers" => (200, json!({"loadbalancers": [pool("l-1", "shop")]})),
        "/v2.0/lbaas/loadbalancers/l-1/status" => {
            (200, json!({"statuses": {"loadbalancer": {"pools": [{"members": [member]}]}}}))
        }
        "/v2.0/agents" => (200, json!({"agents": [{"id": "a-1", "host": "h1"}]})),
        _ => (404, json!({"faultstring": "Nothing is here", "debuginfo": null})),
    }
}

/// The shell's question, for the last of the words.
fn asking(cache: &Path, line: &str) -> Command {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = clean();
    command.env("BALLAST_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    command.env("_CLAP_IFS", "\n").env("XDG_RUNTIME_DIR", cache).arg("--").args(words);
    command
}

fn offered(gateway: &Gateway, line: &str) -> Vec<String> {
    let cache = tempfile::tempdir().unwrap();
    let output = asking(cache.path(), line).env("BALLAST_URL", &gateway.url).output().unwrap();
    assert!(output.stderr.is_empty(), "{line}: {output:?}");
    stdout(&output).lines().map(str::to_owned).collect()
}

#[test]
fn names_are_offered_where_an_object_is_meant() {
    let gateway = Gateway::start(objects);
    for (line, expected) in [
        ("ballast pools show ", &["web", "p-2", "wiki"][..]),
        ("ballast pools show w", &["web", "wiki"]),
        ("ballast pools set we", &["web"]),
        ("ballast listeners create --default-pool wi", &["wiki"]),
        ("ballast members show web ", &["m-1"]),
        ("ballast member drain shop 10", &["10.0.0.11:80"]),
        ("ballast member drain s", &["shop"]),
        ("ballast agents drain ", &["h1"]),
        ("ballast events sh", &["shop"]),
        ("ballast explain NO_ELIGIBLE_A", &["NO_ELIGIBLE_AGENT"]),
        ("ballast failover", &[]),
        ("ballast lb fail", &["failover"]),
        ("ballast lb list --so", &["--sort"]),
        ("ballast --url http://127.0.0.1:1 pools show ", &[]),
    ] {
        // Options that may stand there, too, are not what is looked at.
        let words = |all: &[String]| all.iter().filter(|word| !word.starts_with("--")).cloned().collect::<Vec<_>>();
        let is_option = line.contains("--so");
        let said = offered(&gateway, line);
        assert_eq!(if is_option { said } else { words(&said) }, expected, "{line}");
    }
}

#[test]
fn names_are_asked_for_once_in_two_seconds_and_again_of_another_place() {
    let (gateway, other) = (Gateway::start(objects), Gateway::start(objects));
    let cache = tempfile::tempdir().unwrap();
    let ask =
        |url: &str| stdout(&asking(cache.path(), "ballast pools show w").env("BALLAST_URL", url).output().unwrap());
    let begun = Instant::now();
    assert_eq!(ask(&gateway.url), ask(&gateway.url));
    // On a machine that is busy it may be too long ago already.
    assert!(gateway.asked().len() == 1 || begun.elapsed() > Duration::from_secs(2), "{}", gateway.asked().len());
    ask(&other.url);
    assert_eq!(other.asked().len(), 1);
}

#[test]
fn a_gateway_that_says_nothing_holds_nobody_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let cache = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let output = asking(cache.path(), "ballast pools show ").env("BALLAST_URL", url).output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "it was bounded");
    assert!(begun.elapsed() > Duration::from_millis(900), "it was asked");
    assert_eq!((stdout(&output).lines().filter(|line| !line.starts_with("--")).count(), output.stderr.len()), (0, 0));
}

#[test]
fn bash_offers_them() {
    let gateway = Gateway::start(objects);
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ballast"));
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var_os("PATH").unwrap().to_string_lossy());
    let line = "source <(ballast completion bash); COMP_WORDS=(ballast pools show w); COMP_CWORD=3; \
                complete -p ballast; _clap_complete_ballast ballast w show; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", line]).env("PATH", path).env("XDG_RUNTIME_DIR", folder.path());
    let said = stdout(&bash.env("BALLAST_URL", &gateway.url).output().unwrap());
    assert!(said.ends_with("ballast\nweb\nwiki\n"), "{said}");
}
