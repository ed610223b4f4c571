//! The fields of one object: which differ, and whether they may.

use serde_json::{Map, Value};

use super::{Object, field_keys};
use crate::{
    noun::text,
    v2::{
        apply::{same::same, steps::Late},
        noun::Noun,
    },
};

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) changed: Map<String, Value>,
    /// Keys that are the ids of what earlier steps make.
    pub(super) late: Vec<Late>,
    pub(super) differences: Vec<String>,
}

impl Fields {
    /// `others` are keys that are looked at elsewhere.
    ///
    /// # Errors
    /// When a key is none of the noun's, or one that differs cannot be changed.
    pub(super) fn of(
        of: &str,
        wanted: &Object,
        found: &Value,
        (noun, others): (&'static Noun, &[&str]),
    ) -> Result<Self, String> {
        Self::check(of, wanted, noun, others)?;
        let mut fields = Self::default();
        for (key, value) in wanted.iter().filter(|(key, _)| !others.contains(&key.as_str())) {
            let now = &found[key];
            if same(value, now) {
                continue;
            }
            let difference = format!("{key}: {} -> {}", said(now), said(value));
            let is_set =
                noun.fields.iter().any(|field| field.when.is_set() && field.key.split('.').next() == Some(key));
            // References to pools are ids by now.
            if !is_set {
                return Err(format!("{of}: {difference}: it cannot be changed; delete it, and it is made anew"));
            }
            fields.changed.insert(key.clone(), value.clone());
            fields.differences.push(difference);
        }
        Ok(fields)
    }

    /// # Errors
    /// When a key is none that somebody can give.
    pub(super) fn check(of: &str, wanted: &Object, noun: &'static Noun, others: &[&str]) -> Result<(), String> {
        let unknown =
            wanted.keys().find(|key| !others.contains(&key.as_str()) && !field_keys(noun).any(|known| known == *key));
        match unknown {
            None => Ok(()),
            Some(key) => Err(format!("{of}: nobody can give '{}'", crate::find::plain(key))),
        }
    }

    /// A pool is told by its name where its id changes, and where it is not there yet.
    pub(super) fn names_pool(&mut self, key: &'static str, name: Option<String>, late: Vec<Late>) {
        let Some(name) = name else { return };
        if !late.is_empty() {
            self.late = late;
            self.differences.push(format!("{key}: -> {name}"));
        } else if let Some(line) = self.differences.iter_mut().find(|line| line.starts_with(&format!("{key}:"))) {
            *line = format!("{key}: -> {name}");
        }
    }
}

fn said(value: &Value) -> String {
    let text = text(value);
    if text.is_empty() { "none".to_owned() } else { text }
}
