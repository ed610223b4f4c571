//! `ballast-scheduler`

use std::process::ExitCode;

use ballast_scheduler::Listeners;
use ballast_service::{
    clock::Clock,
    process::{self, Arguments},
};
use clap::Parser;

/// The scheduler of Ballast: keeps all state, places load balancers, tells agents what to run.
#[derive(Debug, Parser)]
#[command(name = "ballast-scheduler", version)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    process::main("ballast-scheduler", &Cli::parse().arguments, async |settings, shutdown| {
        let listeners = Listeners::bind(&settings).await?;
        ballast_scheduler::run(settings, Clock::system(), listeners, shutdown).await
    })
}
