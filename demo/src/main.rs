//! `ballast-demo`: every service of Ballast with a lab for its traffic, on one machine, by one command.
//!
//! It is a person's first look, and CI's last check: it starts the real programs with a configuration of their own and
//! speaks to them as anyone would. It must not know how they work inside.

mod configuration;
mod demo;
mod error;
mod exec;
mod folder;
mod load_balancer;
mod next;
mod passage;
mod run;
mod say;
mod scheduler;
mod service;
mod signals;
mod topology;
mod traffic;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, builder::FalseyValueParser};

use crate::error::DemoError;

/// Starts Ballast and a lab with a client and three web servers, and shows traffic through a load balancer
#[derive(Debug, Parser)]
#[command(name = "ballast-demo", version)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Options {
    /// Where a running demo can be found; two demos need two folders
    #[arg(long, env = "BALLAST_DEMO_DIR", default_value = ".demo", global = true)]
    folder: PathBuf,
    /// REST listens at this port of 127.0.0.1
    #[arg(long, env = "BALLAST_REST_PORT", default_value_t = 9696)]
    rest_port: u16,
    /// gRPC listens at this port of 127.0.0.1
    #[arg(long, env = "BALLAST_GRPC_PORT", default_value_t = 9697)]
    grpc_port: u16,
    /// Make no load balancer: only networks, subnets and agents
    #[arg(long, env = "DEMO_EMPTY", value_parser = FalseyValueParser::new())]
    empty: bool,
    /// Check what came back, end, and tell by the exit status
    #[arg(long, env = "DEMO_ONCE", value_parser = FalseyValueParser::new())]
    once: bool,
    /// How many agents, each on a host of its own: agent, agent-2 and so on
    #[arg(long, env = "DEMO_AGENTS", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    agents: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a shell line on a host of the running demo
    Exec {
        /// The host: client, web-1, web-2, web-3, router, agent
        #[arg(long, env = "ON", default_value = "client")]
        on: String,
        /// The shell line
        #[arg(env = "CMD")]
        line: OsString,
    },
    /// Run the three services on this host, without a lab
    Run {
        /// The configuration: a file, or a folder with a ballast.toml
        #[arg(long)]
        config: PathBuf,
    },
}

// One thread: the kernel ends a service with the thread that started it, so that must be the one that lives longest.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => demo::run(&cli.options).await,
        Some(Command::Exec { on, line }) => Err(exec::exec(&cli.options.folder, &on, &line)),
        Some(Command::Run { config }) => run::run(&config).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::failure(&error);
            ExitCode::FAILURE
        }
    }
}

/// The demo makes network namespaces and so do the services that it starts.
fn require_root(command: &str) -> Result<(), DemoError> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    Err(DemoError::new(format!("this makes network namespaces and needs root: sudo -E env \"PATH=$PATH\" {command}")))
}
