//! Open vSwitch in a lab, with the datapath that is a part of ovs-vswitchd: this machine's kernel needs no module for it.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use ballast_lab::{Host, Lab, wait_until};

use crate::world::{SOON, TestResultOf};

const BRIDGE: &str = "br-int";
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

pub(crate) struct Switch {
    directory: PathBuf,
    database: Option<Child>,
    daemon: Option<Child>,
}

impl Switch {
    pub(crate) fn start(lab: &Lab) -> TestResultOf<Self> {
        let directory = lab.dir().join("ovs");
        std::fs::create_dir(&directory)?;
        let mut switch = Self { directory, database: None, daemon: None };
        let file = switch.directory.join("conf.db");
        run(Command::new("ovsdb-tool").arg("create").arg(&file).arg(SCHEMA))?;
        switch.start_again()?;
        switch.get(&["add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev"])?;
        Ok(switch)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("db.sock")
    }

    pub(crate) fn start_again(&mut self) -> TestResultOf<()> {
        self.start_database()?;
        let mut daemon = self.program("ovs-vswitchd");
        daemon.arg(format!("unix:{}", self.socket().display()));
        self.daemon = Some(daemon.spawn()?);
        wait_until(SOON, "ovs-vswitchd", || self.get(&["show"]).ok());
        Ok(())
    }

    pub(crate) fn start_database(&mut self) -> TestResultOf<()> {
        let mut server = self.program("ovsdb-server");
        server.arg(format!("--remote=punix:{}", self.socket().display())).arg(self.directory.join("conf.db"));
        self.database = Some(server.spawn()?);
        wait_until(SOON, "ovsdb-server", || self.get(&["--no-wait", "init"]).ok());
        Ok(())
    }

    pub(crate) fn kill_database(&mut self) -> TestResultOf<()> {
        kill(&mut self.database)
    }

    pub(crate) fn kill_all(&mut self) -> TestResultOf<()> {
        kill(&mut self.daemon)?;
        self.kill_database()
    }

    /// What `ovs-vsctl` says to these words.
    pub(crate) fn get(&self, words: &[&str]) -> TestResultOf<String> {
        let database = format!("--db=unix:{}", self.socket().display());
        run(Command::new("ovs-vsctl").args(["--timeout=5", &database]).args(words))
    }

    /// All ports of the bridge, in order.
    pub(crate) fn ports(&self) -> TestResultOf<Vec<String>> {
        let mut ports: Vec<String> = self.get(&["list-ports", BRIDGE])?.lines().map(str::to_owned).collect();
        ports.sort();
        Ok(ports)
    }

    /// Joins a host to a VLAN of the bridge.
    pub(crate) fn plug(&self, host: &Host, name: &str, tag: u16, address: &str) -> TestResultOf<()> {
        let ip = |words: &[&str]| run(Command::new("ip").args(words)).map(drop);
        let keeper = host.keeper_pid().to_string();
        ip(&["link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", &keeper])?;
        ip(&["link", "set", name, "up"])?;
        self.get(&["add-port", BRIDGE, name, &format!("tag={tag}")])?;
        // The switch does not fill in what a card would have.
        host.output("ethtool", ["-K", "eth0", "tx", "off"])?;
        host.output("ip", ["address", "add", address, "dev", "eth0"])?;
        host.output("ip", ["link", "set", "eth0", "up"])?;
        Ok(())
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env("OVS_RUNDIR", &self.directory)
            .env("OVS_LOGDIR", &self.directory)
            .env("OVS_DBDIR", &self.directory)
            .args(["--log-file", "-vconsole:off"])
            .stdin(Stdio::null());
        command
    }
}

fn kill(process: &mut Option<Child>) -> TestResultOf<()> {
    if let Some(mut process) = process.take() {
        process.kill()?;
        process.wait()?;
    }
    Ok(())
}

fn run(command: &mut Command) -> TestResultOf<String> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}
