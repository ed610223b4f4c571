//! Hosts that are plugged in one way or another, and a load balancer of one driver on them.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
};

use ballast_lab::{Host, Lab, LabError, Signal, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, programs,
    site::{AgentHost, Plan, Site},
    switch::{BRIDGE, Switch},
};
use serde_json::{Value, json};

/// Dead after so long, in milliseconds.
const DEAD: u32 = 3_000;
/// A VLAN of the switch.
const VLAN: u16 = 77;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    Haproxy,
    PerProject,
    Kernel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plug {
    Bridge,
    Macvlan,
    Ovs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

pub(super) type Case = (Driver, Plug, Family);

/// A driver's name, its provider's, and what it serves.
fn of(driver: Driver) -> (&'static str, &'static str, &'static str) {
    match driver {
        Driver::Haproxy | Driver::PerProject => ("haproxy-ns", "haproxy", "HTTP"),
        Driver::Kernel => ("nft-l4", "l4", "TCP"),
    }
}

pub(super) fn tools(test: &str, (driver, plug, _): Case) -> bool {
    let kernel = driver == Driver::Kernel;
    let mut wanted = vec![if kernel { "nft" } else { "haproxy" }, "curl"];
    if plug == Plug::Ovs {
        wanted.extend(["ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ethtool"]);
    }
    wanted.iter().all(|tool| require_tool(tool, test))
}

/// Hosts that are plugged alike, and what the load balancer is asked by.
pub(super) struct World {
    pub(super) site: Site,
    case: Case,
    switches: Vec<Switch>,
    /// Those of the members.
    pub(super) hosts: Vec<Host>,
    pub(super) members: Vec<SocketAddr>,
}

impl World {
    pub(super) fn begin(lab: &Lab, case: Case, agents: usize) -> Result<Self, LabError> {
        let liveness = (500, 1_500, DEAD);
        let plan = Plan { agents: 0, webs: 0, subnet_id: "made below".to_owned(), liveness, ..Plan::default() };
        let (switches, hosts, members) = (Vec::new(), Vec::new(), Vec::new());
        let mut world = Self { site: Site::start(lab, &plan)?, case, switches, hosts, members };
        world.wire(lab)?;
        for name in ["agent-1", "agent-2", "agent-3"].into_iter().take(agents) {
            world.add_host(lab, name)?;
        }
        world.make_subnet();
        (0..agents).for_each(|agent| world.site.start_agent(agent));
        world.site.wait_for_agents(agents);
        Ok(world)
    }

    /// The client, and members.
    fn wire(&mut self, lab: &Lab) -> Result<(), LabError> {
        let six = self.case.2 == Family::V6;
        let client = self.site.client.clone();
        client.address("eth0", "fd00:20::9/64")?;
        let mut far = vec![client];
        for number in 1..=2 {
            let host = lab.host(&format!("web-{number}"))?;
            host.plug(&self.site.segment, "eth0", &format!("10.20.0.{}/24", 10 + number))?;
            host.address("eth0", &format!("fd00:20::1{number}/64"))?;
            let address = if six { format!("fd00:20::1{number}") } else { format!("10.20.0.{}", 10 + number) };
            let address: IpAddr = address.parse().expect("an address");
            self.site.webs.push(host.web_server(&format!("web-{number}"), (address, 80).into())?);
            self.members.push((address, 80).into());
            far.push(host.clone());
            self.hosts.push(host);
        }
        if self.case.1 == Plug::Ovs {
            // The switch does not fill in what a card would have.
            for host in far {
                host.output("ethtool", ["-K", "eth0", "tx", "off"])?;
            }
        }
        Ok(())
    }

    fn add_host(&mut self, lab: &Lab, name: &'static str) -> Result<(), LabError> {
        let (driver, plug, _) = self.case;
        if plug == Plug::Bridge {
            self.site.add_agent_host(lab, name)?;
        } else {
            let host = lab.host(name)?;
            host.cable(&self.site.segment, "eth0")?;
            let drivers = lab.dir().join(name).join("drivers");
            fs::create_dir_all(&drivers).expect("a drivers directory");
            self.site.put_driver(&drivers);
            if plug == Plug::Ovs {
                let switch = Switch::start(&host, lab.dir().join(name).join("ovs"), &[])?;
                switch.get(&["add-port", BRIDGE, "eth0", &format!("tag={VLAN}")])?;
                let database = switch.socket().display().to_string();
                self.configure(name, ["OVS__TAG", "OVS__DATABASE"], &["network".to_owned(), database]);
                self.switches.push(switch);
            }
            self.site.agents.push(AgentHost { name: name.to_owned(), host, drivers, process: None });
        }
        match plug {
            Plug::Bridge => self.configure(name, ["BRIDGE_MAPPINGS__PHYSNET1"], &["br-data".to_owned()]),
            Plug::Macvlan => self.configure(name, ["MACVLAN_MAPPINGS__PHYSNET7"], &["eth0".to_owned()]),
            Plug::Ovs => {}
        }
        if driver == Driver::Kernel {
            let drivers = &self.site.agents.last().expect("it was added").drivers;
            fs::copy(programs::built("libballast_driver_nft_l4.so"), drivers.join("nft-l4.so")).expect("a driver");
            fs::remove_file(drivers.join("haproxy-ns.so")).expect("nobody needs it");
        }
        if driver == Driver::PerProject {
            self.configure(name, ["PROCESS_MODEL"], &["per-project".to_owned()]);
        }
        Ok(())
    }

    fn configure<const N: usize>(&mut self, host: &'static str, keys: [&'static str; N], values: &[String]) {
        let section = of(self.case.0).0.to_uppercase();
        for (key, value) in keys.into_iter().zip(values) {
            let name: &'static str = format!("BALLAST_DRIVERS__{section}__{key}").leak();
            self.site.set((host, name, value.clone()));
        }
    }

    fn make_subnet(&mut self) {
        let network = match self.case.1 {
            Plug::Bridge => json!({"provider:network_type": "bridge", "provider:physical_network": "physnet1"}),
            Plug::Macvlan => json!({"provider:network_type": "bridge", "provider:physical_network": "physnet7"}),
            Plug::Ovs => json!({
                "provider:network_type": "vlan", "provider:physical_network": "physnet5",
                "provider:segmentation_id": VLAN
            }),
        };
        let network = self.site.rest.create("/v2.0/networks", &json!({ "network": network })).id();
        let (version, cidr, start, end) = match self.case.2 {
            Family::V4 => (4, "10.20.0.0/24", "10.20.0.100", "10.20.0.199"),
            Family::V6 => (6, "fd00:20::/64", "fd00:20::100", "fd00:20::199"),
        };
        let pools = json!([{"start": start, "end": end}]);
        let subnet = json!({"subnet": {
            "network_id": network, "ip_version": version, "cidr": cidr, "allocation_pools": pools, "gateway_ip": null
        }});
        self.site.subnet_id = self.site.rest.create("/v2.0/subnets", &subnet).id();
    }

    /// With a pool and its members; its id and its address.
    pub(super) fn make(&self, flavor: Option<&str>) -> (String, String) {
        let (_, provider, usual) = of(self.case.0);
        let is_web = self.members.iter().all(|member| member.port() == 80);
        let protocol = if is_web { usual } else { "TCP" };
        let member = |at: &SocketAddr| json!({ "address": at.ip().to_string(), "protocol_port": at.port() });
        let members: Vec<Value> = self.members.iter().map(member).collect();
        let mut one = json!({
            "name": "web", "vip_subnet_id": self.site.subnet_id,
            "listeners": [{ "name": "l", "protocol": protocol, "protocol_port": 80, "default_pool": { "name": "web" } }],
            "pools": [{ "name": "web", "protocol": protocol, "lb_algorithm": "ROUND_ROBIN", "members": members }]
        });
        match flavor {
            Some(flavor) => one["flavor_id"] = flavor.into(),
            None => one["provider"] = provider.into(),
        }
        let made = self.site.rest.create("/v2.0/lbaas/loadbalancers", &json!({ "loadbalancer": one }));
        let address = made.object()["vip_address"].as_str().expect("an address").to_owned();
        (made.id(), address)
    }

    pub(super) fn ask(&self, address: &str) -> Option<String> {
        self.site.ask(&in_url(address))
    }

    /// One request that does not wait for long.
    pub(super) fn quickly(&self, address: &str) -> Option<()> {
        let url = format!("http://{}/", in_url(address));
        self.site.client.output("curl", ["-sf", "--max-time", "0.2", &url]).ok().map(drop)
    }

    /// Whether a link that is not down has the address on this host.
    pub(super) fn answers(&self, agent: usize, address: &str) -> bool {
        let host = &self.site.agents[agent].host;
        let has = |line: &str| {
            // Of a port of Open vSwitch nobody knows whether it is up.
            !line.starts_with("lo")
                && !line.contains(" DOWN ")
                && line.split_whitespace().any(|word| is_it(word, address))
        };
        namespaces(host).iter().any(|name| {
            let shown = host.output("ip", ["netns", "exec", name, "ip", "-br", "address"]);
            shown.is_ok_and(|shown| shown.lines().any(has))
        })
    }

    pub(super) fn serves(&self, address: &str, requests: usize) {
        for number in 0..requests {
            assert!(self.ask(address).is_some(), "request {number} of {requests}");
        }
    }

    pub(super) fn flavor(&self) -> String {
        let data = json!({ "loadbalancer_topology": "ACTIVE_STANDBY" }).to_string();
        let profile = json!({ "name": "two", "provider_name": of(self.case.0).1, "flavor_data": data });
        let profile = self.site.rest.create("/v2.0/lbaas/flavorprofiles", &json!({ "flavorprofile": profile })).id();
        let flavor = json!({ "flavor": { "name": "two", "flavor_profile_id": profile } });
        self.site.rest.create("/v2.0/lbaas/flavors", &flavor).id()
    }

    /// Waits until there are two sides that hear each other; the hosts of the active one and of the standby.
    pub(super) fn is_paired(&self, id: &str) -> [usize; 2] {
        let path = format!("/ballast/v1/loadbalancers/{id}/sides");
        let sides = wait_until(PATIENCE, "two sides that hear each other", || {
            let sides = self.site.rest.try_call("GET", &path, None)?.body["sides"].clone();
            let hear = ["active", "standby"].iter().all(|side| sides[side]["peer_heard"] == true);
            (hear && sides["active"]["answers"] == true && sides["standby"]["deployed"] == true).then_some(sides)
        });
        let has = |side: &str| {
            self.site.agents.iter().position(|agent| sides[side]["host"] == agent.name.as_str()).expect("a host")
        };
        ["active", "standby"].map(has)
    }

    /// Nothing of load balancers is left on a host: what runs, and where it is plugged in.
    pub(super) fn switch_off(&mut self, agent: usize) {
        self.site.kill_agent(agent);
        let host = self.site.agents[agent].host.clone();
        let switch = ["ovs-vswitchd", "ovsdb-server"];
        let remains = host.remains().expect("the host is looked at");
        for process in remains.processes.iter().filter(|one| !switch.contains(&one.program.as_str())) {
            // One may have ended with another.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        for name in namespaces(&host) {
            host.output("ip", ["netns", "delete", &name]).expect("a namespace is deleted");
        }
    }
}

pub(super) fn namespaces(host: &Host) -> Vec<String> {
    let listed = host.output("ip", ["netns", "list"]).unwrap_or_default();
    listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Whether a word is the address with its length.
fn is_it(word: &str, address: &str) -> bool {
    word.split_once('/').is_some_and(|(before, _)| before == address)
}

fn in_url(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}
