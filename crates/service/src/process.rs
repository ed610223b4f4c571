//! The frame of a process: arguments, configuration, logs, exit status.

use std::{
    fmt,
    future::Future,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, CommandFactory};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    stat::{Mode, umask},
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{self, Settings},
    manual, shutdown, supervisor, telemetry,
    traces::Sending,
};

/// The exit status of a process whose configuration is bad: `EX_CONFIG` of sysexits.h.
pub const EXIT_CONFIG: u8 = 78;

/// The arguments that every service takes.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The configuration file (TOML); `BALLAST_SECTION__KEY` in the environment overrides it
    #[arg(long, env = "BALLAST_CONFIG")]
    pub config: Option<PathBuf>,
    /// Read the configuration, say whether it is good, and end
    #[arg(long)]
    pub check_config: bool,
    /// Allow what must otherwise stay on loopback: TCP without TLS, REST without authentication
    #[arg(long)]
    pub insecure: bool,
}

/// Why a service could not start or go on.
#[derive(Debug)]
pub enum Failure {
    /// Exit status 78.
    Config(String),
    /// Exit status 1.
    Run(String),
}

impl Failure {
    /// A failure at run time: what was being done, and why it could not be.
    pub fn run(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::Run(format!("{what}: {why}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text) => write!(f, "configuration: {text}"),
            Self::Run(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Failure {}

/// Prints the manual's page of a service where it is asked for, as packages do; none: it is not.
pub fn manual<G: CommandFactory>() -> Option<ExitCode> {
    if std::env::args_os().nth(1).is_none_or(|argument| argument != "--manual-page") {
        return None;
    }
    let printed = manual::page(G::command()).and_then(|page| io::stdout().write_all(&page));
    Some(if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a service: reads the configuration, starts logs and the runtime, calls `run`, and turns a failure into one clear
/// line and an exit status.
pub fn main<F, R>(name: &str, arguments: &Arguments, run: F) -> ExitCode
where
    F: FnOnce(Settings, CancellationToken) -> R,
    R: Future<Output = Result<(), Failure>>,
{
    ended(name, start(name, arguments, run))
}

/// The exit status of what was done, and a line for a failure.
#[must_use]
pub fn ended(name: &str, done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(name, &failure);
            ExitCode::from(match failure {
                Failure::Config(_) => EXIT_CONFIG,
                Failure::Run(_) => 1,
            })
        }
    }
}

/// Says on standard error why a process could not do what it was started for.
#[expect(clippy::print_stderr, reason = "the one line that a person reads when a process does not start")]
pub fn report(name: &str, failure: &Failure) {
    eprintln!("{name}: {failure}");
}

fn start<F, R>(name: &str, arguments: &Arguments, run: F) -> Result<(), Failure>
where
    F: FnOnce(Settings, CancellationToken) -> R,
    R: Future<Output = Result<(), Failure>>,
{
    // What a service writes is its own; where others must pass or read, its mode is said.
    umask(Mode::from_bits_truncate(0o077));
    // There are tokens and private keys in memory. The hard limit stays: a driver may be let to leave a core.
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE).map_err(|errno| Failure::run("the limit of core dumps", errno))?;
    setrlimit(Resource::RLIMIT_CORE, 0, hard).map_err(|errno| Failure::run("cannot forbid core dumps", errno))?;
    let mut settings = config::load(arguments.config.as_deref()).map_err(Failure::Config)?;
    settings.insecure |= arguments.insecure;
    settings.check().map_err(Failure::Config)?;
    telemetry::init(&settings.log).map_err(Failure::Config)?;
    if arguments.check_config {
        tracing::info!("{name}: the configuration is good");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::run("cannot start the runtime", error))?;
    runtime.block_on(async {
        let shutdown = shutdown::on_signals().map_err(|error| Failure::run("cannot watch for signals", error))?;
        tokio::spawn(supervisor::keep_alive());
        let sending = Sending::start(&settings.traces, name).map_err(Failure::Config)?;
        let done = run(settings, shutdown).await;
        sending.end().await;
        done
    })
}
