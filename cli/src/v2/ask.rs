//! A command from its words to its answer.

use clap::{ArgMatches, FromArgMatches as _};
use http::Method;
use serde_json::{Value, json};

use super::{
    Request, apply, describe, drain,
    find::{self, item},
    grammar::{FOR_APPLY, OF_LATE, PARENT, WANTED, is_given},
    history,
    noun::{Noun, Verb},
    shown::Answer,
    write,
};
use crate::{api::rest::Gateway, failure::Failure, output::Select};

/// Where a command's objects are.
pub(super) struct Place {
    /// The object that they belong to, if they belong to one.
    pub(super) above: Option<String>,
    pub(super) path: String,
}

/// Does what was asked for.
///
/// # Errors
/// When it cannot.
pub(super) async fn ask(gateway: &Gateway, request: &Request) -> Result<Answer, Failure> {
    let Request { noun, verb, matches } = request;
    if verb.is_by_address() {
        return drain::change(gateway, *verb, matches).await;
    }
    let place = place(gateway, noun, matches).await?;
    let get = async |target: String, wrapper: &'static str| one(gateway, &target, wrapper).await;
    match verb {
        Verb::List => Ok(Answer::Many(noun, list(gateway, request, &place).await?)),
        Verb::Show if is_given(matches, FOR_APPLY) => {
            let target = wanted(gateway, noun, &place, matches).await?;
            let id = target.rsplit('/').next().unwrap_or_default();
            Ok(Answer::File(apply::exported(&apply::tree(gateway, id).await?)))
        }
        Verb::Show => show(gateway, noun, &wanted(gateway, noun, &place, matches).await?).await,
        Verb::Stats => match matches.try_get_one::<String>(OF_LATE) {
            Ok(Some(span)) => {
                let target = wanted(gateway, noun, &place, matches).await?;
                let id = target.rsplit('/').next().unwrap_or_default();
                let target = format!("/ballast/v1/loadbalancers/{id}/traffic?span={span}");
                get(target, "traffic").await.map(Answer::OfLate)
            }
            _ => {
                get(format!("{}/stats", wanted(gateway, noun, &place, matches).await?), "stats").await.map(Answer::One)
            }
        },
        Verb::Status => {
            let target = format!("{}/status", wanted(gateway, noun, &place, matches).await?);
            Ok(Answer::Tree(get(target, "statuses").await?["loadbalancer"].take()))
        }
        Verb::Health => {
            let target = format!("{}/health", wanted(gateway, noun, &place, matches).await?);
            get(target, "health").await.map(Answer::Health)
        }
        Verb::Defaults => get(format!("{}/defaults", place.path), noun.collection.wrappers.0).await.map(Answer::One),
        Verb::Look => {
            gateway.ask(Method::PUT, &format!("{}/look", place.path), None).await?;
            let said = "What others keep was looked at: `ballast secrets list` says how it stands with it.";
            Ok(Answer::Done(said.to_owned()))
        }
        Verb::Describe => {
            let target = wanted(gateway, noun, &place, matches).await?;
            describe::describe(gateway, noun, &place, &target).await
        }
        Verb::Drain | Verb::Enable | Verb::Disable => drain::change(gateway, *verb, matches).await,
        Verb::Create => write::create(gateway, request, &place).await,
        Verb::Set => write::set(gateway, request, &place).await,
        Verb::Delete => write::delete(gateway, request, &place).await,
        Verb::Failover => write::failover(gateway, request, &place).await,
        Verb::History => history::history(gateway, request, &place).await,
        Verb::Rollback => history::roll_back(gateway, request, &place).await,
    }
}

/// An object, with the sides of one that has a standby.
async fn show(gateway: &Gateway, noun: &Noun, target: &str) -> Result<Answer, Failure> {
    let mut object = one(gateway, target, noun.collection.wrappers.0).await?;
    if noun.collection.wrappers.0 == "loadbalancer" {
        for (title, said) in describe::side_rows(&describe::sides(gateway, &object).await?) {
            object[title] = said.into();
        }
    }
    Ok(Answer::One(object))
}

/// The objects of a list, as they are now.
///
/// # Errors
/// When it cannot be asked for.
pub(super) async fn list(gateway: &Gateway, request: &Request, place: &Place) -> Result<Vec<Value>, Failure> {
    let Request { noun, matches, .. } = request;
    let filters = filters(gateway, noun, matches).await?;
    let objects = find::all(gateway, noun.collection, &place.path, &filters).await?;
    let select = Select::from_arg_matches(matches).map_err(|error| Failure::Usage(error.to_string()))?;
    select.apply(noun.columns, objects)
}

pub(super) async fn place(gateway: &Gateway, noun: &Noun, matches: &ArgMatches) -> Result<Place, Failure> {
    let above = match noun.parent {
        None => None,
        Some((_, parent)) => {
            let path = find::path(parent, None);
            let wanted = matches.get_one::<String>(PARENT).map(String::as_str).unwrap_or_default();
            Some(item(&path, &find::key(gateway, parent, &path, wanted).await?))
        }
    };
    let path = find::path(noun.collection, above.as_deref());
    Ok(Place { above, path })
}

/// Where the object is that was named.
pub(super) async fn wanted(
    gateway: &Gateway,
    noun: &Noun,
    place: &Place,
    matches: &ArgMatches,
) -> Result<String, Failure> {
    let wanted = matches.get_one::<String>(WANTED).map(String::as_str).unwrap_or_default();
    Ok(item(&place.path, &find::key(gateway, noun.collection, &place.path, wanted).await?))
}

/// What is there, without its wrapper.
pub(super) async fn one(gateway: &Gateway, target: &str, wrapper: &str) -> Result<Value, Failure> {
    unwrapped(gateway, gateway.ask(Method::GET, target, None).await?, wrapper)
}

pub(super) fn unwrapped(gateway: &Gateway, mut body: Value, wrapper: &str) -> Result<Value, Failure> {
    match body.get_mut(wrapper).map(Value::take) {
        Some(object @ Value::Object(_)) => Ok(object),
        _ => Err(gateway.foreign(format!("no '{wrapper}' in its answer"))),
    }
}

pub(super) fn wrapped(noun: &Noun, object: &Value) -> Value {
    json!({ noun.collection.wrappers.0: object })
}

async fn filters(gateway: &Gateway, noun: &Noun, matches: &ArgMatches) -> Result<Vec<(String, String)>, Failure> {
    let mut filters = Vec::new();
    let given = |option: &str| matches.try_get_many::<String>(option).ok().flatten().into_iter().flatten();
    for filter in noun.filters {
        for value in given(filter.option) {
            let value = match filter.of {
                Some(of) => find::key(gateway, of, &find::path(of, None), value).await?,
                None => value.clone(),
            };
            filters.push((filter.key.to_owned(), value));
        }
    }
    for (option, key) in [("name", "name"), ("tag", "tags")] {
        filters.extend(given(option).map(|value| (key.to_owned(), value.clone())));
    }
    Ok(filters)
}
