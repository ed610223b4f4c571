//! Schedulers and gateways over one database, as separate processes at addresses of loopback; agents are others' to bring.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ballast_lab::Lab;

use crate::{
    Outcome,
    fill::DRIVER,
    rest::Rest,
    stack::{built, cpu_of, peak_of},
};

/// Until the first answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// How it is to be.
pub(crate) struct Shape<'a> {
    pub(crate) database: &'a str,
    pub(crate) schedulers: usize,
    pub(crate) gateways: usize,
    /// Milliseconds: heartbeat, suspect, dead.
    pub(crate) liveness: (u32, u32, u32),
}

/// A process. Dropped, it ends.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // The lab's end would end it too.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

pub(crate) struct Plant {
    directory: PathBuf,
    schedulers: Vec<Option<Service>>,
    gateways: Vec<Service>,
}

/// Where a scheduler serves.
pub(crate) fn scheduler_at(number: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9_700 + u16::try_from(number).unwrap_or(0)))
}

fn gateway_at(number: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9_600 + u16::try_from(number).unwrap_or(0)))
}

impl Plant {
    /// Starts schedulers, then gateways, and does not wait for them.
    pub(crate) fn start(lab: &Lab, name: &str, shape: &Shape<'_>) -> Outcome<Self> {
        let directory = lab.dir().join(name);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("ballast.toml"), configuration(shape))?;
        let mut plant = Self { directory, schedulers: Vec::new(), gateways: Vec::new() };
        for number in 0..shape.schedulers {
            plant.schedulers.push(None);
            plant.start_scheduler(number)?;
        }
        for number in 0..shape.gateways {
            let mut command = plant.command("ballast-api-gateway", &format!("gateway-{number}"))?;
            command.env("BALLAST_GATEWAY__LISTEN", gateway_at(number).to_string());
            plant.gateways.push(Service(command.spawn()?));
        }
        Ok(plant)
    }

    fn command(&self, program: &str, name: &str) -> Outcome<Command> {
        let mut command = Command::new(built(program)?);
        command.arg("--config").arg(self.directory.join("ballast.toml")).stdin(Stdio::null());
        let log = fs::OpenOptions::new().create(true).append(true).open(self.directory.join(format!("{name}.log")))?;
        command.env("BALLAST_METRICS__LISTEN", "off").stderr(log);
        Ok(command)
    }

    pub(crate) fn start_scheduler(&mut self, number: usize) -> Outcome<()> {
        let mut command = self.command("ballast-scheduler", &format!("scheduler-{number}"))?;
        let at = scheduler_at(number).to_string();
        command.env("BALLAST_SCHEDULER__LISTEN", &at).env("BALLAST_SCHEDULER__SOCKET", "");
        self.schedulers[number] = Some(Service(command.spawn()?));
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill_scheduler(&mut self, number: usize) {
        self.schedulers[number] = None;
    }

    fn pid(&self, number: usize) -> Outcome<u32> {
        Ok(self.schedulers[number].as_ref().ok_or("the scheduler does not run")?.0.id())
    }

    /// CPU time that a scheduler has used, in microseconds.
    pub(crate) fn cpu(&self, number: usize) -> Outcome<f64> {
        Ok(cpu_of(self.pid(number)?))
    }

    /// The most memory that a scheduler has had, in kB.
    pub(crate) fn peak(&self, number: usize) -> Outcome<u64> {
        Ok(peak_of(self.pid(number)?))
    }

    /// A connection to a gateway, as soon as it takes one.
    pub(crate) fn rest(&self, gateway: usize) -> Outcome<Rest> {
        let begun = Instant::now();
        loop {
            match Rest::connect(gateway_at(gateway)) {
                Err(error) if begun.elapsed() > PATIENCE => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(1)),
                done => return done,
            }
        }
    }

    /// Asks again and again, until this status comes; when it did.
    pub(crate) fn until(&self, status: u16, mut ask: impl FnMut(&mut Rest) -> Outcome<u16>) -> Outcome<Instant> {
        let begun = Instant::now();
        let mut rest = self.rest(0)?;
        loop {
            match ask(&mut rest) {
                Ok(answered) if answered == status => return Ok(Instant::now()),
                other if begun.elapsed() > PATIENCE => return Err(format!("no {status}: {other:?}").into()),
                Ok(_) => thread::sleep(Duration::from_millis(1)),
                Err(_) => rest = self.rest(0)?,
            }
        }
    }

    /// What stopped a bench, as the schedulers saw it.
    pub(crate) fn complain(&self) {
        for number in 0..self.schedulers.len() {
            let path = self.directory.join(format!("scheduler-{number}.log"));
            let log = fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- scheduler-{number}\n{}", lines[lines.len().saturating_sub(5)..].join("\n"));
        }
    }
}

fn configuration(shape: &Shape<'_>) -> String {
    let schedulers: Vec<String> = (0..shape.schedulers).map(|number| format!("\"{}\"", scheduler_at(number))).collect();
    let (heartbeat, suspect, dead) = shape.liveness;
    format!(
        r#"[log]
level = "warn"
[database]
url = "{url}"
[connections]
max = 100000
per_peer = 100000
[gateway]
schedulers = [{schedulers}]
[quotas]
network = -1
subnet = -1
port = -1
vip = -1
pool = -1
v2_pool = -1
[agents]
heartbeat_interval_ms = {heartbeat}
suspect_after_ms = {suspect}
dead_after_ms = {dead}
[[provider]]
name = "{DRIVER}"
driver = "{DRIVER}"
default = true
"#,
        url = shape.database,
        schedulers = schedulers.join(", "),
    )
}
