//! Python's gRPC against a whole deployment: a client generated from the `.proto` files.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use ballast_lab::{in_lab, not_run, require_tool};
use ballast_tests::{
    letter, programs,
    site::{Plan, Site},
};

/// All that there are: protoc is stricter than what we compile them with.
const PROTOCOLS: [&str; 6] = [
    "lbaas/v1/lbaas.proto",
    "lbaas/driver/v1/driver.proto",
    "lbaas/agent/v1/agent.proto",
    "lbaas/v2/balancing.proto",
    "lbaas/v2/events.proto",
    "lbaas/v2/operate.proto",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The interpreter that `make deps` made; none: says so.
pub(crate) fn interpreter(test: &str) -> Option<PathBuf> {
    let found = root().join(".venv-grpc/bin/python");
    if found.exists() {
        return Some(found);
    }
    not_run(test, "Python's gRPC is not installed: make deps");
    None
}

/// Runs a program to its end; what it said, when it failed.
fn run(command: &mut Command) {
    let output = command.output().expect("the program starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}

/// The round trip of `tests/clients`, generated into a directory of the lab; `files` are CA, certificate and key.
pub(crate) fn round_trip(python: &Path, directory: &Path, target: &str, subnet_id: &str, files: &[String]) {
    let generated = directory.join("python");
    std::fs::create_dir_all(&generated).expect("a directory");
    let out = |kind: &str| format!("--{kind}={}", generated.display());
    run(Command::new(python)
        .args(["-m", "grpc_tools.protoc", "-I", "proto", &out("python_out"), &out("grpc_python_out")])
        .args(PROTOCOLS)
        .current_dir(root()));
    run(Command::new(python)
        .arg(root().join("tests/clients/round_trip.py"))
        .args([target, subnet_id])
        .args(files)
        .env("PYTHONPATH", &generated)
        .env("PYTHONDONTWRITEBYTECODE", "1"));
}

#[test]
fn a_client_in_python_makes_watches_changes_and_removes_a_load_balancer() {
    let test = "a_client_in_python_makes_watches_changes_and_removes_a_load_balancer";
    let Some(python) = interpreter(test).filter(|_| require_tool("haproxy", test)) else { return };
    in_lab(|lab| {
        let site = Site::start(lab, &Plan { webs: 1, ..Plan::default() })?;
        let target = format!("unix:{}", site.socket().display());
        round_trip(&python, lab.dir(), &target, &site.subnet_id, &[]);
        Ok(())
    });
}

/// What stands between the blocks: what a reader has by then, and what he sees.
const SUBNET: &str = "import sys, threading, urllib.parse\nsubnet_id, socket = sys.argv[1:]\n";
const TOKEN: &str = "assert made.name == 'web'\ntoken = 'anything: nobody is asked'\n";
const WATCHED: &str = r#"
channel = SOCKET
pools = lbaas_pb2_grpc.PoolsStub(channel)
assert [pool.id for pool in pools.List(lbaas_pb2.ListRequest(), timeout=5).pools] == [made.id]
known = {}
threading.Thread(target=watch, args=(lbaas_pb2_grpc.EventsStub(channel), known), daemon=True).start()
deadline = time.monotonic() + 30
while not any(id == made.id for _, id in list(known)):
    assert time.monotonic() < deadline, known
    time.sleep(0.05)
print("all of it works")
"#;

#[test]
fn the_python_of_the_document_works_to_the_letter() {
    let test = "the_python_of_the_document_works_to_the_letter";
    let Some(python) = interpreter(test).filter(|_| require_tool("haproxy", test)) else { return };
    let document = "docs/grpc.md";
    let [shell] = &letter::blocks(document, "A client in Python", "sh")[..] else { panic!("another document") };
    let [make, secure] = &letter::blocks(document, "A client in Python", "python")[..] else {
        panic!("another document")
    };
    let [watch] = &letter::blocks(document, "Watching", "python")[..] else { panic!("another document") };
    let text = std::fs::read_to_string(root().join(document)).expect("the document");
    let (_, socket) = text.split_once("`grpc.insecure_channel(\"unix:").expect("how the socket is dialled");
    let socket = socket.split('`').next().expect("its end").replace("/run/ballast/scheduler.sock", "\" + socket + \"");
    let watched = WATCHED.replace("SOCKET", &format!("grpc.insecure_channel(\"unix:{socket}"));
    let script = [SUBNET, make, TOKEN, secure, watch, &watched].concat();
    in_lab(|lab| {
        let site = Site::start(lab, &Plan { webs: 1, ..Plan::default() })?;
        let here = lab.dir().join("checkout");
        std::fs::create_dir(&here)?;
        std::os::unix::fs::symlink(root().join("proto"), here.join("proto"))?;
        let path = format!("{}:/usr/bin:/bin", python.parent().expect("its folder").display());
        // What `pip install` installs is there, with its versions pinned.
        let shell = format!("set -eu\npip() {{ :; }}\n{shell}");
        run(Command::new("sh").args(["-c", &shell]).env("PATH", &path).current_dir(&here));
        for words in [&["init", "."][..], &["issue", "client", "--dir", "."]] {
            run(Command::new(programs::built("ballast")).arg("pki").args(words).current_dir(&here));
        }
        std::fs::write(here.join("document.py"), &script)?;
        let mut client = Command::new(&python);
        run(client.args(["document.py", &site.subnet_id]).arg(site.socket()).current_dir(&here));
        Ok(())
    });
}
