//! The drivers that are tried: their files, loaded as a driver-host does.

use std::{
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use ballast_abi::{
    DriverError, LoadBalancer, Preview,
    host::{self, LoadedDriver, LogSink, Settings},
};
use ballast_proto::driver::{DeployRequest, LogRecord, UndeployRequest};
use ballast_tests::programs;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    HaproxyNs,
    /// With one haproxy for all load balancers of a project.
    PerProject,
    NftL4,
}

impl Kind {
    /// The driver's.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::HaproxyNs | Self::PerProject => "haproxy-ns",
            Self::NftL4 => "nft-l4",
        }
    }

    /// It serves by haproxy.
    pub(crate) fn is_haproxy(self) -> bool {
        self != Self::NftL4
    }
}

const WARNING: u32 = 2;

/// Read when a test has failed.
struct Log;

impl LogSink for Log {
    fn enabled(&self, level: u32, _target: &str) -> bool {
        level <= WARNING
    }

    fn log(&self, record: LogRecord) {
        let _ = writeln!(io::stderr(), "{} {:?}", record.message, record.fields);
    }
}

pub(crate) struct Driver(LoadedDriver);

impl Driver {
    /// # Panics
    /// It does not start.
    pub(crate) fn start(name: &str, section: &Value, state_dir: &Path) -> Self {
        let file = programs::built(&format!("libballast_driver_{}.so", name.replace('-', "_")));
        let module = host::open(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let (config, state_dir) = (section.clone(), state_dir.to_owned());
        let settings = Settings { agent_id: "agent-1".to_owned(), config, state_dir, log: Arc::new(Log) };
        Self(told("start", module.start(settings)))
    }

    /// # Errors
    /// The driver's, and what of it is not as asked.
    pub(crate) fn try_deploy(&self, asked: &LoadBalancer, generation: u64) -> Result<(), String> {
        match self.0.deploy(&request(asked, generation)) {
            Ok(reply) if reply.faults.is_empty() => Ok(()),
            Ok(reply) => Err(format!("{:?}", reply.faults)),
            Err(error) => Err(format!("{error}: {}", error.detail)),
        }
    }

    pub(crate) fn deploy(&self, asked: &LoadBalancer, generation: u64) {
        self.try_deploy(asked, generation).unwrap_or_else(|error| panic!("deploy: {error}"));
    }

    pub(crate) fn undeploy(&self, id: &str) {
        told(
            "undeploy",
            self.0.undeploy(&UndeployRequest { load_balancer_id: id.to_owned(), ..UndeployRequest::default() }),
        );
    }

    /// The generation of this load balancer; none: it is not there.
    pub(crate) fn generation(&self, id: &str) -> Option<u64> {
        let deployed = told("deployed", self.0.deployed()).deployed;
        deployed.into_iter().find(|one| one.load_balancer_id == id).map(|one| one.generation)
    }

    pub(crate) fn preview(&self, asked: &LoadBalancer, generation: u64) -> Preview {
        told("preview", self.0.preview(&request(asked, generation)))
    }
}

fn request(asked: &LoadBalancer, generation: u64) -> DeployRequest {
    DeployRequest { load_balancer: Some(asked.clone()), generation, ..DeployRequest::default() }
}

fn told<T>(what: &str, result: Result<T, DriverError>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}: {}", error.detail))
}
