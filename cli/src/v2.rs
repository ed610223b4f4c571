//! The nouns of load balancers as they are today (v2), over REST: the same tables make the command line, the request and
//! what is printed.
//!
//! A noun is a file in [`nouns`] with its table and little else. Rules are the server's: what it takes and what not is
//! told by it alone.

mod ask;
mod body;
mod field;
mod find;
mod grammar;
mod noun;
mod nouns;
mod shown;
mod wait;
mod write;

use std::fmt;

use clap::{ArgMatches, Command, FromArgMatches, Subcommand, error::ErrorKind};

use crate::{api::Api, arguments::Arguments, failure::Failure};
use noun::{Noun, Verb};
use nouns::ALL;

/// What was asked for.
#[derive(Clone)]
pub(crate) struct Request {
    noun: &'static Noun,
    verb: Verb,
    matches: ArgMatches,
}

impl fmt::Debug for Request {
    /// Without the options: one of them is a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun.command, self.verb.name())
    }
}

impl Subcommand for Request {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(ALL.iter().map(|noun| grammar::noun(noun)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        ALL.iter().any(|noun| noun.command == name)
    }
}

impl FromArgMatches for Request {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let found = matches.subcommand().and_then(|(name, below)| {
            let noun = ALL.iter().find(|noun| noun.command == name)?;
            grammar::request(noun, below)
        });
        let (noun, verb, matches) = found.ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        Ok(Self { noun, verb, matches: matches.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What the command prints.
pub(crate) fn run(request: &Request, arguments: &Arguments) -> Result<String, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(async {
        let api = Api::new(&arguments.connection)?;
        let answer = ask::ask(api.gateway()?, request).await?;
        Ok(if arguments.json { answer.json() } else { answer.text() })
    })
}
