//! The services, as separate processes of the same build as this program: scheduler and gateway in the lab's own
//! namespace, an agent with one driver on its host.
//!
//! Unlike the site of the system tests it knows each process (for its CPU time) and keeps the agent's log in JSON.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use ballast_lab::{Host, Lab, wait_until};
use ballast_tests::secret;
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    unistd::{SysconfVar, sysconf},
};
use serde_json::{Value, json};

use crate::{
    Outcome,
    rest::Rest,
    topology::{BRIDGE, GATEWAY},
};

const PATIENCE: Duration = Duration::from_secs(30);
/// Of no other database.
const SECRETS_KEY: &str = "8a5edab282632443219e051e4ade2d1d5bbc671c781051bf1437897cbdfea0f1";

/// Which driver the agent has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Driver {
    HaproxyNs,
    NftL4,
    /// Deploys into a file, in memory: what it costs is no part of what is measured.
    Fault,
}

impl Driver {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::HaproxyNs => "haproxy-ns",
            Self::NftL4 => "nft-l4",
            Self::Fault => "fault",
        }
    }

    pub(crate) const fn library(self) -> &'static str {
        match self {
            Self::HaproxyNs => "libballast_driver_haproxy_ns.so",
            Self::NftL4 => "libballast_driver_nft_l4.so",
            Self::Fault => "libballast_fault_driver.so",
        }
    }
}

/// How the services are to run.
pub(crate) struct Plan<'a> {
    pub(crate) driver: Driver,
    /// Where the agent runs; none: beside the others.
    pub(crate) host: Option<&'a Host>,
    pub(crate) log_level: &'static str,
    /// The database's url; none: a file of SQLite in the stack's directory.
    pub(crate) database: Option<String>,
}

struct Service {
    name: &'static str,
    process: Child,
}

impl Drop for Service {
    fn drop(&mut self) {
        // The lab's end would end it too.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// Everything that runs. It ends when this is dropped; load balancers that are deployed do not.
pub(crate) struct Stack {
    directory: PathBuf,
    services: Vec<Service>,
    driver: Driver,
    gateway: SocketAddr,
    /// Where pools, members and VIPs are made.
    pub(crate) subnet_id: String,
}

impl Stack {
    /// Starts the services in a directory of their own, waits until the agent can be given work, makes a subnet.
    pub(crate) fn start(lab: &Lab, name: &str, plan: &Plan<'_>) -> Outcome<Self> {
        let directory = lab.dir().join(name);
        fs::create_dir_all(directory.join("drivers"))?;
        fs::copy(built(plan.driver.library())?, directory.join("drivers").join(plan.driver.library()))?;
        fs::write(directory.join("ballast.toml"), configuration(&directory, plan))?;
        secret::write(&directory.join("secrets.key"), SECRETS_KEY);
        if let Driver::Fault = plan.driver {
            fs::create_dir_all(devices(&directory))?;
            mount(Some("bench"), &devices(&directory), Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
        }
        let gateway = SocketAddr::from(([127, 0, 0, 1], 9696));
        let (driver, subnet_id) = (plan.driver, String::new());
        let mut stack = Self { directory, services: Vec::new(), driver, gateway, subnet_id };
        stack.spawn("scheduler", Command::new(built("ballast-scheduler")?))?;
        stack.spawn("gateway", Command::new(built("ballast-api-gateway")?))?;
        stack.start_agent(plan.host)?;
        let mut rest = wait_until(PATIENCE, "the gateway", || stack.rest().ok());
        wait_until(PATIENCE, "an agent that can be given work", || is_ready(&mut rest).then_some(()));
        stack.subnet_id = make_subnet(&mut rest)?;
        Ok(stack)
    }

    /// Where it ran before.
    pub(crate) fn start_agent(&mut self, host: Option<&Host>) -> Outcome<()> {
        let agent = built("ballast-agent")?;
        self.spawn("agent", host.map_or_else(|| Command::new(&agent), |host| host.command(&agent)))
    }

    /// SIGKILL. What it has deployed goes on.
    pub(crate) fn kill_agent(&mut self) {
        self.services.retain(|service| service.name != "agent");
    }

    fn spawn(&mut self, name: &'static str, mut command: Command) -> Outcome<()> {
        command.arg("--config").arg(self.directory.join("ballast.toml")).stdin(Stdio::null());
        command.stderr(fs::File::create(self.directory.join(format!("{name}.log")))?);
        self.services.push(Service { name, process: command.spawn()? });
        Ok(())
    }

    /// A connection of its own.
    pub(crate) fn rest(&self) -> Outcome<Rest> {
        Rest::connect(self.gateway)
    }

    /// Shows the warnings at the end of each log: why a bench may have failed.
    pub(crate) fn complain(&self) {
        for service in &self.services {
            let log = fs::read_to_string(self.directory.join(format!("{}.log", service.name))).unwrap_or_default();
            let warnings: Vec<_> = log.lines().filter(|line| !line.contains(r#""level":"INFO""#)).collect();
            for line in warnings.iter().rev().take(5).rev() {
                eprintln!("{}: {line}", service.name);
            }
        }
    }

    pub(crate) fn agent_log(&self) -> Outcome<String> {
        Ok(fs::read_to_string(self.directory.join("agent.log"))?)
    }

    /// Where the driver keeps a load balancer's files.
    pub(crate) fn files_of(&self, load_balancer_id: &str) -> PathBuf {
        devices(&self.directory).join(self.driver.name()).join(load_balancer_id)
    }

    pub(crate) fn pool(&self, name: &str) -> Value {
        let subnet_id = &self.subnet_id;
        json!({ "pool": { "name": name, "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": subnet_id } })
    }

    pub(crate) fn vip(&self, pool_id: &str, address: std::net::Ipv4Addr) -> Value {
        json!({ "vip": { "name": "bench", "protocol": "HTTP", "protocol_port": 80, "subnet_id": self.subnet_id,
            "pool_id": pool_id, "address": address } })
    }

    /// Makes a pool with members.
    pub(crate) fn make_pool(&self, rest: &mut Rest, members: &[(std::net::Ipv4Addr, u16)]) -> Outcome<String> {
        let pool_id = rest.create("/v2.0/lb/pools", &self.pool("bench"))?;
        for (address, port) in members {
            let member = json!({ "member": { "pool_id": pool_id, "address": address, "protocol_port": port } });
            rest.create("/v2.0/lb/members", &member)?;
        }
        Ok(pool_id)
    }

    /// How many links the agent's host has.
    pub(crate) fn links(&self) -> Outcome<usize> {
        let agent = self.services.last().ok_or("there is no agent")?;
        Ok(fs::read_to_string(format!("/proc/{}/net/dev", agent.process.id()))?.lines().count())
    }

    /// The most memory that each process has had, in kB.
    pub(crate) fn memory(&self) -> Vec<(&'static str, u64)> {
        self.services.iter().map(|service| (service.name, peak_of(service.process.id()))).collect()
    }

    /// CPU time that each process has used since it started, in microseconds, to the kernel's tick.
    pub(crate) fn cpu(&self) -> Vec<(&'static str, f64)> {
        let mut used: Vec<_> =
            self.services.iter().map(|service| (service.name, cpu_of(service.process.id()))).collect();
        if let Some(agent) = self.services.last() {
            used.push(("driver-host", children_of(agent.process.id()).into_iter().map(cpu_of).sum()));
        }
        used
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.services.clear();
        if let Driver::Fault = self.driver {
            // The lab's end would end it too.
            let _ = umount2(&devices(&self.directory), MntFlags::MNT_DETACH);
        }
    }
}

/// Where drivers keep their files.
fn devices(directory: &Path) -> PathBuf {
    directory.join("state/driver-state")
}

/// The most memory that a process has had, in kB.
pub(crate) fn peak_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn configuration(directory: &Path, plan: &Plan<'_>) -> String {
    let driver = plan.driver.name();
    let mappings = match plan.driver {
        Driver::HaproxyNs | Driver::NftL4 => {
            format!("[drivers.{driver}]\nbridge_mappings = {{ physnet1 = \"{BRIDGE}\" }}\n")
        }
        Driver::Fault => String::new(),
    };
    format!(
        r#"[log]
format = "json"
level = "{level}"
[database]
url = "{database}"
[secrets]
key_files = ["{dir}/secrets.key"]
[quotas]
network = -1
subnet = -1
port = -1
vip = -1
pool = -1
v2_pool = -1
[failover]
enabled = false
[scheduler]
socket = "{dir}/scheduler.sock"
[gateway]
scheduler = "unix:{dir}/scheduler.sock"
[[provider]]
name = "bench"
driver = "{driver}"
default = true
[agent]
host = "agent-1"
schedulers = ["unix:{dir}/scheduler.sock"]
state_dir = "{dir}/state"
drivers_dir = "{dir}/drivers"
{mappings}"#,
        level = plan.log_level,
        database = plan.database.clone().unwrap_or_else(|| format!("sqlite://{}/ballast.db", directory.display())),
        dir = directory.display(),
    )
}

/// Something that was built with this program.
pub(crate) fn built(name: &str) -> Outcome<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    if path.exists() {
        return Ok(path);
    }
    Err(format!("{} is not built: run `cargo build --release --workspace`", path.display()).into())
}

fn is_ready(rest: &mut Rest) -> bool {
    let Ok(answer) = rest.get("/v2.0/agents") else { return false };
    let ready = |agent: &Value| {
        let drivers = agent["configurations"]["device_drivers"].as_array();
        agent["alive"] == true && drivers.is_some_and(|drivers| !drivers.is_empty())
    };
    answer["agents"].as_array().is_some_and(|agents| agents.iter().any(ready))
}

fn make_subnet(rest: &mut Rest) -> Outcome<String> {
    let network = json!({ "network": { "name": "bench", "provider:network_type": "bridge",
        "provider:physical_network": "physnet1" } });
    let network_id = rest.create("/v2.0/networks", &network)?;
    let subnet = json!({ "subnet": { "name": "bench", "network_id": network_id, "ip_version": 4,
        "cidr": "10.20.0.0/16", "gateway_ip": GATEWAY,
        // Members are below.
        "allocation_pools": [{ "start": "10.20.64.0", "end": "10.20.255.254" }] } });
    rest.create("/v2.0/subnets", &subnet)
}

/// Fields of `/proc/PID/stat` from the third on: the name before them may hold anything.
fn stat(pid: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
}

/// CPU time of one process since it started, in microseconds.
pub(crate) fn cpu_of(pid: u32) -> f64 {
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    let ticks = stat(pid).map_or(0, |fields| fields[11] + fields[12]);
    ticks as f64 * 1e6 / ticks_per_second as f64
}

/// The same to the nanosecond, of threads that still run: for what lasts a second.
pub(crate) fn precise_cpu_of(pid: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let used = |task: fs::DirEntry| -> Option<f64> {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    tasks.filter_map(used).sum::<f64>() / 1e3
}

pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|fields| fields[1] == u64::from(parent))).collect()
}
