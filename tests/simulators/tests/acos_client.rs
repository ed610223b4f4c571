//! The simulator against the vendor's own client, `acos-client`: it is content with every answer, and what it sends is
//! what it sent when the recording was made.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use ballast_lab::not_run;
use ballast_simulators::{Entry, Options, Simulator, a10::A10};
use serde_json::{Value, json};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The Python that has the client: of `make deps`, or the one that `BALLAST_ACOS_PYTHON` names.
fn python() -> Option<PathBuf> {
    let named = env::var_os("BALLAST_ACOS_PYTHON").map(PathBuf::from);
    named.or(Some(workspace().join(".venv-acos/bin/python"))).filter(|path| path.exists())
}

/// As the recording has it: without the password.
fn recorded(entry: &Entry) -> Value {
    let mut body = entry.body.clone().unwrap_or_default();
    if let Some(credentials) = body.get_mut("credentials") {
        credentials["password"] = json!("***");
    }
    json!({"method": entry.method, "path": entry.path, "body": body})
}

#[test]
fn the_vendors_client_lives_a_load_balancers_life_and_sends_what_was_recorded() {
    let Some(python) = python() else {
        let test = "the_vendors_client_lives_a_load_balancers_life_and_sends_what_was_recorded";
        return not_run(test, "acos-client is not installed: run `make deps`, or set BALLAST_ACOS_PYTHON");
    };
    let simulator = Simulator::start(A10::default(), Options::default()).unwrap();
    let address = simulator.address();
    let life = Command::new(python)
        .arg(workspace().join("tests/clients/acos_lifecycle.py"))
        .args([address.ip().to_string(), address.port().to_string()])
        .output()
        .unwrap();
    assert!(life.status.success(), "{}", String::from_utf8_lossy(&life.stderr));
    let sent: Vec<Value> = simulator.journal.all().iter().map(recorded).collect();
    let recording = fs::read_to_string(workspace().join("tests/fixtures/a10_acos_client_lifecycle.jsonl")).unwrap();
    let recording: Vec<Value> = recording.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (position, (sent, recorded)) in sent.iter().zip(&recording).enumerate() {
        assert_eq!(sent, recorded, "request {}", position + 1);
    }
    assert_eq!(sent.len(), recording.len());
    let device = simulator.device();
    assert_eq!(device.objects(ballast_simulators::a10::SHARED), [""; 0]);
    assert!(device.is_saved() && ballast_simulators::Device::sessions(&*device) == 0);
}
