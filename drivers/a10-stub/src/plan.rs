//! What to send, so that the device has what is wanted. Pure; with nothing to do it is empty.
//!
//! The order keeps the device content at each step: virtual ports that have to go come first, what is named is made
//! before what names it, and goes after. The marker is made first with generation 0 and gets its generation last, so
//! that whatever was begun can be found, and only what was finished says so.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    names,
    object::{Fields, Key, Kind, Objects, difference},
    observe::Marker,
};

/// What a load balancer is to have on the device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) owner: String,
    /// Without the marker. Servers of others are not among them.
    pub(crate) objects: Objects,
    /// None: nothing is to be left.
    pub(crate) marker: Option<Marker>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Make(Key, Fields),
    Change(Key, Fields),
    Remove(Key),
}

impl Step {
    pub(crate) fn key(&self) -> &Key {
        match self {
            Self::Make(key, _) | Self::Change(key, _) | Self::Remove(key) => key,
        }
    }

    /// The last step of a deploy.
    pub(crate) fn is_completion(&self) -> bool {
        matches!(self, Self::Change(key, _) if key.kind == Kind::Monitor && names::is_marker(&key.name))
    }
}

pub(crate) fn plan(wanted: &Wanted, found: &Objects) -> Vec<Step> {
    let mut steps = first(wanted, found);
    let mut left = found.clone();
    let again: Vec<Key> = wanted
        .objects
        .iter()
        .filter(|(key, fields)| must_be_made_again(key, fields, found))
        .map(|(key, _)| key.clone())
        .collect();
    let early = |kind: Kind| matches!(kind, Kind::VirtualServer | Kind::VirtualPort);
    let gone: Vec<Key> = unwanted(wanted, found);
    for key in gone.iter().filter(|key| early(key.kind)).chain(&again) {
        remove(key, &mut left, &mut steps);
    }
    for (key, fields) in &wanted.objects {
        match left.get(key) {
            None => steps.push(Step::Make(key.clone(), set_only(fields))),
            Some(object) => {
                let changes = difference(fields, object);
                if !changes.is_empty() {
                    steps.push(Step::Change(key.clone(), changes));
                }
            }
        }
    }
    for key in gone.iter().rev().filter(|key| !early(key.kind)) {
        remove(key, &mut left, &mut steps);
    }
    last(wanted, found, &mut steps);
    steps
}

/// The marker, with generation 0.
fn first(wanted: &Wanted, found: &Objects) -> Vec<Step> {
    let Some(marker) = &wanted.marker else { return Vec::new() };
    let (key, fields) = Marker { generation: 0, ..marker.clone() }.object(&wanted.owner);
    if found.contains_key(&key) { Vec::new() } else { vec![Step::Make(key, fields)] }
}

/// The marker's generation, or its end.
fn last(wanted: &Wanted, found: &Objects, steps: &mut Vec<Step>) {
    let key = Key::top(Kind::Monitor, names::marker(&wanted.owner));
    match &wanted.marker {
        Some(marker) if Marker::of(&wanted.owner, found).as_ref() != Some(marker) => {
            let (key, mut fields) = marker.object(&wanted.owner);
            fields.remove("name");
            steps.push(Step::Change(key, fields));
        }
        None if found.contains_key(&key) => steps.push(Step::Remove(key)),
        Some(_) | None => {}
    }
}

/// What was ours and is not wanted, and servers that nobody uses.
fn unwanted(wanted: &Wanted, found: &Objects) -> Vec<Key> {
    let marker = names::marker(&wanted.owner);
    let used = used_servers(wanted, found);
    let of_a_server = |key: &Key| match (&key.child, key.kind) {
        (None, Kind::Server) => !used.iter().any(|(server, _)| *server == key.name),
        (Some(port), Kind::ServerPort) => !used.contains(&(key.name.clone(), port.clone())),
        _ => false,
    };
    let goes = |key: &&Key| {
        !wanted.objects.contains_key(key)
            && if matches!(key.kind, Kind::Server | Kind::ServerPort) {
                key.name.starts_with(names::SERVER) && of_a_server(key)
            } else {
                names::is_of(&wanted.owner, &key.name) && key.name != marker
            }
    };
    found.keys().filter(goes).cloned().collect()
}

/// Servers and ports that members of others have, or ours will have.
fn used_servers(wanted: &Wanted, found: &Objects) -> BTreeSet<(String, String)> {
    let others = found.iter().filter(|(key, _)| !names::is_of(&wanted.owner, &key.name));
    let members = others.chain(&wanted.objects).filter(|(key, _)| key.kind == Kind::Member);
    let server = |(_, member): (&Key, &Fields)| {
        let port = member.get("port")?.as_u64()?;
        Some((member.get("name")?.as_str()?.to_owned(), format!("{port}+tcp")))
    };
    members.filter_map(server).collect()
}

fn must_be_made_again(key: &Key, fields: &Fields, found: &Objects) -> bool {
    let Some(object) = found.get(key) else { return false };
    let changes = difference(fields, object);
    key.kind.fixed().iter().any(|name| changes.contains_key(*name))
}

/// Children go with what they are in.
fn remove(key: &Key, left: &mut Objects, steps: &mut Vec<Step>) {
    if left.remove(key).is_none() {
        return;
    }
    if key.child.is_none() {
        left.retain(|other, _| (other.kind.collection(), &other.name) != (key.kind.collection(), &key.name));
        let inside = |step: &Step| {
            let other = step.key();
            matches!(step, Step::Remove(_))
                && other.child.is_some()
                && (other.kind.collection(), &other.name) == (key.kind.collection(), &key.name)
        };
        steps.retain(|step| !inside(step));
    }
    steps.push(Step::Remove(key.clone()));
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

#[cfg(test)]
mod tests;
