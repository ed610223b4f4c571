//! What a shell offers for the word that is being typed: words of the grammar, and names that the gateway knows.
//!
//! Nobody waits for it: names are asked for within [`PATIENCE`], kept for [`KEPT`], and where they cannot be had nothing
//! is offered and nothing said. A tenant's name stands on an operator's command line, so one that a shell would read as
//! more than a word is not offered: its id is.

mod kept;

use std::{ffi::OsStr, ffi::OsString, io, process::ExitCode, time::Duration};

use ballast_explain as explain;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate},
    env::{Bash, EnvCompleter, Fish, Zsh},
};
use serde::{Deserialize, Serialize};

use crate::{
    api::Api,
    arguments::{Arguments, Connection},
    context::{self, Contexts},
    failure::Failure,
    find::plain,
    noun::text,
    nouns::agents::AGENTS,
    shell::Shell,
    v2,
};

/// By this variable the shell says that it asks, and which shell it is.
const VARIABLE: &str = "BALLAST_COMPLETE";
/// How long a person who has pressed Tab is kept waiting.
const PATIENCE: Duration = Duration::from_secs(1);
/// Names are asked for once while somebody presses Tab again and again.
const KEPT: Duration = Duration::from_secs(2);

/// Whose names are offered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names {
    V2(v2::Names),
    Agents,
}

/// What is typed, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    value: String,
    about: String,
}

impl Offer {
    /// An object by its name, or where that is none that a shell would leave alone, by its id.
    pub(crate) fn of(name: &str, id: &str) -> Option<Self> {
        let (value, about) = if is_word(name) { (name, id) } else { (id, name) };
        is_word(value).then(|| Self { value: value.to_owned(), about: plain(about) })
    }
}

/// Whether every shell takes it for one word, and for nothing else.
fn is_word(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-+@%:/".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
}

/// Answers a shell that asks; none: none does.
pub(crate) fn answer() -> Option<ExitCode> {
    let done = CompleteEnv::with_factory(Arguments::command).var(VARIABLE).try_complete(std::env::args_os(), None);
    match done {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// What the shell's own start is to read.
///
/// # Errors
/// Never: it is written to memory.
pub(crate) fn script(shell: Shell) -> Result<String, io::Error> {
    let of: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    of.write_registration(VARIABLE, "ballast", "ballast", "ballast", &mut script)?;
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Zsh {
        // As a file of its path it is read when it is needed first, and has to answer then.
        script.push_str("[ \"$funcstack[1]\" != _ballast ] || _clap_dynamic_completer_ballast \"$@\"\n");
    }
    Ok(script)
}

/// Names of the gateway's.
pub(crate) fn names(of: Names) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| candidates(current, asked(of)))
}

/// Contexts of the file.
pub(crate) fn contexts() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let contexts = context::path().and_then(|path| Contexts::read(&path)).unwrap_or_default();
        candidates(current, contexts.all.iter().filter_map(|(name, one)| Offer::of(name, &one.url)).collect())
    })
}

/// Words that can be explained.
pub(crate) fn words() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        candidates(current, explain::all().filter_map(|entry| Offer::of(entry.word, entry.meaning)).collect())
    })
}

fn candidates(current: &OsStr, offers: Vec<Offer>) -> Vec<CompletionCandidate> {
    let current = current.to_str().unwrap_or_default();
    let fitting = offers.into_iter().filter(|offer| offer.value.starts_with(current));
    fitting.map(|offer| CompletionCandidate::new(offer.value).help(Some(offer.about.into()))).collect()
}

/// From what was kept, or the gateway.
fn asked(of: Names) -> Vec<Offer> {
    let words = typed_before();
    kept::or_else(&words, || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
        let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, found(of, &words)).await });
        // A name server that does not answer holds nobody up.
        runtime.shutdown_background();
        found.ok().and_then(Result::ok).unwrap_or_default()
    })
}

async fn found(of: Names, words: &[OsString]) -> Result<Vec<Offer>, Failure> {
    // What is typed is not done yet: what is known of it is enough.
    let command = Arguments::command().ignore_errors(true);
    let usage = |error: clap::Error| Failure::Usage(error.to_string());
    let matches = command.try_get_matches_from(words).map_err(usage)?;
    let connection = Connection::from_arg_matches(&matches).map_err(usage)?;
    let api = Api::of(&connection).await?;
    match of {
        Names::V2(names) => v2::offered(api.gateway()?, names, innermost(&matches)).await,
        Names::Agents => {
            let agents = api.list(&AGENTS, None).await?;
            Ok(agents.iter().filter_map(|agent| Offer::of(&text(&agent["host"]), &text(&agent["id"]))).collect())
        }
    }
}

fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| innermost(below))
}

/// The words before the one that is being typed, as the shell tells them.
fn typed_before() -> Vec<OsString> {
    let mut words: Vec<_> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let index = std::env::var_os("_CLAP_COMPLETE_INDEX").and_then(|index| index.to_str()?.parse().ok());
    words.truncate(index.unwrap_or(words.len().saturating_sub(1)));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_would_read_as_more_is_offered_by_its_id() {
        assert_eq!(Offer::of("shop", "1").unwrap(), Offer { value: "shop".to_owned(), about: "1".to_owned() });
        for name in
            ["", "$(reboot)", "a b", "a;b", "*", "-rf", "~root", "a'b", "größe", "a\nb", "`x`", "a|b", "!x", "#x"]
        {
            let offer = Offer::of(name, "7").unwrap();
            assert_eq!((offer.value.as_str(), offer.about), ("7", plain(name)), "{name}");
        }
        assert_eq!(Offer::of("a b", ""), None);
    }

    #[test]
    fn each_shell_is_told_who_answers() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell).unwrap();
            assert!(script.contains(VARIABLE) && script.contains("ballast"), "{script}");
        }
    }
}
