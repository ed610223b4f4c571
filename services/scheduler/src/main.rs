//! `ballast-scheduler`

use std::{path::PathBuf, process::ExitCode};

use ballast_scheduler::{Listeners, backup, secrets};
use ballast_service::{
    process::{self, Arguments},
    sources::Sources,
};
use clap::{Parser, Subcommand};

const NAME: &str = "ballast-scheduler";

/// Requests and rows are many small pieces that one thread makes and another frees. The C library's allocator is slow
/// at that; with this one, for SQLite too, a list takes a quarter less CPU time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The scheduler of Ballast: keeps all state, places load balancers, tells agents what to run
#[derive(Debug, Parser)]
#[command(name = "ballast-scheduler", version)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The keys by which private keys are kept
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Copy the database on SQLite into a file, while schedulers serve it: whole, and of one moment
    Backup {
        /// It must not exist
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    if let Some(done) = process::manual::<Cli>() {
        return done;
    }
    let Cli { arguments, command } = Cli::parse();
    if let Some(Command::Secrets(secrets::Command::NewKey { file })) = &command {
        return process::ended(NAME, secrets::make_key(file));
    }
    process::main(NAME, &arguments, async |settings, shutdown| {
        match command {
            Some(Command::Secrets(_)) => return secrets::rewrap_all(&settings).await,
            Some(Command::Backup { file }) => return backup::run(&settings, &file).await,
            None => {}
        }
        let listeners = Listeners::bind(&settings).await?;
        ballast_scheduler::run(settings, Sources::system(), listeners, shutdown).await
    })
}
