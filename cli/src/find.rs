//! From what a person typed to one object: by id, then by name.

use serde_json::Value;

use crate::{api::Api, failure::Failure, noun::Noun};

/// The one object that has `wanted` as its id, else as its name.
///
/// # Errors
/// When there is none or more than one, or the gateway fails.
pub(crate) async fn find(api: &Api, noun: &Noun, wanted: &str) -> Result<Value, Failure> {
    if is_uuid(wanted) {
        let found = matching(api, noun, "id", &wanted.to_ascii_lowercase()).await?;
        if let Some(object) = found.into_iter().next() {
            return Ok(object);
        }
    }
    let mut named = match noun.name {
        Some(key) => matching(api, noun, key, wanted).await?,
        None => Vec::new(),
    };
    match named.pop() {
        Some(object) if named.is_empty() => Ok(object),
        Some(object) => {
            named.push(object);
            let ids: Vec<_> = named.iter().filter_map(|object| object["id"].as_str()).collect();
            Err(Failure::Ambiguous { count: named.len(), nouns: noun.many, wanted: plain(wanted), ids: ids.join(", ") })
        }
        None => {
            let keys = if noun.name.is_some() { "the id or name" } else { "the id" };
            Err(Failure::NotFound { noun: noun.one, keys, wanted: plain(wanted), have: String::new() })
        }
    }
}

/// Objects with this value. What the gateway says is looked at again: one that does not know a filter ignores it.
async fn matching(api: &Api, noun: &Noun, key: &str, value: &str) -> Result<Vec<Value>, Failure> {
    let mut found = api.list(noun, Some((key, value))).await?;
    found.retain(|object| object[key].as_str() == Some(value));
    Ok(found)
}

/// Ids are UUIDs in their usual spelling; nothing else needs to be asked for.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Without what would move a terminal's cursor.
pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_is_an_id() {
        assert!(is_uuid("0f2B1c3d-0000-4000-8000-000000000001"));
        for text in ["", "web", "0f2b1c3d000040008000000000000001", "0f2b1c3d-0000-4000-8000-00000000000g"] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
