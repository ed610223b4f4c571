//! Attributes of a body, as endpoints take them.

use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::kit::spelling::{self, Spelled};

/// Attributes that were read by a resource's table, so each is of its kind. Dropped, the texts that nobody has taken are
/// overwritten: one may be a private key.
#[derive(Debug)]
pub(crate) struct Attributes(pub(crate) Map<String, Value>);

impl Drop for Attributes {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Attributes {
    /// The text, which is then gone from here; none when it is null or absent.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The text, or an empty one: what the wire takes for absent.
    pub(crate) fn text(&mut self, name: &str) -> String {
        self.optional_text(name).unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i32> {
        self.0.get(name)?.as_i64()?.try_into().ok()
    }

    /// A number whose kind has no negative ones; 0 when it is absent.
    pub(crate) fn natural(&self, name: &str) -> u32 {
        self.0.get(name).and_then(Value::as_u64).and_then(|number| number.try_into().ok()).unwrap_or_default()
    }

    /// The texts of a list; none when it is null or absent.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        let Some(Value::Array(items)) = self.0.remove(name) else { return Vec::new() };
        let text = |item| match item {
            Value::String(text) => Some(text),
            _ => None,
        };
        items.into_iter().filter_map(text).collect()
    }

    /// The attributes of a part; none when it is null or absent.
    pub(crate) fn part(&mut self, name: &str) -> Option<Self> {
        match self.0.remove(name) {
            Some(Value::Object(map)) => Some(Self(map)),
            _ => None,
        }
    }

    /// The attributes of each part.
    pub(crate) fn parts(&mut self, name: &str) -> Vec<Self> {
        let Some(Value::Array(items)) = self.0.remove(name) else { return Vec::new() };
        let part = |item| match item {
            Value::Object(map) => Some(Self(map)),
            _ => None,
        };
        items.into_iter().filter_map(part).collect()
    }

    pub(crate) fn spelled<E: Spelled>(&self, name: &str) -> i32 {
        self.0.get(name).and_then(Value::as_str).map_or(0, spelling::parse::<E>)
    }

    /// Whether it was sent, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value as it was sent; none when it is absent.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}
