//! What load balancers are plugged into, with the traffic of each.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{Driver as _, Network, Vip, networks};
use ballast_driver_haproxy_ns::{Config, HaproxyNs};
use ballast_lab::{Host, Lab, TestResult, WebServer, in_lab, kernel_has, require_tool, wait_until};
use ballast_netns::namespace;
use serde_json::{Value, json};

use crate::{
    switch::Switch,
    world::{self, ID, OUTSIDE, SOON, TestResultOf, VIP, in_world, link_exists, load_balancer},
};

const NETWORK: &str = "c0ffee00-1111-4222-8333-444444444444";

fn network(kind: &str, physical: &str, segment: u32) -> Network {
    Network {
        id: NETWORK.into(),
        network_type: kind.into(),
        physical_network: physical.into(),
        segmentation_id: segment,
        mtu: 0,
    }
}

/// The driver's section, on top of what a lab needs.
fn config(lab: &Lab, section: Value) -> TestResultOf<Config> {
    Ok(Config { netns_dir: lab.dir().join("netns"), ..serde_json::from_value(section)? })
}

fn on(network: Network) -> ballast_abi::LoadBalancer {
    let mut asked = load_balancer();
    asked.vip = asked.vip.map(|vip| Vip { network: Some(network), ..vip });
    asked
}

fn deploy(driver: &HaproxyNs, asked: &ballast_abi::LoadBalancer, generation: u64) {
    let faults = driver.deploy(asked, generation).unwrap_or_else(|error| panic!("{error}: {}", error.detail));
    assert_eq!(faults, []);
}

/// A command of the lab's own namespace, where the driver is.
fn here(command: &[&str]) -> TestResultOf<String> {
    let output = Command::new(command[0]).args(&command[1..]).output()?;
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said.into_owned()) } else { Err(format!("{command:?}: {failed}").into()) }
}

fn answers(client: &Host, url: &str) -> Option<String> {
    client.output("curl", ["-sf", "-m", "2", url]).ok().map(|body| body.trim().to_owned())
}

fn mtu_inside(lab: &Lab, link: &str) -> TestResultOf<String> {
    let netns = lab.dir().join("netns").join(format!("qlbaas-{ID}"));
    let net = format!("--net={}", netns.display());
    let shown = here(&["nsenter", &net, "ip", "-o", "link", "show", link])?;
    Ok(shown.split(" mtu ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default().to_owned())
}

#[test]
fn the_networks_mtu_is_the_links_and_that_of_a_bridge_stays() {
    in_world(|world| {
        let bridge = || here(&["cat", "/sys/class/net/data/mtu"]).map(|text| text.trim().to_owned());
        for host in ["client", "web-1", "web-2"] {
            // The lab's ends on the bridge, too: it takes the least of them.
            let host = world.lab.find(host).unwrap();
            host.output("ip", ["link", "set", "eth0", "mtu", "9000"])?;
        }
        let ports = here(&["ip", "-o", "link", "show", "master", "data"])?;
        for port in ports.lines().filter_map(|line| line.split_whitespace().nth(1)) {
            let port = port.trim_end_matches(':').split('@').next().unwrap_or_default();
            here(&["ip", "link", "set", port, "mtu", "9000"])?;
        }
        assert_eq!(bridge()?, "9000");
        let mut asked = on(Network { mtu: 9000, ..network("bridge", "physnet1", 0) });
        world.deploy(&asked, 1);
        assert_eq!((bridge()?, mtu_inside(world.lab, "ns-9f1b7c52-aa")?), ("9000".into(), "9000".into()));
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        let whole = ["-c", "1", "-W", "2", "-M", "do", "-s", "8972", "10.0.0.4"];
        world.client.output("ping", whole)?;
        // A change goes to what is there, and no connection is lost by another process.
        let pid = world.pid();
        asked.vip.as_mut().unwrap().network.as_mut().unwrap().mtu = 1400;
        world.deploy(&asked, 2);
        assert_eq!(mtu_inside(world.lab, "ns-9f1b7c52-aa")?, "1400");
        assert_eq!(here(&["cat", &format!("/sys/class/net/{OUTSIDE}/mtu")])?.trim(), "1400");
        assert_eq!(world.pid(), pid);
        // What somebody has changed is put back.
        here(&["ip", "link", "set", OUTSIDE, "mtu", "1300"])?;
        world.deploy(&asked, 3);
        assert_eq!(here(&["cat", &format!("/sys/class/net/{OUTSIDE}/mtu")])?.trim(), "1400");
        world.driver.undeploy(ID).unwrap();
        world.assert_nothing_is_left();
        Ok(())
    });
}

/// The subnet has the numbers of a network that the host has for itself.
#[test]
fn what_the_host_keeps_to_itself_is_no_members_whatever_numbers_the_subnet_has() {
    in_world(|world| {
        let keeps = ["192.0.2.1", "169.254.169.254", "10.0.0.200"];
        here(&["ip", "link", "add", "management", "type", "bridge"])?;
        for address in keeps {
            here(&["ip", "address", "add", &format!("{address}/24"), "dev", "management"])?;
        }
        here(&["ip", "link", "set", "management", "up"])?;
        let servers: Vec<_> =
            keeps.iter().map(|address| TcpListener::bind((*address, 8080))).collect::<Result<_, _>>()?;
        let netns = world.lab.dir().join("netns").join(format!("qlbaas-{ID}"));
        // Nobody accepts: to be connected is to be reached.
        let reached = |address: &str| {
            let (file, address) = (File::open(&netns).unwrap(), SocketAddr::new(address.parse().unwrap(), 8080));
            let tried = namespace::on_own_thread("try", || {
                namespace::enter(&file).unwrap();
                TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
            });
            tried.unwrap()
        };
        let neighbour = || {
            let net = format!("--net={}", netns.display());
            here(&["nsenter", &net, "ip", "neighbour", "show", keeps[2]])
        };
        let mut asked = on(network("", "", 0));
        asked.vip.as_mut().unwrap().gateway = "10.0.0.1".into();
        for (member, address) in asked.pools[0].members.iter_mut().zip([keeps[0], keeps[2]]) {
            member.address = address.into();
        }
        world.deploy(&asked, 1);
        for address in keeps {
            assert!(!reached(address), "{address}");
        }
        let known = neighbour()?;
        assert!(!known.contains("lladdr"), "the host has answered: {known}");
        // As Linux has it: the host says that this number is its own. It is seen, and put back.
        std::fs::write("/proc/sys/net/ipv4/conf/brqc0ffee00-11/arp_ignore", "0")?;
        wait_until(SOON, "an answer of the host", || {
            reached(keeps[2]);
            neighbour().ok()?.contains("lladdr").then_some(())
        });
        world.deploy(&asked, 2);
        let hidden = std::fs::read_to_string("/proc/sys/net/ipv4/conf/brqc0ffee00-11/arp_ignore")?;
        assert_eq!(hidden.trim(), "8");
        drop(servers);
        world.driver.undeploy(ID).unwrap();
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn a_macvlan_link_reaches_the_interfaces_network_without_a_bridge() {
    in_world(|mut world| {
        here(&["ip", "link", "add", "phys0", "type", "veth", "peer", "name", "phys1"])?;
        here(&["ip", "link", "set", "phys1", "master", "data", "up"])?;
        here(&["ip", "link", "set", "phys0", "up"])?;
        let config = config(world.lab, json!({"macvlan_mappings": {"physnet7": "phys0"}}))?;
        world.start_driver(config);
        let known = world.driver.capabilities();
        assert_eq!(
            (known.network_types, known.physical_networks),
            (vec![networks::BRIDGE.to_owned(), networks::OWN.to_owned()], vec!["physnet7".to_owned()])
        );
        let asked = on(network("bridge", "physnet7", 0));
        world.deploy(&asked, 1);
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        let pid = world.pid();
        world.restart_driver();
        let same = self::config(world.lab, json!({"macvlan_mappings": {"physnet7": "phys0"}}))?;
        world.start_driver(same);
        world.deploy(&asked, 2);
        assert_eq!(world.pid(), pid, "nothing was to be done");
        // Its interface is taken down, and comes back.
        here(&["ip", "link", "set", "phys0", "down"])?;
        world.deploy(&asked, 3);
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        world.driver.undeploy(ID).unwrap();
        world.assert_nothing_is_left();
        let refused = world.driver.deploy(&on(network("bridge", "nowhere", 0)), 4).unwrap_err();
        assert!(refused.detail.contains("\"nowhere\" is in none of"), "{}", refused.detail);
        Ok(())
    });
}

/// A host that is in the segment, beside the driver's.
fn far(lab: &Lab, name: &str, underlay: &ballast_lab::Segment, last: u8, inner: &str) -> TestResultOf<Host> {
    let host = lab.host(name)?;
    host.plug(underlay, "eth0", &format!("192.0.2.{last}/24"))?;
    let local = format!("192.0.2.{last}");
    let link = ["link", "add", "seg", "type", "vxlan", "id", "77", "local", &local, "dstport", "4789"];
    host.output("ip", link)?;
    for peer in (1..=3).filter(|peer| *peer != last) {
        let peer = format!("192.0.2.{peer}");
        host.output("bridge", ["fdb", "append", "00:00:00:00:00:00", "dev", "seg", "dst", &peer])?;
    }
    host.output("ip", ["address", "add", inner, "dev", "seg"])?;
    host.output("ip", ["link", "set", "seg", "up"])?;
    Ok(host)
}

#[test]
fn a_vxlan_segment_joins_hosts_by_its_peers_and_goes_with_its_last_port() {
    let test = "a_vxlan_segment_joins_hosts_by_its_peers_and_goes_with_its_last_port";
    if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let underlay = lab.segment("under")?;
        here(&["ip", "address", "add", "192.0.2.1/24", "dev", "under"])?;
        let web = far(lab, "web-1", &underlay, 2, "10.0.0.11/24")?;
        let client = far(lab, "client", &underlay, 3, "10.0.0.5/24")?;
        let _server = web.web_server("web-1", "10.0.0.11:8080".parse()?)?;
        std::fs::create_dir(lab.dir().join("state"))?;
        let peers = json!({"vxlan": {"local": "192.0.2.1", "peers": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}});
        let driver = world::driver(lab, config(lab, peers)?);
        let mut asked = on(Network { mtu: 1450, ..network("vxlan", "", 77) });
        asked.pools[0].members.truncate(1);
        deploy(&driver, &asked, 1);
        wait_until(SOON, "an answer through the segment", || answers(&client, VIP));
        let known = here(&["bridge", "fdb", "show", "dev", "vxlan-77"])?;
        assert_eq!(known.matches("00:00:00:00:00:00").count(), 2, "{known}");
        let generation = |driver: &HaproxyNs| driver.deployed().map(|deployed| deployed[0].generation);
        assert_eq!(generation(&driver).unwrap(), 1, "nothing is left to do");
        // A peer of nobody's, and one that is lost: the tunnel itself stays.
        let tunnel = here(&["cat", "/sys/class/net/vxlan-77/ifindex"])?;
        for line in
            ["append 00:00:00:00:00:00 dev vxlan-77 dst 192.0.2.9", "del 00:00:00:00:00:00 dev vxlan-77 dst 192.0.2.2"]
        {
            here(&[&["bridge", "fdb"], line.split(' ').collect::<Vec<_>>().as_slice()].concat())?;
            assert_eq!(generation(&driver).unwrap(), 0, "{line}");
            deploy(&driver, &asked, 1);
            assert_eq!(generation(&driver).unwrap(), 1, "{line}");
        }
        let known = here(&["bridge", "fdb", "show", "dev", "vxlan-77"])?;
        assert!(known.contains("192.0.2.2") && !known.contains("192.0.2.9"), "{known}");
        assert_eq!(here(&["cat", "/sys/class/net/vxlan-77/ifindex"])?, tunnel);
        // A peer that has left, and one that came with somebody's own hands.
        let fewer = json!({"vxlan": {"local": "192.0.2.1", "peers": ["192.0.2.2", "192.0.2.3"]}});
        here(&["bridge", "fdb", "append", "00:00:00:00:00:00", "dev", "vxlan-77", "dst", "192.0.2.9"])?;
        drop(driver);
        let driver = world::driver(lab, config(lab, fewer)?);
        deploy(&driver, &asked, 2);
        let known = here(&["bridge", "fdb", "show", "dev", "vxlan-77"])?;
        assert!(!known.contains("192.0.2.9"), "{known}");
        wait_until(SOON, "an answer through the segment", || answers(&client, VIP));
        driver.undeploy(ID).unwrap();
        assert!(!link_exists("vxlan-77") && !link_exists("brqc0ffee00-11") && !link_exists(OUTSIDE));
        Ok(())
    });
}

#[test]
fn a_vlan_of_an_interface_is_joined_by_a_bridge() {
    let test = "a_vlan_of_an_interface_is_joined_by_a_bridge";
    in_world(|mut world| {
        here(&["ip", "link", "add", "phys0", "type", "veth", "peer", "name", "phys1"])?;
        let has = here(&["ip", "link", "add", "link", "phys0", "name", "probe", "type", "vlan", "id", "7"]).is_ok();
        if !kernel_has("8021q", has, test) {
            return Ok(());
        }
        here(&["ip", "link", "delete", "probe"])?;
        let far = world.lab.host("far")?;
        here(&["ip", "link", "set", "phys1", "netns", &far.keeper_pid().to_string()])?;
        here(&["ip", "link", "set", "phys0", "up"])?;
        far.output("ip", ["link", "set", "phys1", "up"])?;
        far.output("ip", ["link", "add", "link", "phys1", "name", "seg", "type", "vlan", "id", "7"])?;
        far.output("ip", ["address", "add", "10.0.0.11/24", "dev", "seg"])?;
        far.output("ip", ["link", "set", "seg", "up"])?;
        let _server = far.web_server("far", "10.0.0.11:8080".parse()?)?;
        let config = config(world.lab, json!({"vlan_mappings": {"physnet7": "phys0"}}))?;
        world.start_driver(config);
        world.deploy(&on(network("vlan", "physnet7", 7)), 1);
        wait_until(SOON, "an answer through the VLAN", || answers(&far, VIP));
        world.driver.undeploy(ID).unwrap();
        assert!(!link_exists("phys0.7"));
        Ok(())
    });
}

/// A client and a web server in a VLAN of the switch, both with the addresses that everybody has.
struct Tenant {
    client: Host,
    _server: WebServer,
}

impl Tenant {
    fn new(lab: &Lab, switch: &Switch, name: &str, tag: u16) -> TestResultOf<Self> {
        let client = lab.host(&format!("client-{name}"))?;
        let web = lab.host(&format!("web-{name}"))?;
        switch.plug(&client, &format!("c{tag}"), tag, "10.0.0.5/24")?;
        switch.plug(&web, &format!("w{tag}"), tag, "10.0.0.11/24")?;
        let address: SocketAddr = "10.0.0.11:8080".parse()?;
        Ok(Self { client, _server: web.web_server(name, address)? })
    }
}

/// The load balancer of a tenant in this VLAN; of the second tenant another one with the same addresses.
fn of_tenant(tag: u32, second: bool) -> ballast_abi::LoadBalancer {
    let mut asked = on(network("vlan", "physnet1", tag));
    asked.pools[0].members.truncate(1);
    if second {
        let network = Network { id: "decade00-1111-4222-8333-444444444444".into(), ..network("vlan", "physnet1", tag) };
        asked.id = "5d9fb1a3-7b3b-4c93-9d59-5b8fdc6a0a08".into();
        asked.vip = asked.vip.map(|vip| Vip {
            port_id: "8e0a6b41-aaaa-4bbb-8ccc-0123456789ab".into(),
            mac: "fa:16:3e:00:00:05".into(),
            network: Some(network),
            ..vip
        });
    }
    asked
}

fn in_switch(test: &str, body: impl FnOnce(&Lab, &mut Switch) -> TestResult) {
    if !["haproxy", "curl", "ovs-vswitchd", "ovsdb-server", "ovs-vsctl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        std::fs::create_dir(lab.dir().join("state"))?;
        body(lab, &mut Switch::start(lab)?)
    });
}

#[test]
fn two_networks_of_open_vswitch_use_the_same_addresses_and_a_switch_that_is_killed_gets_its_ports_back() {
    let test = "two_networks_of_open_vswitch_use_the_same_addresses_and_a_switch_that_is_killed_gets_its_ports_back";
    in_switch(test, |lab, switch| {
        let tenants = [Tenant::new(lab, switch, "red", 101)?, Tenant::new(lab, switch, "blue", 102)?];
        let section = json!({"ovs": {"tag": "network", "database": switch.socket()}});
        let driver = world::driver(lab, config(lab, section)?);
        let asked = [of_tenant(101, false), of_tenant(102, true)];
        for one in &asked {
            deploy(&driver, one, 1);
        }
        let served = |switch: &Switch| {
            for (tenant, name) in tenants.iter().zip(["red", "blue"]) {
                wait_until(SOON, &format!("an answer of {name}"), || {
                    (answers(&tenant.client, VIP)? == name).then_some(())
                });
            }
            switch.ports()
        };
        let ports = served(switch)?;
        let facts = switch.get(&["get", "Interface", OUTSIDE, "external_ids"])?;
        for fact in [
            "attached-mac=\"fa:16:3e:00:00:04\"",
            "iface-id=\"9f1b7c52-aaaa-4bbb-8ccc-0123456789ab\"",
            "iface-status=active",
        ] {
            assert!(facts.contains(fact), "{facts}");
        }
        assert_eq!(switch.get(&["get", "Port", OUTSIDE, "tag"])?.trim(), "101");
        // Nothing is to be done twice.
        deploy(&driver, &asked[0], 2);
        assert_eq!(switch.ports()?, ports);
        // Somebody takes the tag away.
        switch.get(&["clear", "Port", OUTSIDE, "tag"])?;
        deploy(&driver, &asked[0], 3);
        assert_eq!(served(switch)?, ports);
        // Both of its processes are killed. Its datapath is in one of them, so its devices go as well.
        switch.kill_all()?;
        switch.start_again()?;
        for one in &asked {
            deploy(&driver, one, 4);
        }
        assert_eq!(served(switch)?, ports);
        // The database alone. (A datapath that is part of ovs-vswitchd stands still meanwhile, one of the kernel does not.)
        switch.kill_database()?;
        let failed = driver.deploy(&asked[0], 5).unwrap_err();
        assert!(failed.detail.contains("does ovsdb-server run?"), "{}", failed.detail);
        switch.start_database()?;
        wait_until(SOON, "the database", || driver.deploy(&asked[0], 5).ok());
        assert_eq!(served(switch)?, ports);
        for one in &asked {
            driver.undeploy(&one.id).unwrap();
        }
        assert!(switch.ports()?.iter().all(|port| !port.starts_with("tap")), "{:?}", switch.ports()?);
        assert!(!link_exists(OUTSIDE));
        Ok(())
    });
}

#[test]
fn a_port_waits_for_the_tag_of_its_neutron_agent_and_says_when_none_comes() {
    let test = "a_port_waits_for_the_tag_of_its_neutron_agent_and_says_when_none_comes";
    in_switch(test, |lab, switch| {
        let tenant = Tenant::new(lab, switch, "red", 101)?;
        let section = json!({"ovs": {"database": switch.socket()}});
        let driver = world::driver(lab, config(lab, section)?);
        let kinds = driver.capabilities().network_types;
        assert_eq!(kinds, ["bridge", "geneve", "gre", "own", "vlan", "vxlan"]);
        let mut asked = of_tenant(0, false);
        asked.vip.as_mut().unwrap().network = Some(network("geneve", "", 4711));
        let start = Instant::now();
        let failed = driver.deploy(&asked, 1).unwrap_err();
        assert!(failed.detail.contains("no Neutron agent has given port"), "{}", failed.detail);
        assert!(failed.message.contains("has not wired"), "{}", failed.message);
        assert!(start.elapsed() < Duration::from_secs(20));
        // Neutron's ports are dead until it has understood them.
        switch.get(&["set", "Port", OUTSIDE, "tag=4095"])?;
        let socket = switch.socket();
        let agent = thread::spawn(move || {
            thread::sleep(Duration::from_millis(500));
            here(&["ovs-vsctl", &format!("--db=unix:{}", socket.display()), "set", "Port", OUTSIDE, "tag=101"])
                .map_err(|error| error.to_string())
        });
        deploy(&driver, &asked, 1);
        agent.join().unwrap()?;
        wait_until(SOON, "an answer", || answers(&tenant.client, VIP));
        driver.undeploy(ID).unwrap();
        assert!(switch.ports()?.iter().all(|port| !port.starts_with("tap")));
        Ok(())
    });
}
