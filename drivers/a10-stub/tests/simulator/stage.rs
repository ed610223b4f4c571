//! A device, a driver for it, and load balancers to deploy.

use std::{fs, net::IpAddr, os::unix::fs::PermissionsExt};

use ballast_abi::{
    Context, Driver, DriverError, HealthMonitor, LbMethod, Listener, LoadBalancer, Member, MonitorType, ObjectFault,
    Pool, Protocol, Vip,
};
use ballast_driver_a10_stub::{A10, Config};
use ballast_simulators::{Device, Entry, Options, Simulator, a10};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const ID: &str = "4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07";
pub(crate) const PASSWORD: &str = "wh1sper-it";

pub(crate) struct Stage {
    pub(crate) simulator: Simulator<a10::A10>,
    pub(crate) driver: A10,
    pub(crate) directory: TempDir,
    config: Config,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(Options::default(), |_| ())
    }

    pub(crate) fn with(options: Options, change: impl FnOnce(&mut Config)) -> Self {
        let mut device = a10::A10::default();
        device.set_credentials("ballast", PASSWORD);
        let directory = tempfile::tempdir().unwrap();
        let credentials_file = directory.path().join("credentials");
        fs::write(&credentials_file, format!("ballast\n{PASSWORD}\n")).unwrap();
        fs::set_permissions(&credentials_file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(directory.path().join("state")).unwrap();
        Self::of(device, directory, options, change)
    }

    /// A copy of this stage, with a device and a driver of its own, in the same state.
    pub(crate) fn copy(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["credentials", "state"].map(|name| self.directory.path().join(name)) {
            let files = if name.is_dir() {
                fs::read_dir(&name).unwrap().map(|file| file.unwrap().path()).collect()
            } else {
                vec![name]
            };
            fs::create_dir_all(directory.path().join("state")).unwrap();
            for file in files {
                fs::copy(&file, directory.path().join(file.strip_prefix(self.directory.path()).unwrap())).unwrap();
            }
        }
        let device = self.simulator.device().clone();
        Self::of(device, directory, Options::default(), |_| ())
    }

    fn of(device: a10::A10, directory: TempDir, options: Options, change: impl FnOnce(&mut Config)) -> Self {
        let simulator = Simulator::start(device, options).unwrap();
        let mut config = Config {
            url: simulator.url(),
            plain_http: true,
            credentials_file: directory.path().join("credentials"),
            timeout_ms: 2_000,
            busy_delay_ms: 1,
            ..Config::default()
        };
        if let Some(pem) = simulator.authority() {
            let path = directory.path().join("ca.pem");
            fs::write(&path, pem).unwrap();
            config.ca_file = Some(path);
        }
        change(&mut config);
        let driver = driver(&config, &directory).unwrap();
        Self { simulator, driver, directory, config }
    }

    /// The driver's process ends, and another one begins.
    pub(crate) fn restart(&mut self) {
        self.driver = driver(&self.config, &self.directory).unwrap();
    }

    pub(crate) fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Vec<ObjectFault> {
        self.driver.deploy(load_balancer, generation).unwrap()
    }

    pub(crate) fn undeploy(&self) {
        self.driver.undeploy(ID).unwrap();
    }

    /// What is deployed, with generations.
    pub(crate) fn deployed(&self) -> Vec<(String, u64)> {
        let deployed = self.driver.deployed().unwrap();
        deployed.into_iter().map(|one| (one.load_balancer_id, one.generation)).collect()
    }

    /// The tenant's only partition.
    pub(crate) fn partition(&self) -> String {
        let partitions = self.simulator.device().partitions();
        assert_eq!(partitions.len(), 1, "{partitions:?}");
        partitions[0].clone()
    }

    /// The paths of the tenant's objects.
    pub(crate) fn objects(&self) -> Vec<String> {
        let partitions = self.simulator.device().partitions();
        partitions.iter().flat_map(|partition| self.simulator.device().objects(partition)).collect()
    }

    /// The only object below this path (not below a child of it).
    pub(crate) fn only(&self, collection: &str) -> String {
        let objects = self.objects();
        let found: Vec<_> = objects
            .iter()
            .filter(|path| path.strip_prefix(collection).is_some_and(|rest| !rest[1..].contains('/')))
            .filter(|path| !path.ends_with("_id"))
            .collect();
        assert_eq!(found.len(), 1, "{collection}: {objects:?}");
        found[0].clone()
    }

    pub(crate) fn field(&self, path: &str, field: &str) -> Value {
        let partition = self.partition();
        self.simulator.device().field(&partition, path, field).unwrap_or_default()
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Entry> {
        self.simulator.journal.take()
    }

    pub(crate) fn open_sessions(&self) -> usize {
        self.simulator.device().sessions()
    }

    pub(crate) fn down(&self, address: [u8; 4], port: u16) {
        self.simulator.health.set(IpAddr::from(address), port, false);
    }
}

fn driver(config: &Config, directory: &TempDir) -> Result<A10, DriverError> {
    let state_dir = directory.path().join("state");
    A10::new(Context { agent_id: "agent-1".into(), config: config.clone(), state_dir })
}

/// Writes outside of the tenant's partition, but for the making of that partition.
pub(crate) fn strays(asked: &[Entry]) -> Vec<String> {
    let makes_a_partition = |entry: &&Entry| {
        let saves_it = entry.path.ends_with("write/memory")
            && entry.body.as_ref().is_some_and(|body| body["memory"]["partition"] == "shared");
        entry.path.ends_with("/partition") || saves_it
    };
    let stray = |entry: &&Entry| {
        let partition = entry.partition.as_deref().unwrap_or_default();
        // Without a session nothing is written.
        entry.write && !partition.starts_with("bl") && entry.session.is_some() && !makes_a_partition(entry)
    };
    asked
        .iter()
        .filter(stray)
        .map(|entry| format!("{} {} in {:?}", entry.method, entry.path, entry.partition))
        .collect()
}

pub(crate) fn writes(asked: &[Entry]) -> Vec<String> {
    asked.iter().filter(|entry| entry.write).map(|entry| format!("{} {}", entry.method, entry.path)).collect()
}

pub(crate) fn load_balancer() -> LoadBalancer {
    LoadBalancer {
        id: ID.into(),
        project_id: "demo".into(),
        name: "web".into(),
        admin_state_up: true,
        vip: Some(Vip { address: "192.0.2.10".into(), prefix_length: 24, ..Vip::default() }),
        listeners: vec![Listener {
            id: "listener".into(),
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
            monitors: vec![monitor(MonitorType::Http)],
            ..Pool::default()
        }],
        ..LoadBalancer::default()
    }
}

pub(crate) fn member(number: u32) -> Member {
    Member {
        id: format!("member-{number}"),
        address: format!("10.0.0.{number}"),
        protocol_port: 8080,
        weight: 1,
        admin_state_up: true,
    }
}

pub(crate) fn monitor(kind: MonitorType) -> HealthMonitor {
    HealthMonitor {
        id: "monitor".into(),
        r#type: kind.into(),
        delay: 5,
        timeout: 3,
        max_retries: 4,
        http_method: "GET".into(),
        url_path: "/health".into(),
        expected_codes: "200".into(),
        admin_state_up: true,
    }
}
