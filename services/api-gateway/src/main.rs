//! `ballast-api-gateway`: the process around [`ballast_api_gateway::run`].

use std::process::ExitCode;

use ballast_api_gateway::Listeners;
use ballast_service::{
    process::{self, Arguments},
    sources::Sources,
};
use clap::Parser;

/// Requests and answers are many small pieces that one thread makes and another frees. The C library's allocator is slow at
/// that; with this one a list takes a quarter less CPU time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The gateway of Ballast: Octavia's and LBaaS v1's REST, and the dashboard, in front of a scheduler
#[derive(Parser)]
#[command(name = "ballast-api-gateway", version)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    if let Some(done) = process::manual::<Command>() {
        return done;
    }
    process::main("ballast-api-gateway", &Command::parse().arguments, async |settings, shutdown| {
        let listeners = Listeners::bind(&settings).await?;
        ballast_api_gateway::run(settings, Sources::system(), listeners, shutdown).await
    })
}
