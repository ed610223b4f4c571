//! A device, and a driver for it.

use std::{fs, net::IpAddr, os::unix::fs::PermissionsExt, time::Duration};

use ballast_abi::{Context, Driver, DriverError, LoadBalancer, ObjectFault};
use ballast_device::{Config, DeviceDriver, Objects, Reading, Vendor, names};
use ballast_simulators::{Device, Entry, Options, Simulator};
use tempfile::TempDir;

use crate::{samples::ID, secrets};

pub const USER: &str = "ballast";
pub const PASSWORD: &str = "wh1sper-it";

/// A way to behave where nobody knows what real devices do.
pub type Assumed<D> = (String, Box<dyn Fn(&mut D)>);

/// A vendor whose devices are played by a simulator.
pub trait Played: Sized + 'static {
    type Vendor: Vendor;
    type Device: Device + Clone + Sync;
    /// The paths of requests that log in, that save, and that log out; `*` stands for any text.
    const LOGIN: &'static str;
    const SAVE: &'static str;
    const LOGOUT: &'static str;

    /// The path of the collection of servers.
    const SERVERS: &'static str;
    /// Errors whose HTTP status no real device showed.
    const UNSEEN: &'static [u32];

    /// Each open point of this device alone, and all together.
    fn assumptions() -> Vec<Assumed<Self::Device>>;

    /// A new device, with [`USER`] and [`PASSWORD`].
    fn device() -> Self::Device;

    /// The same, of the newest release.
    fn newest() -> Self::Device {
        Self::device()
    }

    fn set_credentials(device: &mut Self::Device, user: &str, password: &str);

    /// How many sessions may be open, and how long they may be idle.
    fn set_session_limits(device: &mut Self::Device, open: usize, idle: Duration);

    fn add_partition(device: &mut Self::Device, partition: &str);

    /// The tenants' partitions.
    fn partitions(device: &Self::Device) -> Vec<String>;

    /// The paths of the objects of a partition, but for what every partition has from its beginning.
    fn objects(device: &Self::Device, partition: &str) -> Vec<String>;

    /// An administrator removes the object with this path.
    fn remove(device: &mut Self::Device, partition: &str, path: &str);

    /// An administrator uses this address, with port 80 and HTTP, for something of his own: its path.
    fn take(device: &mut Self::Device, partition: &str, address: &str) -> String;

    /// What the object that listens, at this partition and path, has counted.
    fn count(device: &mut Self::Device, front: (&str, &str), reading: Reading);

    /// All that runs is saved.
    fn is_saved(device: &Self::Device) -> bool;

    /// Both run the same.
    fn runs_like(one: &Self::Device, other: &Self::Device) -> bool;

    /// What kind of object has this path.
    fn role(path: &str) -> Role;

    /// It makes a partition.
    fn makes_a_partition(entry: &Entry) -> bool;

    /// It saves the partition that sessions begin in, which has the list of them.
    fn saves_home(entry: &Entry) -> bool;

    /// It asks where the session is.
    fn asks_where(entry: &Entry) -> bool;

    /// Something that an administrator has put into a partition, with a server for the address 10.0.0.3.
    fn of_an_administrator() -> Objects<<Self::Vendor as Vendor>::Kind>;
}

/// What an object on the device is to a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What listens.
    Front,
    Member,
    /// The server that members of an address share.
    Server,
    Other,
}

pub struct Stage<P: Played> {
    pub simulator: Simulator<P::Device>,
    pub driver: DeviceDriver<P::Vendor>,
    pub directory: TempDir,
    config: Config<<P::Vendor as Vendor>::Options>,
}

impl<P: Played> Stage<P> {
    #[must_use]
    pub fn new() -> Self {
        Self::with(Options::default(), |_| ())
    }

    /// With a device of the newest release, which speaks TLS.
    #[must_use]
    pub fn newest() -> Self {
        Self::of_device(P::newest(), Options::default(), |_| ())
    }

    /// With another configuration.
    pub fn with(options: Options, change: impl FnOnce(&mut Config<<P::Vendor as Vendor>::Options>)) -> Self {
        Self::of_device(P::device(), options, change)
    }

    fn of_device(
        device: P::Device,
        options: Options,
        change: impl FnOnce(&mut Config<<P::Vendor as Vendor>::Options>),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let credentials_file = directory.path().join("credentials");
        fs::write(&credentials_file, format!("{USER}\n{PASSWORD}\n")).unwrap();
        fs::set_permissions(&credentials_file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(directory.path().join("state")).unwrap();
        Self::of(device, directory, options, change)
    }

    /// A copy of this stage, with a device and a driver of its own, in the same state.
    #[must_use]
    pub fn copy(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("state")).unwrap();
        let state = fs::read_dir(self.directory.path().join("state")).unwrap().map(|file| file.unwrap().path());
        // What is a directory belongs to the driver that runs.
        for file in state.filter(|path| path.is_file()).chain([self.directory.path().join("credentials")]) {
            fs::copy(&file, directory.path().join(file.strip_prefix(self.directory.path()).unwrap())).unwrap();
        }
        let device = self.simulator.device().clone();
        Self::of(device, directory, Options::default(), |_| ())
    }

    fn of(
        device: P::Device,
        directory: TempDir,
        options: Options,
        change: impl FnOnce(&mut Config<<P::Vendor as Vendor>::Options>),
    ) -> Self {
        let simulator = Simulator::start(device, options).unwrap();
        let mut config = Config {
            url: simulator.url(),
            plain_http: true,
            credentials_file: directory.path().join("credentials"),
            timeout_ms: 2_000,
            busy_delay_ms: 1,
            observe_interval_ms: 0,
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
    pub fn restart(&mut self) {
        self.restart_with(|_| ());
    }

    /// The same, with another configuration.
    pub fn restart_with(&mut self, change: impl FnOnce(&mut Config<<P::Vendor as Vendor>::Options>)) {
        change(&mut self.config);
        self.driver = driver(&self.config, &self.directory).unwrap();
    }

    #[must_use]
    pub fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Vec<ObjectFault> {
        self.tried(load_balancer, generation).unwrap()
    }

    /// As an agent does it: what its secrets are is told before.
    ///
    /// # Errors
    /// The driver's.
    pub fn tried(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError> {
        let secrets = secrets::of(load_balancer);
        if !secrets.is_empty() {
            self.driver.take_secrets(&load_balancer.id, secrets)?;
        }
        self.driver.deploy(load_balancer, generation)
    }

    pub fn undeploy(&self) {
        self.driver.undeploy(ID).unwrap();
    }

    /// What is deployed, with generations.
    #[must_use]
    pub fn deployed(&self) -> Vec<(String, u64)> {
        let deployed = self.driver.deployed().unwrap();
        deployed.into_iter().map(|one| (one.load_balancer_id, one.generation)).collect()
    }

    #[must_use]
    pub fn partitions(&self) -> Vec<String> {
        P::partitions(&self.simulator.device())
    }

    /// The tenant's only partition.
    #[must_use]
    pub fn partition(&self) -> String {
        let partitions = self.partitions();
        assert_eq!(partitions.len(), 1, "{partitions:?}");
        partitions[0].clone()
    }

    /// The paths of the tenants' objects.
    #[must_use]
    pub fn objects(&self) -> Vec<String> {
        let device = self.simulator.device();
        P::partitions(&device).iter().flat_map(|partition| P::objects(&device, partition)).collect()
    }

    /// How many of them are this.
    #[must_use]
    pub fn count(&self, role: Role) -> usize {
        self.objects().iter().filter(|path| P::role(path) == role).count()
    }

    /// The path of the only one that listens.
    #[must_use]
    pub fn front(&self) -> String {
        let mut fronts: Vec<_> = self.objects().into_iter().filter(|path| P::role(path) == Role::Front).collect();
        assert_eq!(fronts.len(), 1, "{fronts:?}");
        fronts.remove(0)
    }

    #[must_use]
    pub fn is_saved(&self) -> bool {
        P::is_saved(&self.simulator.device())
    }

    /// What was asked since the last time.
    #[must_use]
    pub fn asked(&self) -> Vec<Entry> {
        self.simulator.journal.take()
    }

    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.simulator.device().sessions()
    }

    pub fn down(&self, address: [u8; 4], port: u16) {
        self.simulator.health.set(IpAddr::from(address), port, false);
    }
}

impl<P: Played> Default for Stage<P> {
    fn default() -> Self {
        Self::new()
    }
}

fn driver<V: Vendor>(config: &Config<V::Options>, directory: &TempDir) -> Result<DeviceDriver<V>, DriverError> {
    let state_dir = directory.path().join("state");
    DeviceDriver::new(Context { agent_id: "agent-1".into(), config: config.clone(), state_dir })
}

/// Writes outside of the tenants' partitions, but for the making of those.
#[must_use]
pub fn strays<P: Played>(asked: &[Entry]) -> Vec<String> {
    let stray = |entry: &&Entry| {
        let partition = entry.partition.as_deref().unwrap_or_default();
        // Without a session nothing is written.
        let makes_one = P::makes_a_partition(entry) || P::saves_home(entry);
        entry.write && !names::is_partition(partition) && entry.session.is_some() && !makes_one
    };
    asked
        .iter()
        .filter(stray)
        .map(|entry| format!("{} {} in {:?}", entry.method, entry.path, entry.partition))
        .collect()
}

#[must_use]
pub fn writes(asked: &[Entry]) -> Vec<String> {
    asked.iter().filter(|entry| entry.write).map(|entry| format!("{} {}", entry.method, entry.path)).collect()
}
