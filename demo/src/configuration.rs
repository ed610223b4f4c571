//! The configuration that the demo writes for its services: what an operator would write, with nothing hidden.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use crate::{
    error::DemoError,
    topology::{BACK, FRONT},
};

/// The project to which everything in the demo belongs.
pub(crate) const PROJECT: &str = "demo";
/// The driver behind the default provider.
pub(crate) const DRIVER: &str = "haproxy-ns";

/// Where things are.
pub(crate) struct Layout<'a> {
    pub(crate) state: &'a Path,
    pub(crate) drivers: &'a Path,
    pub(crate) rest_port: u16,
    pub(crate) grpc_port: u16,
}

impl Layout<'_> {
    /// The file for the scheduler and the gateway.
    pub(crate) fn write_services(&self) -> Result<PathBuf, DemoError> {
        self.write("ballast.toml", &self.services())
    }

    /// The file for the agent of this name.
    pub(crate) fn write_agent(&self, name: &str) -> Result<PathBuf, DemoError> {
        self.write(&format!("{name}.toml"), &self.agent(name))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, DemoError> {
        let path = self.state.join(name);
        fs::write(&path, text).map_err(DemoError::when(format!("cannot write {}", path.display())))?;
        Ok(path)
    }

    fn socket(&self) -> PathBuf {
        self.state.join("scheduler.sock")
    }

    fn services(&self) -> String {
        format!(
            r#"[gateway]
listen = "{rest}"
scheduler = "unix:{socket}"
project_id = "{PROJECT}"

[scheduler]
listen = "{grpc}"
socket = "{socket}"

[database]
url = "sqlite://{state}/ballast.db"

[placement]
policy = "least-loaded"

[agents]
statistics_interval_ms = 1000

[[provider]]
name = "haproxy"
driver = "{DRIVER}"
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
"#,
            rest = loopback(self.rest_port),
            grpc = loopback(self.grpc_port),
            socket = self.socket().display(),
            state = self.state.display(),
        )
    }

    fn agent(&self, name: &str) -> String {
        format!(
            r#"[agent]
host = "{name}"
schedulers = ["unix:{socket}"]
state_dir = "{state}/{name}"
drivers_dir = "{drivers}"

[drivers.{DRIVER}]
bridge_mappings = {{ {front} = "{br_front}", {back} = "{br_back}" }}
"#,
            socket = self.socket().display(),
            state = self.state.display(),
            drivers = self.drivers.display(),
            front = FRONT.physical,
            br_front = FRONT.bridge,
            back = BACK.physical,
            br_back = BACK.bridge,
        )
    }
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use ballast_service::config::load_from;

    use super::*;

    #[test]
    fn the_services_take_what_the_demo_writes() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout { state: folder.path(), drivers: Path::new("/drivers"), rest_port: 9696, grpc_port: 9697 };
        let settings = load_from(Some(&layout.write_services().unwrap()), std::iter::empty()).unwrap();
        settings.check().unwrap();
        assert_eq!(settings.gateway.listen, loopback(9696));
        let providers: Vec<_> = settings.providers.iter().map(|provider| provider.name.as_str()).collect();
        assert_eq!(providers, ["haproxy", "l4", "a10", "netscaler"]);
        let settings = load_from(Some(&layout.write_agent("agent-2").unwrap()), std::iter::empty()).unwrap();
        settings.check().unwrap();
        assert_eq!(settings.agent.host, "agent-2");
        assert_eq!(settings.drivers[DRIVER]["bridge_mappings"]["back"], "br-back");
    }
}
