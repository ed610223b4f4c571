//! The demo as a newcomer runs it: the real programs, on ports that are free.
//!
//! The other programs of the workspace must be built (`cargo build --workspace`).

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use ballast_lab::{Signal, availability, not_run, require_tool, wait_until};
use nix::{
    sys::signal::kill,
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
        Some(Self { folder: TempDir::new().unwrap(), ports })
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

    fn exec(&self, on: &str, line: &str) -> Output {
        self.command().arg("exec").env("ON", on).env("CMD", line).stdin(Stdio::null()).output().unwrap()
    }

    fn free(&self) -> bool {
        self.ports.iter().all(|port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).is_ok())
    }
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
    let mut demo = place.start(true);
    let state = place.state();
    demo.signal(Signal::SIGKILL);
    demo.ended();
    wait_until(SOON, "the end of all services", || processes_of(&state).is_empty().then_some(()));
    wait_until(SOON, "its ports to be free", || place.free().then_some(()));
    let output = place.once();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!place.known().exists() && !state.exists());
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
fn a_service_that_does_not_start_is_told_with_the_end_of_its_log() {
    let Some(place) = Place::of("a_service_that_does_not_start_is_told_with_the_end_of_its_log") else { return };
    let output = place.command().env("DEMO_ONCE", "1").env("BALLAST_DATABASE__URL", "sqlite:///proc/no.db").output();
    let output = output.unwrap();
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(complained.contains("scheduler.log") && complained.contains("/proc/no.db"), "{complained}");
    assert!(!place.known().exists() && place.free());
}
