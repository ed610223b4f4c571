//! A host of the lab: a network and a mount namespace of its own, kept alive by one sleeping process.
//!
//! Its `/run/netns` is its own, so that two agents do not see each other's namespaces. PIDs, `/tmp` and the
//! rest of the file system are shared by all hosts: Unix sockets work across.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use crate::entry::Entry;
use crate::error::LabError;
use crate::fabric::{Fabric, Segment, bridge_lines, check_link_name, check_name, run, run_ip};
use crate::process::{Expected, Process};
use crate::procfs;
use crate::remains::{self, Remains};
use crate::web_server::WebServer;

/// Makes a host out of fresh namespaces. `/sys` shows the links of the host only; where the kernel refuses
/// that (some containers), it shows nothing rather than those of the machine. Duplicate address detection
/// is off: an address can be used at once.
const KEEPER: &str = "set -e
mount -t tmpfs -o mode=0755 ballast-lab /run/netns
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys 2>/dev/null || mount -t tmpfs ballast-lab /sys
echo 0 >/proc/sys/net/ipv4/ip_forward
if [ -d /proc/sys/net/ipv6 ]; then
    for scope in all default; do
        echo 0 >/proc/sys/net/ipv6/conf/$scope/disable_ipv6
        echo 0 >/proc/sys/net/ipv6/conf/$scope/accept_dad
        echo 0 >/proc/sys/net/ipv6/conf/$scope/dad_transmits
        echo 0 >/proc/sys/net/ipv6/conf/$scope/accept_ra
    done
fi
ip link set dev lo up
echo ready
exec sleep infinity >/dev/null";

const FORWARD: &str = "set -e
echo 1 >/proc/sys/net/ipv4/ip_forward
if [ -d /proc/sys/net/ipv6 ]; then echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; fi";

/// A host; clones are the same host. It lives until the lab ends.
#[derive(Clone, Debug)]
pub struct Host {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    entry: Entry,
    fabric: Arc<Fabric>,
    /// Killed when the last clone of the host is dropped.
    keeper: Process,
    /// The keeper's number in the lab's own PID namespace.
    keeper_inside: i32,
    /// What the lab itself made here.
    links: Mutex<Vec<String>>,
    expected: Expected,
}

impl Host {
    pub(crate) fn make(name: &str, fabric: &Arc<Fabric>) -> Result<Self, LabError> {
        check_name("host", name)?;
        let mut command = fabric.entry.command("unshare");
        command.args(["--net", "--mount", "--propagation", "private", "--", "sh", "-c", KEEPER]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let expected = Expected::default();
        let mut keeper = Process::start(command, fabric.entry.forks(), Arc::clone(&expected))?;
        await_ready(&mut keeper, &format!("making host {name}"))?;
        let pid = keeper.pid();
        let keeper_inside = procfs::status(pid).map_or(pid, |status| status.inner_pid);
        Ok(Self {
            shared: Arc::new(Shared {
                name: name.to_owned(),
                entry: fabric.entry.further(pid),
                fabric: Arc::clone(fabric),
                keeper,
                keeper_inside,
                links: Mutex::new(vec!["lo".to_owned()]),
                expected,
            }),
        })
    }

    /// The name that it was made with.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The number of the process that keeps its namespaces, as the caller sees it.
    pub fn keeper_pid(&self) -> i32 {
        self.shared.keeper.pid()
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.shared.entry
    }

    fn place(&self) -> String {
        format!("on host {}", self.shared.name)
    }

    fn ip(&self, lines: &[String]) -> Result<(), LabError> {
        run_ip(&self.shared.entry, &self.place(), lines)
    }

    fn made(&self, link: &str) {
        self.shared.links.lock().unwrap_or_else(PoisonError::into_inner).push(link.to_owned());
    }

    /// Plugs the host into a segment by a new link `interface` with `address` (`10.0.0.5/24`, `fd00::5/64`).
    pub fn plug(&self, segment: &Segment, interface: &str, address: &str) -> Result<(), LabError> {
        let address_line = address_line(interface, address)?;
        self.shared.fabric.cable(segment, interface, self.shared.keeper_inside)?;
        self.made(interface);
        self.ip(&[format!("link set dev {interface} up"), address_line])
    }

    /// Connects the host to a segment by a new link `interface` without address: for a switch that is a program.
    pub fn cable(&self, segment: &Segment, interface: &str) -> Result<(), LabError> {
        self.shared.fabric.cable(segment, interface, self.shared.keeper_inside)?;
        self.made(interface);
        self.ip(&[format!("link set dev {interface} up")])
    }

    /// Adds an address to a link (also to a bridge) of the host.
    pub fn address(&self, interface: &str, address: &str) -> Result<(), LabError> {
        check_link_name("link", interface)?;
        self.ip(&[address_line(interface, address)?])
    }

    /// Makes a bridge inside the host, as an agent's `br-data`.
    pub fn bridge(&self, bridge: &str) -> Result<(), LabError> {
        check_link_name("link", bridge)?;
        self.ip(&bridge_lines(bridge))?;
        self.made(bridge);
        Ok(())
    }

    /// Connects a bridge of the host to a segment, by a new link `interface` without address.
    pub fn uplink(&self, bridge: &str, segment: &Segment, interface: &str) -> Result<(), LabError> {
        check_link_name("link", bridge)?;
        self.shared.fabric.cable(segment, interface, self.shared.keeper_inside)?;
        self.made(interface);
        self.ip(&[format!("link set dev {interface} master {bridge} up")])
    }

    /// Adds a route to `destination` (`10.1.0.0/24`) by way of `gateway`, which must be on a plugged subnet.
    pub fn route(&self, destination: &str, gateway: &str) -> Result<(), LabError> {
        let destination = network(destination)?;
        let gateway = ip_address(gateway)?;
        self.ip(&[format!("route add {destination} via {gateway}")])
    }

    /// The default route, of the gateway's address family.
    pub fn default_route(&self, gateway: &str) -> Result<(), LabError> {
        let gateway = ip_address(gateway)?;
        self.route(if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" }, &gateway.to_string())
    }

    /// Makes the host a router: it forwards between its links.
    pub fn forward(&self) -> Result<(), LabError> {
        self.output("sh", ["-c", FORWARD]).map(drop)
    }

    /// A command that runs `program` on this host, in the caller's working directory. Give it to
    /// [`Host::spawn`], or run it as any command.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.shared.entry.command(program)
    }

    /// Starts a command that [`Host::command`] made, with an empty stdin.
    pub fn spawn(&self, command: Command) -> Result<Process, LabError> {
        Process::start(command, self.shared.entry.forks(), Arc::clone(&self.shared.expected))
    }

    /// Runs a program to its end and returns its stdout; any status but 0 is an error with its stderr.
    pub fn output<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, LabError> {
        run(self.command(program).args(arguments), &self.place())
    }

    /// Starts a member's web server and waits until it listens.
    pub fn web_server(&self, name: &str, address: SocketAddr) -> Result<WebServer, LabError> {
        WebServer::start(self.clone(), name, address)
    }

    /// What exists on this host besides what the lab made and the programs that were started through
    /// [`Host::spawn`] and are still held.
    pub fn remains(&self) -> Result<Remains, LabError> {
        let known = self.shared.links.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let listed = self.output("ip", ["-json", "link", "show"])?;
        let expected = self.shared.expected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Remains {
            namespaces: remains::named_namespaces(self.keeper_pid()),
            links: remains::unknown_links(&listed, &known)?,
            processes: remains::unexpected_processes(self.keeper_pid(), &expected),
        })
    }
}

/// Waits for the line that says that the namespaces are complete.
pub(crate) fn await_ready(keeper: &mut Process, doing: &str) -> Result<(), LabError> {
    let mut line = String::new();
    if let Some(stdout) = keeper.child().stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(LabError::io("read from a keeper"))?;
    }
    if line == "ready\n" {
        return Ok(());
    }
    let mut stderr = String::new();
    let status = keeper.wait()?;
    if let Some(mut pipe) = keeper.child().stderr.take() {
        std::io::Read::read_to_string(&mut pipe, &mut stderr).map_err(LabError::io("read from a keeper"))?;
    }
    let (doing, stderr) = (doing.to_owned(), stderr.trim().to_owned());
    Err(LabError::Command { doing, command: "sh -c KEEPER".to_owned(), status, stderr })
}

fn address_line(interface: &str, address: &str) -> Result<String, LabError> {
    let address = network(address)?;
    let nodad = if address.addr().is_ipv6() { " nodad" } else { "" };
    Ok(format!("address add {address} dev {interface}{nodad}"))
}

fn network(text: &str) -> Result<IpNet, LabError> {
    text.parse().map_err(|_| LabError::Address {
        text: text.to_owned(),
        wanted: "an address with its prefix, as 10.0.0.5/24 or fd00::5/64",
    })
}

fn ip_address(text: &str) -> Result<IpAddr, LabError> {
    text.parse().map_err(|_| LabError::Address { text: text.to_owned(), wanted: "an address, as 10.0.0.1 or fd00::1" })
}
