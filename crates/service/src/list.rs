//! A list, or one text with commas: the environment knows only text.

use serde::{Deserialize, Deserializer};

pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        List(Vec<String>),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Text(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
        Either::List(list) => list,
    })
}
