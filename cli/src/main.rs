//! `ballast`: a person's commands, over REST to a gateway or over gRPC to a scheduler.
//!
//! A command is a noun and a verb, or a verb that stands alone. It asks, prints what was asked for on stdout, and one
//! line on stderr when it cannot; [`exit`] says what it ends with. It keeps nothing but its contexts and knows no rule.
//! What [`v2`] has is read and changed over REST; `v1` and `agents` are read over either. Some ask nobody: `pki` makes
//! certificates, `driver` looks at a driver's file, `explain` says what words mean.

mod agents;
mod api;
mod arguments;
mod complete;
mod context;
mod driver;
mod events;
mod exit;
mod explain;
mod failure;
mod find;
mod noun;
mod nouns;
mod openstack;
mod output;
mod pki;
mod runtime;
mod shell;
mod status;
mod table;
mod top;
mod v1;
mod v2;
mod version;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    arguments::{Arguments, Command},
    exit::Exit,
    failure::Failure,
};

fn main() -> ExitCode {
    if let Some(done) = complete::answer() {
        return done;
    }
    let arguments = Arguments::parse_from(arguments::in_order(std::env::args_os().collect()));
    arguments.color.choose();
    run(&arguments)
        .unwrap_or_else(|failure| {
            // Who only looked has asked for nothing that could go on.
            if !(matches!(failure, Failure::Interrupted) && arguments.command.only_reads()) {
                output::say(&format!("ballast: {failure}"));
            }
            failure.exit()
        })
        .into()
}

fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let format = &arguments.format();
    match &arguments.command {
        Command::Driver(command) => driver::run(command, arguments.is_json()),
        Command::Pki(command) => output::text(&pki::run(command)?).map(|()| Exit::Done),
        Command::V2(request) => v2::run(request, &arguments.connection, format),
        Command::V1(noun) => v1::run(noun.noun(), noun.verb(), &arguments.connection, format),
        Command::Agents(verb) => agents::run(verb, &arguments.connection, format),
        Command::Apply(apply) => v2::apply::apply(apply, &arguments.connection, format),
        Command::Diff(diff) => v2::apply::diff(diff, &arguments.connection, format),
        Command::Status => status::run(&arguments.connection, format),
        Command::Watch(watch) => events::watch(watch, &arguments.connection, format),
        Command::Top(top) => top::run(top, &arguments.connection, format),
        Command::Events(events) => events::events(events, &arguments.connection, format),
        Command::Explain(explain) => explain::run(explain, format),
        Command::Context(command) => context::run(command, &arguments.connection, format),
        Command::Login => context::login(&arguments.connection),
        Command::Completion(completion) => shell::completion(completion),
        Command::Man(man) => shell::man(man),
        Command::Version => version::run(format),
    }
}
