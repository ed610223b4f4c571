//! The headers that a listener adds to requests. Which it may add is the scheduler's to say.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::kit::attributes::Attributes;

pub(super) fn schema() -> Value {
    json!({ "type": ["object", "null"], "additionalProperties": { "type": "string" } })
}

pub(super) fn decode(attributes: &Attributes) -> HashMap<String, String> {
    let Some(Value::Object(headers)) = attributes.value("insert_headers") else { return HashMap::new() };
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    headers.iter().filter_map(text).collect()
}
