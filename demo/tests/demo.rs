//! The demo as a newcomer runs it: the real programs, on ports that are free.
//!
//! The other programs of the workspace must be built (`cargo build --workspace`).

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use ballast_lab::{Signal, availability, not_run, require_tool, wait_until};
use nix::{
    sys::signal::{kill, killpg},
    unistd::{Pid, geteuid},
};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);

/// Where a demo of this test may run.
struct Place {
    folder: TempDir,
    ports: [u16; 2],
}

impl Place {
    /// `None` where no demo can run, which has been said aloud then.
    fn of(test: &str) -> Option<Self> {
        if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
            return None;
        }
        let root = if geteuid().is_root() { Ok(()) } else { Err("it needs root".to_owned()) };
        if let Err(why) = root.and_then(|()| availability()) {
            not_run(test, &why);
            return None;
        }
        // Both at once, so that they differ.
        let held = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let ports = held.map(|listener| listener.local_addr().unwrap().port());
        // Not in the folder for temporary files: a test may put another there.
        Some(Self { folder: TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap(), ports })
    }

    /// A folder that all can pass, for one of this test's demos to keep its temporary files in.
    fn temporary(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        folder
    }

    fn known(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// Where the running demo keeps its files.
    fn state(&self) -> PathBuf {
        fs::read_link(self.known().join("state")).unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ballast-demo"));
        command.env("BALLAST_DEMO_DIR", self.known());
        command.env("BALLAST_REST_PORT", self.ports[0].to_string());
        command.env("BALLAST_GRPC_PORT", self.ports[1].to_string());
        command
    }

    fn once(&self) -> Output {
        self.command().env("DEMO_ONCE", "1").stdin(Stdio::null()).output().unwrap()
    }

    /// Starts a demo that stays, and waits until it is ready.
    fn start(&self, empty: bool) -> Demo {
        let mut command = self.command();
        if empty {
            command.env("DEMO_EMPTY", "1");
        }
        start(command)
    }

    fn exec(&self, on: &str, line: &str) -> Output {
        self.command().arg("exec").env("ON", on).env("CMD", line).stdin(Stdio::null()).output().unwrap()
    }

    fn free(&self) -> bool {
        self.ports.iter().all(|port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).is_ok())
    }
}

/// Starts a demo that stays, and waits until it is ready.
fn start(mut command: Command) -> Demo {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    let ready = lines.by_ref().map(Result::unwrap).find(|line| {
        said.push(line.clone());
        line == "ballast demo ready"
    });
    let demo = Demo { child, _lines: Box::new(lines) };
    assert!(ready.is_some(), "the demo ended before it was ready: {said:?}");
    demo
}

struct Demo {
    child: Child,
    /// Kept open: a demo whose output nobody reads is another case.
    _lines: Box<dyn Iterator<Item = std::io::Result<String>>>,
}

impl Demo {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        wait_until(SOON, "the end of the demo", || self.child.try_wait().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The command lines of all processes that were told of this folder.
fn processes_of(state: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(&*state.to_string_lossy())).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn run_once_it_shows_that_three_members_answer_in_turn_and_ends() {
    let Some(place) = Place::of("run_once_it_shows_that_three_members_answer_in_turn_and_ends") else { return };
    let output = place.once();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}{complained}");
    for member in ["web-1   10.0.0.11:80", "web-2   10.0.0.12:80", "web-3   10.0.1.13:80"] {
        let line = said.lines().find(|line| line.contains(member)).unwrap_or_else(|| panic!("no {member} in {said}"));
        assert_eq!(line.split_whitespace().nth(2), Some("4"), "{said}");
    }
    assert!(said.contains("\nballast demo ready\n"), "{said}");
    assert!(!place.known().exists() && place.free());
}

#[test]
fn commands_run_unchanged_on_its_hosts_and_sigterm_twice_leaves_nothing() {
    let test = "commands_run_unchanged_on_its_hosts_and_sigterm_twice_leaves_nothing";
    let Some(place) = Place::of(test) else { return };
    let mut demo = place.start(false);
    let state = place.state();
    let answer = place.exec("client", "curl -s http://10.0.0.100/");
    assert!(text(&answer.stdout).starts_with("web-"), "{}", text(&answer.stderr));
    let answer = place.exec("web-3", r#"x='a "b"  $c'; printf '%s' "$x"; exit 7"#);
    assert_eq!((text(&answer.stdout).as_str(), answer.status.code()), (r#"a "b"  $c"#, Some(7)));
    assert!(text(&place.exec("agent", "ip netns").stdout).contains("qlbaas-"));
    assert!(!processes_of(&state).is_empty());
    let second = place.once();
    let refused = text(&second.stderr);
    assert_eq!(second.status.code(), Some(1));
    for variable in ["BALLAST_DEMO_DIR=", "BALLAST_REST_PORT=", "BALLAST_GRPC_PORT="] {
        assert!(refused.contains(variable), "{refused}");
    }
    // As make does, whose whole group gets it first.
    demo.signal(Signal::SIGTERM);
    demo.signal(Signal::SIGTERM);
    assert!(demo.ended().success());
    assert_eq!(processes_of(&state), Vec::<String>::new());
    assert!(!place.known().exists() && !state.exists() && place.free());
}

#[test]
fn a_killed_demo_takes_its_services_with_it_and_the_next_one_cleans_up() {
    let test = "a_killed_demo_takes_its_services_with_it_and_the_next_one_cleans_up";
    let Some(place) = Place::of(test) else { return };
    let temporary = place.temporary();
    let mut command = place.command();
    command.env("DEMO_EMPTY", "1").env("TMPDIR", temporary.path());
    let mut demo = start(command);
    let state = place.state();
    demo.signal(Signal::SIGKILL);
    demo.ended();
    wait_until(SOON, "the end of all services", || processes_of(&state).is_empty().then_some(()));
    wait_until(SOON, "its ports to be free", || place.free().then_some(()));
    let output = place.once();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!place.known().exists() && !state.exists());
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_tight_umask_proxies_and_a_tmp_on_which_nothing_runs_do_not_matter() {
    let test = "a_tight_umask_proxies_and_a_tmp_on_which_nothing_runs_do_not_matter";
    let Some(place) = Place::of(test) else { return };
    let there = place.command();
    let script = "set -e; mount -t tmpfs -o noexec,mode=1777 ballast-test /tmp; umask 077
        cp /bin/true /tmp/true; ! /tmp/true 2>/dev/null; rm /tmp/true; exec \"$0\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--", "sh", "-c", script]).arg(there.get_program());
    command.envs(there.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("DEMO_ONCE", "1").env("TMPDIR", "/tmp");
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "grpc_proxy"] {
        command.env(name, "http://127.0.0.1:1");
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("\nballast demo ready\n"));
}

#[test]
fn a_temporary_folder_that_haproxy_cannot_pass_is_named_before_anything_is_started() {
    let test = "a_temporary_folder_that_haproxy_cannot_pass_is_named_before_anything_is_started";
    let Some(place) = Place::of(test) else { return };
    let home = place.temporary();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let output = place.command().env("DEMO_ONCE", "1").env("TMPDIR", home.path()).output().unwrap();
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    let closed = format!("{} (mode 0700)", home.path().display());
    assert!(complained.contains(&closed) && complained.contains("TMPDIR="), "{complained}");
    assert!(output.stdout.is_empty() && !place.known().exists());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn ctrl_c_while_the_lab_is_made_is_no_failure_and_leaves_nothing() {
    let Some(place) = Place::of("ctrl_c_while_the_lab_is_made_is_no_failure_and_leaves_nothing") else { return };
    // At a terminal the whole group has the signal at once.
    let mut command = place.command();
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut said = String::new();
    while !said.contains("making the lab") {
        let mut byte = [0];
        assert_eq!(out.read(&mut byte).unwrap(), 1, "it ended: {said}");
        said.push(char::from(byte[0]));
    }
    killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    assert!(!place.known().exists() && place.free());
}

#[test]
fn a_port_in_use_is_told_with_what_to_do_and_nothing_is_started() {
    let Some(place) = Place::of("a_port_in_use_is_told_with_what_to_do_and_nothing_is_started") else { return };
    let _held = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, place.ports[1]))).unwrap();
    let output = place.once();
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(complained.contains("BALLAST_GRPC_PORT") && complained.lines().count() <= 2, "{complained}");
    assert!(output.stdout.is_empty() && !place.known().exists());
}

#[test]
fn a_service_that_does_not_start_is_told_with_the_reason_and_its_logs_are_kept() {
    let Some(place) = Place::of("a_service_that_does_not_start_is_told_with_the_reason_and_its_logs_are_kept") else {
        return;
    };
    let output = place.command().env("DEMO_ONCE", "1").env("BALLAST_DATABASE__URL", "sqlite:///proc/no.db").output();
    let output = output.unwrap();
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(complained.contains("scheduler.log") && complained.contains("/proc/no.db"), "{complained}");
    let kept = place.known().canonicalize().unwrap().join("failed");
    assert!(complained.contains(&*kept.to_string_lossy()), "{complained}");
    assert!(fs::read_to_string(kept.join("scheduler.log")).unwrap().contains("/proc/no.db") && place.free());
}
