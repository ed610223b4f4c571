//! How a site is to be, and the configuration that makes it so.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use super::Site;
use crate::programs;

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
    /// The subnet, where another keeps networks than the scheduler; empty: one is made.
    pub subnet_id: String,
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
            subnet_id: String::new(),
            programs: programs::directory(),
        }
    }
}

impl Site {
    pub(super) fn configure(&self, plan: &Plan) {
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
name = "l4"
driver = "nft-l4"
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

    /// Appends to the configuration; who reads it from then on has it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn add_configuration(&self, section: &str) {
        let file = fs::OpenOptions::new().append(true).open(self.directory.join("ballast.toml"));
        file.and_then(|mut file| file.write_all(section.as_bytes())).expect("the configuration is written");
    }

    /// Changes what the next start of a service has in its environment.
    pub fn set(&mut self, (service, name, value): Setting) {
        self.environment.retain(|setting| (setting.0, setting.1) != (service, name));
        self.environment.push((service, name, value));
    }

    pub(super) fn settings<'a>(&'a self, service: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> {
        let of_service = move |setting: &&Setting| setting.0.is_empty() || setting.0 == service;
        self.environment.iter().filter(of_service).map(|setting| (setting.1, setting.2.as_str()))
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a configuration file");
}
