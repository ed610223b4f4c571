//! `ballast agents`: read as the nouns of v1 are; changed over REST.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use http::Method;
use serde_json::{Value, json};

use crate::{
    api::Api,
    arguments::{self, Connection},
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
    /// No new load balancers for it; those that it has stay until they are moved or deleted
    Drain(Wanted),
    /// New load balancers for it again
    Enable(Wanted),
    /// Forget one that will not come back; one that lives comes back by itself
    Forget(Wanted),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Wanted {
    /// Its host, or its id
    #[arg(value_name = "ID-OR-NAME", value_parser = NonEmptyStringValueParser::new())]
    wanted: String,
}

/// An agent that was changed, or what is said of one that is gone.
enum Answer {
    Changed(Value),
    Gone(String),
}

/// # Errors
/// When there is no such agent, or the other end refuses.
pub(crate) fn run(verb: &Verb, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    let answer = match verb {
        Verb::List(select) => return v1::run(&AGENTS, &arguments::Verb::List(select.clone()), connection, format),
        Verb::Show(Wanted { wanted }) => {
            return v1::run(&AGENTS, &arguments::Verb::Show { wanted: wanted.clone() }, connection, format);
        }
        Verb::Drain(Wanted { wanted }) => {
            let changed = ask(connection, wanted, Method::PUT, Some(&json!({"agent": {"admin_state_up": false}})))?;
            Answer::Changed(changed)
        }
        Verb::Enable(Wanted { wanted }) => {
            let changed = ask(connection, wanted, Method::PUT, Some(&json!({"agent": {"admin_state_up": true}})))?;
            Answer::Changed(changed)
        }
        Verb::Forget(Wanted { wanted }) => {
            ask(connection, wanted, Method::DELETE, None)?;
            Answer::Gone(find::plain(wanted))
        }
    };
    output::print(format, &answer).map(|()| Exit::Done)
}

fn ask(connection: &Connection, wanted: &str, method: Method, body: Option<&Value>) -> Result<Value, Failure> {
    runtime::block_on(async {
        let api = Api::new(&connection.target()?)?;
        let gateway = api.gateway()?;
        let id = text(&find::find(&api, &AGENTS, wanted).await?["id"]);
        let mut answer = gateway.ask(method, &format!("/v2.0/agents/{id}"), body).await?;
        Ok(answer["agent"].take())
    })
}

impl Print for Answer {
    fn table(&self, _wide: bool) -> String {
        match self {
            Self::Changed(agent) if agent["admin_state_up"] == true => {
                format!("{} is given new load balancers again.\n", text(&agent["host"]))
            }
            Self::Changed(agent) => format!(
                "{} is given no new load balancers; it has {}. `ballast lb failover NAME` moves one.\n",
                text(&agent["host"]),
                text(&agent["configurations"]["instances"])
            ),
            Self::Gone(host) => format!("{host} is forgotten.\n"),
        }
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Changed(agent) => Some(agent.clone()),
            Self::Gone(_) => None,
        }
    }
}
