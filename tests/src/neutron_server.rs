//! A real Neutron in a lab: its server and a RabbitMQ on the lab's own host, and an agent of Open vSwitch on each host that
//! shall have one.
//!
//! ```text
//!   lab's own host: neutron-server (127.0.0.1:9797), RabbitMQ (10.99.0.1:5672)
//!   segment "control", 10.99.0.0/24: hosts with an agent each
//!   segment "trunk", with VLANs: their switches
//! ```
//!
//! RabbitMQ, because oslo.messaging has nothing lighter between processes: Kafka is larger, and the transports of kombu that
//! need no server, or Redis, have no returned messages, which it asks for.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use ballast_lab::{Host, Lab, LabError, Process, Segment, wait_until};
use serde_json::{Value, json};

use crate::{
    PATIENCE,
    keystone::{Keystone, PASSWORD},
    rest::Rest,
    switch::{Port, Switch},
};

const RABBITMQ: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// The lab's own host, as the agents reach it.
const ADDRESS: &str = "10.99.0.1";
const PORT: u16 = 9797;
/// The bridge that leads to the physical network `physnet1`.
pub const PHYSICAL: &str = "br-physnet1";

/// The server and its bus. Dropped, they end.
#[derive(Debug)]
pub struct NeutronServer {
    /// Its API, as an admin.
    pub rest: Rest,
    directory: PathBuf,
    programs: PathBuf,
    control: Segment,
    trunk: Segment,
    hosts: u8,
    server: Child,
    bus: Child,
}

/// A host's switch and Neutron agent. Dropped, they end.
#[derive(Debug)]
pub struct Wired {
    pub switch: Switch,
    pub agent: Process,
}

impl NeutronServer {
    /// The directory that has its programs.
    ///
    /// # Errors
    /// When `make deps` did not install it.
    pub fn installed() -> Result<PathBuf, String> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let programs = workspace.map(|workspace| workspace.join(".venv-neutron-server/bin"));
        let is_there = |programs: &PathBuf| programs.join("neutron-openvswitch-agent").exists();
        programs
            .filter(|programs| is_there(programs) && Path::new(RABBITMQ).exists())
            .ok_or_else(|| "Neutron's server or RabbitMQ is not installed: run `make deps`".to_owned())
    }

    /// One that asks nobody for a token: everyone is admin.
    ///
    /// # Errors
    /// When the lab has no segment for it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(lab: &Lab, programs: PathBuf) -> Result<Self, LabError> {
        Self::start_with(lab, programs, "anybody", &[])
    }

    /// One that asks this Keystone, as the user `neutron` of the project `service`.
    ///
    /// # Errors
    /// As [`Self::start`].
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn in_keystone(lab: &Lab, programs: PathBuf, keystone: &Keystone) -> Result<Self, LabError> {
        let environment = [
            ("OS_AUTH_URL", keystone.url()),
            ("OS_USERNAME", "neutron".to_owned()),
            ("OS_PASSWORD", PASSWORD.to_owned()),
            ("OS_PROJECT_NAME", "service".to_owned()),
        ];
        Self::start_with(lab, programs, &keystone.token("admin", "admin"), &environment)
    }

    fn start_with(
        lab: &Lab,
        programs: PathBuf,
        token: &str,
        environment: &[(&'static str, String)],
    ) -> Result<Self, LabError> {
        let (control, trunk) = (lab.segment("control")?, lab.segment("trunk")?);
        let add = ["address", "add", &format!("{ADDRESS}/24"), "dev", control.name()];
        assert!(Command::new("ip").args(add).status().expect("ip starts").success(), "an address in the lab");
        let directory = lab.dir().join("neutron");
        fs::create_dir(&directory).expect("a directory");
        let bus = start_bus(&directory);
        wait_for_port(ADDRESS, 5672, &directory.join("rabbitmq.log"));
        let rest = Rest::new(&Self::url()).with_token(token);
        let server = start_server(&directory, &programs, environment);
        let mut server = Self { rest, directory, programs, control, trunk, hosts: 1, server, bus };
        let log = server.directory.join("server.log");
        wait_until(PATIENCE * 2, &format!("Neutron, whose log is {}", log.display()), || {
            let ended = server.server.try_wait().expect("a child");
            assert!(ended.is_none(), "Neutron ended: {}", fs::read_to_string(&log).unwrap_or_default());
            server.rest.try_call("GET", "/v2.0/networks", None).filter(|reply| reply.status == 200)
        });
        Ok(server)
    }

    /// Where its API is.
    #[must_use]
    pub fn url() -> String {
        format!("http://127.0.0.1:{PORT}")
    }

    /// Starts Open vSwitch and Neutron's agent on a host, and waits until Neutron knows of it.
    ///
    /// # Errors
    /// When a program cannot be started.
    ///
    /// # Panics
    /// When they do not answer.
    pub fn wire(&mut self, host: &Host) -> Result<Wired, LabError> {
        self.hosts += 1;
        host.plug(&self.control, "control", &format!("10.99.0.{}/24", self.hosts))?;
        let directory = self.directory.join(host.name());
        let switch = Switch::start(host, directory.clone(), &[PHYSICAL])?;
        host.cable(&self.trunk, "trunk")?;
        switch.get(&["add-port", PHYSICAL, "trunk"])?;
        let configuration = format!("[DEFAULT]\nhost = {}\n", host.name());
        fs::write(directory.join("agent.conf"), configuration).expect("a configuration file");
        Ok(Wired { switch, agent: self.start_agent(host)? })
    }

    /// Starts Neutron's agent on a host that has a switch, and waits until Neutron has heard of it.
    ///
    /// # Errors
    /// When it cannot be started.
    ///
    /// # Panics
    /// When it does not report.
    pub fn start_agent(&self, host: &Host) -> Result<Process, LabError> {
        let directory = self.directory.join(host.name());
        let mut agent = host.command(self.programs.join("neutron-openvswitch-agent"));
        agent
            .arg("--config-file")
            .arg(self.directory.join("neutron.conf"))
            .arg("--config-file")
            .arg(directory.join("agent.conf"));
        let log =
            fs::OpenOptions::new().create(true).append(true).open(directory.join("agent.log")).expect("a log file");
        agent.envs(Switch::environment(&directory)).envs(OF_PYTHON).stdout(Stdio::null()).stderr(log);
        let before = self.started(host);
        let agent = host.spawn(agent)?;
        wait_until(PATIENCE * 2, &format!("Neutron's agent, whose log is in {}", directory.display()), || {
            self.started(host).filter(|started| before.as_ref() != Some(started))
        });
        Ok(agent)
    }

    /// When the agent of a host that has reported to Neutron was started.
    fn started(&self, host: &Host) -> Option<Value> {
        let reply = self.rest.try_call("GET", &format!("/v2.0/agents?host={}", host.name()), None)?;
        Some(reply.body["agents"][0]["started_at"].clone()).filter(Value::is_string)
    }

    /// A network that is a VLAN of `physnet1`, and its subnets: the ids of the network, of 10.30.0.0/24 and of fd00:30::/64.
    #[must_use]
    pub fn vlan(&self, project: &str, tag: u16) -> [String; 3] {
        let network = json!({"network": {
            "name": format!("vlan-{tag}"), "project_id": project, "provider:network_type": "vlan",
            "provider:physical_network": "physnet1", "provider:segmentation_id": tag
        }});
        let network = self.rest.create("/v2.0/networks", &network).id();
        let [four, six] = ["10.30.0.0/24", "fd00:30::/64"].map(|cidr| self.subnet(project, &network, cidr));
        [network, four, six]
    }

    /// A subnet as Neutron makes it of a cidr alone; its id.
    #[must_use]
    pub fn subnet(&self, project: &str, network: &str, cidr: &str) -> String {
        let version = if cidr.contains(':') { 6 } else { 4 };
        let subnet = json!({"subnet": {
            "network_id": network, "project_id": project, "ip_version": version, "cidr": cidr, "enable_dhcp": false
        }});
        self.rest.create("/v2.0/subnets", &subnet).id()
    }

    /// Gives a subnet another gateway.
    pub fn set_gateway(&self, subnet: &str, gateway: &str) {
        let change = json!({"subnet": {"gateway_ip": gateway}});
        self.rest.update(&format!("/v2.0/subnets/{subnet}"), &change);
    }

    /// A port of a machine on a host, with an address of each of the network's two subnets.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn port(&self, network: &str, host: &str) -> Port {
        let port = json!({"port": {"network_id": network, "binding:host_id": host, "device_owner": "compute:nova"}});
        let made = self.rest.create("/v2.0/ports", &port);
        let made = made.object();
        let addresses = made["fixed_ips"].as_array().expect("addresses").iter();
        let addresses: Vec<&str> = addresses.filter_map(|one| one["ip_address"].as_str()).collect();
        let text = |key: &str| made[key].as_str().expect("a text").to_owned();
        Port {
            id: text("id"),
            mac: text("mac_address"),
            four: addresses.iter().find_map(|text| text.parse().ok()).expect("an address of IPv4"),
            six: addresses.iter().find_map(|text| text.parse().ok()).expect("an address of IPv6"),
        }
    }
}

impl Drop for NeutronServer {
    fn drop(&mut self) {
        for process in [&mut self.server, &mut self.bus] {
            // It may have ended already; the lab ends what they started.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

const OF_PYTHON: [(&str, &str); 2] = [("PYTHONWARNINGS", "ignore"), ("PYTHONDONTWRITEBYTECODE", "1")];

fn start_server(directory: &Path, programs: &Path, environment: &[(&'static str, String)]) -> Child {
    let log = fs::File::create(directory.join("server.log")).expect("a log file");
    Command::new(programs.join("python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/neutron_server.py"))
        .arg(directory)
        .arg(PORT.to_string())
        .arg(format!("rabbit://guest:guest@{ADDRESS}:5672/"))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .envs(OF_PYTHON)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("python starts")
}

/// The nodes of Erlang find each other by the host's name: this one is alone, and reached by nobody else.
fn start_bus(directory: &Path) -> Child {
    let home = directory.join("rabbitmq");
    fs::create_dir(&home).expect("a directory");
    let configuration = format!("listeners.tcp.1 = {ADDRESS}:5672\nloopback_users = none\n");
    fs::write(home.join("rabbitmq.conf"), configuration).expect("a configuration file");
    // Instead of the machine's own.
    fs::write(home.join("env"), "").expect("an empty file");
    let log = fs::File::create(directory.join("rabbitmq.log")).expect("a log file");
    Command::new(RABBITMQ)
        .env("HOME", &home)
        .env("RABBITMQ_NODENAME", "rabbit@localhost")
        .env("RABBITMQ_CONF_ENV_FILE", home.join("env"))
        .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("plugins"))
        .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log file"))
        .stderr(log)
        .spawn()
        .expect("RabbitMQ starts")
}

fn wait_for_port(address: &str, port: u16, log: &Path) {
    wait_until(PATIENCE * 2, &format!("port {port}, by the log {}", log.display()), || {
        std::net::TcpStream::connect((address, port)).ok()
    });
}
