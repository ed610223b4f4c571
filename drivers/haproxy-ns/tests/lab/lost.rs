//! Whatever a deploy made and somebody or something takes away or changes is seen by `deployed`, and put back by a deploy of
//! the same.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{fs, io::Write as _, path::PathBuf, process::Command};

use ballast_abi::{Driver, LoadBalancer, MonitorType, Network, Route, Vip};
use ballast_lab::wait_until;
use nix::{
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::world::{
    ID, OUTSIDE, SOON, VIP, World, haproxies, in_world, link_exists, load_balancer, member, monitor, must_reload, vip,
};

pub(crate) const INSIDE: &str = "ns-9f1b7c52-aa";
const FRONTEND: &str = "7d2a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b4";

pub(crate) fn netns(world: &World<'_>) -> PathBuf {
    world.lab.dir().join("netns").join(format!("qlbaas-{ID}"))
}

fn run(words: &str) {
    let mut words = words.split(' ');
    let program = words.next().unwrap();
    let status = Command::new(program).args(words.clone()).status().unwrap();
    assert!(status.success(), "{program} {:?}", words.collect::<Vec<_>>());
}

/// In the load balancer's namespace.
pub(crate) fn inside(world: &World<'_>, words: &str) {
    run(&format!("nsenter --net={} {words}", netns(world).display()));
}

pub(crate) fn set(world: &World<'_>, key: &str, value: &str) {
    let path = netns(world);
    let line = format!("echo {value} > /proc/sys/net/{key}");
    let status = Command::new("nsenter").arg(format!("--net={}", path.display())).args(["sh", "-c", &line]).status();
    assert!(status.unwrap().success(), "{line}");
}

fn of_ipv6(link: &str) -> String {
    format!("/proc/sys/net/ipv6/conf/{link}/disable_ipv6")
}

fn speak_ipv6(link: &str) {
    fs::write(of_ipv6(link), "0").unwrap();
}

fn is_without_ipv6(link: &str) -> bool {
    fs::read_to_string(of_ipv6(link)).unwrap().trim() == "1"
}

/// All parts that are checked, reached through a router.
fn asked() -> LoadBalancer {
    let mut asked = load_balancer();
    asked.vip.as_mut().unwrap().gateway = "10.0.0.1".into();
    asked.pools[0].monitors = vec![monitor(MonitorType::Tcp)];
    asked.pools[0].members.push(ballast_abi::Member { admin_state_up: false, ..member(3) });
    asked
}

/// Deploys, breaks, and holds that it is seen, mended, and then left alone.
fn breaks_and_is_mended(world: &World<'_>, asked: &LoadBalancer, what: &str, break_it: impl FnOnce(&World<'_>)) {
    world.deploy(asked, 7);
    let generation = || world.driver.deployed().unwrap()[0].generation;
    assert_eq!(generation(), 7, "before: {what}");
    break_it(world);
    wait_until(SOON, &format!("it is seen: {what}"), || (generation() == 0).then_some(()));
    world.deploy(asked, 7);
    assert_eq!(generation(), 7, "after: {what}");
    world.wait_for_answers(VIP, &["web-1", "web-2"]);
    let pid = world.pid();
    world.deploy(asked, 7);
    assert_eq!(world.pid(), pid, "{what}: nothing was left to mend");
}

#[test]
fn links_addresses_and_routes_that_were_lost_are_put_back() {
    let on_the_host = ["link del tap", "link set tap down", "link set tap nomaster"];
    let in_the_namespace = [
        "link set lo down",
        "link set ns down",
        "link set ns address fa:16:3e:99:99:99",
        "addr del 10.0.0.4/24 dev ns",
        "addr add 10.0.0.77/24 dev ns",
        "neigh del 10.0.0.11 dev ns",
        "neigh del 10.0.0.1 dev ns",
        "route del 10.0.0.0/24",
        "route replace 10.0.0.0/24 via 10.0.0.9 proto static",
        "route del default",
        "route replace default via 10.0.0.9",
        "route add 192.0.2.0/24 via 10.0.0.9 proto static",
        "link del ns",
    ];
    in_world(|world| {
        for line in on_the_host {
            breaks_and_is_mended(&world, &asked(), line, |_| run(&format!("ip {}", line.replace("tap", OUTSIDE))));
        }
        for line in in_the_namespace {
            let words = format!("ip {}", line.replace("ns", INSIDE));
            breaks_and_is_mended(&world, &asked(), line, |world| inside(world, &words));
        }
        breaks_and_is_mended(&world, &asked(), "the inner end has another name", |world| {
            inside(world, &format!("ip link set {INSIDE} down"));
            inside(world, &format!("ip link set {INSIDE} name other"));
        });
        Ok(())
    });
}

#[test]
fn kernel_parameters_that_were_changed_are_set_again() {
    let parameters = [
        ("ipv4/ip_unprivileged_port_start", "1024"),
        ("ipv4/ping_group_range", "1 0"),
        ("ipv4/tcp_migrate_req", "0"),
        ("ipv4/ip_local_port_range", "32768 60999"),
        ("ipv4/tcp_tw_reuse", "0"),
        ("ipv4/conf/all/promote_secondaries", "0"),
        ("ipv4/ip_nonlocal_bind", "0"),
        ("ipv6/conf/all/disable_ipv6", "0"),
        ("ipv4/ip_forward", "1"),
    ];
    let of_links = [("forwarding", "1"), ("accept_redirects", "1"), ("send_redirects", "1"), ("rp_filter", "0")];
    let of_links = of_links.map(|(key, value)| {
        ["all", "default", INSIDE].map(|link| (format!("ipv4/conf/{link}/{key}"), value.to_owned()))
    });
    let parameters = parameters.map(|(key, value)| (key.to_owned(), value.to_owned()));
    in_world(|world| {
        for (key, value) in parameters.into_iter().chain(of_links.into_iter().flatten()) {
            breaks_and_is_mended(&world, &asked(), &key, |world| set(world, &key, &value));
        }
        Ok(())
    });
}

#[test]
fn kernel_parameters_of_ipv6_that_were_changed_are_set_again() {
    let mut asked = asked();
    asked.vip = Some(Vip { gateway: "fd00::1".into(), ..vip("fd00::4", 64) });
    for member in &mut asked.pools[0].members {
        member.address = "fd00::11".into();
    }
    let of_links = ["forwarding", "accept_redirects", "accept_ra"];
    let of_links = of_links.map(|key| ["all", "default", INSIDE].map(|link| format!("ipv6/conf/{link}/{key}")));
    in_world(|world| {
        for key in of_links.iter().flatten() {
            world.deploy(&asked, 7);
            assert_eq!(world.driver.deployed()?[0].generation, 7, "before: {key}");
            set(&world, key, "1");
            assert_eq!(world.driver.deployed()?[0].generation, 0, "{key}");
            world.deploy(&asked, 7);
            assert_eq!(world.driver.deployed()?[0].generation, 7, "after: {key}");
        }
        Ok(())
    });
}

/// Both have a way through it: a neighbour sends, and the load balancer knows where the other one is.
#[test]
fn no_neighbour_sends_anything_through_a_load_balancer() {
    let table = [
        ("10.0.0.4", 24, "192.0.2.0/24", "192.0.2.7", "10.0.0.12", "ipv4/ip_forward"),
        ("fd00::4", 64, "2001:db8::/64", "2001:db8::7", "fd00::12", "ipv6/conf/all/forwarding"),
    ];
    in_world(|world| {
        let [_, other] = &world.web;
        for (address, length, network, target, next_hop, switch) in table {
            let mut asked = load_balancer();
            let route = Route { destination: network.into(), next_hop: next_hop.into() };
            asked.vip = Some(Vip { routes: vec![route], ..vip(address, length) });
            asked.pools[0].members.clear();
            other.address("eth0", &format!("{target}/{}", if target.contains(':') { 128 } else { 32 }))?;
            world.client.output("ip", ["route", "replace", target, "via", address])?;
            // Of IPv6 the first second passes before it has an address to ask neighbours with.
            let gets_through = || world.client.output("ping", ["-c", "3", "-W", "1", target]).is_ok();
            world.deploy(&asked, 1);
            assert!(!gets_through(), "{target} through a new one");
            set(&world, switch, "1");
            assert!(gets_through(), "{target}: there is nothing else in the way");
            assert_eq!(world.driver.deployed()?[0].generation, 0, "{switch}");
            world.deploy(&asked, 1);
            assert!(!gets_through(), "{target} through one that was put right");
        }
        Ok(())
    });
}

#[test]
fn a_bridge_of_a_networks_own_that_was_lost_is_put_back() {
    const BRIDGE: &str = "brqc0ffee00-11";
    let mut asked = asked();
    let network = Network { id: "c0ffee00-1111-4222-8333-444444444444".into(), ..Network::default() };
    asked.vip.as_mut().unwrap().network = Some(network);
    type Breakage<'a> = (&'a str, &'a dyn Fn(&str));
    in_world(|world| {
        // As somebody else, or another release, may have made it.
        run(&format!("ip link add {BRIDGE} type bridge"));
        run(&format!("ip link set {BRIDGE} up"));
        speak_ipv6(BRIDGE);
        world.deploy(&asked, 7);
        assert!(is_without_ipv6(BRIDGE));
        let on_the_host = |line: &str| run(&format!("ip {}", line.replace("brq", BRIDGE)));
        let breakages: [Breakage<'_>; 4] = [
            ("link set brq down", &on_the_host),
            ("link del brq", &on_the_host),
            (BRIDGE, &speak_ipv6),
            (OUTSIDE, &speak_ipv6),
        ];
        for (line, break_it) in breakages {
            world.deploy(&asked, 7);
            assert_eq!(world.driver.deployed()?[0].generation, 7, "before: {line}");
            break_it(line);
            assert_eq!(world.driver.deployed()?[0].generation, 0, "{line}");
            world.deploy(&asked, 7);
            assert!(link_exists(BRIDGE));
            assert!(is_without_ipv6(BRIDGE) && is_without_ipv6(OUTSIDE), "{line}");
            assert_eq!(world.driver.deployed()?[0].generation, 7, "{line}");
        }
        Ok(())
    });
}

#[test]
fn what_somebody_set_by_hand_in_haproxy_is_set_back() {
    let server = format!("{ID}/{}", member(1).id);
    let disabled = format!("{ID}/{}", member(3).id);
    let commands = [
        format!("set server {server} weight 9"),
        format!("set server {server} state maint"),
        format!("set server {server} state drain"),
        format!("set server {server} addr 10.0.0.99 port 81"),
        format!("set server {disabled} state ready"),
        format!("disable health {server}"),
        format!("disable frontend {FRONTEND}"),
        format!("shutdown frontend {FRONTEND}"),
        format!("set maxconn frontend {FRONTEND} 1"),
        format!("set maxconn server {server} 1"),
        "set maxconn global 1".to_owned(),
        "set rate-limit connections global 1".to_owned(),
        "set rate-limit sessions global 1".to_owned(),
    ];
    in_world(|world| {
        for command in commands {
            breaks_and_is_mended(&world, &asked(), &command, |world| drop(world.ask_haproxy(&command)));
        }
        Ok(())
    });
}

#[test]
fn a_process_a_namespace_or_a_file_that_was_lost_is_put_back() {
    let signal = |world: &World<'_>, signal| kill(Pid::from_raw(world.pid()), signal).unwrap();
    let remove = |world: &World<'_>, name: &str| fs::remove_file(world.process_directory().join(name)).unwrap();
    type Breakage<'a> = (&'a str, &'a dyn Fn(&World<'_>));
    let breakages: [Breakage<'_>; 10] = [
        ("the process was killed", &|world| signal(world, Signal::SIGKILL)),
        ("the process is stopped", &|world| signal(world, Signal::SIGSTOP)),
        ("the pid file is gone", &|world| remove(world, "run/pid")),
        ("the socket is gone", &|world| remove(world, "run/stats.sock")),
        ("the configuration is gone", &|world| remove(world, "haproxy.cfg")),
        ("what the configuration says is gone", &|world| {
            remove(world, "page.json");
            // Where others look at it while it changes, it is there twice.
            let _ = fs::remove_file(world.process_directory().join("page.json.new"));
        }),
        ("the state is gone", &|world| fs::remove_file(world.directory().join("state.json")).unwrap()),
        ("the state is cut off", &|world| fs::write(world.directory().join("state.json"), "{\"gen").unwrap()),
        ("the namespace lost its name", &|world| umount2(&netns(world), MntFlags::MNT_DETACH).unwrap()),
        ("another namespace has its name", &|world| {
            umount2(&netns(world), MntFlags::MNT_DETACH).unwrap();
            run(&format!("unshare --net={} true", netns(world).display()));
        }),
    ];
    in_world(|world| {
        for (what, break_it) in breakages {
            breaks_and_is_mended(&world, &asked(), what, break_it);
            assert_eq!(haproxies().len(), 1, "{what}");
        }
        Ok(())
    });
}

#[test]
fn processes_that_finish_their_connections_are_noted_and_go_with_their_load_balancer() {
    in_world(|world| {
        let mut asked = load_balancer();
        let mut held = Vec::new();
        let mut pids = Vec::new();
        for generation in 1..=3 {
            must_reload(&mut asked, generation);
            world.deploy(&asked, generation);
            pids.push(world.pid());
            let mut connection = world.connect("10.0.0.4:80")?;
            connection.write_all(b"GET / HTTP/1.1\r\n")?;
            held.push(connection);
        }
        let noted = fs::read_to_string(world.process_directory().join("state.json"))?;
        let noted: serde_json::Value = serde_json::from_str(&noted)?;
        assert_eq!(noted["processes"], serde_json::json!(pids), "those before finish what was begun");
        // A process that was broken into may do it.
        fs::remove_file(world.process_directory().join("run/pid"))?;
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}
