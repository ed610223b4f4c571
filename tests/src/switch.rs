//! Open vSwitch on a host of a lab, with the datapath that is a part of ovs-vswitchd: this machine's kernel needs no module
//! for it.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ballast_lab::{Host, LabError, Process, wait_until};

use crate::PATIENCE;

const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";
/// The bridge of load balancers and machines.
pub const BRIDGE: &str = "br-int";

/// The switch of one host, with its bridges. Dropped, it ends.
#[derive(Debug)]
pub struct Switch {
    host: Host,
    directory: PathBuf,
    _database: Process,
    _daemon: Process,
}

/// Of a port: whose it is.
#[derive(Debug, Clone)]
pub struct Port {
    pub id: String,
    pub mac: String,
    /// In a subnet of 24 bits.
    pub four: Ipv4Addr,
    /// In a subnet of 64 bits.
    pub six: Ipv6Addr,
}

impl Switch {
    /// Starts it with these bridges beside [`BRIDGE`]; its files are in this directory, which is made.
    ///
    /// # Errors
    /// When a program cannot be started, or refuses.
    ///
    /// # Panics
    /// When the directory cannot be made, or the switch does not answer.
    pub fn start(host: &Host, directory: PathBuf, bridges: &[&str]) -> Result<Self, LabError> {
        fs::create_dir_all(&directory).expect("a directory");
        let (socket, file) = (directory.join("db.sock"), directory.join("conf.db"));
        host.output("ovsdb-tool", [Path::new("create"), &file, SCHEMA.as_ref()])?;
        let mut database = Self::program(host, "ovsdb-server", &directory);
        database
            .arg(format!("--remote=punix:{}", socket.display()))
            .arg("--remote=db:Open_vSwitch,Open_vSwitch,manager_options")
            .arg(&file);
        let database = host.spawn(database)?;
        let vsctl = |words: &[&str]| {
            let database = format!("--db=unix:{}", socket.display());
            host.output("ovs-vsctl", [&["--timeout=5", &database], words].concat())
        };
        // The manager is how a Neutron agent reaches the database.
        let manager = ["--no-wait", "init", "--", "set-manager", "ptcp:6640:127.0.0.1"];
        wait_until(PATIENCE, "ovsdb-server", || vsctl(&manager).ok());
        let mut daemon = Self::program(host, "ovs-vswitchd", &directory);
        daemon.arg(format!("unix:{}", socket.display()));
        let daemon = host.spawn(daemon)?;
        for bridge in [&[BRIDGE], bridges].concat() {
            vsctl(&["add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev"])?;
        }
        Ok(Self { host: host.clone(), directory, _database: database, _daemon: daemon })
    }

    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("db.sock")
    }

    /// What programs have in their environment that look for a switch in this directory.
    #[must_use]
    pub fn environment(directory: &Path) -> [(&'static str, &Path); 3] {
        ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"].map(|name| (name, directory))
    }

    /// What `ovs-vsctl` says to these words.
    ///
    /// # Errors
    /// When it refuses.
    pub fn get(&self, words: &[&str]) -> Result<String, LabError> {
        let database = format!("--db=unix:{}", self.socket().display());
        self.host.output("ovs-vsctl", [&["--timeout=5", &database], words].concat())
    }

    /// The names of the bridge's ports that are somebody's, in order.
    ///
    /// # Errors
    /// When the switch does not answer.
    pub fn plugged(&self) -> Result<Vec<String>, LabError> {
        let said = self.get(&["--bare", "--columns=name", "find", "Interface", "external_ids:iface-id!=\"\""])?;
        let mut names: Vec<String> = said.split_whitespace().map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    /// The VLAN of the port with this id; none: it is not there, or has none.
    #[must_use]
    pub fn tag(&self, id: &str) -> Option<u16> {
        let find = ["--bare", "--columns=name", "find", "Interface", &format!("external_ids:iface-id={id}")];
        let name = self.get(&find).ok()?;
        self.get(&["get", "Port", name.trim(), "tag"]).ok()?.trim().parse().ok()
    }

    /// Makes an internal port, as load balancers have, and moves its device to a host, as `link`.
    ///
    /// # Errors
    /// When a program refuses.
    ///
    /// # Panics
    /// When the device is not made.
    pub fn plug(&self, port: &Port, host: &Host, link: &str) -> Result<(), LabError> {
        let name = format!("tap{}", &port.id[..11]);
        let add = ["add-port", BRIDGE, &name, "--", "set", "Interface", &name, "type=internal"].map(str::to_owned);
        let ids = [("iface-id", &port.id), ("attached-mac", &port.mac), ("iface-status", &"active".to_owned())];
        let ids = ids.map(|(key, value)| format!("external-ids:{key}=\"{value}\""));
        let words: Vec<&str> = add.iter().chain(&ids).map(String::as_str).collect();
        self.get(&words)?;
        let keeper = host.keeper_pid().to_string();
        wait_until(PATIENCE, &format!("the device {name}"), || {
            self.host.output("ip", ["link", "set", &name, "name", link, "netns", &keeper]).ok()
        });
        host.output("ip", ["link", "set", link, "address", &port.mac, "up"])?;
        host.address(link, &format!("{}/24", port.four))?;
        host.address(link, &format!("{}/64", port.six))
    }

    fn program(host: &Host, name: &str, directory: &Path) -> Command {
        let mut command = host.command(name);
        command.envs(Self::environment(directory)).args(["--log-file", "-vconsole:off"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}
