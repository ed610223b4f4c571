//! `ballast-scheduler`

use std::process::ExitCode;

use ballast_scheduler::Listeners;
use ballast_service::{
    process::{self, Arguments},
    sources::Sources,
};
use clap::Parser;

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
}

fn main() -> ExitCode {
    if let Some(done) = process::manual::<Cli>() {
        return done;
    }
    process::main("ballast-scheduler", &Cli::parse().arguments, async |settings, shutdown| {
        let listeners = Listeners::bind(&settings).await?;
        ballast_scheduler::run(settings, Sources::system(), listeners, shutdown).await
    })
}
