//! A lab with a client, two web servers and the driver, which runs in the test's own process: the lab's segment `data`
//! is the bridge that it plugs into.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    env,
    fs::{self, File},
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use ballast_abi::{
    Context, Driver, Health, HealthMonitor, LbMethod, Listener, LoadBalancer, Member, MonitorType, Network,
    Observation, Pool, Protocol, Timeouts, Vip,
};
use ballast_driver_haproxy_ns::{Config, HaproxyNs, ProcessModel};
use ballast_lab::{Host, Lab, LabError, Segment, TestResult, WebServer, wait_until};
use ballast_netns::namespace;

pub(crate) const ID: &str = "4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07";
pub(crate) const VIP: &str = "http://10.0.0.4/";
pub(crate) const OUTSIDE: &str = "tap9f1b7c52-aa";
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct World<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) data: Segment,
    pub(crate) client: Host,
    pub(crate) web: [Host; 2],
    pub(crate) servers: Vec<Option<WebServer>>,
    pub(crate) driver: HaproxyNs,
}

impl<'a> World<'a> {
    pub(crate) fn new(lab: &'a Lab) -> TestResultOf<Self> {
        let data = lab.segment("data")?;
        let client = lab.host("client")?;
        client.plug(&data, "eth0", "10.0.0.5/24")?;
        client.address("eth0", "fd00::5/64")?;
        let web = [lab.host("web-1")?, lab.host("web-2")?];
        let mut servers = Vec::new();
        for (index, host) in web.iter().enumerate() {
            let number = index + 1;
            host.plug(&data, "eth0", &format!("10.0.0.1{number}/24"))?;
            host.address("eth0", &format!("fd00::1{number}/64"))?;
            let address: SocketAddr = format!("10.0.0.1{number}:8080").parse()?;
            servers.push(Some(host.web_server(&format!("web-{number}"), address)?));
        }
        fs::create_dir(lab.dir().join("state"))?;
        let driver = driver(lab, config(lab));
        Ok(Self { lab, data, client, web, servers, driver })
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.lab.dir().join("state").join(ID)
    }

    /// What the driver is after its process was ended and started again.
    /// Of the haproxy that serves it: its own, or that of its project.
    pub(crate) fn process_directory(&self) -> PathBuf {
        let of_project = self.lab.dir().join("state/projects:/project:demo");
        let notes = fs::read_to_string(self.directory().join("state.json")).unwrap_or_default();
        if notes.contains("\"shared\"") { of_project } else { self.directory() }
    }

    pub(crate) fn restart_driver(&mut self) {
        self.start_driver(config(self.lab));
    }

    pub(crate) fn start_driver(&mut self, config: Config) {
        self.driver = driver(self.lab, config);
    }

    pub(crate) fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) {
        let faults = self.driver.deploy(load_balancer, generation).unwrap_or_else(|error| {
            panic!("deploy: {error}: {}", error.detail);
        });
        assert_eq!(faults, []);
    }

    /// The body of an answer of the VIP, or nothing.
    pub(crate) fn get(&self, url: &str) -> Result<String, LabError> {
        self.client.output("curl", ["-sf", "-m", "5", url])
    }

    /// The status of an answer to `curl` with these arguments, and where it redirects to.
    pub(crate) fn status(&self, arguments: &[&str]) -> String {
        let shown = ["-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"];
        let said = self.client.output("curl", shown.iter().chain(arguments).copied());
        // Without an answer it is the way in which curl ends.
        said.map_or_else(|error| error.to_string(), |said| said.trim().to_owned())
    }

    /// Listens in the place of a host's web server.
    pub(crate) fn listen(&self, host: &Host, address: &str) -> TcpListener {
        let namespace = File::open(format!("/proc/{}/ns/net", host.keeper_pid())).unwrap();
        let address = address.to_owned();
        let listening = namespace::on_own_thread("listen", || {
            namespace::enter(&namespace).unwrap();
            TcpListener::bind(address).unwrap()
        });
        listening.unwrap()
    }

    /// A connection of the client.
    pub(crate) fn connect(&self, address: &str) -> io::Result<TcpStream> {
        let namespace = File::open(format!("/proc/{}/ns/net", self.client.keeper_pid()))?;
        let connected = namespace::on_own_thread("connect", || {
            namespace::enter(&namespace).unwrap();
            TcpStream::connect(address)
        });
        let connection = connected.unwrap()?;
        connection.set_read_timeout(Some(SOON))?;
        Ok(connection)
    }

    /// What haproxy says of its servers that does not change by itself: names, addresses, weights, checks.
    pub(crate) fn shape_of_servers(&self) -> Vec<String> {
        const FIXED: [usize; 9] = [1, 3, 4, 6, 7, 18, 20, 21, 22];
        const CHECKS: usize = 13;
        const UNDER_WAY: u32 = 1;
        let said = self.ask_haproxy("show servers state");
        let rows = said.lines().filter(|line| line.contains("00000000-0000-4000-8000"));
        let mut shapes: Vec<String> = rows
            .map(|row| {
                let cells: Vec<&str> = row.split(' ').collect();
                let checks = cells[CHECKS].parse::<u32>().unwrap() & !UNDER_WAY;
                format!("{} {checks}", FIXED.map(|column| cells[column]).join(" "))
            })
            .collect();
        shapes.sort();
        shapes
    }

    /// Every answer of this many requests; each must succeed.
    pub(crate) fn answers(&self, url: &str, requests: usize) -> Vec<String> {
        let mut answers: Vec<String> = (0..requests).map(|_| self.get(url).unwrap().trim().to_owned()).collect();
        answers.sort();
        answers.dedup();
        answers
    }

    pub(crate) fn wait_for_answers(&self, url: &str, expected: &[&str]) {
        wait_until(SOON, &format!("answers of {expected:?}"), || {
            let answers = (0..4).map(|_| self.get(url).map(|body| body.trim().to_owned()));
            let mut answers: Vec<String> = answers.collect::<Result<_, _>>().ok()?;
            answers.sort();
            answers.dedup();
            (answers == expected).then_some(())
        });
    }

    pub(crate) fn observe(&self) -> Option<Observation> {
        self.driver.observe(&[ID.to_owned()]).ok()?.pop()
    }

    /// Of all members whose health is known.
    pub(crate) fn health(&self) -> Option<Vec<Health>> {
        Some(self.observe()?.members.iter().map(|member| member.health()).collect())
    }

    /// All that were ever made through the VIP.
    pub(crate) fn connections(&self) -> u64 {
        self.observe().unwrap().statistics.unwrap().total_connections
    }

    /// A command of haproxy's runtime API.
    pub(crate) fn ask_haproxy(&self, command: &str) -> String {
        let mut stream = UnixStream::connect(self.process_directory().join("run/stats.sock")).unwrap();
        stream.write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn pid(&self) -> i32 {
        let text = fs::read_to_string(self.process_directory().join("run/pid")).unwrap();
        text.trim().parse().unwrap()
    }

    /// Nothing of the load balancer is left: no namespace, link, process or file.
    pub(crate) fn assert_nothing_is_left(&self) {
        assert!(!self.directory().exists(), "its directory is left");
        assert!(!self.lab.dir().join("state/projects:").exists(), "the folder of its project is left");
        assert!(!self.lab.dir().join("netns").join(format!("qlbaas-{ID}")).exists(), "its namespace is left");
        assert!(!link_exists(OUTSIDE), "its link is left");
        assert_eq!(haproxies(), Vec::<String>::new());
        assert_eq!(files_below(&self.lab.dir().join("secrets")), [""; 0], "its secrets are left");
        assert_eq!(self.driver.deployed().unwrap(), []);
    }
}

pub(crate) fn link_exists(name: &str) -> bool {
    nix::net::if_::if_nametoindex(name).is_ok()
}

/// The command lines of all haproxies of the lab, which has processes of its own only.
pub(crate) fn haproxies() -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains("haproxy.cfg")).collect()
}

/// All files below, however deep.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_below(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path().display().to_string()),
            Ok(_) | Err(_) => {}
        }
    }
    found
}

/// Ends what serves, as a crash does.
pub(crate) fn kill(world: &World<'_>) {
    let pid = world.pid();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    wait_until(SOON, "haproxy is gone", || (!Path::new(&format!("/proc/{pid}/exe")).exists()).then_some(()));
}

pub(crate) type TestResultOf<T> = Result<T, Box<dyn std::error::Error>>;

/// Runs a test in a fresh lab.
pub(crate) fn in_world(body: impl FnOnce(World<'_>) -> TestResult) {
    let test = std::thread::current().name().unwrap_or("a test of haproxy-ns").to_owned();
    if !["haproxy", "curl"].iter().all(|tool| ballast_lab::require_tool(tool, &test)) {
        return;
    }
    ballast_lab::in_lab(|lab| body(World::new(lab)?));
}

pub(crate) fn config(lab: &Lab) -> Config {
    let secrets_dir = lab.dir().join("secrets");
    Config { netns_dir: lab.dir().join("netns"), secrets_dir, ..config_of_segment() }
}

/// The physical network `physnet1` is the lab's segment.
pub(crate) fn config_of_segment() -> Config {
    let bridge_mappings = [("physnet1".to_owned(), "data".to_owned())].into();
    Config { bridge_mappings, haproxy: crate::haproxy(), process_model: process_model(), ..Config::default() }
}

/// All tests run with a haproxy for each project where this says so.
pub(crate) const PROCESS_MODEL: &str = "BALLAST_TEST_PROCESS_MODEL";
pub(crate) const PER_PROJECT: &str = "per-project";

pub(crate) fn process_model() -> ProcessModel {
    match env::var_os(PROCESS_MODEL).is_some_and(|said| said == PER_PROJECT) {
        true => ProcessModel::PerProject,
        false => ProcessModel::PerLoadBalancer,
    }
}

pub(crate) fn driver(lab: &Lab, config: Config) -> HaproxyNs {
    let state_dir = lab.dir().join("state");
    let context = Context { agent_id: "agent-1".to_owned(), config, state_dir };
    HaproxyNs::new(context).unwrap_or_else(|error| panic!("new: {error}: {}", error.detail))
}

/// A change that no running haproxy takes, another one for each number.
pub(crate) fn must_reload(asked: &mut LoadBalancer, number: u64) {
    let client_data = 50_001 + u32::try_from(number).unwrap();
    let usual = Timeouts { client_data, member_connect: 5_000, member_data: 50_000, tcp_inspect: 0 };
    asked.listeners[0].timeouts = Some(usual);
}

/// Two members behind 10.0.0.4:80.
pub(crate) fn load_balancer() -> LoadBalancer {
    LoadBalancer {
        id: ID.into(),
        project_id: "demo".into(),
        admin_state_up: true,
        vip: Some(vip("10.0.0.4", 24)),
        listeners: vec![Listener {
            id: "7d2a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b4".into(),
            protocol: Protocol::Http.into(),
            protocol_port: 80,
            connection_limit: -1,
            default_pool_id: ID.into(),
            admin_state_up: true,
            ..Listener::default()
        }],
        pools: vec![Pool {
            id: ID.into(),
            protocol: Protocol::Http.into(),
            lb_method: LbMethod::RoundRobin.into(),
            admin_state_up: true,
            members: vec![member(1), member(2)],
            ..Pool::default()
        }],
        ..LoadBalancer::default()
    }
}

/// Listeners and pools of its own: ids are unique.
pub(crate) fn with_own_names(mut asked: LoadBalancer) -> LoadBalancer {
    let own = |kind: &str| format!("{}-{kind}", asked.id);
    let (listener, pool) = (own("listener"), own("pool"));
    asked.listeners[0].id = listener;
    asked.listeners[0].default_pool_id.clone_from(&pool);
    asked.pools[0].id = pool;
    asked
}

pub(crate) fn vip(address: &str, prefix_length: u32) -> Vip {
    Vip {
        port_id: "9f1b7c52-aaaa-4bbb-8ccc-0123456789ab".into(),
        address: address.into(),
        prefix_length,
        mac: "fa:16:3e:00:00:04".into(),
        network: Some(Network {
            id: "c0ffee00-1111-4222-8333-444444444444".into(),
            network_type: "bridge".into(),
            physical_network: "physnet1".into(),
            ..Network::default()
        }),
        ..Vip::default()
    }
}

pub(crate) fn member(number: u32) -> Member {
    Member {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        address: format!("10.0.0.1{number}"),
        protocol_port: 8080,
        weight: 1,
        admin_state_up: true,
        ..Member::default()
    }
}

pub(crate) fn monitor(kind: MonitorType) -> HealthMonitor {
    HealthMonitor {
        id: "11111111-2222-4333-8444-555555555555".into(),
        r#type: kind.into(),
        delay: 1,
        timeout: 1,
        max_retries: 1,
        url_path: "/".into(),
        admin_state_up: true,
        ..HealthMonitor::default()
    }
}
