//! Python's gRPC against a whole deployment: a client generated from the `.proto` files.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use ballast_lab::{in_lab, not_run, require_tool};
use ballast_tests::site::{Plan, Site};

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
        .args(["lbaas/v1/lbaas.proto", "lbaas/driver/v1/driver.proto"])
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
