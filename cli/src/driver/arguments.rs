//! The grammar of `ballast driver`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Driver {
    /// Run the conformance suite on a driver's file
    ///
    /// Exit status: 0 all passed, 1 something failed, 2 wrong usage, 3 nothing failed but something was skipped.
    Check(Check),
    /// All checks, one a line
    Checks,
    #[command(hide = true)]
    Inside { order: PathBuf },
    #[command(hide = true)]
    Subject,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The driver
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// An agent's configuration; its section [drivers.NAME] is given to the driver
    #[arg(long, value_name = "TOML")]
    pub(crate) config: Option<PathBuf>,
    /// A device that the driver speaks to, as its configuration names it; the driver reaches nothing else
    #[arg(long = "device", value_name = "ADDRESS:PORT")]
    pub(crate) devices: Vec<SocketAddr>,
    /// Run these checks alone; `contract` means all that begin so
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// How long a call may take, in seconds, where an agent would wait longer
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// The newest glibc that the driver may need
    #[arg(long, value_name = "MAJOR.MINOR", default_value = "2.36", value_parser = glibc)]
    pub(crate) glibc: (u32, u32),
    /// What chance begins with, to see again what a report shows
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

fn glibc(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parsed.ok_or_else(|| "write it as 2.36".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_glibc_is_two_numbers() {
        assert_eq!(glibc("2.36"), Ok((2, 36)));
        assert!(glibc("2").is_err() && glibc("2.x").is_err());
    }
}
