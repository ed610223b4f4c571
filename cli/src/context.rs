//! `ballast context` and `ballast login`: places that are asked, by name, in a file that nobody else can read.

mod file;
mod login;

use std::path::PathBuf;

use clap::{Subcommand, builder::NonEmptyStringValueParser};
use serde_json::{Value, json};

use crate::{
    arguments::Connection,
    complete,
    exit::Exit,
    failure::Failure,
    output::{self, Format, Print},
    table,
};
pub(crate) use file::{Context, Contexts, path};
pub(crate) use login::login;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// All of them, one a line; * marks the one that is used
    List,
    /// One of them, without its token
    Show {
        /// The one that is used, where none is named
        #[arg(add = complete::contexts())]
        name: Option<String>,
    },
    /// From now on this one is used
    Use {
        #[arg(add = complete::contexts())]
        name: String,
    },
    /// Keep what options and the environment say now (--url, --cacert, --cert, --key, --token, --project) by this name
    Set {
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
    /// Forget one
    Delete {
        #[arg(add = complete::contexts())]
        name: String,
    },
}

/// What came of a command.
enum Answer {
    Many(Vec<Value>),
    One(Value),
    Done(String),
}

/// # Errors
/// When the file cannot be used, or there is no such context.
pub(crate) fn run(command: &Command, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    let path = path()?;
    let mut contexts = Contexts::read(&path)?;
    let answer = match command {
        Command::List => {
            let current = contexts.current.as_deref();
            Answer::Many(contexts.all.iter().map(|(name, one)| shown(name, one, current == Some(name))).collect())
        }
        Command::Show { name } => {
            let name = name.as_deref().or(connection.context.as_deref()).or(contexts.current.as_deref());
            let name = name.ok_or_else(|| Failure::Context(NONE.to_owned()))?;
            Answer::One(shown(name, contexts.get(name)?, contexts.current.as_deref() == Some(name)))
        }
        Command::Use { name } => {
            contexts.get(name)?;
            contexts.current = Some(name.clone());
            contexts.write(&path)?;
            Answer::Done(format!("{name} is used from now on."))
        }
        Command::Set { name } => {
            let context = connection.as_context(contexts.all.get(name))?;
            contexts.all.insert(name.clone(), context);
            contexts.current.get_or_insert_with(|| name.clone());
            contexts.write(&path)?;
            Answer::Done(format!("{name} is kept in {}.", path.display()))
        }
        Command::Delete { name } => {
            contexts.get(name)?;
            contexts.all.remove(name);
            contexts.current.take_if(|current| current == name);
            contexts.write(&path)?;
            Answer::Done(format!("{name} is forgotten."))
        }
    };
    output::print(format, &answer).map(|()| Exit::Done)
}

const NONE: &str = "no context is used: `ballast context list`, then `ballast context use NAME`";

/// The token itself is never shown.
fn shown(name: &str, context: &Context, is_current: bool) -> Value {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    json!({
        "name": name, "current": is_current, "url": context.url, "project": context.project,
        "cacert": path(&context.cacert), "cert": path(&context.cert), "key": path(&context.key),
        "token": context.token.is_some(),
    })
}

impl Print for Answer {
    fn table(&self, _wide: bool) -> String {
        let text = |value: &Value| crate::noun::text(value);
        match self {
            Self::Many(all) if all.is_empty() => "No contexts.\n".to_owned(),
            Self::Many(all) => {
                let mark = |one: &Value| if one["current"] == true { "*" } else { "" }.to_owned();
                let row = |one: &Value| {
                    let has = if one["token"] == true { "yes" } else { "no" }.to_owned();
                    vec![mark(one), text(&one["name"]), text(&one["url"]), text(&one["project"]), has]
                };
                table::table(&["", "NAME", "URL", "PROJECT", "TOKEN"], &all.iter().map(row).collect::<Vec<_>>())
            }
            Self::One(one) => crate::noun::all_fields(one),
            Self::Done(said) => format!("{said}\n"),
        }
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Many(all) => Some(all.clone().into()),
            Self::One(one) => Some(one.clone()),
            Self::Done(_) => None,
        }
    }
}
