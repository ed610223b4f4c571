//! The command line of a noun, made from its table.

use clap::{
    Arg, ArgAction, ArgMatches, Args as _, Command, ValueHint, builder::NonEmptyStringValueParser, value_parser,
};
use clap_complete::engine::ArgValueCompleter;

use super::{
    field::{Field, Kind as Of},
    names::{LOAD_BALANCERS, Names},
    noun::{Noun, Verb},
    wait, whole,
};
use crate::{complete, events::Kind, output::Select};

/// The object that is meant.
pub(super) const WANTED: &str = "wanted";
/// The object that it belongs to.
pub(super) const PARENT: &str = "parent";
pub(super) const WAIT: &str = "wait";
pub(super) const WAIT_SECONDS: &str = "wait-seconds";
pub(super) const BODY: &str = "body";
pub(super) const UNSET: &str = "unset";
pub(super) const CASCADE: &str = "cascade";
pub(super) const DRY_RUN: &str = "dry-run";
pub(super) const FOR_APPLY: &str = "for-apply";
pub(super) const WEIGHT: &str = "weight";
pub(super) const LIMIT: &str = "limit";
pub(super) const TO: &str = "to";
const REQUEST_ID: &str = "request-id";
pub(super) const OF_LATE: &str = "history";
const WATCH: &str = "watch";

/// A wait without a time: no value that a person could type.
const WITHOUT_TIME: &str = "";
/// How long a wait lasts that nothing else is said of.
const SECONDS: &str = "300";

pub(super) fn noun(noun: &'static Noun) -> Command {
    let verbs = noun.verbs.iter().map(|of| verb(noun, *of));
    Command::new(noun.command)
        .visible_aliases(noun.alias)
        .about(noun.about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(verbs)
        .subcommands(noun.below.iter().map(|below| self::noun(below)))
}

/// The noun and the verb that were typed, and what came after.
pub(super) fn request<'m>(
    noun: &'static Noun,
    matches: &'m ArgMatches,
) -> Option<(&'static Noun, Verb, &'m ArgMatches)> {
    let (name, rest) = matches.subcommand()?;
    match noun.verbs.iter().find(|verb| verb.name() == name) {
        Some(verb) => Some((noun, *verb, rest)),
        None => request(noun.below.iter().find(|below| below.command == name)?, rest),
    }
}

/// Whether a list goes on.
pub(super) fn is_watched(matches: &ArgMatches) -> bool {
    is_given(matches, WATCH)
}

/// Whether a flag is there and given.
pub(super) fn is_given(matches: &ArgMatches, flag: &str) -> bool {
    matches!(matches.try_get_one::<bool>(flag), Ok(Some(true)))
}

/// Whether others are within its objects.
fn is_whole(noun: &Noun) -> bool {
    noun.collection.wrappers.0 == "loadbalancer"
}

fn verb(noun: &'static Noun, verb: Verb) -> Command {
    let mut command = Command::new(verb.name()).about(verb.about(noun));
    if verb.is_by_address() {
        return by_address(command, verb);
    }
    if let Some((placeholder, parent)) = noun.parent {
        let above = positional(PARENT, placeholder).help(format!("The {} it belongs to", parent.one));
        command = command.arg(above.add(names(Names::of(parent))));
    }
    if verb.names_one() {
        command = command.arg(wanted(noun));
    }
    match verb {
        Verb::List => {
            command = Select::augment_args(command.args(filters(noun)));
            if Kind::of_wrapper(noun.collection.wrappers.0).is_some() {
                command = command.arg(flag(WATCH, "Then print each as it changes, until Ctrl-C").short('w'));
            }
        }
        Verb::Create => {
            let fields = noun.fields.iter().filter(|field| field.when.is_created());
            command = command.args(fields.map(created)).arg(body());
            if is_whole(noun) {
                command = command.args(whole::arguments());
            }
        }
        Verb::Set => {
            let fields: Vec<&Field> = noun.fields.iter().filter(|field| field.when.is_set()).collect();
            command = command.args(fields.iter().map(|field| option(field))).arg(unset(&fields)).arg(body());
        }
        Verb::Show => {
            command = command.visible_alias("get");
            if is_whole(noun) {
                command = command.arg(flag(FOR_APPLY, "With all that is in it, as `ballast apply` takes it; YAML"));
            }
        }
        Verb::Stats if is_whole(noun) => command = command.arg(of_late()),
        Verb::Delete if is_whole(noun) => {
            command = command.arg(flag(CASCADE, "With its listeners, pools and all that belongs to them"));
        }
        Verb::History | Verb::Rollback => command = command.arg(of_history(verb)),
        Verb::Delete
        | Verb::Describe
        | Verb::Stats
        | Verb::Status
        | Verb::Health
        | Verb::Failover
        | Verb::Defaults
        | Verb::Look
        | Verb::Drain
        | Verb::Enable
        | Verb::Disable => {}
    }
    if verb.writes() {
        command = command.arg(dry_run()).arg(request_id());
    }
    if verb.writes() && noun.is_deployed { command.args(waiting()) } else { command }
}

/// The object that is meant.
fn wanted(noun: &'static Noun) -> Arg {
    let (placeholder, by) = match (noun.collection.key, noun.collection.is_named) {
        ("id", true) => ("ID-OR-NAME", "its id or its name"),
        ("id", false) => ("ID", "its id"),
        ("name", _) => ("NAME", "its name"),
        _ => ("PROJECT", "the id of its project"),
    };
    let wanted = positional(WANTED, placeholder).help(format!("The {}: {by}", noun.collection.one));
    wanted.add(names(Names::of_noun(noun)))
}

fn dry_run() -> Arg {
    flag(DRY_RUN, "Check it, say what it would do to what serves, and do nothing")
}

fn request_id() -> Arg {
    let help = "A name for the request, in the logs; what is made by it, sent again with the same, is made once";
    Arg::new(REQUEST_ID).long(REQUEST_ID).value_name("TEXT").value_parser(NonEmptyStringValueParser::new()).help(help)
}

/// What the request is called, if it is called something.
pub(super) fn named_request(matches: &ArgMatches) -> Option<&str> {
    matches.try_get_one::<String>(REQUEST_ID).ok().flatten().map(String::as_str)
}

/// In steps of time, and of how long.
fn of_late() -> Arg {
    let arg = Arg::new(OF_LATE).long(OF_LATE).value_name("SPAN").num_args(0..=1).require_equals(true);
    let arg = arg.default_missing_value("10m").value_parser(["10m", "2h"]);
    arg.help("Of late instead, as far as it is known: of 10 minutes by 10 seconds, or of 2 hours by a minute")
}

/// How far back.
fn of_history(verb: Verb) -> Arg {
    if verb == Verb::History {
        let limit = Arg::new(LIMIT).long(LIMIT).value_name("NUMBER").value_parser(value_parser!(u32).range(1..));
        return limit.help("So many changes at most; all that are kept");
    }
    let to = Arg::new(TO).long(TO).value_name("GENERATION").required(true);
    let help = "Behind the change that made this generation: `ballast load-balancers history` has them";
    to.value_parser(value_parser!(u64).range(1..)).help(help)
}

/// Members that are named by their load balancer and their address.
fn by_address(command: Command, verb: Verb) -> Command {
    let load_balancer = positional(PARENT, "LOAD-BALANCER").help("The load balancer: its id or its name");
    let load_balancer = load_balancer.add(names(LOAD_BALANCERS));
    let address = positional(WANTED, "ADDRESS:PORT").help("The member, in each pool that has it");
    let address = address.add(names(Names::ADDRESSES));
    let mut command = command.arg(load_balancer).arg(address).arg(dry_run()).arg(request_id()).args(waiting());
    if verb == Verb::Enable {
        let weight = Arg::new(WEIGHT).long(WEIGHT).value_name("NUMBER").value_parser(value_parser!(i64));
        command = command.arg(weight.help("Its share; as it was, or 1 where it was 0"));
    }
    command
}

/// A shell offers these.
fn names(of: Names) -> ArgValueCompleter {
    complete::names(complete::Names::V2(of))
}

fn positional(id: &'static str, placeholder: &'static str) -> Arg {
    Arg::new(id).value_name(placeholder).required(true).value_parser(NonEmptyStringValueParser::new())
}

/// At the creation, where it may be needed.
fn created(field: &'static Field) -> Arg {
    let arg = option(field);
    if field.when.is_needed() { arg.required_unless_present(BODY) } else { arg }
}

fn option(field: &'static Field) -> Arg {
    let arg = Arg::new(field.option).long(field.option).help(field.help);
    match field.kind {
        Of::Text => arg.value_name("TEXT").value_hint(ValueHint::Other),
        Of::File | Of::Line | Of::Binary => arg.value_name("FILE").value_hint(ValueHint::FilePath),
        Of::Number => arg.value_name("NUMBER").value_parser(value_parser!(i64)).allow_negative_numbers(true),
        Of::Bool => arg.value_name("BOOL").value_parser(["true", "false"]),
        Of::Admin => arg.value_name("STATE").value_parser(["up", "down"]),
        Of::Texts => arg.value_name("TEXT").action(ArgAction::Append),
        Of::Map => arg.value_name("KEY=VALUE").action(ArgAction::Append),
        Of::Objects(placeholder, _) => arg.value_name(placeholder).action(ArgAction::Append),
        Of::Reference(of) => arg.value_name(if of.is_named { "ID-OR-NAME" } else { "ID" }).add(names(Names::of(of))),
    }
}

fn filters(noun: &'static Noun) -> Vec<Arg> {
    let has = |option: &str| noun.fields.iter().any(|field| field.option == option);
    let of_kind = noun.filters.iter().map(|filter| {
        let help = filter.of.map_or_else(
            || "Those with this value alone".to_owned(),
            |of| format!("Those of this {} alone: its id or its name", of.one),
        );
        let arg = Arg::new(filter.option).long(filter.option).value_name("VALUE").help(help);
        match filter.of {
            Some(of) => arg.add(names(Names::of(of))),
            None => arg,
        }
    });
    let named = Arg::new("name").long("name").value_name("TEXT").help("Those with this name alone");
    let tagged = Arg::new("tag").long("tag").value_name("TEXT").action(ArgAction::Append);
    let tagged = tagged.help("Those with this tag alone; again: with all of them");
    let usual = [named, tagged].into_iter().filter(|arg| has(arg.get_id().as_str()));
    of_kind.chain(usual).collect()
}

fn flag(id: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(id).action(ArgAction::SetTrue).help(help)
}

fn waiting() -> [Arg; 2] {
    let wait = Arg::new(WAIT).long(WAIT).value_name("TIME").num_args(0..=1).require_equals(true);
    let wait = wait.default_missing_value(WITHOUT_TIME).value_parser(|text: &str| match text {
        WITHOUT_TIME => Ok(wait::WITHOUT_TIME),
        text => wait::seconds(text),
    });
    let wait = wait.help("Until the load balancer is ACTIVE with this change, or gone; for a time as 30s or 5m");
    let seconds = Arg::new(WAIT_SECONDS).long(WAIT_SECONDS).value_name("NUMBER").requires(WAIT);
    let seconds = seconds.value_parser(value_parser!(u64)).default_value(SECONDS).help("The same, in seconds");
    [wait, seconds]
}

fn body() -> Arg {
    let help = "A file with the object in JSON as REST has it, - for standard input; options go over it";
    Arg::new(BODY).long(BODY).value_name("FILE").help(help)
}

fn unset(fields: &[&'static Field]) -> Arg {
    let options = fields.iter().map(|field| field.option);
    let arg = Arg::new(UNSET).long(UNSET).value_name("OPTION").action(ArgAction::Append);
    arg.value_parser(options.collect::<Vec<_>>()).help("Back to what it is when nothing was said; again for each")
}
