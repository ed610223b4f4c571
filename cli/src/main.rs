//! `ballast`: a person's commands, over REST to a gateway or over gRPC to a scheduler.
//!
//! A command is a noun and a verb. It asks, prints what was asked for on stdout, and one line on stderr when it
//! cannot. Exit status: 0 done, 1 could not, 2 wrong usage. It keeps nothing and knows no rule. What [`v2`] has is read and
//! changed over REST; `v1` and `agents` are read, over either. Two nouns ask nobody: `pki` makes certificates, `driver` looks
//! at a driver's file.

mod api;
mod arguments;
mod driver;
mod failure;
mod find;
mod noun;
mod nouns;
mod pki;
mod table;
mod v2;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use serde_json::Value;

use crate::{
    api::Api,
    arguments::{Arguments, Command, V1, Verb},
    failure::Failure,
    noun::Noun,
};

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|failure| {
        // Where stderr is closed, the exit status must do.
        let _ = writeln!(io::stderr(), "ballast: {failure}");
        failure.status()
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let text = match &arguments.command {
        Command::Driver(command) => return driver::run(command, arguments.json),
        Command::Pki(command) => pki::run(command),
        Command::V2(request) => v2::run(request, arguments),
        Command::V1(V1::Pools(verb)) => ask(arguments, &nouns::pools::POOLS, verb),
        Command::V1(V1::Vips(verb)) => ask(arguments, &nouns::vips::VIPS, verb),
        Command::V1(V1::Members(verb)) => ask(arguments, &nouns::members::MEMBERS, verb),
        Command::V1(V1::Monitors(verb)) => ask(arguments, &nouns::monitors::MONITORS, verb),
        Command::Agents(verb) => ask(arguments, &nouns::agents::AGENTS, verb),
    }?;
    print(&text).map(|()| ExitCode::SUCCESS)
}

/// What the command prints.
fn ask(arguments: &Arguments, noun: &Noun, verb: &Verb) -> Result<String, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(async {
        let api = Api::new(&arguments.connection)?;
        match verb {
            Verb::List => Ok(show_all(noun, arguments.json, api.list(noun, None).await?)),
            Verb::Show { wanted } => Ok(show_one(noun, arguments.json, &find::find(&api, noun, wanted).await?)),
        }
    })
}

fn show_all(noun: &Noun, json: bool, objects: Vec<Value>) -> String {
    if json {
        return pretty(&Value::Array(objects));
    }
    if objects.is_empty() { format!("No {}.\n", noun.many) } else { noun.table(&objects) }
}

fn show_one(noun: &Noun, json: bool, object: &Value) -> String {
    if json { pretty(object) } else { (noun.page)(object) }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A reader that has read enough is no failure of ours.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}
