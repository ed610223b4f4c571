//! `ballast-api-gateway`: the process around [`ballast_api_gateway::run`].

use std::process::ExitCode;

use ballast_service::{
    grpc,
    process::{self, Arguments, Failure},
    sources::Sources,
};
use clap::Parser;

/// Requests and answers are many small pieces that one thread makes and another frees. The C library's allocator is slow at
/// that; with this one a list takes a quarter less CPU time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Neutron's LBaaS v1 REST API in front of Ballast's scheduler
#[derive(Parser)]
#[command(name = "ballast-api-gateway", version)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    process::main("ballast-api-gateway", &Command::parse().arguments, async |settings, shutdown| {
        let address = settings.gateway.listen;
        settings.check_exposure("gateway.listen", address, settings.guard_of_rest()).map_err(Failure::Config)?;
        let listener = grpc::bind_tcp("gateway.listen", address).await?;
        ballast_api_gateway::run(settings, Sources::system(), listener, shutdown).await
    })
}
