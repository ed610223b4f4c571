//! Several schedulers and gateways as real processes, over one database, in a lab: all at addresses of loopback.
//!
//! Agents have the fault driver, which makes nothing on the host, so all of this is one host.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use ballast_lab::{Lab, Signal, wait_until};

use crate::{PATIENCE, programs, rest::Rest, site::Service};

/// What is in the configuration beside what a deployment needs: sections with keys that it has not.
#[derive(Debug, Clone)]
pub struct Shape {
    pub database: String,
    pub schedulers: usize,
    pub gateways: usize,
    /// Milliseconds: heartbeat, suspect, dead.
    pub liveness: (u32, u32, u32),
    pub more: String,
}

/// They. Dropped, they end.
pub struct Several {
    directory: PathBuf,
    pub schedulers: Vec<Option<Service>>,
    pub gateways: Vec<Option<Service>>,
    pub agents: Vec<Option<Service>>,
    liveness: (u32, u32, u32),
}

impl Several {
    /// Starts schedulers and gateways, and waits until they answer.
    ///
    /// # Panics
    /// When they do not.
    #[must_use]
    pub fn start(lab: &Lab, shape: &Shape) -> Self {
        let directory = lab.dir().to_path_buf();
        let all: Vec<String> = (0..shape.schedulers).map(|number| format!("\"{}\"", scheduler_at(number))).collect();
        let (heartbeat, suspect, dead) = shape.liveness;
        let text = format!(
            "[database]\nurl = \"{}\"\n[gateway]\nschedulers = [{}]\n[quotas]\nnetwork = -1\nsubnet = -1\nport = -1\n\
             vip = -1\npool = -1\n[agents]\nheartbeat_interval_ms = {heartbeat}\nsuspect_after_ms = {suspect}\n\
             dead_after_ms = {dead}\n[[provider]]\nname = \"fault\"\ndriver = \"fault\"\ndefault = true\n\
             [drivers.fault]\nquiet = true\n{}\n",
            shape.database,
            all.join(", "),
            shape.more
        );
        fs::write(directory.join("ballast.toml"), text).expect("a configuration");
        let none = |count: usize| (0..count).map(|_| None).collect();
        let mut several = Self {
            directory,
            schedulers: none(shape.schedulers),
            gateways: none(shape.gateways),
            agents: Vec::new(),
            liveness: shape.liveness,
        };
        for number in 0..shape.schedulers {
            several.start_scheduler(number, &[]);
        }
        for number in 0..shape.gateways {
            several.start_gateway(number);
        }
        several
    }

    /// # Panics
    /// When it does not start to answer.
    pub fn start_scheduler(&mut self, number: usize, environment: &[(&str, &str)]) {
        let name = format!("scheduler-{number}");
        let mut command = self.command("ballast-scheduler", &name);
        command
            .env("BALLAST_SCHEDULER__LISTEN", scheduler_at(number))
            .env("BALLAST_SCHEDULER__ADVERTISE", scheduler_at(number))
            .env("BALLAST_SCHEDULER__SOCKET", "")
            .env("BALLAST_METRICS__LISTEN", metrics_at(number))
            .envs(environment.iter().copied());
        self.schedulers[number] = Some(Service::start(command));
        wait_until(PATIENCE, &name, || self.metrics(number).map(drop));
    }

    /// # Panics
    /// When it does not start to answer.
    pub fn start_gateway(&mut self, number: usize) {
        let mut command = self.command("ballast-api-gateway", &format!("gateway-{number}"));
        command.env("BALLAST_GATEWAY__LISTEN", gateway_at(number)).env("BALLAST_METRICS__LISTEN", "off");
        self.gateways[number] = Some(Service::start(command));
        let rest = self.rest(number);
        wait_until(PATIENCE, "a gateway", || rest.try_call("GET", "/", None));
    }

    /// An agent that is told of one scheduler alone, and waits until it lives.
    ///
    /// # Panics
    /// When it does not.
    pub fn start_agent(&mut self, number: usize, scheduler: usize) {
        let folder = self.directory.join(format!("agent-{number}"));
        fs::create_dir_all(folder.join("drivers")).expect("a folder");
        let driver = folder.join("drivers/fault.so");
        if !driver.exists() {
            fs::copy(programs::built("libballast_fault_driver.so"), &driver).expect("a driver");
        }
        let mut command = self.command("ballast-agent", &format!("agent-{number}"));
        command
            .env("BALLAST_AGENT__HOST", format!("agent-{number}"))
            .env("BALLAST_AGENT__STATE_DIR", folder.join("state"))
            .env("BALLAST_AGENT__DRIVERS_DIR", folder.join("drivers"))
            .env("BALLAST_AGENT__SECRETS_TMPFS", folder.join("secrets"))
            .env("BALLAST_AGENT__SCHEDULERS", scheduler_at(scheduler))
            .env("BALLAST_METRICS__LISTEN", "off");
        while self.agents.len() <= number {
            self.agents.push(None);
        }
        self.agents[number] = Some(Service::start(command));
    }

    /// # Panics
    /// When it does not run.
    pub fn signal_scheduler(&self, number: usize, signal: Signal) {
        self.schedulers[number].as_ref().expect("it runs").signal(signal).expect("a signal");
    }

    /// # Panics
    /// When it does not run.
    pub fn kill_scheduler(&mut self, number: usize) {
        self.schedulers[number].take().expect("it runs").kill().expect("its end");
    }

    /// The ids of the load balancers that an agent's driver has.
    #[must_use]
    pub fn deployed(&self, agent: usize) -> Vec<String> {
        let folder = self.directory.join(format!("agent-{agent}/state/driver-state/fault"));
        let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| Some(name.to_str()?.strip_suffix(".lb")?.to_owned())).collect()
    }

    /// A client of a gateway.
    #[must_use]
    pub fn rest(&self, gateway: usize) -> Rest {
        Rest::new(&format!("http://{}", gateway_at(gateway)))
    }

    /// What a scheduler tells of itself; none: it does not answer.
    #[must_use]
    pub fn metrics(&self, scheduler: usize) -> Option<String> {
        let rest = Rest::new(&format!("http://{}", metrics_at(scheduler)));
        rest.try_text("/metrics", Duration::from_secs(2))
    }

    /// One number of it.
    #[must_use]
    pub fn metric(&self, scheduler: usize, name: &str) -> Option<f64> {
        let text = self.metrics(scheduler)?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// The one that leads, as it says itself; none: there are none or several that say so.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        let says = |number: &usize| self.metric(*number, "ballast_scheduler_leads") == Some(1.0);
        let leaders: Vec<usize> = (0..self.schedulers.len()).filter(says).collect();
        match leaders.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// How long it takes at most until others hold a scheduler for gone.
    #[must_use]
    pub const fn lapse(&self) -> Duration {
        Duration::from_millis(self.liveness.1 as u64)
    }

    /// What a process has logged.
    #[must_use]
    pub fn logged(&self, name: &str) -> String {
        fs::read_to_string(self.directory.join(format!("{name}.log"))).unwrap_or_default()
    }

    fn command(&self, program: &str, name: &str) -> Command {
        let path = self.directory.join(format!("{name}.log"));
        let log = fs::OpenOptions::new().create(true).append(true).open(path).expect("a log");
        let mut command = Command::new(programs::built(program));
        command.arg("--config").arg(self.directory.join("ballast.toml")).stderr(log);
        command
    }

    #[expect(clippy::print_stderr, reason = "the report of a failed test")]
    fn tell(&self) {
        let names = (0..self.schedulers.len()).map(|number| format!("scheduler-{number}"));
        let names = names.chain((0..self.gateways.len()).map(|number| format!("gateway-{number}")));
        for name in names.chain((0..self.agents.len()).map(|number| format!("agent-{number}"))) {
            let log = self.logged(&name);
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(25)..].join("\n"));
        }
    }
}

impl Drop for Several {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
    }
}

/// Where a scheduler serves.
#[must_use]
pub fn scheduler_at(number: usize) -> String {
    format!("127.0.0.1:{}", 9_700 + number)
}

/// Where a gateway serves.
#[must_use]
pub fn gateway_at(number: usize) -> String {
    format!("127.0.0.1:{}", 9_600 + number)
}

fn metrics_at(number: usize) -> String {
    format!("127.0.0.1:{}", 9_800 + number)
}
