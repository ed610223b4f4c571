//! A lab whose owner, the test, stays outside of it.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use ballast_lab::{Lab, Signal, availability, enter_command, not_run, require_tool, wait_until};

use crate::{SOON, get, is_running, sleeper};

#[test]
fn no_packet_leaves_the_lab() {
    if let Err(why) = availability() {
        return not_run("no_packet_leaves_the_lab", &why);
    }
    if !require_tool("curl", "no_packet_leaves_the_lab") {
        return;
    }
    let lab = Lab::detached(None).unwrap();
    let segment = lab.segment("data").unwrap();
    let host = lab.host("client").unwrap();
    host.plug(&segment, "eth0", "10.0.0.5/24").unwrap();
    assert_eq!(host.output("ip", ["route", "show", "default"]).unwrap(), "");
    assert!(host.output("ip", ["route", "get", "192.0.2.1"]).is_err());
    let links = host.output("ls", ["/sys/class/net"]).unwrap();
    assert!(links == "eth0\nlo\n" || links.is_empty(), "{links}");
    // The machine's own loopback is another one.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    assert!(get(&host, &url).is_err());
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_detached_lab_is_entered_from_outside_and_ends_with_everything_in_it() {
    if let Err(why) = availability() {
        return not_run("a_detached_lab_is_entered_from_outside_and_ends_with_everything_in_it", &why);
    }
    if !require_tool("curl", "a_detached_lab_is_entered_from_outside_and_ends_with_everything_in_it") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let state_file = folder.path().join("lab.json");
    let lab = Lab::detached(Some(&state_file)).unwrap();
    let segment = lab.segment("data").unwrap();
    let client = lab.host("client").unwrap();
    client.plug(&segment, "eth0", "10.0.0.5/24").unwrap();
    let member = lab.host("web-1").unwrap();
    member.plug(&segment, "eth0", "10.0.0.11/24").unwrap();
    let _web = member.web_server("web-1", "10.0.0.11:80".parse().unwrap()).unwrap();
    assert_eq!(get(&client, "http://10.0.0.11/").unwrap(), "web-1\n");
    assert!(member.remains().unwrap().is_empty(), "{}", member.remains().unwrap());

    let mut entered = enter_command(&state_file, "client", "sh").unwrap();
    let entered = entered.args(["-c", "ip -brief address show eth0; pwd; exit 7"]).output().unwrap();
    let said = String::from_utf8(entered.stdout).unwrap();
    assert!(
        said.contains("10.0.0.5/24") && said.contains(std::env::current_dir().unwrap().to_str().unwrap()),
        "{said}"
    );
    assert_eq!(entered.status.code(), Some(7));
    let unknown = enter_command(&state_file, "nobody", "true").unwrap_err().to_string();
    assert!(unknown.contains("it has client, web-1"), "{unknown}");

    let left = client.output("sh", ["-c", "setsid sleep infinity >/dev/null 2>&1 & echo started"]).unwrap();
    assert_eq!(left, "started\n");
    let mut held = client.spawn(sleeper(&client)).unwrap();
    let orphans = wait_until(SOON, "the orphan", || {
        Some(client.remains().ok()?.processes).filter(|processes| processes.iter().any(|p| p.program == "sleep"))
    });
    let pids = [client.keeper_pid(), member.keeper_pid(), held.pid(), orphans[0].pid];
    assert!(pids.into_iter().all(is_running));
    let scratch = lab.dir().to_owned();
    drop(lab);
    assert!(!held.is_running());
    for pid in pids.into_iter().skip(2) {
        assert!(!is_running(pid), "process {pid} has outlived the lab");
    }
    assert!(!scratch.exists() && !state_file.exists());
}

#[test]
fn a_program_is_stopped_continued_and_ended_from_outside() {
    if let Err(why) = availability() {
        return not_run("a_program_is_stopped_continued_and_ended_from_outside", &why);
    }
    let lab = Lab::detached(None).unwrap();
    let host = lab.host("agent-1").unwrap();
    let state = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("State:\t")).and_then(|state| state.chars().next())
    };
    let mut process = host.spawn(sleeper(&host)).unwrap();
    let pid = process.pid();
    for _ in 0..2 {
        process.signal(Signal::SIGSTOP).unwrap();
        wait_until(SOON, "the program to stop", || (state(pid)? == 'T').then_some(()));
        assert!(process.is_running());
        process.signal(Signal::SIGCONT).unwrap();
        wait_until(SOON, "the program to go on", || (state(pid)? == 'S').then_some(()));
    }
    assert!(!process.stop(SOON).unwrap().success());
    assert!(!is_running(pid));

    let mut stopped = host.spawn(sleeper(&host)).unwrap();
    stopped.signal(Signal::SIGSTOP).unwrap();
    wait_until(SOON, "the program to stop", || (state(stopped.pid())? == 'T').then_some(()));
    stopped.kill().unwrap();
    assert!(!is_running(stopped.pid()));
}

#[test]
fn everything_ends_when_the_owner_is_killed() {
    if let Err(why) = availability() {
        return not_run("everything_ends_when_the_owner_is_killed", &why);
    }
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("pids");
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["detached::owns_a_lab_until_it_is_killed", "--exact", "--include-ignored", "--nocapture"])
        .env("BALLAST_LAB_OWNER", &list)
        .env("TMPDIR", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pids: Vec<i32> = wait_until(SOON, "the owner to make its lab", || {
        let text = fs::read_to_string(&list).ok()?;
        text.strip_suffix(".\n").map(|pids| pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect())
    });
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().copied().all(is_running));
    owner.kill().unwrap();
    owner.wait().unwrap();
    for pid in pids {
        wait_until(SOON, "the lab to end with its owner", || (!is_running(pid)).then_some(()));
    }
}

#[test]
#[ignore = "is run by everything_ends_when_the_owner_is_killed"]
fn owns_a_lab_until_it_is_killed() {
    let Some(list) = std::env::var_os("BALLAST_LAB_OWNER") else { return };
    let lab = Lab::detached(None).unwrap();
    let host = lab.host("agent-1").unwrap();
    let sleeper = host.spawn(sleeper(&host)).unwrap();
    fs::write(list, format!("{} {} .\n", host.keeper_pid(), sleeper.pid())).unwrap();
    // Until the other end of stdin closes: the test has died first.
    let _ = std::io::read_to_string(std::io::stdin());
}
