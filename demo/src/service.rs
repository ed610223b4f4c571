//! A service of Ballast as a process of this demo: on the machine itself, or on a host of the lab.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use ballast_lab::{Host, Process, Signal, without_proxies};
use nix::{sys::signal::kill, unistd::Pid};
use tokio::time::{Instant, sleep};

use crate::error::DemoError;

/// How long a service may take to become ready, and to end.
const READY: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

/// What is to be started.
pub(crate) struct Launch<'a> {
    /// As people call it: `scheduler`.
    pub(crate) name: &'a str,
    pub(crate) program: PathBuf,
    pub(crate) config: PathBuf,
    /// Where its output goes; nowhere else: this process's own.
    pub(crate) log: Option<PathBuf>,
    /// Where it runs; nowhere else: on the machine.
    pub(crate) host: Option<&'a Host>,
}

/// A started service. Dropping it kills it.
pub(crate) struct Service {
    name: String,
    command_line: String,
    log: Option<PathBuf>,
    host: Option<String>,
    running: Running,
}

enum Running {
    OnMachine(Child),
    InLab(Process),
}

impl Service {
    pub(crate) fn start(launch: Launch<'_>) -> Result<Self, DemoError> {
        let Launch { name, program, config, log, host } = launch;
        let starting = || DemoError::when::<io::Error>(format!("cannot start the {name}"));
        if !program.is_file() {
            return Err(DemoError::new(format!("{} does not exist: run `make build` first", program.display())));
        }
        let mut command = match host {
            Some(host) => host.command(&program),
            // Ends with this process, however that ends.
            None => {
                let mut command = Command::new("setpriv");
                command.args(["--pdeathsig", "TERM", "--"]).arg(&program);
                command
            }
        };
        without_proxies(command.arg("--config").arg(&config));
        if let Some(log) = &log {
            let file = fs::File::create(log).map_err(starting())?;
            command.stdout(file.try_clone().map_err(starting())?).stderr(file);
        }
        let running = match host {
            Some(host) => Running::InLab(host.spawn(command)?),
            // Ctrl-C is for this process, which ends its services in order.
            None => Running::OnMachine(command.stdin(Stdio::null()).process_group(0).spawn().map_err(starting())?),
        };
        let command_line = format!("{} --config {}", program.display(), config.display());
        Ok(Self { name: name.to_owned(), command_line, log, host: host.map(|host| host.name().to_owned()), running })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// The host of the lab on which it runs.
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// As a shell takes it, to start it again.
    pub(crate) fn command_line(&self) -> &str {
        &self.command_line
    }

    /// `Some` when it has ended.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        let child = match &mut self.running {
            Running::OnMachine(child) => child,
            Running::InLab(process) => process.child(),
        };
        child.try_wait().ok().flatten()
    }

    /// Asks until `probe` answers; an error when the service has ended or is late.
    pub(crate) async fn ready<T>(&mut self, mut probe: impl AsyncFnMut() -> Option<T>) -> Result<T, DemoError> {
        let deadline = Instant::now() + READY;
        loop {
            if let Some(answer) = probe().await {
                return Ok(answer);
            }
            let status = self.status();
            let name = &self.name;
            let trouble = match status {
                Some(status) => format!("the {name} ended before it was ready ({status})"),
                None if Instant::now() >= deadline => format!("the {name} was not ready within {READY:?}"),
                None => {
                    sleep(PAUSE).await;
                    continue;
                }
            };
            return Err(DemoError::new(trouble).with_log(self.log()));
        }
    }

    /// SIGTERM, and SIGKILL when that does not help.
    pub(crate) async fn end(mut self) -> Result<(), DemoError> {
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + END;
        while self.status().is_none() {
            if Instant::now() >= deadline {
                let late = format!("the {} did not end within {END:?} of SIGTERM and was killed", self.name);
                return Err(DemoError::new(late).with_log(self.log()));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    fn signal(&mut self, signal: Signal) {
        if self.status().is_some() {
            return;
        }
        // One that has ended in this moment needs no signal.
        match &mut self.running {
            Running::OnMachine(child) => {
                let _ended = i32::try_from(child.id()).map(|pid| kill(Pid::from_raw(pid), signal));
            }
            Running::InLab(process) => {
                let _ended = process.signal(signal);
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        if let Running::OnMachine(child) = &mut self.running {
            let _ended = child.wait();
        }
    }
}
