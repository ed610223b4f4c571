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
    /// Of the child in it, as in `80+tcp`.
    pub child: Option<String>,
}

impl<K: Kind> Key<K> {
    pub fn top(kind: K, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), child: None }
    }

    pub fn child(kind: K, name: impl Into<String>, child: impl Into<String>) -> Self {
        Self { kind, name: name.into(), child: Some(child.into()) }
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
