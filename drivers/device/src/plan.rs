//! What to send, so that the device has what is wanted. Pure; with nothing to do it is empty.
//!
//! The order keeps the device content at each step: virtual ports that have to go come first, what is named is made
//! before what names it, and goes after. The marker is made first with generation 0 and gets its generation last, so
//! that whatever was begun can be found, and only what was finished says so.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    Fields, Key, Kind, Marker, Objects,
    kind::{difference, ended_first},
    names,
};

/// What a load balancer is to have on the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted<K> {
    pub owner: String,
    /// Without the marker. Servers of others are not among them.
    pub objects: Objects<K>,
    /// None: nothing is to be left.
    pub marker: Option<Marker>,
}

impl<K> Wanted<K> {
    /// Nothing of this owner.
    #[must_use]
    pub fn nothing(owner: String) -> Self {
        Self { owner, objects: Objects::new(), marker: None }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step<K> {
    Make(Key<K>, Fields),
    Change(Key<K>, Fields),
    /// With what it was.
    Remove(Key<K>, Fields),
}

impl<K: Kind> Step<K> {
    pub fn key(&self) -> &Key<K> {
        match self {
            Self::Make(key, _) | Self::Change(key, _) | Self::Remove(key, _) => key,
        }
    }

    pub(crate) fn takes_a_shared_one_away(&self) -> bool {
        matches!(self, Self::Remove(key, _) if key.kind.is_shared())
    }

    /// The last step of a deploy.
    pub fn is_completion(&self) -> bool {
        matches!(self, Self::Change(key, _) if key.kind == K::MARKER && names::is_marker(&key.name))
    }
}

#[must_use]
pub fn plan<K: Kind>(wanted: &Wanted<K>, found: &Objects<K>) -> Vec<Step<K>> {
    plan_after(wanted, found, &BTreeSet::new())
}

/// `refused`: of these the device has refused a change just now. What may have been in its way is ended first.
#[must_use]
pub(crate) fn plan_after<K: Kind>(wanted: &Wanted<K>, found: &Objects<K>, refused: &BTreeSet<Key<K>>) -> Vec<Step<K>> {
    let mut steps = first(wanted, found);
    let mut left = found.clone();
    let again: Vec<Key<K>> = wanted
        .objects
        .iter()
        .filter(|(key, fields)| must_be_made_again(key, fields, found))
        .map(|(key, _)| key.clone())
        .collect();
    let gone: Vec<Key<K>> = unwanted(wanted, found);
    for key in gone.iter().filter(|key| key.kind.is_front()).chain(&again) {
        remove(key, &mut left, &mut steps);
    }
    for (key, fields) in &wanted.objects {
        match left.get(key) {
            None => steps.push(Step::Make(key.clone(), set_only(fields))),
            Some(object) => {
                let changes = difference(key.kind, fields, object);
                let ends = if refused.contains(key) { ended_first(key.kind, &changes, object) } else { Fields::new() };
                let both = [ends, changes].into_iter().filter(|changes| !changes.is_empty());
                steps.extend(both.map(|changes| Step::Change(key.clone(), changes)));
            }
        }
    }
    for key in gone.iter().rev().filter(|key| !key.kind.is_front()) {
        remove(key, &mut left, &mut steps);
    }
    last(wanted, found, &mut steps);
    steps
}

/// The marker, with generation 0.
fn first<K: Kind>(wanted: &Wanted<K>, found: &Objects<K>) -> Vec<Step<K>> {
    let Some(marker) = &wanted.marker else { return Vec::new() };
    let key = Marker::key(&wanted.owner);
    let begun = Marker { generation: 0, ..marker.clone() };
    if found.contains_key(&key) { Vec::new() } else { vec![Step::Make(key.clone(), K::mark(&begun, &key.name))] }
}

/// The marker's generation, or its end.
fn last<K: Kind>(wanted: &Wanted<K>, found: &Objects<K>, steps: &mut Vec<Step<K>>) {
    let key = Marker::key(&wanted.owner);
    match &wanted.marker {
        Some(marker) if Marker::of(&wanted.owner, found).as_ref() != Some(marker) => {
            let fields = K::mark(marker, &key.name);
            steps.push(Step::Change(key, fields));
        }
        None => steps.extend(found.get(&key).map(|marked| Step::Remove(key.clone(), marked.clone()))),
        Some(_) => {}
    }
}

/// What was ours and is not wanted, and servers that nobody uses.
fn unwanted<K: Kind>(wanted: &Wanted<K>, found: &Objects<K>) -> Vec<Key<K>> {
    let marker = names::marker(&wanted.owner);
    let used = used(wanted, found);
    let goes = |key: &&Key<K>| {
        !wanted.objects.contains_key(key)
            && if key.kind.is_shared() {
                key.name.starts_with(names::SERVER) && !used.contains(key)
            } else {
                names::is_of(&wanted.owner, &key.name) && key.name != marker
            }
    };
    found.keys().filter(goes).cloned().collect()
}

/// Shared objects that others use, or ours will use.
fn used<K: Kind>(wanted: &Wanted<K>, found: &Objects<K>) -> BTreeSet<Key<K>> {
    let others = found.iter().filter(|(key, _)| !names::is_of(&wanted.owner, &key.name));
    others.chain(&wanted.objects).flat_map(|(key, fields)| K::uses(key, fields)).collect()
}

fn must_be_made_again<K: Kind>(key: &Key<K>, fields: &Fields, found: &Objects<K>) -> bool {
    let Some(object) = found.get(key) else { return false };
    let differs = |name: &&str| fields.get(*name).is_some_and(|value| !K::is_same(name, value, object.get(*name)));
    key.kind.fixed().iter().any(differs)
}

/// Children go with what they are in.
fn remove<K: Kind>(key: &Key<K>, left: &mut Objects<K>, steps: &mut Vec<Step<K>>) {
    let Some(found) = left.remove(key) else { return };
    left.retain(|other, _| !key.has(other));
    steps.retain(|step| !matches!(step, Step::Remove(other, _) if key.has(other)));
    steps.push(Step::Remove(key.clone(), found));
}

fn set_only(fields: &Fields) -> Fields {
    let mut out = Fields::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let value = match value {
            Value::Object(inner) => Value::Object(set_only(inner)),
            other => other.clone(),
        };
        out.insert(name.clone(), value);
    }
    out
}
