//! The command line's grammar: a noun, a verb, and where the gateway is.

use clap::{Args, Parser, Subcommand, builder::NonEmptyStringValueParser};

use crate::{driver::Driver, pki::Pki};

/// Shows the load balancers of a Ballast deployment, over its REST API
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

/// Where the gateway is, and who asks.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The gateway's address
    #[arg(long, global = true, env = "BALLAST_URL", default_value = "http://127.0.0.1:9696", value_name = "URL")]
    pub(crate) url: String,
    /// A token, sent as X-Auth-Token; prefer the environment: other users of this machine can see arguments
    #[arg(long, global = true, env = "BALLAST_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<Secret>,
    /// The project to ask for, sent as X-Project-Id
    #[arg(long, global = true, env = "BALLAST_PROJECT", value_name = "ID")]
    pub(crate) project: Option<String>,
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
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_token_is_not_in_debug_output() {
        let arguments = Arguments::try_parse_from(["ballast", "pools", "list", "--token", "hunter2"]).unwrap();
        assert!(!format!("{arguments:?}").contains("hunter2"));
    }
}
