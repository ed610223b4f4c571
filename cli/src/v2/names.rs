//! Names that a shell offers.

use std::collections::BTreeSet;

use clap::ArgMatches;
use http::Method;
use serde_json::Value;

use super::{
    ask::one,
    find::{self, item},
    grammar::PARENT,
    noun::{Collection, Noun},
    nouns,
};
use crate::{api::rest::Gateway, complete::Offer, failure::Failure, noun::text};

/// So many are offered at most: one page.
const MOST: usize = 1_000;

/// Whose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names(Of);

#[derive(Debug, Clone, Copy)]
enum Of {
    Collection(&'static Collection),
    /// What belongs to the object that was typed before.
    Below(&'static Collection, &'static Collection),
    /// Members, by address and port, of the load balancer that was typed before.
    Addresses,
}

impl Names {
    pub(super) const fn of(collection: &'static Collection) -> Self {
        Self(Of::Collection(collection))
    }

    /// Of the objects of this noun.
    pub(super) const fn of_noun(noun: &'static Noun) -> Self {
        match noun.parent {
            Some((_, parent)) => Self(Of::Below(parent, noun.collection)),
            None => Self::of(noun.collection),
        }
    }

    pub(super) const ADDRESSES: Self = Self(Of::Addresses);
}

/// Those of load balancers.
pub(crate) const LOAD_BALANCERS: Names = Names::of(&nouns::LOAD_BALANCERS);

/// # Errors
/// When the gateway fails.
pub(crate) async fn offered(gateway: &Gateway, names: Names, matches: &ArgMatches) -> Result<Vec<Offer>, Failure> {
    match names.0 {
        Of::Collection(collection) => page(gateway, collection, &find::path(collection, None)).await,
        Of::Below(parent, collection) => {
            let above = above(gateway, parent, matches).await?;
            page(gateway, collection, &find::path(collection, Some(&above))).await
        }
        Of::Addresses => {
            let above = above(gateway, &nouns::LOAD_BALANCERS, matches).await?;
            let tree = one(gateway, &format!("{above}/status"), "statuses").await?;
            let mut members = BTreeSet::new();
            addresses(&tree, &mut members);
            Ok(members.into_iter().filter_map(|member| Offer::of(&member, "")).collect())
        }
    }
}

async fn above(gateway: &Gateway, parent: &Collection, matches: &ArgMatches) -> Result<String, Failure> {
    let path = find::path(parent, None);
    let wanted = matches.try_get_one::<String>(PARENT).ok().flatten().map(String::as_str).unwrap_or_default();
    Ok(item(&path, &find::key(gateway, parent, &path, wanted).await?))
}

async fn page(gateway: &Gateway, collection: &Collection, path: &str) -> Result<Vec<Offer>, Failure> {
    let mut body = gateway.ask(Method::GET, &format!("{path}?limit={MOST}"), None).await?;
    let objects = body[collection.wrappers.1].as_array_mut().map(std::mem::take).unwrap_or_default();
    Ok(objects.iter().filter_map(|object| offer(collection, object)).collect())
}

/// By its name; of one without, by its id, with what is known of it.
fn offer(collection: &Collection, object: &Value) -> Option<Offer> {
    let key = text(&object[collection.key]);
    let name = if collection.is_named { text(&object["name"]) } else { String::new() };
    let about = ["address", "type", "protocol_port"].into_iter().map(|key| text(&object[key]));
    let about = about.filter(|said| !said.is_empty()).collect::<Vec<_>>().join(" ");
    if name.is_empty() { Offer::of(&key, &about) } else { Offer::of(&name, &key) }
}

fn addresses(tree: &Value, found: &mut BTreeSet<String>) {
    match tree {
        Value::Object(fields) => {
            if let (Some(address), Some(port)) = (fields.get("address"), fields.get("protocol_port")) {
                found.insert(format!("{}:{}", text(address), text(port)));
            }
            fields.values().for_each(|below| addresses(below, found));
        }
        Value::Array(objects) => objects.iter().for_each(|below| addresses(below, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_offered_by_its_name_or_its_id() {
        let offered = |collection, object: Value| offer(collection, &object);
        assert_eq!(offered(&nouns::POOLS, json!({"id": "1", "name": "web"})), Offer::of("web", "1"));
        assert_eq!(offered(&nouns::POOLS, json!({"id": "1", "name": "a b"})), Offer::of("a b", "1"));
        let member = json!({"id": "1", "name": "", "address": "10.0.0.1", "protocol_port": 80});
        assert_eq!(offered(&nouns::MEMBERS, member), Offer::of("1", "10.0.0.1 80"));
    }

    #[test]
    fn each_address_of_a_load_balancer_is_offered_once() {
        let pool = json!({"members": [{"address": "10.0.0.1", "protocol_port": 80}]});
        let tree = json!({"loadbalancer": {"listeners": [{"pools": [pool]}], "pools": [pool]}});
        let mut found = BTreeSet::new();
        addresses(&tree, &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["10.0.0.1:80"]);
    }
}
