//! A lab: a client, two members that answer HTTP and datagrams, a driver's host, and a bystander with a steady load.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use ballast_abi::{LoadBalancer, Protocol};
use ballast_lab::{Host, Lab, Segment, WebServer, wait_until};
use nix::mount::{MsFlags, mount};
use serde_json::{Value, json};

use crate::{
    asked::{self, ID},
    census::{Census, Where},
    driver::{Driver, Kind},
    load::{self, Load},
    switch::Switch,
};

pub(crate) const SOON: Duration = Duration::from_secs(10);
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What load balancers are plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    Bridge,
    /// A bridge of the network's own, with an uplink.
    Vxlan,
    Macvlan,
    Ovs,
}

pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) attachment: Attachment,
    pub(crate) section: Value,
    pub(crate) state_dir: PathBuf,
    pub(crate) folder: PathBuf,
    client: Host,
    switch: Option<Switch>,
    groups: Vec<PathBuf>,
    generation: u64,
    pub(crate) neighbour: Option<LoadBalancer>,
    load: Option<Load>,
    _servers: Vec<WebServer>,
}

impl Place {
    /// With a bystander that is asked all the time.
    pub(crate) fn new(lab: &Lab, kind: Kind, attachment: Attachment) -> Outcome<Self> {
        let (hosts, section, switch) = wire(lab, attachment)?;
        let [client, one, two] = hosts;
        let mut servers = Vec::new();
        for (host, number) in [(&one, 1), (&two, 2)] {
            let address: SocketAddr = format!("10.0.0.1{number}:8080").parse()?;
            servers.push(host.web_server(&format!("web-{number}"), address)?);
            load::echo(host, address);
        }
        let state_dir = lab.dir().join("state");
        fs::create_dir(&state_dir)?;
        let mut section = section;
        section["netns_dir"] = json!(lab.dir().join("netns"));
        if kind == Kind::PerProject {
            section["process_model"] = json!("per-project");
        }
        let mut place = Self {
            kind,
            attachment,
            section,
            state_dir,
            folder: lab.dir().to_owned(),
            client,
            switch,
            groups: if kind.is_haproxy() { groups(lab.dir()) } else { Vec::new() },
            generation: 0,
            neighbour: None,
            load: None,
            _servers: servers,
        };
        place.driver().deploy(&asked::bystander(place.protocol(), attachment), 1);
        let address = SocketAddr::new(asked::BYSTANDERS_ADDRESS.parse()?, 80);
        wait_until(SOON, "the bystander's answer", || load::http(&place.client, address).ok());
        place.load = Some(Load::start(&place.client, address));
        Ok(place)
    }

    /// Of what is served here.
    pub(crate) fn protocol(&self) -> Protocol {
        if self.kind.is_haproxy() { Protocol::Http } else { Protocol::Tcp }
    }

    /// As it is after its process has ended and was started again.
    pub(crate) fn driver(&self) -> Driver {
        Driver::start(self.kind.name(), &self.section, &self.state_dir)
    }

    /// From now on there is another load balancer of the project.
    pub(crate) fn add_neighbour(&mut self) {
        let neighbour = asked::neighbour(self.protocol(), self.attachment);
        self.driver().deploy(&neighbour, 1);
        self.must_serve(&neighbour, "its deploy");
        self.neighbour = Some(neighbour);
    }

    /// The folder of the haproxy that serves the load balancer, and the name of whose it is.
    pub(crate) fn haproxy(&self) -> (PathBuf, String) {
        if self.kind == Kind::PerProject {
            let name = format!("project:{}", asked::PROJECT);
            return (self.state_dir.join("projects:").join(&name), name);
        }
        (self.state_dir.join(ID), ID.to_owned())
    }

    pub(crate) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    pub(crate) fn netns(&self, id: &str) -> PathBuf {
        self.folder.join("netns").join(format!("qlbaas-{id}"))
    }

    pub(crate) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The control groups of a process that are its load balancer's.
    pub(crate) fn groups_of(&self, pid: i32) -> Vec<PathBuf> {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let of = |mount: &PathBuf| {
            let controller = mount.file_name()?.to_str()?;
            let line = text.lines().find(|line| line.split(':').nth(1) == Some(controller))?;
            let path = line.splitn(3, ':').nth(2)?.trim_start_matches('/');
            path.contains("ballast-load-balancers").then(|| mount.join(path))
        };
        self.groups.iter().filter_map(of).collect()
    }

    pub(crate) fn census(&self) -> Census {
        let ports = self.switch.as_ref().map(Switch::ports).unwrap_or_default();
        let netns_dir = self.folder.join("netns");
        Census::take(&Where { netns_dir: &netns_dir, state_dir: &self.state_dir, groups: &self.groups, ports })
    }

    /// All that is asked for is answered.
    pub(crate) fn must_serve(&self, asked: &LoadBalancer, what: &str) {
        let Some(vip) = &asked.vip else { return };
        for listener in &asked.listeners {
            let address = SocketAddr::new(vip.address.parse().unwrap(), u16::try_from(listener.protocol_port).unwrap());
            wait_until(SOON, &format!("an answer by {:?} after {what}", listener.protocol()), || {
                match listener.protocol() {
                    Protocol::Udp => load::udp(&self.client, address).ok(),
                    _ => load::http(&self.client, address).ok().map(drop),
                }
            });
        }
    }

    /// How many requests of the bystander were answered; all were.
    pub(crate) fn bystander_answered(&self, what: &str) -> u64 {
        self.load.as_ref().map_or(0, |load| load.answered(what))
    }
}

/// A client and two members, what the driver is configured with, and a switch where there is one.
fn wire(lab: &Lab, attachment: Attachment) -> Outcome<([Host; 3], Value, Option<Switch>)> {
    let hosts = [lab.host("client")?, lab.host("web-1")?, lab.host("web-2")?];
    let addresses = ["10.0.0.5/24", "10.0.0.11/24", "10.0.0.12/24"];
    let (section, switch) = match attachment {
        Attachment::Bridge => {
            let data = lab.segment("data")?;
            plug_all(&hosts, &data, addresses)?;
            (json!({"bridge_mappings": {"physnet1": "data"}}), None)
        }
        Attachment::Macvlan => {
            let data = lab.segment("data")?;
            plug_all(&hosts, &data, addresses)?;
            here(&["ip", "link", "add", "phys0", "type", "veth", "peer", "name", "phys1"])?;
            here(&["ip", "link", "set", "phys1", "master", "data", "up"])?;
            here(&["ip", "link", "set", "phys0", "up"])?;
            (json!({"macvlan_mappings": {"physnet7": "phys0"}}), None)
        }
        Attachment::Vxlan => {
            let under = lab.segment("under")?;
            here(&["ip", "address", "add", "192.0.2.1/24", "dev", "under"])?;
            for ((host, address), last) in hosts.iter().zip(addresses).zip(2..) {
                join_segment(host, &under, last, address)?;
            }
            let peers: Vec<String> = (1..=4).map(|last| format!("192.0.2.{last}")).collect();
            (json!({"vxlan": {"local": "192.0.2.1", "peers": peers}}), None)
        }
        Attachment::Ovs => {
            let switch = Switch::start(lab.dir().join("ovs"))?;
            for ((host, address), number) in hosts.iter().zip(addresses).zip(0..) {
                switch.plug(host, &format!("port{number}"), 101, address)?;
            }
            (json!({"ovs": {"tag": "network", "database": switch.socket()}}), Some(switch))
        }
    };
    Ok((hosts, section, switch))
}

fn plug_all(hosts: &[Host], segment: &Segment, addresses: [&str; 3]) -> Outcome<()> {
    for (host, address) in hosts.iter().zip(addresses) {
        host.plug(segment, "eth0", address)?;
    }
    Ok(())
}

/// A host of its own in the segment that the driver's networks are.
fn join_segment(host: &Host, under: &Segment, last: u8, address: &str) -> Outcome<()> {
    host.plug(under, "eth0", &format!("192.0.2.{last}/24"))?;
    let local = format!("192.0.2.{last}");
    host.output("ip", ["link", "add", "seg", "type", "vxlan", "id", "77", "local", &local, "dstport", "4789"])?;
    for peer in (1..=4).filter(|peer| *peer != last) {
        let peer = format!("192.0.2.{peer}");
        host.output("bridge", ["fdb", "append", "00:00:00:00:00:00", "dev", "seg", "dst", &peer])?;
    }
    host.output("ip", ["address", "add", address, "dev", "seg"])?;
    host.output("ip", ["link", "set", "seg", "up"])?;
    Ok(())
}

/// A command of the driver's host.
pub(crate) fn here(command: &[&str]) -> Outcome<String> {
    let output = Command::new(command[0]).args(&command[1..]).output()?;
    let failed = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {failed}").into())
}

/// A lab has a `/sys` of its own, so hierarchies of control groups are mounted again. None where that cannot be.
fn groups(folder: &Path) -> Vec<PathBuf> {
    let mounted = ["cpu", "memory", "pids"].into_iter().filter_map(|controller| {
        let place = folder.join("cgroup").join(controller);
        fs::create_dir_all(&place).ok()?;
        mount(Some("cgroup"), &place, Some("cgroup"), MsFlags::empty(), Some(controller)).ok()?;
        Some(place)
    });
    mounted.collect()
}
