//! Hosts that are containers of Docker Engine, on two networks of their own: one for the services, one for load balancers.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    process::Command,
};

use ballast_lab::{not_run, wait_until};
use ballast_netns::namespace;
use ballast_tests::{PATIENCE, programs, secret};
use tempfile::TempDir;
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt,
    core::{AccessMode, Mount},
    runners::AsyncRunner as _,
};
use tokio::runtime::{self, Runtime};

/// Names the image of a Debian with haproxy and python3; `make host-image` makes one.
const IMAGE: &str = "BALLAST_TEST_HOST_IMAGE";
const DEFAULT_IMAGE: &str = "ballast-deploy-test:debian";
const POSTGRES: &str = "BALLAST_TEST_POSTGRES_IMAGE";
const DEFAULT_POSTGRES: &str = "postgres:17";
/// Of documentation (RFC 5737), and of no other test.
const TENANTS: &str = "203.0.113.0/24";
/// Where the machine's side of that network is, and where no VIP and no container of ours is.
const TENANTS_GATEWAY: &str = "203.0.113.1";
pub(super) const WEB: &str = "203.0.113.20";
const CLIENT: &str = "203.0.113.30";

pub(super) const SCHEDULERS: [&str; 3] = ["scheduler-1", "scheduler-2", "scheduler-3"];
pub(super) const GATEWAYS: [&str; 2] = ["gateway-1", "gateway-2"];
pub(super) const AGENTS: [&str; 3] = ["agent-1", "agent-2", "agent-3"];

/// One word for each member, so that an answer says who gave it.
const SERVER: &str = "import http.server
class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '3')
        self.end_headers()
        self.wfile.write(b'web')
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(('', 80), Web).serve_forever()";

/// Those of the agent's unit, as deploy/compose.yaml has them.
const CAPABILITIES: [&str; 15] = [
    "NET_ADMIN",
    "NET_RAW",
    "NET_BIND_SERVICE",
    "SYS_ADMIN",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SETUID",
    "SETGID",
    "SETPCAP",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
];
const CONFINED_BY: [&str; 2] = ["apparmor=unconfined", "seccomp=unconfined"];

const AGENT: &str = "mount -o remount,bind,rw /proc/sys
until [ -e /sys/class/net/eth1 ]; do sleep 0.05; done
exec /opt/ballast/ballast-agent --config /etc/ballast/ballast.toml --insecure";

/// They. Dropped, they and their networks are removed, each by its name.
pub(super) struct World {
    /// What all names of this run begin with.
    prefix: String,
    folder: TempDir,
    runtime: Runtime,
    hosts: BTreeMap<&'static str, ContainerAsync<GenericImage>>,
}

impl World {
    /// Everything runs, and this thread is on the client's host. None: it was said aloud that `test` is not run.
    ///
    /// # Panics
    /// When something does not start.
    pub(super) fn start(test: &str) -> Option<Self> {
        let image = named(IMAGE, DEFAULT_IMAGE);
        if let Err(why) = docker(&["image", "inspect", "--format", "{{.Id}}", &image]) {
            not_run(
                test,
                &format!("no image {image} of a host ({why}): make host-image makes it, {IMAGE} names another"),
            );
            return None;
        }
        let prefix = format!("ballast-hosts-{}", std::process::id());
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = Self { prefix, folder, runtime, hosts: BTreeMap::new() };
        world.make_networks();
        world.write_files();
        world.run(&image);
        namespace::enter(&world.network_of("client")).expect("the client's network");
        Some(world)
    }

    fn network(&self, which: &str) -> String {
        format!("{}-{which}", self.prefix)
    }

    fn make_networks(&self) {
        let (control, tenants) = (self.network("control"), self.network("tenants"));
        told(&["network", "create", "--internal", &control]);
        told(&["network", "create", "--internal", "--subnet", TENANTS, "--gateway", TENANTS_GATEWAY, &tenants]);
    }

    fn write_files(&self) {
        let drivers = self.folder.path().join("drivers");
        fs::create_dir(&drivers).expect("a folder");
        fs::copy(programs::haproxy_ns(), drivers.join("haproxy-ns.so")).expect("a driver");
        let list = SCHEDULERS.map(|name| format!("\"{}:9697\"", self.network(name))).join(", ");
        let text = format!(
            "[database]\nurl = \"postgres://postgres:for-tests@{}/ballast\"\n[scheduler]\nlisten = \"0.0.0.0:9697\"\nsocket = \"\"\n\
             [gateway]\nlisten = \"0.0.0.0:9696\"\npublic_hosts = [\"gateway\"]\nschedulers = [{list}]\n[metrics]\nlisten = \"off\"\n\
             [agent]\nschedulers = [{list}]\n[agents]\nheartbeat_interval_ms = 500\nsuspect_after_ms = 2500\n\
             dead_after_ms = 5000\n[quotas]\nnetwork = -1\n[failover]\npause_window_seconds = 5\n[[provider]]\nname = \"haproxy\"\n\
             driver = \"haproxy-ns\"\ndefault = true\n\
             [drivers.haproxy-ns]\nmacvlan_mappings = {{ tenants = \"eth1\" }}\n",
            self.network("postgres"),
        );
        secret::write(&self.folder.path().join("ballast.toml"), &text);
    }

    fn run(&mut self, image: &str) {
        let postgres = named(POSTGRES, DEFAULT_POSTGRES);
        let server = ["postgres", "-c", "max_connections=200", "-c", "fsync=off"];
        self.begin("postgres", &postgres, &server, &[("POSTGRES_PASSWORD", "for-tests")]);
        wait_until(PATIENCE, "PostgreSQL", || {
            docker(&["exec", &self.network("postgres"), "pg_isready", "--host", "127.0.0.1"]).ok()
        });
        for name in SCHEDULERS {
            let at = format!("{}:9697", self.network(name));
            let command = service("scheduler");
            self.begin(name, image, &command.each_ref().map(String::as_str), &[("BALLAST_SCHEDULER__ADVERTISE", &at)]);
        }
        for name in GATEWAYS {
            let command = service("api-gateway");
            self.begin(name, image, &command.each_ref().map(String::as_str), &[]);
        }
        for name in AGENTS {
            self.begin(name, image, &["sh", "-c", AGENT], &[]);
            self.plug(name, "tenants", None);
        }
        self.begin("web", image, &["python3", "-c", SERVER], &[]);
        self.plug("web", "tenants", Some(WEB));
        self.begin("client", image, &["sleep", "infinity"], &[]);
        self.plug("client", "tenants", Some(CLIENT));
    }

    fn begin(&mut self, name: &'static str, image: &str, command: &[&str], environment: &[(&str, &str)]) {
        let (image, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((image, "latest"));
        let read_only = |from: String, to: &str| Mount::bind_mount(from, to).with_access_mode(AccessMode::ReadOnly);
        let folder = self.folder.path();
        let mut request = GenericImage::new(image, tag)
            .with_cmd(command.iter().copied())
            .with_container_name(self.network(name))
            .with_hostname(name)
            .with_network(self.network("control"))
            .with_host_config_modifier(|host| host.init = Some(true))
            .with_mount(read_only(programs::directory().display().to_string(), "/opt/ballast"))
            .with_mount(read_only(folder.join("ballast.toml").display().to_string(), "/etc/ballast/ballast.toml"))
            .with_mount(read_only(folder.join("drivers").display().to_string(), "/usr/lib/ballast/drivers"));
        for (name, value) in environment {
            request = request.with_env_var(*name, *value);
        }
        if name.starts_with("agent") {
            request = CAPABILITIES.into_iter().fold(request.with_cap_drop("ALL"), ImageExt::with_cap_add);
            request = CONFINED_BY.into_iter().fold(request, ImageExt::with_security_opt);
        }
        let container = self.runtime.block_on(request.start()).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.hosts.insert(name, container);
    }

    fn plug(&self, name: &str, network: &str, address: Option<&str>) {
        let (network, host) = (self.network(network), self.network(name));
        let address = address.iter().flat_map(|address| ["--ip", address]);
        let words: Vec<&str> = ["network", "connect"].into_iter().chain(address).chain([&*network, &*host]).collect();
        told(&words);
    }

    /// Its power is switched off: all that runs there ends at once.
    pub(super) fn kill(&self, name: &str) {
        told(&["kill", &self.network(name)]);
    }

    pub(super) fn start_again(&self, name: &str) {
        told(&["start", &self.network(name)]);
    }

    /// All that runs there stops.
    pub(super) fn pause(&self, name: &str) {
        self.runtime.block_on(self.hosts[name].pause()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    pub(super) fn go_on(&self, name: &str) {
        self.runtime.block_on(self.hosts[name].unpause()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// It is on the services' network no more; load balancers' are.
    pub(super) fn cut_off(&self, name: &str) {
        told(&["network", "disconnect", &self.network("control"), &self.network(name)]);
    }

    pub(super) fn connect(&self, name: &str) {
        self.plug(name, "control", None);
    }

    /// Its address on the services' network.
    pub(super) fn address(&self, name: &str) -> String {
        let format = format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", self.network("control"));
        told(&["inspect", "--format", &format, &self.network(name)])
    }

    /// For who enters it.
    pub(super) fn network_of(&self, name: &str) -> File {
        let pid = told(&["inspect", "--format", "{{.State.Pid}}", &self.network(name)]);
        File::open(format!("/proc/{pid}/ns/net")).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The load balancers that have a namespace on a host.
    pub(super) fn namespaces(&self, name: &str) -> Vec<String> {
        let listed = told(&["exec", &self.network(name), "sh", "-c", "ip netns list"]);
        listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    /// The ends of all logs.
    pub(super) fn logs(&self) -> String {
        let names = SCHEDULERS.into_iter().chain(GATEWAYS).chain(AGENTS);
        let log = |name: &str| {
            let output = Command::new("docker").args(["logs", "--tail", "25", &self.network(name)]).output();
            let output = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
            format!("--- {name}\n{}", String::from_utf8_lossy(&output))
        };
        names.map(log).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "why the test failed")]
            {
                eprintln!("{}", self.logs());
            }
        }
        for (_, container) in std::mem::take(&mut self.hosts) {
            let _ = self.runtime.block_on(container.rm());
        }
        for name in ["postgres", "web", "client"].into_iter().chain(SCHEDULERS).chain(GATEWAYS).chain(AGENTS) {
            // Also one that did not start.
            let _ = docker(&["rm", "--force", "--volumes", &self.network(name)]);
        }
        for network in ["control", "tenants"] {
            let _ = docker(&["network", "rm", &self.network(network)]);
        }
    }
}

fn named(variable: &str, default: &str) -> String {
    env::var_os(variable)
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| default.to_owned())
}

fn service(name: &str) -> [String; 4] {
    [format!("/opt/ballast/ballast-{name}"), "--config".into(), "/etc/ballast/ballast.toml".into(), "--insecure".into()]
}

fn docker(words: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").args(words).output().map_err(|error| format!("docker: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn told(words: &[&str]) -> String {
    docker(words).unwrap_or_else(|why| panic!("docker {}: {why}", words.join(" ")))
}
