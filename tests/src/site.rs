//! A small deployment in a lab.
//!
//! ```text
//!   lab's own host: scheduler (127.0.0.1:9697 and a Unix socket), gateway (127.0.0.1:9696)
//!   segment "net", 10.20.0.0/24: client .9, web-1 .11, web-2 .12, web-3 .13, an agent host's br-data each
//! ```

mod agents;
mod configuration;
mod objects;
mod services;

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf};

use ballast_lab::{Host, Lab, LabError, Segment, WebServer};

pub use self::{
    agents::AgentHost,
    configuration::{Plan, Setting},
    services::Service,
};
use crate::rest::Rest;

/// Where the gateway answers inside the lab.
pub const URL: &str = "http://127.0.0.1:9696";

/// The deployment. What it started ends with it.
pub struct Site {
    pub scheduler: Option<Service>,
    pub gateway: Option<Service>,
    pub agents: Vec<AgentHost>,
    pub webs: Vec<WebServer>,
    pub client: Host,
    pub rest: Rest,
    pub subnet_id: String,
    pub segment: Segment,
    directory: PathBuf,
    /// Where the programs and drivers lie that are started from now on.
    pub programs: PathBuf,
    environment: Vec<Setting>,
}

impl Site {
    /// Builds and starts everything, makes a network and a subnet unless the plan has one, and waits until the agents are alive.
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
            subnet_id: plan.subnet_id.clone(),
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
        if site.subnet_id.is_empty() {
            site.make_subnet();
        }
        site.wait_for_agents(plan.agents);
        Ok(site)
    }

    /// The socket that the agents, and gRPC clients of the tests, use.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("scheduler.sock")
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
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
    }
}
