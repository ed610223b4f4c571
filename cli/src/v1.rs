//! The nouns of LBaaS v1 and agents: read from a gateway or a scheduler.

use serde_json::Value;

use crate::{
    api::Api,
    arguments::{Connection, Verb},
    exit::Exit,
    failure::Failure,
    find,
    noun::Noun,
    output::{self, Format, Print},
    runtime,
};

/// What came of a command.
enum Answer {
    Many(&'static Noun, Vec<Value>),
    One(&'static Noun, Value),
}

/// # Errors
/// When it cannot.
pub(crate) fn run(noun: &'static Noun, verb: &Verb, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    let answer = runtime::block_on(async {
        let api = Api::of(connection).await?;
        match verb {
            Verb::List(select) => {
                let objects = select.apply(noun.columns, api.list(noun, None).await?)?;
                Ok(Answer::Many(noun, objects))
            }
            Verb::Show { wanted } => Ok(Answer::One(noun, find::find(&api, noun, wanted).await?)),
        }
    })?;
    output::print(format, &answer).map(|()| Exit::Done)
}

impl Print for Answer {
    fn table(&self, wide: bool) -> String {
        match self {
            Self::Many(noun, objects) if objects.is_empty() => format!("No {}.\n", noun.many),
            Self::Many(noun, objects) => noun.table(objects, wide),
            Self::One(noun, object) => (noun.page)(object),
        }
    }

    fn value(&self) -> Option<Value> {
        Some(match self {
            Self::Many(_, objects) => objects.clone().into(),
            Self::One(_, object) => object.clone(),
        })
    }
}
