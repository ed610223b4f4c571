//! A member's web server on a host: the program `ballast-lab-web`, which can be killed and started again.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use crate::error::LabError;
use crate::host::Host;
use crate::process::Process;

const PROGRAM: &str = "ballast-lab-web";

/// Answers `/` with 200 and its name and a line feed, `/headers` with the request's header lines as it
/// received them, and everything else with 404. Dropping it ends it.
#[derive(Debug)]
pub struct WebServer {
    host: Host,
    name: String,
    address: SocketAddr,
    process: Option<Process>,
}

impl WebServer {
    pub(crate) fn start(host: Host, name: &str, address: SocketAddr) -> Result<Self, LabError> {
        let mut server = Self { host, name: name.to_owned(), address, process: None };
        server.restart()?;
        Ok(server)
    }

    /// The name that it answers with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The running program; `None` after [`WebServer::kill`].
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// SIGKILL: connections are reset, the port refuses from now on.
    pub fn kill(&mut self) -> Result<(), LabError> {
        match self.process.take() {
            Some(mut process) => process.kill().map(drop),
            None => Ok(()),
        }
    }

    /// Kills it if it runs, starts it again at the same address and waits until it listens.
    pub fn restart(&mut self) -> Result<(), LabError> {
        self.kill()?;
        let mut command = self.host.command(program()?);
        command.arg(&self.name).arg(self.address.to_string()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = self.host.spawn(command)?;
        await_listening(&mut process, &self.name, self.address)?;
        self.process = Some(process);
        Ok(())
    }
}

/// The program says `listening` when it does; when it cannot, its end closes the pipe.
fn await_listening(process: &mut Process, name: &str, address: SocketAddr) -> Result<(), LabError> {
    let reading = || LabError::io(format!("read from web server {name}"));
    let mut line = String::new();
    if let Some(stdout) = process.child().stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(reading())?;
    }
    if line == "listening\n" {
        return Ok(());
    }
    let status = process.wait()?;
    let mut stderr = String::new();
    if let Some(mut pipe) = process.child().stderr.take() {
        std::io::Read::read_to_string(&mut pipe, &mut stderr).map_err(reading())?;
    }
    Err(LabError::Command {
        doing: format!("starting web server {name}"),
        command: format!("{PROGRAM} {name} {address}"),
        status,
        stderr: stderr.trim().to_owned(),
    })
}

/// Beside the current program; a test's is one folder deeper.
fn program() -> Result<PathBuf, LabError> {
    let current = env::current_exe().map_err(LabError::io("find the current program"))?;
    current
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(PROGRAM))
        .find(|program| program.is_file())
        .ok_or(LabError::WebServerMissing { program: current.clone() })
}
