//! The lab itself, seen from inside ([`in_lab`]) and from outside ([`Lab::detached`]).

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ballast_lab::{
    Host, Lab, LabError, Signal, availability, enter_command, in_lab, not_run, require_tool, wait_until,
};

const SOON: Duration = Duration::from_secs(10);

fn get(host: &Host, url: &str) -> Result<String, LabError> {
    host.output("curl", ["--silent", "--show-error", "--fail", "--globoff", "--max-time", "5", url])
}

fn sleeper(host: &Host) -> Command {
    let mut command = host.command("sleep");
    command.arg("infinity");
    command
}

fn is_running(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn hosts_on_two_segments_reach_one_another_through_a_router() {
    if !require_tool("curl", "hosts_on_two_segments_reach_one_another_through_a_router") {
        return;
    }
    in_lab(|lab| {
        let (near, far) = (lab.segment("near")?, lab.segment("far")?);
        let router = lab.router("router")?;
        router.plug(&near, "eth0", "10.0.0.1/24")?;
        router.address("eth0", "fd00:a::1/64")?;
        router.plug(&far, "eth1", "10.1.0.1/24")?;
        router.address("eth1", "fd00:b::1/64")?;
        let client = lab.host("client")?;
        client.plug(&near, "eth0", "10.0.0.5/24")?;
        client.address("eth0", "fd00:a::5/64")?;
        client.default_route("10.0.0.1")?;
        client.default_route("fd00:a::1")?;
        let member = lab.host("web-3")?;
        member.plug(&far, "eth0", "10.1.0.13/24")?;
        member.address("eth0", "fd00:b::13/64")?;
        member.route("10.0.0.0/24", "10.1.0.1")?;
        member.route("fd00:a::/64", "fd00:b::1")?;
        let _four = member.web_server("four", "10.1.0.13:80".parse()?)?;
        let _six = member.web_server("six", "[fd00:b::13]:80".parse()?)?;

        assert_eq!(get(&client, "http://10.1.0.13/")?, "four\n");
        assert_eq!(get(&client, "http://[fd00:b::13]/")?, "six\n");
        router.output("ip", ["link", "set", "eth1", "down"])?;
        assert!(get(&client, "http://10.1.0.13/").is_err(), "there is another way than the router");
        Ok(())
    });
}

#[test]
fn a_bridge_inside_a_host_reaches_the_segment_by_its_uplink() {
    if !require_tool("curl", "a_bridge_inside_a_host_reaches_the_segment_by_its_uplink") {
        return;
    }
    in_lab(|lab| {
        let data = lab.segment("data")?;
        let client = lab.host("client")?;
        client.plug(&data, "eth0", "10.0.0.5/24")?;
        let agent = lab.host("agent-1")?;
        agent.bridge("br-data")?;
        agent.uplink("br-data", &data, "eth1")?;
        // What a driver does: a namespace whose link is a port of the agent's bridge.
        agent.output(
            "sh",
            [
                "-ec",
                "ip netns add qlbaas-1
            ip link add name tap1 type veth peer name ns1 netns qlbaas-1
            ip link set tap1 master br-data up
            ip -n qlbaas-1 addr add 10.0.0.100/24 dev ns1
            ip -n qlbaas-1 link set ns1 up",
            ],
        )?;
        let mut server = agent.command("ip");
        let web = std::env::current_exe()?.ancestors().nth(2).map(|folder| folder.join("ballast-lab-web")).unwrap();
        server.args(["netns", "exec", "qlbaas-1"]).arg(web).args(["vip", "10.0.0.100:80"]).stdout(Stdio::null());
        let _server = agent.spawn(server)?;
        let answer = wait_until(SOON, "an answer from the namespace", || get(&client, "http://10.0.0.100/").ok());
        assert_eq!(answer, "vip\n");
        Ok(())
    });
}

#[test]
fn a_host_does_not_see_the_namespaces_of_another() {
    in_lab(|lab| {
        let (one, two) = (lab.host("agent-1")?, lab.host("agent-2")?);
        one.output("ip", ["netns", "add", "qlbaas-1"])?;
        assert_eq!(one.output("ls", ["/run/netns"])?, "qlbaas-1\n");
        assert_eq!(two.output("ls", ["/run/netns"])?, "");
        assert_eq!(two.output("ls", ["/sys/class/net"])?.replace("lo\n", ""), "");
        assert!(fs::read_dir("/run/netns")?.next().is_none(), "the lab itself sees a host's namespace");
        two.output("ip", ["netns", "add", "qlbaas-1"])?;
        Ok(())
    });
}

#[test]
fn what_is_left_on_a_host_is_told_until_it_is_gone() {
    in_lab(|lab| {
        let data = lab.segment("data")?;
        let host = lab.host("agent-1")?;
        host.plug(&data, "eth0", "10.0.0.2/24")?;
        host.bridge("br-data")?;
        let _known = host.spawn(sleeper(&host))?;
        assert_eq!(host.remains()?.to_string(), "nothing");

        host.output("ip", ["netns", "add", "left"])?;
        host.output("ip", ["link", "add", "name", "tap0", "type", "bridge"])?;
        let pid = host.output("sh", ["-c", "ip netns exec left sleep infinity >/dev/null 2>&1 & echo $!"])?;
        let pid = pid.trim().parse()?;
        let remains = wait_until(SOON, "the program in the namespace", || {
            host.remains().ok().filter(|remains| remains.processes.iter().any(|left| left.program == "sleep"))
        });
        assert_eq!((remains.namespaces, remains.links), (vec!["left".to_owned()], vec!["tap0".to_owned()]));
        assert_eq!(remains.processes.len(), 1);
        assert_eq!((remains.processes[0].pid, remains.processes[0].command_line.as_str()), (pid, "sleep infinity"));

        host.output("kill", ["-KILL", &pid.to_string()])?;
        host.output("ip", ["netns", "delete", "left"])?;
        host.output("ip", ["link", "delete", "tap0"])?;
        wait_until(SOON, "nothing to be left", || host.remains().ok()?.is_empty().then_some(()));
        Ok(())
    });
}

#[test]
fn orphans_are_reaped() {
    in_lab(|lab| {
        let host = lab.host("agent-1")?;
        let pid: i32 = host.output("sh", ["-c", "sleep infinity >/dev/null 2>&1 & echo $!"])?.trim().parse()?;
        assert!(is_running(pid));
        let parent = || {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            status.lines().find_map(|line| line.strip_prefix("PPid:\t")).map(str::to_owned)
        };
        wait_until(SOON, "init to adopt the orphan", || (parent()? == "1").then_some(()));
        host.output("kill", ["-KILL", &pid.to_string()])?;
        // A zombie that nobody reaps keeps its place in /proc.
        wait_until(SOON, "the killed orphan to be reaped", || (!is_running(pid)).then_some(()));
        Ok(())
    });
}

#[test]
fn a_failing_body_fails_the_test() {
    if let Err(why) = availability() {
        return not_run("a_failing_body_fails_the_test", &why);
    }
    let run = |name: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--include-ignored"])
            .env("BALLAST_LAB_FAIL", "1")
            .output()
            .unwrap()
    };
    let output = run("fails_when_it_is_told_to");
    let told = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(told.contains("the test's body failed: `nonsense` is not an address"), "{told}");
    assert!(told.contains("the test's body failed inside the lab"), "{told}");
}

#[test]
#[ignore = "is run by a_failing_body_fails_the_test"]
fn fails_when_it_is_told_to() {
    if std::env::var_os("BALLAST_LAB_FAIL").is_some() {
        in_lab(|lab| Ok(lab.host("client")?.address("lo", "nonsense")?));
    }
}

#[test]
fn no_packet_leaves_the_lab() {
    if let Err(why) = availability() {
        return not_run("no_packet_leaves_the_lab", &why);
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
        .args(["owns_a_lab_until_it_is_killed", "--exact", "--include-ignored", "--nocapture"])
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
