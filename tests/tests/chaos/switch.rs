//! Open vSwitch on the driver's own host, with the datapath that is a part of ovs-vswitchd.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use ballast_lab::{Host, wait_until};

use crate::place::{Outcome, SOON, here};

const BRIDGE: &str = "br-int";
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// Its processes end with the lab.
pub(crate) struct Switch {
    directory: PathBuf,
    _processes: [Child; 2],
}

impl Switch {
    pub(crate) fn start(directory: PathBuf) -> Outcome<Self> {
        std::fs::create_dir(&directory)?;
        let (socket, file) = (directory.join("db.sock"), directory.join("conf.db"));
        here(&["ovsdb-tool", "create", &file.display().to_string(), SCHEMA])?;
        let mut database = program("ovsdb-server", &directory);
        let database = database.arg(format!("--remote=punix:{}", socket.display())).arg(&file).spawn()?;
        wait_until(SOON, "ovsdb-server", || vsctl(&directory, &["--no-wait", "init"]).ok());
        let daemon = program("ovs-vswitchd", &directory).arg(format!("unix:{}", socket.display())).spawn()?;
        vsctl(&directory, &["add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev"])?;
        Ok(Self { directory, _processes: [database, daemon] })
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("db.sock")
    }

    /// All ports of the bridge, in order.
    pub(crate) fn ports(&self) -> Vec<String> {
        let said = vsctl(&self.directory, &["list-ports", BRIDGE]).unwrap();
        let mut ports: Vec<String> = said.lines().map(str::to_owned).collect();
        ports.sort();
        ports
    }

    /// Joins a host to a VLAN of the bridge.
    pub(crate) fn plug(&self, host: &Host, name: &str, tag: u16, address: &str) -> Outcome<()> {
        let keeper = host.keeper_pid().to_string();
        here(&["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", &keeper])?;
        here(&["ip", "link", "set", name, "up"])?;
        vsctl(&self.directory, &["add-port", BRIDGE, name, &format!("tag={tag}")])?;
        // The switch does not fill in what a card would have.
        host.output("ethtool", ["-K", "eth0", "tx", "off"])?;
        host.address("eth0", address)?;
        host.output("ip", ["link", "set", "eth0", "up"])?;
        Ok(())
    }
}

fn vsctl(directory: &Path, words: &[&str]) -> Outcome<String> {
    let database = format!("--db=unix:{}", directory.join("db.sock").display());
    here(&[&["ovs-vsctl", "--timeout=5", &database], words].concat())
}

fn program(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(name);
    command.envs(["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"].map(|name| (name, directory)));
    command.args(["--log-file", "-vconsole:off"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
