//! A lab with a client, two members and the driver, which runs in the test's own process: the lab's segment `data` is the
//! bridge that it plugs into.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{fs, path::PathBuf, time::Duration};

use ballast_abi::{
    Context, Driver, Health, HealthMonitor, LoadBalancer, Member, MonitorType, Network, Observation, Protocol,
    Statistics, Vip,
};
use ballast_driver_nft_l4::{Config, NftL4};
use ballast_lab::{Host, Lab, TestResult};
use ballast_namespace::rehearsal::samples;

pub(crate) use samples::ID;

pub(crate) const OUTSIDE: &str = "tap9f1b7c52-aa";
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct World<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) client: Host,
    pub(crate) members: [Host; 2],
    /// `None`: its process has ended.
    running: Option<NftL4>,
}

impl<'a> World<'a> {
    fn new(lab: &'a Lab) -> Result<Self, Box<dyn std::error::Error>> {
        let data = lab.segment("data")?;
        let client = lab.host("client")?;
        client.plug(&data, "eth0", "10.0.0.5/24")?;
        client.address("eth0", "fd00::5/64")?;
        let members = [lab.host("member-1")?, lab.host("member-2")?];
        for (index, host) in members.iter().enumerate() {
            let number = index + 1;
            host.plug(&data, "eth0", &format!("10.0.0.1{number}/24"))?;
            host.address("eth0", &format!("fd00::1{number}/64"))?;
        }
        fs::create_dir(lab.dir().join("state"))?;
        let mut world = Self { lab, client, members, running: None };
        world.start_driver();
        Ok(world)
    }

    pub(crate) fn driver(&self) -> &NftL4 {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn end_driver(&mut self) {
        self.running = None;
    }

    pub(crate) fn start_driver(&mut self) {
        let bridge_mappings = [("physnet1".to_owned(), "data".to_owned())].into();
        let config = Config { netns_dir: self.lab.dir().join("netns"), bridge_mappings, ..Config::default() };
        let state_dir = self.lab.dir().join("state");
        let context = Context { agent_id: "agent-1".to_owned(), config, state_dir };
        self.running = Some(NftL4::new(context).unwrap_or_else(|error| panic!("new: {error}: {}", error.detail)));
    }

    pub(crate) fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) {
        let faults = self.driver().deploy(load_balancer, generation).unwrap_or_else(|error| {
            panic!("deploy: {error}: {}", error.detail);
        });
        assert_eq!(faults, []);
    }

    /// What a deploy of the same would not change.
    pub(crate) fn generation(&self) -> u64 {
        self.driver().deployed().unwrap()[0].generation
    }

    pub(crate) fn observe(&self) -> Option<Observation> {
        self.driver().observe(&[ID.to_owned()]).ok()?.pop()
    }

    /// Of all members whose health is known.
    pub(crate) fn health(&self) -> Option<Vec<Health>> {
        Some(self.observe()?.members.iter().map(|member| member.health()).collect())
    }

    pub(crate) fn statistics(&self) -> Statistics {
        self.observe().unwrap().statistics.unwrap()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.lab.dir().join("state").join(ID)
    }

    pub(crate) fn netns(&self) -> PathBuf {
        self.lab.dir().join("netns").join(format!("qlbaas-{ID}"))
    }

    /// Nothing of the load balancer is left: no namespace, link or file.
    pub(crate) fn assert_nothing_is_left(&self) {
        assert!(!self.directory().exists(), "its directory is left");
        assert!(!self.netns().exists(), "its namespace is left");
        assert!(!link_exists(OUTSIDE), "its link is left");
        assert_eq!(self.driver().deployed().unwrap(), []);
    }
}

pub(crate) fn link_exists(name: &str) -> bool {
    nix::net::if_::if_nametoindex(name).is_ok()
}

/// Runs a test in a fresh lab.
pub(crate) fn in_world(body: impl FnOnce(World<'_>) -> TestResult) {
    ballast_lab::in_lab(|lab| body(World::new(lab)?));
}

/// Two members behind 10.0.0.4:80, on the physical network that is the lab's segment.
pub(crate) fn load_balancer(protocol: Protocol) -> LoadBalancer {
    let mut asked = samples::load_balancer(protocol);
    asked.vip = Some(vip("10.0.0.4", 24));
    asked.pools[0].members = vec![member(1), member(2)];
    asked
}

pub(crate) fn vip(address: &str, prefix_length: u32) -> Vip {
    let network = Network {
        id: "c0ffee00-1111-4222-8333-444444444444".into(),
        network_type: "bridge".into(),
        physical_network: "physnet1".into(),
        ..Network::default()
    };
    Vip { prefix_length, gateway: String::new(), network: Some(network), ..samples::vip(address) }
}

/// Of the weight 1.
pub(crate) fn member(number: u32) -> Member {
    Member { weight: 1, ..samples::member(number) }
}

/// Every second, and once is enough.
pub(crate) fn monitor(kind: MonitorType) -> HealthMonitor {
    HealthMonitor {
        delay: 1,
        timeout: 1,
        max_retries: 1,
        url_path: "/".into(),
        expected_codes: "200".into(),
        ..samples::monitor(kind)
    }
}
