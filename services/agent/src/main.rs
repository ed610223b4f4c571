//! `ballast-agent`: the agent, and with `driver-host` the process in which it runs one driver.

use std::{path::PathBuf, process::ExitCode};

use ballast_abi::host::OwnGroup;
use ballast_service::{
    chance::Chance,
    process::{self, Arguments, Failure},
    telemetry::{Format, Log},
};
use clap::{Parser, Subcommand};

/// The agent of Ballast: runs load balancers on this host as the scheduler desires
#[derive(Parser)]
#[command(name = "ballast-agent", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs one driver; the agent starts it, nobody else
    #[command(hide = true)]
    DriverHost {
        /// For the eyes of ps
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        about: Vec<String>,
    },
    /// Watches who else has the addresses of load balancers here, also when the agent has ended; the agent starts it
    #[command(hide = true)]
    Warden {
        /// The agent's state directory
        state_dir: PathBuf,
        /// How its log lines look: text or json
        format: String,
        /// What it logs
        level: String,
    },
    /// After an agent that has ended: its control group lends nothing any more, so that the next one can start in it; for
    /// its unit
    #[command(hide = true)]
    TakeBack,
}

fn main() -> ExitCode {
    // Before anything else: the driver-host must find its inherited descriptors as the agent left them.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "driver-host") {
        ballast_agent::driver_host::run();
    }
    if let Some(done) = process::manual::<Cli>() {
        return done;
    }
    let cli = Cli::parse();
    match cli.command {
        Some(Command::DriverHost { .. }) => ballast_agent::driver_host::run(),
        Some(Command::Warden { state_dir, format, level }) => {
            let format = if format == "json" { Format::Json } else { Format::Text };
            ballast_agent::warden::run(&state_dir, &Log { format, level })
        }
        Some(Command::TakeBack) => match OwnGroup::take_back() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                process::report("ballast-agent", &Failure::run("what its control group lends", error));
                ExitCode::FAILURE
            }
        },
        None => process::main("ballast-agent", &cli.arguments, async |settings, shutdown| {
            Box::pin(ballast_agent::run(settings, Chance::system(), shutdown)).await
        }),
    }
}
