//! `ballast agents`: read as the nouns of v1 are; changed over REST.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use http::Method;
use serde_json::{Value, json};

use crate::{
    api::Api,
    arguments::{self, Connection},
    complete::{self, Names},
    exit::Exit,
    failure::Failure,
    find,
    noun::text,
    nouns::agents::AGENTS,
    output::{self, Format, Print, Select},
    runtime, v1,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// All of them, one a line
    List(Select),
    /// One, with everything that is known of it
    #[command(visible_alias = "get")]
    Show(Wanted),
    /// No new load balancers for it; those that it has move to others that can run them
    Drain(Changed),
    /// New load balancers for it again
    Enable(Changed),
    /// Forget one that will not come back; one that lives comes back by itself
    #[command(visible_alias = "delete")]
    Forget(Forgotten),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Wanted {
    /// Its host, or its id
    #[arg(value_name = "ID-OR-NAME", value_parser = NonEmptyStringValueParser::new(),
        add = complete::names(Names::Agents))]
    wanted: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Changed {
    #[command(flatten)]
    agent: Wanted,
    /// Say what it would do, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Forgotten {
    #[command(flatten)]
    agent: Changed,
    /// Also where it has load balancers, or has some yet to remove: they go to others, and its host may serve them on until
    /// its agent comes back
    #[arg(long)]
    force: bool,
}

/// An agent that was changed, or what is said of one that is gone.
enum Answer {
    Changed(Value),
    Gone {
        host: String,
        force: bool,
    },
    /// It is as it was; what would become of it.
    Would(Value, &'static str),
}

/// # Errors
/// When there is no such agent, or the other end refuses.
pub(crate) fn run(verb: &Verb, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    let answer = match verb {
        Verb::List(select) => return v1::run(&AGENTS, &arguments::Verb::List(select.clone()), connection, format),
        Verb::Show(Wanted { wanted }) => {
            return v1::run(&AGENTS, &arguments::Verb::Show { wanted: wanted.clone() }, connection, format);
        }
        Verb::Drain(agent) => up(connection, agent, false)?,
        Verb::Enable(agent) => up(connection, agent, true)?,
        Verb::Forget(Forgotten { agent, force }) => {
            let query = if *force { "?force=true" } else { "" };
            match ask(connection, agent, (Method::DELETE, query), None)? {
                None => Answer::Gone { host: find::plain(&agent.agent.wanted), force: *force },
                Some(found) => Answer::Would(found, "would be forgotten"),
            }
        }
    };
    output::print(format, &answer).map(|()| Exit::Done)
}

fn up(connection: &Connection, agent: &Changed, is_up: bool) -> Result<Answer, Failure> {
    let would = if is_up {
        "would be given new load balancers"
    } else {
        "would be given no new load balancers, and those that it has would move"
    };
    let body = json!({ "agent": { "admin_state_up": is_up } });
    let answer = ask(connection, agent, (Method::PUT, ""), Some(&body))?.unwrap_or_default();
    Ok(if agent.dry_run { Answer::Would(answer, would) } else { Answer::Changed(answer) })
}

/// The agent as it is afterwards, or as it is where nothing is to be done; none: it is gone.
fn ask(
    connection: &Connection,
    agent: &Changed,
    (method, query): (Method, &str),
    body: Option<&Value>,
) -> Result<Option<Value>, Failure> {
    runtime::block_on(async {
        let api = Api::of(connection).await?;
        let gateway = api.gateway()?;
        let found = find::find(&api, &AGENTS, &agent.agent.wanted).await?;
        if agent.dry_run {
            return Ok(Some(found));
        }
        let mut answer = gateway.ask(method, &format!("/v2.0/agents/{}{query}", text(&found["id"])), body).await?;
        Ok(answer.get_mut("agent").map(Value::take))
    })
}

impl Print for Answer {
    fn table(&self, _wide: bool) -> String {
        match self {
            Self::Changed(agent) if agent["admin_state_up"] == true => {
                format!("{} is given new load balancers again.\n", text(&agent["host"]))
            }
            Self::Changed(agent) => format!(
                "{} is given no new load balancers; it has {}, which move: `ballast agents show {}` says how far they are.\n",
                text(&agent["host"]),
                text(&agent["configurations"]["instances"]),
                text(&agent["host"])
            ),
            Self::Gone { host, force: false } => format!("{host} is forgotten.\n"),
            Self::Gone { host, force: true } => format!(
                "{host} is forgotten. What it had goes to other agents.\n\
                 warning: if {host} still runs, it may serve the same addresses until its agent has met a scheduler. Make sure \
                 that it is off.\n"
            ),
            Self::Would(agent, would) => {
                let has = text(&agent["configurations"]["instances"]);
                format!("{} {would}; it has {has} load balancers.\n", text(&agent["host"]))
            }
        }
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Changed(agent) | Self::Would(agent, _) => Some(agent.clone()),
            Self::Gone { .. } => None,
        }
    }
}
