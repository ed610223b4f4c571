//! The services on the lab's own host: how they start and end, and what they log.

use std::{
    fs,
    process::{Child, Command},
};

use ballast_lab::{Signal, wait_until};

use super::Site;
use crate::{PATIENCE, programs};

/// A service on the lab's own host. Dropped, it ends.
#[derive(Debug)]
pub struct Service(Child);

impl Service {
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        Self(command.spawn().expect("the service starts"))
    }

    /// # Errors
    /// When it cannot be signalled.
    pub fn signal(&self, signal: Signal) -> std::io::Result<()> {
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        Ok(nix::sys::signal::kill(pid, signal)?)
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// SIGKILL, and wait.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> std::io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }

    /// SIGTERM, and wait.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn stop(&mut self) -> std::io::Result<std::process::ExitStatus> {
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        nix::sys::signal::kill(pid, Signal::SIGTERM)?;
        self.0.wait()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}

impl Site {
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(programs::built_in(&self.programs, program));
        command.arg("--config").arg(self.directory.join("ballast.toml"));
        command
    }

    pub(super) fn log(&self, name: &str) -> fs::File {
        let path = self.directory.join(format!("{name}.log"));
        fs::OpenOptions::new().create(true).append(true).open(path).expect("a log file")
    }

    /// What a process logged so far.
    #[must_use]
    pub fn logged(&self, name: &str) -> String {
        fs::read_to_string(self.directory.join(format!("{name}.log"))).unwrap_or_default()
    }

    fn start_here(&self, program: &str) -> Service {
        let mut command = self.command(program);
        command.envs(self.settings(program)).stderr(self.log(program));
        Service(command.spawn().expect("the service starts"))
    }

    /// One more of a program that runs already: as the first, but for what is in its environment, and with a log of its own.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_beside(&self, program: &str, name: &str, environment: &[(&str, String)]) -> Service {
        let mut command = self.command(program);
        command.envs(self.settings(program)).envs(environment.iter().map(|(name, value)| (name, value)));
        command.stderr(self.log(name));
        Service::start(command)
    }

    /// # Panics
    /// When it does not start to answer.
    pub fn start_scheduler(&mut self) {
        self.scheduler = Some(self.start_here("ballast-scheduler"));
        let socket = self.socket();
        wait_until(PATIENCE, "the scheduler's socket", || {
            std::os::unix::net::UnixStream::connect(&socket).ok().map(drop)
        });
    }

    /// # Panics
    /// When it does not start to answer.
    pub fn start_gateway(&mut self) {
        self.spawn_gateway();
        wait_until(PATIENCE, "the gateway's answer", || self.rest.try_call("GET", "/", None));
    }

    /// Starts it, and does not wait until it answers.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn_gateway(&mut self) {
        self.gateway = Some(self.start_here("ballast-api-gateway"));
    }
}
