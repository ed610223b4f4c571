//! From what a person typed to one object: by id, then by name.

use form_urlencoded::Serializer;
use http::Method;
use serde_json::Value;

use super::noun::Collection;
use crate::{
    api::rest::Gateway,
    failure::Failure,
    find::{is_uuid, plain},
};

/// So many are named to who has mistyped one.
const SOME: usize = 5;
/// Objects are below here.
const ROOT: &str = "/v2.0/";

/// Where the objects of a collection are; `above` is the one that they belong to.
pub(super) fn path(collection: &Collection, above: Option<&str>) -> String {
    above.map_or_else(|| format!("{ROOT}{}", collection.path), |above| format!("{above}/{}", collection.path))
}

/// Where one of them is.
pub(super) fn item(path: &str, key: &str) -> String {
    format!("{path}/{}", form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>().replace('+', "%20"))
}

/// What an object is addressed by, from its id or its name.
///
/// # Errors
/// When there is none or more than one, or the gateway fails.
pub(super) async fn key(
    gateway: &Gateway,
    collection: &Collection,
    path: &str,
    wanted: &str,
) -> Result<String, Failure> {
    if collection.key != "id" {
        // A name or a project: there is one at the most, and the answer to what is asked next says so.
        return Ok(wanted.to_owned());
    }
    if is_uuid(wanted) {
        let wanted = wanted.to_ascii_lowercase();
        if !matching(gateway, collection, path, ("id", &wanted)).await?.is_empty() {
            return Ok(wanted);
        }
    }
    let named = match collection.is_named {
        true => matching(gateway, collection, path, ("name", wanted)).await?,
        false => Vec::new(),
    };
    let ids: Vec<_> = named.iter().filter_map(|object| object["id"].as_str()).collect();
    match ids[..] {
        [id] => Ok(id.to_owned()),
        [] => {
            let keys = if collection.is_named { "the id or name" } else { "the id" };
            let have = have(gateway, collection, path).await;
            Err(Failure::NotFound { noun: collection.one, keys, wanted: plain(wanted), have })
        }
        _ => {
            let (count, nouns) = (ids.len(), collection.many);
            Err(Failure::Ambiguous { count, nouns, wanted: plain(wanted), ids: ids.join(", ") })
        }
    }
}

/// Some that there are, for who has mistyped one; nothing where that cannot be said.
async fn have(gateway: &Gateway, collection: &Collection, path: &str) -> String {
    let target = format!("{path}?limit={}", SOME + 1);
    let Ok(mut body) = gateway.ask(Method::GET, &target, None).await else { return String::new() };
    let found = body[collection.wrappers.1].as_array_mut().map(std::mem::take).unwrap_or_default();
    let name = |object: &Value| {
        ["name", "id"].into_iter().find_map(|key| object[key].as_str().filter(|s| !s.is_empty()).map(plain))
    };
    let more = if found.len() > SOME { ", .." } else { "" };
    match found.iter().take(SOME).filter_map(name).collect::<Vec<_>>() {
        names if names.is_empty() => " (there is none)".to_owned(),
        names => format!(" (have: {}{more})", names.join(", ")),
    }
}

/// Objects with this value. What the gateway says is looked at again: one that does not know a filter ignores it.
async fn matching(
    gateway: &Gateway,
    collection: &Collection,
    path: &str,
    (key, value): (&str, &str),
) -> Result<Vec<Value>, Failure> {
    let mut found = all(gateway, collection, path, &[(key.to_owned(), value.to_owned())]).await?;
    found.retain(|object| object[key].as_str() == Some(value));
    Ok(found)
}

/// All objects that pass the filters, page after page.
///
/// # Errors
/// When the gateway fails.
pub(super) async fn all(
    gateway: &Gateway,
    collection: &Collection,
    path: &str,
    filters: &[(String, String)],
) -> Result<Vec<Value>, Failure> {
    let (list, links) = (collection.wrappers.1, format!("{}_links", collection.wrappers.1));
    let mut query = Serializer::new(String::new()).extend_pairs(filters).finish();
    let mut objects = Vec::new();
    loop {
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut page = gateway.ask(Method::GET, &target, None).await?;
        match page.get_mut(list).map(Value::take) {
            Some(Value::Array(found)) => objects.extend(found),
            _ => return Err(gateway.foreign(format!("no '{list}' in its answer"))),
        }
        // Of the link its question alone is taken: it must not lead to another server.
        let links = page[&links].as_array().map(Vec::as_slice).unwrap_or_default();
        let next = links.iter().find(|link| link["rel"] == "next").and_then(|link| link["href"].as_str());
        match next.and_then(|href| href.split_once('?')) {
            Some((_, next)) if next != query => next.clone_into(&mut query),
            _ => return Ok(objects),
        }
    }
}
