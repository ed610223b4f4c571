//! Serves a simulated device until it is ended: for the demo, the conformance suite and tests in other processes.

use std::{error::Error, fs, net::SocketAddr, path::PathBuf};

use ballast_simulators::{
    Clock, Device, Options, Simulator,
    a10::{A10, Release},
    netscaler::NetScaler,
    radware::Alteon,
};
use clap::{Parser, ValueEnum};

#[derive(Parser)]
#[command(about = "A vendor's device, played over HTTP; levers under /_simulator/")]
struct Arguments {
    /// Which device.
    device: Kind,
    /// Where it answers.
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Speaks TLS; the certificate of its authority is written to this file.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    A10,
    Netscaler,
    Radware,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    match arguments.device {
        // The newest one: it speaks TLS as its driver asks for it.
        Kind::A10 => serve(A10::new(Release::Five), &arguments),
        Kind::Netscaler => serve(NetScaler::default(), &arguments),
        Kind::Radware => serve(Alteon::default(), &arguments),
    }
}

#[expect(clippy::print_stdout, reason = "who started it waits for this line")]
fn serve<D: Device>(device: D, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let options = Options { listen: arguments.listen, tls: arguments.ca_file.is_some(), clock: Clock::running() };
    let simulator = Simulator::start(device, options)?;
    if let (Some(file), Some(pem)) = (&arguments.ca_file, simulator.authority()) {
        fs::write(file, pem)?;
    }
    println!("{}", simulator.url());
    simulator.wait();
    Ok(())
}
