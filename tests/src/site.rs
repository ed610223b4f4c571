//! A small deployment in a lab.
//!
//! ```text
//!   lab's own host: scheduler (127.0.0.1:9697 and a Unix socket), gateway (127.0.0.1:9696)
//!   segment "net", 10.20.0.0/24: client .9, web-1 .11, web-2 .12, web-3 .13, an agent host's br-data each
//! ```

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use ballast_lab::{Host, Lab, LabError, Process, Segment, Signal, WebServer, wait_until};
use serde_json::{Value, json};

use crate::{
    PATIENCE, programs,
    rest::{Reply, Rest},
};

/// Where the gateway answers inside the lab.
pub const URL: &str = "http://127.0.0.1:9696";

/// An agent's host, its drivers directory, and its process while it runs.
pub struct AgentHost {
    pub name: String,
    pub host: Host,
    pub drivers: PathBuf,
    pub process: Option<Process>,
}

/// A service on the lab's own host. Dropped, it ends.
#[derive(Debug)]
pub struct Service(Child);

impl Service {
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// SIGKILL, and wait.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> std::io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }

    /// SIGTERM, and wait.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn stop(&mut self) -> std::io::Result<std::process::ExitStatus> {
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        nix::sys::signal::kill(pid, Signal::SIGTERM)?;
        self.0.wait()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}

/// The deployment. What it started ends with it.
pub struct Site {
    pub scheduler: Option<Service>,
    pub gateway: Option<Service>,
    pub agents: Vec<AgentHost>,
    pub webs: Vec<WebServer>,
    pub client: Host,
    pub rest: Rest,
    pub subnet_id: String,
    segment: Segment,
    directory: PathBuf,
    /// Where the programs and drivers lie that are started from now on.
    pub programs: PathBuf,
    environment: Vec<Setting>,
}

/// A variable in the environment of one service: its program's name (of an agent: its host's; empty: of all), its own
/// name, and its value.
pub type Setting = (&'static str, &'static str, String);

/// How a site is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    pub agents: usize,
    pub webs: u8,
    pub policy: &'static str,
    /// Milliseconds: heartbeat, suspect, dead.
    pub liveness: (u32, u32, u32),
    /// What the site's own calls over REST show; empty: nothing.
    pub token: String,
    /// Configuration beside the site's.
    pub environment: Vec<Setting>,
    /// Where the programs and drivers lie.
    pub programs: PathBuf,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            agents: 1,
            webs: 3,
            policy: "chance",
            liveness: (1_000, 12_000, 20_000),
            token: String::new(),
            environment: Vec::new(),
            programs: programs::directory(),
        }
    }
}

impl Site {
    /// Builds and starts everything, makes a network and a subnet, and waits until the agents are alive.
    ///
    /// # Errors
    /// When the lab cannot be built.
    pub fn start(lab: &Lab, plan: &Plan) -> Result<Self, LabError> {
        let segment = lab.segment("net")?;
        let client = lab.host("client")?;
        client.plug(&segment, "eth0", "10.20.0.9/24")?;
        let mut webs = Vec::new();
        for n in 1..=plan.webs {
            let host = lab.host(&format!("web-{n}"))?;
            host.plug(&segment, "eth0", &format!("10.20.0.{}/24", 10 + n))?;
            webs.push(host.web_server(&format!("web-{n}"), SocketAddr::from(([10, 20, 0, 10 + n], 80)))?);
        }
        let directory = lab.dir().to_path_buf();
        // haproxy runs as another user and must find its way through.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711)).expect("the lab's directory");
        let mut site = Self {
            scheduler: None,
            gateway: None,
            agents: Vec::new(),
            webs,
            client,
            rest: Rest::new(URL).with_token(&plan.token),
            subnet_id: String::new(),
            segment,
            directory,
            programs: plan.programs.clone(),
            environment: plan.environment.clone(),
        };
        site.configure(plan);
        site.start_scheduler();
        site.start_gateway();
        for n in 1..=plan.agents {
            site.add_agent_host(lab, &format!("agent-{n}"))?;
            site.start_agent(n - 1);
        }
        site.make_subnet();
        site.wait_for_agents(plan.agents);
        Ok(site)
    }

    /// The socket that the agents, and gRPC clients of the tests, use.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("scheduler.sock")
    }

    fn configure(&self, plan: &Plan) {
        let (heartbeat, suspect, dead) = plan.liveness;
        let text = format!(
            r#"
[log]
level = "info"
[database]
url = "sqlite://{dir}/ballast.db"
[scheduler]
socket = "{dir}/scheduler.sock"
[gateway]
scheduler = "unix:{dir}/scheduler.sock"
project_id = "demo"
[quotas]
network = -1
subnet = -1
port = -1
vip = -1
pool = -1
[placement]
policy = "{policy}"
[agents]
heartbeat_interval_ms = {heartbeat}
suspect_after_ms = {suspect}
dead_after_ms = {dead}
statistics_interval_ms = 500
[[provider]]
name = "haproxy"
driver = "haproxy-ns"
default = true
[[provider]]
name = "a10"
driver = "a10-stub"
[[provider]]
name = "netscaler"
driver = "netscaler-stub"
[[provider]]
name = "fault"
driver = "fault"
[agent]
schedulers = ["unix:{dir}/scheduler.sock"]
[drivers.haproxy-ns]
bridge_mappings = {{ physnet1 = "br-data" }}
"#,
            dir = self.directory.display(),
            policy = plan.policy,
        );
        write(&self.directory.join("ballast.toml"), &text);
    }

    /// Changes what the next start of a service has in its environment.
    pub fn set(&mut self, (service, name, value): Setting) {
        self.environment.retain(|setting| (setting.0, setting.1) != (service, name));
        self.environment.push((service, name, value));
    }

    fn settings<'a>(&'a self, service: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> {
        let of_service = move |setting: &&Setting| setting.0.is_empty() || setting.0 == service;
        self.environment.iter().filter(of_service).map(|setting| (setting.1, setting.2.as_str()))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(programs::built_in(&self.programs, program));
        command.arg("--config").arg(self.directory.join("ballast.toml"));
        command
    }

    fn log(&self, name: &str) -> fs::File {
        let path = self.directory.join(format!("{name}.log"));
        fs::OpenOptions::new().create(true).append(true).open(path).expect("a log file")
    }

    /// What a process logged so far.
    #[must_use]
    pub fn logged(&self, name: &str) -> String {
        fs::read_to_string(self.directory.join(format!("{name}.log"))).unwrap_or_default()
    }

    fn start_here(&self, program: &str) -> Service {
        let mut command = self.command(program);
        command.envs(self.settings(program)).stderr(self.log(program));
        Service(command.spawn().expect("the service starts"))
    }

    /// # Panics
    /// When it does not start to answer.
    pub fn start_scheduler(&mut self) {
        self.scheduler = Some(self.start_here("ballast-scheduler"));
        let socket = self.socket();
        wait_until(PATIENCE, "the scheduler's socket", || {
            std::os::unix::net::UnixStream::connect(&socket).ok().map(drop)
        });
    }

    /// # Panics
    /// When it does not start to answer.
    pub fn start_gateway(&mut self) {
        self.spawn_gateway();
        wait_until(PATIENCE, "the gateway's answer", || self.rest.try_call("GET", "/", None));
    }

    /// Starts it, and does not wait until it answers.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn_gateway(&mut self) {
        self.gateway = Some(self.start_here("ballast-api-gateway"));
    }

    /// A host for an agent, with a bridge for the network and the haproxy-ns driver.
    ///
    /// # Errors
    /// When the lab cannot make it.
    pub fn add_agent_host(&mut self, lab: &Lab, name: &str) -> Result<(), LabError> {
        let host = lab.host(name)?;
        host.bridge("br-data")?;
        host.uplink("br-data", &self.segment, "eth0")?;
        let drivers = self.directory.join(name).join("drivers");
        fs::create_dir_all(&drivers).expect("a drivers directory");
        self.put_driver(&drivers);
        self.agents.push(AgentHost { name: name.to_owned(), host, drivers, process: None });
        Ok(())
    }

    /// Puts haproxy-ns of the site's programs into a drivers directory, in place of what is there.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn put_driver(&self, drivers: &Path) {
        let (file, next) = (drivers.join("haproxy-ns.so"), drivers.join("haproxy-ns.next"));
        fs::copy(programs::built_in(&self.programs, programs::HAPROXY_NS), &next).expect("a driver");
        fs::rename(next, file).expect("a driver in its place");
    }

    /// Appends to the configuration; who reads it from then on has it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn add_configuration(&self, section: &str) {
        let file = fs::OpenOptions::new().append(true).open(self.directory.join("ballast.toml"));
        file.and_then(|mut file| file.write_all(section.as_bytes())).expect("the configuration is written");
    }

    /// Where an agent keeps what must survive.
    #[must_use]
    pub fn agent_state(&self, agent: usize) -> PathBuf {
        self.directory.join(&self.agents[agent].name).join("state")
    }

    /// # Panics
    /// When it cannot be started.
    pub fn start_agent(&mut self, agent: usize) {
        let state = self.agent_state(agent);
        let log = self.log(&self.agents[agent].name);
        let built = self.command("ballast-agent");
        let settings: Vec<_> =
            self.settings(&self.agents[agent].name).map(|(name, value)| (name, value.to_owned())).collect();
        let one = &mut self.agents[agent];
        let mut command = one.host.command(built.get_program());
        command
            .args(built.get_args())
            .env("BALLAST_AGENT__HOST", &one.name)
            .env("BALLAST_AGENT__STATE_DIR", state)
            .env("BALLAST_AGENT__DRIVERS_DIR", &one.drivers)
            .envs(settings)
            .stderr(log);
        one.process = Some(one.host.spawn(command).expect("the agent starts"));
    }

    /// # Panics
    /// When the agent does not run.
    pub fn signal_agent(&mut self, agent: usize, signal: Signal) {
        let process = self.agents[agent].process.as_mut().expect("the agent runs");
        process.signal(signal).expect("the agent is signalled");
    }

    /// # Panics
    /// When the agent does not run.
    pub fn kill_agent(&mut self, agent: usize) {
        let mut process = self.agents[agent].process.take().expect("the agent runs");
        process.kill().expect("the agent is killed");
    }

    /// Waits until this many agents are alive with a ready haproxy-ns.
    ///
    /// # Panics
    /// When they are not in time.
    pub fn wait_for_agents(&self, count: usize) {
        let ready = |agent: &Value| {
            let drivers = &agent["configurations"]["device_drivers"];
            agent["alive"] == true && drivers.as_array().is_some_and(|drivers| !drivers.is_empty())
        };
        wait_until(PATIENCE, "ready agents", || {
            let agents = self.rest.get("/v2.0/agents");
            (agents["agents"].as_array()?.iter().filter(|agent| ready(agent)).count() == count).then_some(())
        });
    }

    fn make_subnet(&mut self) {
        // The scheduler is there; who vouches for the token may be slow on a busy machine.
        wait_until(PATIENCE, "an answer other than 503", || {
            self.rest.try_call("GET", "/v2.0/networks", None).filter(|reply| reply.status != 503)
        });
        let network = json!({"network": {
            "name": "demo-net", "provider:network_type": "bridge", "provider:physical_network": "physnet1"
        }});
        let network_id = self.rest.create("/v2.0/networks", &network).id();
        let subnet = json!({"subnet": {
            "name": "demo-subnet", "network_id": network_id, "ip_version": 4, "cidr": "10.20.0.0/24",
            "allocation_pools": [{"start": "10.20.0.100", "end": "10.20.0.199"}]
        }});
        self.subnet_id = self.rest.create("/v2.0/subnets", &subnet).id();
    }

    /// A pool of HTTP servers.
    #[must_use]
    pub fn make_pool(&self, name: &str) -> String {
        let pool = json!({"pool": {
            "name": name, "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": self.subnet_id
        }});
        self.rest.create("/v2.0/lb/pools", &pool).id()
    }

    /// The web servers as members of a pool, in order.
    pub fn add_members(&self, pool_id: &str) -> Vec<String> {
        let add = |web: &WebServer| {
            let address = web.address();
            let member = json!({"member": {
                "pool_id": pool_id, "address": address.ip().to_string(), "protocol_port": address.port()
            }});
            self.rest.create("/v2.0/lb/members", &member).id()
        };
        self.webs.iter().map(add).collect()
    }

    /// A vip on port 80.
    #[must_use]
    pub fn make_vip(&self, pool_id: &str) -> Reply {
        let vip = json!({"vip": {
            "name": "vip", "protocol": "HTTP", "protocol_port": 80, "subnet_id": self.subnet_id, "pool_id": pool_id
        }});
        self.rest.create("/v2.0/lb/vips", &vip)
    }

    /// A pool with the web servers and a vip that answers; the pool's id and the vip's address.
    #[must_use]
    pub fn make_load_balancer(&self, name: &str) -> (String, String) {
        let pool_id = self.make_pool(name);
        self.add_members(&pool_id);
        let address = self.make_vip(&pool_id).object()["address"].as_str().unwrap_or_default().to_owned();
        self.wait_for_traffic(&address);
        (pool_id, address)
    }

    /// Who answers at an address.
    #[must_use]
    pub fn ask(&self, address: &str) -> Option<String> {
        let url = format!("http://{address}/");
        let said = self.client.output("curl", ["-sf", "--max-time", "2", &url]).ok()?;
        Some(said.trim().to_owned())
    }

    /// # Panics
    /// When nobody answers in time.
    pub fn wait_for_traffic(&self, address: &str) -> String {
        wait_until(PATIENCE, &format!("traffic through {address}"), || self.ask(address))
    }

    /// Waits until an object has a status.
    ///
    /// # Panics
    /// When it has not in time: with the object as it is then.
    pub fn wait_for_status(&self, path: &str, status: &str) {
        wait_until(PATIENCE, &format!("{status} of {path}"), || {
            let object = self.rest.try_call("GET", path, None)?;
            (object.object()["status"] == status).then_some(())
        });
    }

    /// Waits until nothing of a load balancer is left on an agent's host.
    ///
    /// # Panics
    /// When something stays: names it.
    pub fn wait_until_clean(&self, agent: usize) {
        let host = &self.agents[agent].host;
        let left = || host.remains().expect("the host is looked at").except_program("ballast-agent");
        let clean = ballast_lab::poll_until(PATIENCE, || left().is_empty().then_some(()));
        assert!(clean.is_some(), "left on {}: {}", self.agents[agent].name, left());
        let state = self.agent_state(agent).join("driver-state/haproxy-ns");
        let files = wait_for_empty(&state);
        assert!(files.is_empty(), "files left on {}: {files:?}", self.agents[agent].name);
    }

    /// The pids of the haproxy processes on an agent's host.
    #[must_use]
    pub fn haproxies(&self, agent: usize) -> Vec<i32> {
        let remains = self.agents[agent].host.remains().expect("the host is looked at");
        let mut pids: Vec<i32> = remains
            .processes
            .iter()
            .filter(|process| process.program == "haproxy")
            .map(|process| process.pid)
            .collect();
        pids.sort_unstable();
        pids
    }

    /// What a person would look at first when a test has failed.
    #[expect(clippy::print_stderr, reason = "the report of a failed test")]
    fn tell(&self) {
        for kind in ["pools", "vips", "members"] {
            if let Some(reply) = self.rest.try_call("GET", &format!("/v2.0/lb/{kind}"), None) {
                eprintln!("{kind}: {reply}");
            }
        }
        let agents = self.agents.iter().map(|agent| agent.name.as_str());
        for name in ["ballast-scheduler", "ballast-api-gateway"].into_iter().chain(agents) {
            let log = self.logged(name);
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }

    /// Load balancers' own directories are gone some time after their processes.
    fn directories(state: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(state).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.path()).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
    }
}

fn wait_for_empty(state: &Path) -> Vec<PathBuf> {
    let empty = || Site::directories(state).is_empty().then_some(());
    if ballast_lab::poll_until(Duration::from_secs(10), empty).is_some() {
        Vec::new()
    } else {
        Site::directories(state)
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a configuration file");
}
