//! Objects of a device: which they are, and what they say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Kind;

pub type Fields = Map<String, Value>;
pub type Objects<K> = BTreeMap<Key<K>, Fields>;

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key<K> {
    pub kind: K,
    /// Of the top-level object.
    pub name: String,
    /// The child in it.
    pub child: Option<Child>,
}

/// Which child of a top-level object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Noted")]
pub struct Child {
    /// Of the server, the monitor or the group that it stands for; of a port its protocol.
    pub name: String,
    /// Of a port, and of a server at one.
    pub port: Option<u32>,
}

impl Child {
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), port: None }
    }

    pub fn at(name: impl Into<String>, port: impl Into<u32>) -> Self {
        Self { name: name.into(), port: Some(port.into()) }
    }
}

/// A child as states have it. Those of releases up to 0.2 have a text, as `80+tcp`, `web+80` or `web`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Noted {
    Text(String),
    Parts { name: String, port: Option<u32> },
}

impl From<Noted> for Child {
    fn from(noted: Noted) -> Self {
        let text = match noted {
            Noted::Parts { name, port } => return Self { name, port },
            Noted::Text(text) => text,
        };
        let first = text.split_once('+').and_then(|(port, name)| Some(Self::at(name, port.parse::<u32>().ok()?)));
        let last = text.rsplit_once('+').and_then(|(name, port)| Some(Self::at(name, port.parse::<u32>().ok()?)));
        last.or(first).unwrap_or_else(|| Self::named(text))
    }
}

impl<K: Kind> Key<K> {
    pub fn top(kind: K, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), child: None }
    }

    pub fn child(kind: K, name: impl Into<String>, child: Child) -> Self {
        Self { kind, name: name.into(), child: Some(child) }
    }

    /// Whether `other` is a child in this one.
    #[must_use]
    pub fn has(&self, other: &Self) -> bool {
        self.child.is_none()
            && other.child.is_some()
            && (self.kind.top(), &self.name) == (other.kind.top(), &other.name)
    }
}

/// The fields of an object literal.
#[must_use]
pub fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn a_child_is_read_as_it_was_written_now_and_by_former_releases() {
        for child in [Child::named("web"), Child::at("tcp", 80_u16), Child::at("web+a", 80_u16)] {
            assert_eq!(from_value::<Child>(to_value(&child).unwrap()).unwrap(), child);
        }
        for (noted, child) in [
            ("80+tcp", Child::at("tcp", 80_u16)),
            ("web+80", Child::at("web", 80_u16)),
            ("web+a+80", Child::at("web+a", 80_u16)),
            ("bl_x_h1", Child::named("bl_x_h1")),
        ] {
            assert_eq!(from_value::<Child>(json!(noted)).unwrap(), child);
        }
    }
}
