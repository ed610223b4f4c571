//! A list, or one text with commas: the environment knows only text.

use serde::{Deserialize, Deserializer, de};

use crate::address::Address;

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

pub(crate) fn addresses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Address>, D::Error> {
    texts(deserializer)?.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
}
