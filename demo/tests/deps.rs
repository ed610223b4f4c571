//! What `deploy/deps.sh` asks before anything is installed or built.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use ballast_lab::{availability, not_run, require_tool};
use nix::{
    fcntl::{Flock, FlockArg},
    unistd::geteuid,
};
use tempfile::TempDir;

/// The script in an environment of its own, in which some programs may be played.
struct Script {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Script {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder"), environment: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// In place of the machine's own.
    fn playing(self, program: &str, script: &str) -> Self {
        let file = self.folder.path().join(program);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("it can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it is ours");
        self
    }

    /// What it says when it refuses.
    fn refusal(&self, group: &str) -> String {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = format!("{}:{}", self.folder.path().display(), path.to_string_lossy());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/deps.sh");
        let mut command = Command::new(script);
        command.arg(group).env("PATH", path).env("BALLAST_DEMO_DIR", self.folder.path()).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// Whether this may go on to what comes after the question for root.
fn as_root(test: &str) -> bool {
    let root = if geteuid().is_root() { availability() } else { Err("it needs root".to_owned()) };
    root.inspect_err(|why| not_run(test, why)).is_ok() && require_tool("ss", test) && require_tool("flock", test)
}

#[test]
fn who_is_not_root_is_told_so_with_the_command_to_type() {
    let said = Script::new().playing("id", "echo 1000").refusal("host");
    assert!(said.contains("needs root: sudo -E"), "{said}");
}

#[test]
fn a_machine_without_namespaces_is_told_so_with_the_kernels_words() {
    let test = "a_machine_without_namespaces_is_told_so_with_the_kernels_words";
    if !as_root(test) {
        return;
    }
    let script = Script::new().with("BALLAST_REST_PORT", "1").with("BALLAST_GRPC_PORT", "2");
    let said = script.playing("unshare", "echo unshare failed: Operation not permitted; exit 1").refusal("host");
    assert!(said.contains("no network namespaces") && said.contains("Operation not permitted"), "{said}");
}

#[test]
fn ports_in_use_are_all_told_at_once_with_the_variables_to_set() {
    if !as_root("ports_in_use_are_all_told_at_once_with_the_variables_to_set") {
        return;
    }
    let held = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"));
    let [rest, grpc] = held.each_ref().map(|held| held.local_addr().expect("its address").port().to_string());
    let said = Script::new().with("BALLAST_REST_PORT", rest).with("BALLAST_GRPC_PORT", grpc).refusal("host");
    assert!(said.contains("BALLAST_REST_PORT=") && said.contains("BALLAST_GRPC_PORT="), "{said}");
}

#[test]
fn a_demo_that_runs_is_told_with_all_that_a_second_one_needs() {
    if !as_root("a_demo_that_runs_is_told_with_all_that_a_second_one_needs") {
        return;
    }
    let script = Script::new();
    let lock = File::create(script.folder.path().join("lock")).expect("a file");
    let _held = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno).expect("nobody has it");
    let said = script.refusal("host");
    for variable in ["BALLAST_DEMO_DIR=", "BALLAST_REST_PORT=", "BALLAST_GRPC_PORT="] {
        assert!(said.contains(variable), "{said}");
    }
}

#[test]
fn rustup_without_a_toolchain_and_a_compiler_that_is_too_old_are_told_apart() {
    let none = "echo 'error: rustup could not choose a version of rustc to run' >&2; exit 1";
    let said = Script::new().playing("cargo", none).playing("rustc", none).playing("rustup", "exit 0").refusal("demo");
    assert!(said.contains("has no toolchain: rustup default stable"), "{said}");
    let said = Script::new().playing("cargo", "").playing("rustc", "echo rustc 1.63.0").refusal("demo");
    assert!(said.contains("Rust 1.63.0 is too old"), "{said}");
}
