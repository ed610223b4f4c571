//! The command line's grammar: a noun, a verb, and who is asked.

use std::path::PathBuf;

use ballast_service::tls;
use clap::{Args, Parser, Subcommand, builder::NonEmptyStringValueParser};

use crate::{driver::Driver, pki::Pki, v2};

/// Shows and changes the load balancers of a Ballast deployment
#[derive(Debug, Parser)]
#[command(name = "ballast", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Print JSON; REST objects as they are
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Who is asked, and who asks.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// A gateway, http(s)://HOST:PORT; or a scheduler, unix:/PATH or grpc(s)://HOST:PORT
    #[arg(long, global = true, env = "BALLAST_URL", default_value = "http://127.0.0.1:9696", value_name = "URL")]
    pub(crate) url: String,
    /// Over TLS: whose certificates are believed (PEM), instead of those that this machine believes
    #[arg(long, global = true, env = "BALLAST_CACERT", value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Over TLS: one's own certificate (PEM), with --key
    #[arg(long, global = true, env = "BALLAST_CERT", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, global = true, env = "BALLAST_KEY", value_name = "FILE")]
    key: Option<PathBuf>,
    /// A token, sent as X-Auth-Token; prefer the environment: other users of this machine can see arguments
    #[arg(long, global = true, env = "BALLAST_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<Secret>,
    /// The project to ask for, sent as X-Project-Id
    #[arg(long, global = true, env = "BALLAST_PROJECT", value_name = "ID")]
    pub(crate) project: Option<String>,
}

impl Connection {
    /// What TLS is spoken with.
    pub(crate) fn files(&self) -> tls::Files {
        tls::Files { ca: self.cacert.clone(), cert: self.cert.clone(), key: self.key.clone() }
    }
}

/// A text that no debug output shows.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    V2(v2::Request),
    /// Load balancers as LBaaS v1 has them; over REST or gRPC
    #[command(subcommand)]
    V1(V1),
    /// Agents: the hosts that run load balancers, and their drivers
    #[command(subcommand)]
    Agents(Verb),
    /// A small CA, and certificates for TLS between the services; asks no gateway
    #[command(subcommand)]
    Pki(Pki),
    /// Drivers: check a driver's file before an agent gets it; asks no gateway
    #[command(subcommand)]
    Driver(Driver),
}

#[derive(Debug, Subcommand)]
pub(crate) enum V1 {
    /// Pools: what is balanced, and how
    #[command(subcommand)]
    Pools(Verb),
    /// Vips: where clients connect
    #[command(subcommand)]
    Vips(Verb),
    /// Members: the servers behind pools
    #[command(subcommand)]
    Members(Verb),
    /// Health monitors: how members are checked
    #[command(subcommand)]
    Monitors(Verb),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// All of them, one a line
    List,
    /// One, with everything that is known of it
    Show {
        /// Its id or its name; members and monitors have no name, an agent's name is its host
        #[arg(value_name = "ID-OR-NAME", value_parser = NonEmptyStringValueParser::new())]
        wanted: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Arguments::command().debug_assert();
    }

    /// The command lines of a page: in blocks of code, and between backticks.
    fn lines(page: &str) -> Vec<&str> {
        let quoted = page.split('`').skip(1).step_by(2).filter(|text| !text.contains('\n'));
        quoted
            .chain(page.lines())
            .map(str::trim)
            .filter(|line| line.starts_with("ballast ") && *line != "ballast demo ready")
            .collect()
    }

    #[test]
    fn every_command_that_a_page_sends_people_to_is_one() {
        let pages = [
            include_str!("../../README.md"),
            include_str!("../../drivers/README.md"),
            include_str!("../../docs/deploy.md"),
            include_str!("../../docs/errors.md"),
            include_str!("../../docs/grpc.md"),
            include_str!("../../docs/operate.md"),
        ];
        let mut seen = 0;
        for line in pages.into_iter().flat_map(lines) {
            let words = line.split(" #").next().unwrap_or(line).split_whitespace();
            match Arguments::try_parse_from(words) {
                Ok(_) => seen += 1,
                // `ballast pki` is a name, not a line to be typed.
                Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {}
                Err(error) => panic!("{line}: {error}"),
            }
        }
        assert!(seen > 15, "only {seen} were found");
    }

    #[test]
    fn a_token_is_not_in_debug_output() {
        let arguments = Arguments::try_parse_from(["ballast", "lb", "list", "--token", "hunter2"]).unwrap();
        assert!(!format!("{arguments:?}").contains("hunter2"));
    }
}
