//! `ballast driver check` on a driver that keeps every promise, and on one that breaks one at a time: the line that is red
//! must be the right one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ballast_lab::{availability, not_run, require_tool};
use serde_json::Value;
use tempfile::TempDir;

fn built(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap().join(name);
    assert!(file.exists(), "{} is absent: run `cargo build --workspace`", file.display());
    file
}

fn fault_driver() -> PathBuf {
    built("libballast_fault_driver.so")
}

fn check(file: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ballast"));
    command.args(["driver", "check"]).arg(file).args(words).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether labs can be made here; says so when not.
fn labs(test: &str) -> bool {
    availability().map_err(|why| not_run(test, &why)).is_ok()
}

/// The outcome and the detail of one check, with this section of the fault driver.
fn outcome(section: &str, name: &str) -> (String, String) {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("ballast.toml");
    fs::write(&config, format!("[drivers.fault]\n{section}\n")).unwrap();
    let mut words = vec!["--config", config.to_str().unwrap(), "--only", name, "--seed", "7", "--json"];
    if ["hang", "spin", "slow"].iter().any(|word| section.contains(word)) {
        words.extend(["--timeout", "3"]);
    }
    let output = check(&fault_driver(), &words);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let line = &report["checks"][0];
    assert_eq!(line["name"], name);
    let outcome = line["outcome"].as_str().unwrap().to_owned();
    assert_eq!(output.status.code(), Some(if outcome == "failed" { 1 } else { 0 }), "{report}");
    (outcome, line["detail"].as_str().unwrap().to_owned())
}

#[test]
fn the_example_in_c_keeps_every_promise() {
    let test = "the_example_in_c_keeps_every_promise";
    if !labs(test) || !require_tool("protoc-c", test) || !require_tool("cc", test) {
        return;
    }
    let place = TempDir::new().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/examples/c");
    let build = format!("BUILD={}", place.path().display());
    let made = Command::new("make").arg("-C").arg(source).arg(build).arg("CFLAGS=-Werror").output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let output = check(&place.path().join("c-example.so"), &["--seed", "7"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// A fault of the driver by its name, or its whole section; a check; and what the check's line must say.
type Case = (&'static str, &'static str, &'static str);

fn red(test: &str, cases: &[Case]) {
    if !labs(test) {
        return;
    }
    let mut wrong = Vec::new();
    for (fault, name, expected) in cases {
        let section = if fault.contains('=') { (*fault).to_owned() } else { format!("faults = [\"{fault}\"]") };
        let (outcome, detail) = outcome(&section, name);
        if outcome != "failed" || !detail.contains(expected) {
            wrong.push(format!("{section}: {name} has {outcome}, and says {detail:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_driver_that_keeps_every_promise_passes_every_check() {
    if !labs("a_driver_that_keeps_every_promise_passes_every_check") {
        return;
    }
    let output = check(&fault_driver(), &["--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    assert_eq!((&report["failed"], &report["skipped"]), (&0.into(), &0.into()), "{report:#}");
    assert_eq!((output.status.code(), report["driver"]["name"].as_str()), (Some(0), Some("fault")));
    assert!(report["passed"].as_u64().unwrap() > 25, "{report:#}");
}

#[test]
fn a_call_that_goes_wrong_turns_its_check_red_with_what_happened() {
    let cases: [Case; 16] = [
        ("calls = { deploy = \"fail: no memory\" }", "contract.deploy", "INTERNAL: no memory"),
        ("calls = { deploy = \"slow 3500ms\" }", "contract.deploy", "deploy did not answer within 3 s"),
        ("calls = { deploy = \"hang\" }", "contract.deploy", "deploy did not answer within 3 s"),
        ("calls = { observe = \"spin\" }", "contract.deploy", "observe did not answer within 3 s"),
        (
            "calls = { deploy = \"panic: a bad day\" }",
            "contract.deploy",
            "PANIC: the driver panicked in deploy (a bad day)",
        ),
        ("calls = { deploy = \"abort\" }", "contract.deploy", "the process ended in deploy by SIGABRT"),
        ("calls = { deploy = \"segfault\" }", "contract.deploy", "the process ended in deploy by SIGSEGV"),
        ("calls = { undeploy = \"exit\" }", "contract.undeploy", "the process ended in undeploy by exit status 0"),
        ("calls = { observe = \"overflow\" }", "contract.deploy", "the process ended in observe by SIGABRT"),
        ("calls = { deployed = \"fail: lost\" }", "contract.deploy", "deployed: INTERNAL: lost"),
        ("calls = { deploy = \"leak 2MiB\" }", "robust.leaks", "its memory grew by"),
        ("calls = { undeploy = \"fail: stuck\" }", "contract.undeploy", "INTERNAL: stuck"),
        ("calls = { shutdown = \"hang\" }", "contract.shutdown", "shutdown did not answer within 3 s"),
        ("start = \"abort\"", "contract.start", "the process ended in new by SIGABRT"),
        ("start = \"hang\"", "contract.start", "new did not answer within 3 s"),
        ("start = \"refuse: no device\"", "contract.start", "INVALID_CONFIG: no device"),
    ];
    red("a_call_that_goes_wrong_turns_its_check_red_with_what_happened", &cases);
}

#[test]
fn a_promise_of_deploy_and_undeploy_that_is_broken_turns_its_check_red() {
    let cases: [Case; 13] = [
        ("secrets-untold", "contract.tls", "whose secrets were not told was taken as if they were"),
        ("deploy-not-idempotent", "contract.again", "it exists already"),
        ("deploy-again-doubles", "contract.again", "000000000001-2 at generation 1"),
        ("change-ignored", "contract.change", "another name: after the change, deployed must have"),
        ("no-members-panics", "contract.members", "0 members: deploy of generation 1: PANIC"),
        ("many-members-fail", "contract.members", "1000 members: deploy of generation 2: INTERNAL"),
        ("ipv6-fails", "contract.ipv6", "ipv6 is declared, but deploy of generation 1: INVALID_ARGUMENT"),
        ("odd-names-panic", "contract.text", "PANIC: the driver panicked in deploy (a name is not plain)"),
        ("admin-down-fails", "contract.admin", "the listener is down: deploy of generation 2: INTERNAL"),
        ("undeploy-of-absent-fails", "contract.undeploy", "there is nothing to undeploy"),
        ("undeploy-keeps", "contract.undeploy", "after its undeploy, deployed must have"),
        ("not-thread-safe", "robust.threads", "with others at work: "),
        ("start-empties-the-device", "contract.restart", "and has nothing"),
    ];
    red("a_promise_of_deploy_and_undeploy_that_is_broken_turns_its_check_red", &cases);
}

/// As one that was written for v1 would be, whose author declares every shape in good faith.
#[test]
fn a_driver_that_reads_its_first_pool_turns_its_checks_red() {
    const MANY: &str = "faults = [\"reads-first-pool\"]\n\
        features = [\"protocol:HTTP\", \"lb_method:ROUND_ROBIN\", \"monitor:TCP\", \"pools:many\"]";
    const NONE: &str = "faults = [\"reads-first-pool\"]\n\
        features = [\"protocol:HTTP\", \"lb_method:ROUND_ROBIN\", \"pools:none\"]";
    let silent = "it tells of members of other pools, and of none of pool c0f0";
    let cases: [Case; 4] = [
        ("reads-first-pool", "contract.shapes", "pools:none is declared, but deploy of generation"),
        (MANY, "contract.shapes", "when it has grown: it tells of members of other pools"),
        (MANY, "contract.observe", silent),
        (NONE, "contract.shapes", "PANIC: the driver panicked in deploy (index out of bounds"),
    ];
    red("a_driver_that_reads_its_first_pool_turns_its_checks_red", &cases);
}

#[test]
fn a_lie_about_what_runs_turns_its_check_red() {
    let cases: [Case; 19] = [
        ("observe-other-generation", "contract.deploy", "observe must report generation 7, and reports 8"),
        ("preview-deploys", "contract.preview", "the first deploy: preview has changed what is deployed"),
        ("preview-unstable", "contract.preview", "the first deploy: asked twice, preview says"),
        ("preview-always-reloads", "contract.preview", "the first deploy: deployed, there must be nothing to do"),
        ("preview-other-configuration", "contract.preview", "the configuration is another one than preview has said"),
        ("effect-always-reload", "contract.preview", "EFFECT_RESTART, and the deploy EFFECT_RELOAD"),
        ("handover-trusted", "contract.handover", "handed over half of its own: deploy of generation 3: INTERNAL"),
        ("handover-forgets-counters", "contract.handover", "when it was taken away, bytes_in went back from"),
        ("deployed-hides", "contract.deploy", "after a deploy, deployed must have"),
        ("deployed-invents", "contract.deploy", "deployed has phantom, of which observe says NOT_FOUND"),
        ("deployed-other-generation", "contract.deploy", "at generation 8"),
        ("deployed-from-memory", "contract.restart", "and has nothing"),
        ("observe-of-absent-answers", "contract.unknown", "must be NOT_FOUND, and is Ok"),
        ("observe-of-absent-other-code", "contract.unknown", "must be NOT_FOUND, and is INTERNAL"),
        ("counters-go-back", "contract.counters", "bytes_in went back"),
        ("counters-from-memory", "contract.counters", "after its process was started again, bytes_in went back"),
        ("member-counters-go-back", "contract.counters", "of member c0f0"),
        ("counts-strangers", "contract.counters", "it counts for pool phantom, which was not given"),
        ("capabilities-unstable", "contract.stable", "three starts said three things"),
    ];
    red("a_lie_about_what_runs_turns_its_check_red", &cases);
}

#[test]
fn what_is_left_behind_turns_its_check_red() {
    let cases: [Case; 10] = [
        ("leaves-file", "robust.remains", "000000000001.left"),
        ("leaves-process", "robust.remains", "(sleep infinity)"),
        ("leaves-socket", "robust.remains", "Unix socket /"),
        ("writes-outside", "robust.files", ".outside"),
        ("leaks-memory", "robust.leaks", "its memory grew by"),
        ("leaks-descriptors", "robust.leaks", "open files went from"),
        ("leaks-threads", "robust.leaks", "threads went from"),
        ("panic-aborts", "robust.panic", "the process ended in deploy by SIGABRT"),
        ("bad-config-accepted", "contract.config", "it starts with a key that it does not know"),
        ("bad-config-other-code", "contract.config", "must be INVALID_CONFIG, and is INTERNAL"),
    ];
    red("what_is_left_behind_turns_its_check_red", &cases);
}

#[test]
fn a_driver_that_declares_little_is_checked_for_that() {
    if !labs("a_driver_that_declares_little_is_checked_for_that") {
        return;
    }
    let section = "features = [\"protocol:TCP\", \"lb_method:SOURCE_IP\"]\nmax_members = 3\nmax_load_balancers = 1";
    for (name, expected) in [
        ("contract.features", "2 declared, 86 refused"),
        (
            "contract.shapes",
            "not declared, and UNSUPPORTED: listeners:many, listeners:none, pools:many, pools:none, pool:shared, pool:none",
        ),
        ("contract.ipv6", "not declared, and UNSUPPORTED"),
        ("contract.members", "it declares 3; more is UNSUPPORTED"),
        ("contract.change", "not declared: persistence, two monitors"),
        ("robust.threads", "calls of 1 threads"),
    ] {
        let (outcome, detail) = outcome(section, name);
        assert_eq!(outcome, "passed", "{name}: {detail}");
        assert!(detail.contains(expected), "{name}: {detail}");
    }
    // Some shapes, and each is checked.
    let all = "\"protocol:TCP\", \"lb_method:SOURCE_IP\", \"listeners:many\", \"pool:shared\", \"pool:none\"";
    let (shapes, detail) = outcome(&format!("features = [{all}]"), "contract.shapes");
    assert_eq!(shapes, "passed", "{detail}");
    assert!(detail.starts_with("served: listeners:many, pool:shared, pool:none; not declared"), "{detail}");
    let (shapes, detail) =
        outcome("features = [\"protocol:TCP\", \"lb_method:SOURCE_IP\", \"pool:shared\"]", "contract.shapes");
    assert_eq!(shapes, "passed", "{detail}");
    assert!(detail.contains("of no use without others that are not: pool:shared"), "{detail}");
    let (outcome, detail) = outcome("features = [\"ipv6\"]", "contract.deploy");
    assert_eq!(outcome, "failed");
    assert!(detail.starts_with("it declares no protocol"), "{detail}");
}

#[test]
fn what_depends_on_a_check_that_failed_is_skipped_and_the_reason_stands_below() {
    if !labs("what_depends_on_a_check_that_failed_is_skipped_and_the_reason_stands_below") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("ballast.toml");
    fs::write(&config, "[drivers.fault]\nstart = \"fail: no device\"\n").unwrap();
    let output = check(&fault_driver(), &["--config", config.to_str().unwrap()]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("FAILED   contract.start ")).expect(&text);
    assert_eq!(lines[at + 1].trim(), "INTERNAL: no device (asked for by name)");
    assert!(text.contains("SKIPPED  robust.kill"), "{text}");
    assert!(text.contains("not without contract.start"), "{text}");
}

#[test]
fn a_file_that_is_no_driver_fails_at_once_and_what_is_no_file_is_wrong_usage() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("x.so");
    fs::write(&file, "no ELF").unwrap();
    let output = check(&file, &[]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("not a driver: not an ELF file") && text.contains("0 passed, 1 failed"), "{text}");
    for (file, words) in [
        (folder.path().join("none.so"), vec![]),
        (file.clone(), vec!["--only", "contract.nothing"]),
        (file, vec!["--glibc", "new"]),
        (fault_driver(), vec!["--config", "/nonexistent.toml"]),
    ] {
        let output = check(&file, &words);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{words:?}: {}", said(&output));
    }
}

#[test]
fn a_library_that_needs_more_or_shows_more_than_it_should_is_found_without_loading_it() {
    let output = check(&fault_driver(), &["--only", "static.glibc", "--glibc", "2.5"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("and the baseline is 2.5"), "{text}");
    let folder = TempDir::new().unwrap();
    let (source, file) = (folder.path().join("x.c"), folder.path().join("x.so"));
    fs::write(&source, "int acme_state; static int hidden; int acme_get(void) { return hidden++; }").unwrap();
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wl,-rpath,/opt/acme", "-Wl,-z,execstack", "-o"])
        .args([&file, &source])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let text = said(&check(&file, &["--only", "static.exports,static.rpath"]));
    assert!(text.contains("it also exports acme_get, acme_state,"), "{text}");
    assert!(text.contains("RUNPATH /opt/acme"), "{text}");
}

#[test]
fn without_a_configuration_a_driver_for_a_device_is_skipped_and_without_the_device_it_reaches_nobody() {
    if !labs("without_a_configuration_a_driver_for_a_device_is_skipped_and_without_the_device_it_reaches_nobody") {
        return;
    }
    let driver = built("libballast_driver_a10_stub.so");
    let output = check(&driver, &["--only", "contract.start,contract.deploy"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("it needs a configuration (url: must be the device's address"), "{text}");
    assert!(text.contains("SKIPPED  contract.deploy"), "{text}");

    let device = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = TempDir::new().unwrap();
    let (config, credentials) = (folder.path().join("ballast.toml"), folder.path().join("credentials"));
    fs::write(&credentials, "admin\na10\n").unwrap();
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
    let section = format!(
        "[drivers.a10-stub]\nurl = \"http://{}\"\nplain_http = true\ncredentials_file = \"{}\"\nbusy_delay_ms = 1\n",
        device.local_addr().unwrap(),
        credentials.display()
    );
    fs::write(&config, section).unwrap();
    let output = check(&driver, &["--config", config.to_str().unwrap(), "--only", "contract.deploy"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("UNAVAILABLE") && text.contains("name it by --device ADDRESS:PORT"), "{text}");
    device.set_nonblocking(true).unwrap();
    assert!(device.accept().is_err(), "a driver has left its lab");
}

#[test]
fn the_example_of_the_documents_passes_every_check() {
    if !labs("the_example_of_the_documents_passes_every_check") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("ballast.toml");
    fs::write(&config, "[drivers.example]\nreload = [\"true\"]\n").unwrap();
    let output = check(&built("libballast_driver_example.so"), &["--config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// Copies of the program and a driver, on a file system of their own as `/home` often is: the whole report.
#[test]
fn a_program_that_is_not_on_the_roots_file_system_skips_no_check() {
    if !labs("a_program_that_is_not_on_the_roots_file_system_skips_no_check") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let script = "mount -t tmpfs ballast-test \"$1\" && cp \"$2\" \"$1/ballast\" && cp \"$3\" \"$1/driver.so\" && \
        cd \"$1\" && ./ballast driver check ./driver.so --json --only load --only contract";
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
    let output = command.arg(&home).arg(env!("CARGO_BIN_EXE_ballast")).arg(fault_driver()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    assert_eq!((&report["failed"], &report["skipped"]), (&0.into(), &0.into()), "{report:#}");
    assert!(report["passed"].as_u64().unwrap() > 5, "{report:#}");
}

/// A user who is nobody on the machine is root in a lab, and has one group there.
#[test]
fn without_privileges_our_driver_keeps_its_promise_of_ping() {
    if !labs("without_privileges_our_driver_keeps_its_promise_of_ping") {
        return;
    }
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |from: &Path, name: &str| {
        let to = folder.path().join(name);
        fs::copy(from, &to).unwrap();
        to
    };
    let driver = copy(&built("libballast_driver_haproxy_ns.so"), "driver.so");
    command.arg("--").arg(copy(Path::new(env!("CARGO_BIN_EXE_ballast")), "ballast")).args(["driver", "check"]);
    let output = command.arg(driver).args(["--json", "--only", "contract.features"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let line = &report["checks"][0];
    if line["outcome"] == "skipped" && line["detail"].as_str().is_some_and(|why| why.contains("outside of a lab")) {
        return not_run("without_privileges_our_driver_keeps_its_promise_of_ping", "users get no namespaces here");
    }
    assert_eq!(line["outcome"], "passed", "{report:#}");
}
