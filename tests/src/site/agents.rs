//! The agents' hosts: what is on them, and their agents' processes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ballast_lab::{Host, Lab, LabError, Process, Signal, wait_until};
use serde_json::Value;

use super::Site;
use crate::{PATIENCE, programs};

/// An agent's host, its drivers directory, and its process while it runs.
pub struct AgentHost {
    pub name: String,
    pub host: Host,
    pub drivers: PathBuf,
    pub process: Option<Process>,
}

impl Site {
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
            let agents = self.rest.look("/v2.0/agents")?;
            (agents["agents"].as_array()?.iter().filter(|agent| ready(agent)).count() == count).then_some(())
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

    /// Load balancers' own directories are gone some time after their processes.
    fn directories(state: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(state).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.path()).collect()
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
