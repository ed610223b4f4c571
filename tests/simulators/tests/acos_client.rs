//! The simulator against the vendor's own client, `acos-client`: it is content with every answer, and what it sends is
//! what it sent when the recording was made.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use ballast_lab::not_run;
use ballast_simulators::{
    Device, Entry, Fault, Kind, Options, Simulator,
    a10::{A10, Release, SHARED},
};
use serde_json::{Value, json};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The Python that has the client: of `make deps`, or the one that `BALLAST_ACOS_PYTHON` names.
fn python() -> Option<PathBuf> {
    let named = env::var_os("BALLAST_ACOS_PYTHON").map(PathBuf::from);
    named.or(Some(workspace().join(".venv-acos/bin/python"))).filter(|path| path.exists())
}

/// Runs a script of the client against the device.
fn play(python: &Path, script: &str, simulator: &Simulator<A10>) {
    let address = simulator.address();
    let played = Command::new(python)
        .arg(workspace().join("tests/clients").join(script))
        .args([address.ip().to_string(), address.port().to_string()])
        .output()
        .unwrap();
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
}

fn recording(name: &str) -> Vec<Value> {
    let recording = fs::read_to_string(workspace().join("tests/fixtures").join(name)).unwrap();
    recording.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn compare(sent: &[Value], recording: &[Value]) {
    for (position, (sent, recorded)) in sent.iter().zip(recording).enumerate() {
        assert_eq!(sent, recorded, "request {}", position + 1);
    }
    assert_eq!(sent.len(), recording.len());
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
    play(&python, "acos_lifecycle.py", &simulator);
    let sent: Vec<Value> = simulator.journal.all().iter().map(recorded).collect();
    compare(&sent, &recording("a10_acos_client_lifecycle.jsonl"));
    let device = simulator.device();
    assert_eq!(device.objects(SHARED), [""; 0]);
    assert!(device.is_saved() && device.sessions() == 0);
}

/// Each form has its file in it, which nobody is shown, and the JSON that says whose it is.
#[test]
fn the_vendors_client_sends_certificates_and_keys_as_forms_and_deletes_them_by_name() {
    let Some(python) = python() else {
        let test = "the_vendors_client_sends_certificates_and_keys_as_forms_and_deletes_them_by_name";
        return not_run(test, "acos-client is not installed: run `make deps`, or set BALLAST_ACOS_PYTHON");
    };
    let simulator = Simulator::start(A10::new(Release::Five), Options::default()).unwrap();
    play(&python, "acos_tls.py", &simulator);
    let writes = simulator.journal.writes();
    let sent: Vec<Value> = writes.iter().map(|entry| json!([entry.path, entry.body])).collect();
    let file = |kind: &str, more: Value| {
        let mut body = json!({"file": "web", "file-handle": "web", "action": "import"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([format!("/axapi/v3/file/{kind}/"), {kind: body}])
    };
    assert_eq!(sent[0], file("ssl-cert", json!({"certificate-type": "pem"})));
    assert_eq!(sent[1], file("ssl-key", json!({})));
    let both = json!({"delete": {"cert-name": "web", "private-key": "web"}});
    assert_eq!(sent.last().unwrap(), &json!(["/axapi/v3/pki/delete", both]));
    assert_eq!(simulator.device().objects(SHARED), [""; 0]);
}

#[test]
fn the_vendors_client_leaves_its_partition_with_its_session_as_was_recorded() {
    let Some(python) = python() else {
        let test = "the_vendors_client_leaves_its_partition_with_its_session_as_was_recorded";
        return not_run(test, "acos-client is not installed: run `make deps`, or set BALLAST_ACOS_PYTHON");
    };
    let simulator = Simulator::start(A10::default(), Options::default()).unwrap();
    simulator.faults.add(Fault::new(Kind::ExpireSession).method("POST").path("*/slb/server/").after(3));
    play(&python, "acos_partition.py", &simulator);
    let sent = simulator.journal.all();
    let with_status = |entry: &Entry| {
        let mut recorded = recorded(entry);
        recorded["status"] = json!(entry.status);
        recorded
    };
    compare(&sent.iter().map(with_status).collect::<Vec<_>>(), &recording("a10_acos_client_partition.jsonl"));
    // Why a driver must choose its partition again after every login.
    assert_eq!(simulator.device().objects(SHARED), ["slb/server/leaked"]);
    assert_eq!(simulator.device().partitions(), [""; 0]);
    assert_eq!(simulator.device().sessions(), 0);
}
