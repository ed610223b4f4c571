//! Tests whose bodies run inside a lab.

use std::fs;
use std::process::{Command, Stdio};

use ballast_lab::{availability, in_lab, not_run, require_tool, wait_until};

use crate::{SOON, get, is_running, sleeper};

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
    let output = run("inside::fails_when_it_is_told_to");
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
