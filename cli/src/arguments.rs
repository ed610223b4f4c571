//! The command line's grammar: a noun and a verb, or a verb that stands alone, and who is asked.

use std::{ffi::OsString, path::PathBuf};

use ballast_service::tls;
use clap::{Args, CommandFactory as _, Parser, Subcommand, builder::NonEmptyStringValueParser};
use serde::{Deserialize, Serialize};

use crate::{
    agents, complete,
    context::{self, Context, Contexts},
    driver::Driver,
    events, exit,
    explain::Explain,
    failure::Failure,
    noun::Noun,
    nouns,
    openstack::Cloud,
    output::{Color, Format, Select},
    pki::Pki,
    shell, top, v2,
};

/// Who is asked where nobody says.
const HERE: &str = "http://127.0.0.1:9696";

/// Shows and changes the load balancers of a Ballast deployment
#[derive(Debug, Parser)]
#[command(name = "ballast", version, arg_required_else_help = true, after_help = after_help())]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// How it is printed: table, wide, json, yaml, name, or `jsonpath=PATH` as in `jsonpath=[*].id`
    #[arg(short, long, global = true, value_name = "FORM", conflicts_with = "json")]
    output: Option<Format>,
    /// The same as -o json; REST objects as they are
    #[arg(long, global = true)]
    json: bool,
    /// When statuses are coloured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn after_help() -> String {
    format!("A verb may stand before its noun, as in `ballast describe lb NAME`.\n\n{}", exit::help())
}

/// Where a verb stands before its noun, as in `ballast describe lb NAME`, the other way round.
pub(crate) fn in_order(mut words: Vec<OsString>) -> Vec<OsString> {
    let command = Arguments::command();
    let text = |at: usize| words.get(at).and_then(|word| word.to_str());
    let mut at = 1;
    while let Some(word) = text(at).filter(|word| word.starts_with('-')) {
        at += if takes_another(&command, word) { 2 } else { 1 };
    }
    let (Some(verb), Some(noun)) = (text(at), text(at + 1)) else { return words };
    let is_of = |verb: &str, noun: &str| command.find_subcommand(noun)?.find_subcommand(verb);
    if command.find_subcommand(verb).is_none() && is_of(verb, noun).is_some() {
        words.swap(at, at + 1);
    }
    words
}

/// Whether the option's value is the word behind it.
fn takes_another(command: &clap::Command, word: &str) -> bool {
    let is_it = |arg: &&clap::Arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => word.strip_prefix('-').is_some_and(|short| arg.get_short().is_some_and(|own| short == own.to_string())),
    };
    command.get_arguments().find(is_it).is_some_and(|arg| arg.get_action().takes_values())
}

impl Arguments {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output.clone().unwrap_or_default() }
    }

    pub(crate) fn is_json(&self) -> bool {
        matches!(self.format(), Format::Json)
    }
}

/// Who is asked, and who asks.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// A gateway, http(s)://HOST:PORT; or a scheduler, unix:/PATH or grpc(s)://HOST:PORT [default: that of OS_*, of the
    /// context, or http://127.0.0.1:9696]
    #[arg(long, global = true, env = "BALLAST_URL", value_name = "URL")]
    url: Option<String>,
    /// A context: what `ballast context set NAME` has kept
    #[arg(long, global = true, env = "BALLAST_CONTEXT", value_name = "NAME", add = complete::contexts())]
    pub(crate) context: Option<String>,
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
    project: Option<String>,
}

/// The same, with all that is to be known.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) files: tls::Files,
    pub(crate) token: Option<Secret>,
    pub(crate) project: Option<String>,
}

impl Connection {
    /// Options first, then the environment, with that of OpenStack behind our own, then the context. What a context has
    /// beside its address is for that address alone: a token goes nowhere else.
    ///
    /// # Errors
    /// When the context is not there, or its file cannot be used; where OpenStack's variables say it, when Keystone
    /// refuses.
    pub(crate) async fn target(&self) -> Result<Target, Failure> {
        let is_ours = self.url.is_some() || self.context.is_some() || self.token.is_some();
        let cloud = if is_ours { None } else { Cloud::of_environment()? };
        if let Some(cloud) = cloud {
            let files = tls::Files { ca: self.cacert.clone(), cert: self.cert.clone(), key: self.key.clone() };
            return Ok(Target { project: self.project.clone(), ..cloud.target(&files).await? });
        }
        self.known_target()
    }

    fn known_target(&self) -> Result<Target, Failure> {
        let context = match (&self.url, &self.context) {
            (Some(_), None) => None,
            (None, None) => {
                let contexts = match context::path() {
                    Ok(path) => Contexts::read(&path)?,
                    // Nobody has a home here, and so no context either.
                    Err(_) => Contexts::default(),
                };
                contexts.current.as_deref().map(|name| contexts.get(name).cloned()).transpose()?
            }
            (_, Some(name)) => Some(Contexts::read(&context::path()?)?.get(name)?.clone()),
        };
        let own = context.filter(|context| self.url.as_ref().is_none_or(|url| *url == context.url));
        let own = own.as_ref().map(Context::target);
        let of_context = |pick: fn(&Target) -> Option<PathBuf>| own.as_ref().and_then(pick);
        let url = self.url.clone().or_else(|| own.as_ref().map(|own| own.url.clone()));
        Ok(Target {
            url: url.unwrap_or_else(|| HERE.to_owned()),
            files: tls::Files {
                ca: self.cacert.clone().or_else(|| of_context(|own| own.files.ca.clone())),
                cert: self.cert.clone().or_else(|| of_context(|own| own.files.cert.clone())),
                key: self.key.clone().or_else(|| of_context(|own| own.files.key.clone())),
            },
            token: self.token.clone().or_else(|| own.as_ref().and_then(|own| own.token.clone())),
            project: self.project.clone().or_else(|| own.as_ref().and_then(|own| own.project.clone())),
        })
    }

    /// What is kept of it by a name; what is not said stays as it was `before`.
    ///
    /// # Errors
    /// When no address is said.
    pub(crate) fn as_context(&self, before: Option<&Context>) -> Result<Context, Failure> {
        let url = self.url.clone().or_else(|| before.map(|before| before.url.clone()));
        let url = url.ok_or_else(|| Failure::Usage("a context needs an address: give --url".to_owned()))?;
        // Of another address nothing is kept.
        let before = before.filter(|before| before.url == url);
        // A file is found from wherever it is used.
        let path = |given: &Option<PathBuf>, before: Option<PathBuf>| {
            let given = given.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
            given.or(before)
        };
        Ok(Context {
            cacert: path(&self.cacert, before.and_then(|before| before.cacert.clone())),
            cert: path(&self.cert, before.and_then(|before| before.cert.clone())),
            key: path(&self.key, before.and_then(|before| before.key.clone())),
            token: self.token.clone().or_else(|| before.and_then(|before| before.token.clone())),
            project: self.project.clone().or_else(|| before.and_then(|before| before.project.clone())),
            url,
        })
    }
}

/// A text that no debug output shows.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
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
    Agents(agents::Verb),
    /// Make load balancers as a file says; what it does not name stays
    Apply(v2::apply::Apply),
    /// What `apply` would change, and what that does to what serves; status 3 where something differs
    Diff(v2::apply::Diff),
    /// How everything is, on one screen; status 3 where something needs attention
    Status,
    /// How objects are, and as they change: a line for each, until Ctrl-C
    Watch(events::Watch),
    /// Load balancers by what goes through them, until q
    Top(top::Top),
    /// What changes and why: who did what, and what came of it; until Ctrl-C
    Events(events::Events),
    /// What a status, an error or a field means, and what to do; asks no gateway
    Explain(Explain),
    /// Places that are asked, by name; asks no gateway
    #[command(subcommand)]
    Context(context::Command),
    /// Try a token, and keep it in the context that is used: of --token, or as it is typed
    Login,
    /// A small CA, and certificates for TLS between the services; asks no gateway
    #[command(subcommand)]
    Pki(Pki),
    /// Drivers: check a driver's file before an agent gets it; asks no gateway
    #[command(subcommand)]
    Driver(Driver),
    /// What a shell completes, for its own start
    Completion(shell::Completion),
    /// This manual, for `man`
    Man(shell::Man),
    /// Which release this is
    Version,
}

impl Command {
    /// Whether nothing goes on elsewhere that it has asked for.
    pub(crate) fn only_reads(&self) -> bool {
        match self {
            Self::V2(request) => !request.writes(),
            Self::Agents(verb) => matches!(verb, agents::Verb::List(_) | agents::Verb::Show(_)),
            Self::Apply(_) | Self::Pki(_) | Self::Driver(_) => false,
            Self::V1(_)
            | Self::Login
            | Self::Context(_)
            | Self::Diff(_)
            | Self::Status
            | Self::Watch(_)
            | Self::Events(_)
            | Self::Top(_)
            | Self::Explain(_)
            | Self::Completion(_)
            | Self::Man(_)
            | Self::Version => true,
        }
    }
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

impl V1 {
    pub(crate) const fn noun(&self) -> &'static Noun {
        match self {
            Self::Pools(_) => &nouns::pools::POOLS,
            Self::Vips(_) => &nouns::vips::VIPS,
            Self::Members(_) => &nouns::members::MEMBERS,
            Self::Monitors(_) => &nouns::monitors::MONITORS,
        }
    }

    pub(crate) const fn verb(&self) -> &Verb {
        match self {
            Self::Pools(verb) | Self::Vips(verb) | Self::Members(verb) | Self::Monitors(verb) => verb,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// All of them, one a line
    List(Select),
    /// One, with everything that is known of it
    Show {
        /// Its id or its name; members and monitors have no name, an agent's name is its host
        #[arg(value_name = "ID-OR-NAME", value_parser = NonEmptyStringValueParser::new())]
        wanted: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

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
            include_str!("../../docs/cli.md"),
            include_str!("../../drivers/README.md"),
            include_str!("../../docs/deploy.md"),
            include_str!("../../docs/errors.md"),
            include_str!("../../docs/grpc.md"),
            include_str!("../../docs/operate.md"),
        ];
        let mut seen = 0;
        for line in pages.into_iter().flat_map(lines) {
            let words = line.split(" #").next().unwrap_or(line).split_whitespace();
            match Arguments::try_parse_from(in_order(words.map(OsString::from).collect())) {
                Ok(_) => seen += 1,
                // `ballast pki` is a name, not a line to be typed.
                Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {}
                Err(error) => panic!("{line}: {error}"),
            }
        }
        assert!(seen > 15, "only {seen} were found");
    }

    #[test]
    fn a_verb_may_stand_before_its_noun() {
        let ordered = |line: &str| {
            let words = in_order(line.split(' ').map(OsString::from).collect());
            words.into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        for (line, expected) in [
            ("ballast describe lb shop", "ballast lb describe shop"),
            ("ballast get lb shop --for-apply", "ballast lb get shop --for-apply"),
            ("ballast -o json --url http://x list pools", "ballast -o json --url http://x pools list"),
            ("ballast --json --url=http://x drain agents h1", "ballast --json --url=http://x agents drain h1"),
            ("ballast lb list", "ballast lb list"),
            ("ballast status lb", "ballast status lb"),
            ("ballast describe nosuch", "ballast describe nosuch"),
            ("ballast --url list", "ballast --url list"),
            ("ballast", "ballast"),
        ] {
            assert_eq!(ordered(line), expected);
        }
    }

    #[test]
    fn a_token_is_not_in_debug_output() {
        let arguments = Arguments::try_parse_from(["ballast", "lb", "list", "--token", "hunter2"]).unwrap();
        assert!(!format!("{arguments:?}").contains("hunter2"));
    }
}
