//! The nouns of load balancers as they are today (v2), over REST: the same tables make the command line, the request
//! and what is printed.
//!
//! A noun is a file in [`nouns`] with its table and little else. Rules are the server's: what it takes and what not is
//! told by it alone.

pub(crate) mod apply;
mod ask;
mod body;
mod describe;
mod drain;
mod explained;
mod field;
mod find;
mod grammar;
mod history;
mod names;
mod noun;
mod nouns;
mod of_late;
mod shown;
mod wait;
mod watch;
mod whole;
mod write;

use std::fmt;

use clap::{ArgMatches, Command, FromArgMatches, Subcommand, error::ErrorKind};
use serde_json::Value;

use crate::{
    api::{Api, rest::Gateway},
    arguments::Connection,
    exit::Exit,
    failure::Failure,
    output::{self, Format},
    runtime,
};
pub(crate) use explained::{Explained, explained};
pub(crate) use names::{LOAD_BALANCERS, Names, offered};
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

impl Request {
    /// Whether it changes something.
    pub(crate) fn writes(&self) -> bool {
        self.verb.writes() || self.verb.is_by_address() || self.verb == Verb::Look
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

/// The id of a load balancer, from its id or its name.
///
/// # Errors
/// When there is none or more than one, or the gateway fails.
pub(crate) async fn load_balancer(gateway: &Gateway, wanted: &str) -> Result<String, Failure> {
    let collection = &nouns::LOAD_BALANCERS;
    find::key(gateway, collection, &find::path(collection, None), wanted).await
}

/// All load balancers.
///
/// # Errors
/// When the gateway fails.
pub(crate) async fn load_balancers(gateway: &Gateway) -> Result<Vec<Value>, Failure> {
    let collection = &nouns::LOAD_BALANCERS;
    find::all(gateway, collection, &find::path(collection, None), &[]).await
}

/// How the members of a load balancer are, for people.
///
/// # Errors
/// When the gateway fails.
#[cfg(feature = "top")]
pub(crate) async fn members_page(gateway: &Gateway, id: &str) -> Result<String, Failure> {
    let target = find::item(&find::path(&nouns::LOAD_BALANCERS, None), id);
    let health = ask::one(gateway, &format!("{target}/health"), "health").await?;
    output::render(&Format::Table, &shown::Answer::Health(health))
}

/// Does what was asked for, and prints what came of it.
///
/// # Errors
/// When it cannot.
pub(crate) fn run(request: &Request, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    runtime::block_on(async {
        let api = Api::of(connection).await?;
        if grammar::is_watched(&request.matches) {
            return watch::watch(api.gateway()?, request, format).await;
        }
        let gateway = api.gateway()?.calling_it(grammar::named_request(&request.matches))?;
        let answer = ask::ask(&gateway, request).await?;
        output::print(format, &answer).map(|()| Exit::Done)
    })
}
