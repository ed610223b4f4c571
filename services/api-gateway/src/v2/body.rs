//! Bodies of v2, read by attribute maps with Octavia's words.
//!
//! At each level unknown keys come first, then each attribute in the order of the map: its value, or that it is missing.

use prost_types::FieldMask;
use serde_json::{Map, Value};

use super::{
    python,
    values::{self, Bad},
};
use crate::kit::{
    attributes::{Attribute, Attributes, Kind, Resource},
    payload::Payload,
    refusal::Refusal,
};

/// The largest body, in bytes: ten thousand members fit.
pub(super) const LIMIT: usize = 4 << 20;

/// In the place of a value that may be a secret.
const NOT_SAID: &str = "***";

/// Which attributes a body may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Post,
    Put,
    /// Of an object that is made as a part of another one.
    Part,
}

impl Verb {
    fn takes(self, attribute: &Attribute) -> bool {
        match self {
            Self::Post => attribute.in_post(),
            Self::Put => attribute.in_put(),
            Self::Part => attribute.in_part(),
        }
    }

    fn needs(self, attribute: &Attribute) -> bool {
        match self {
            Self::Post => attribute.is_required(),
            Self::Put => false,
            Self::Part => attribute.is_required_in_part(),
        }
    }
}

/// What a body is called in refusals, and in what it wraps its object.
#[derive(Clone, Copy)]
pub(super) struct Argument {
    pub(super) name: &'static str,
    pub(super) wrapper: &'static str,
}

/// The attributes of a POST's body.
///
/// # Errors
/// As Octavia refuses it.
pub(super) fn post(resource: &Resource, argument: Argument, payload: &Payload) -> Result<Attributes, Refusal> {
    let body = parse(argument, payload)?;
    let read = unwrap(argument, body).and_then(|map| wrapped(resource, argument, map, Verb::Post));
    read.map(Attributes).map_err(|bad| refuse(resource, argument, payload, bad))
}

/// The attributes of a PUT's body, and which of the scheduler's fields they change.
///
/// # Errors
/// As Octavia refuses it.
pub(super) fn put(
    resource: &Resource,
    argument: Argument,
    payload: &Payload,
) -> Result<(Attributes, FieldMask), Refusal> {
    let body = parse(argument, payload)?;
    let read = unwrap(argument, body).and_then(|map| wrapped(resource, argument, map, Verb::Put));
    let map = read.map_err(|bad| refuse(resource, argument, payload, bad))?;
    let mut paths = Vec::with_capacity(map.len());
    for attribute in resource.attributes {
        if let Some(value) = map.get(attribute.name) {
            changed(attribute, value, &mut paths);
        }
    }
    Ok((Attributes(map), FieldMask { paths }))
}

/// A part of which nothing is said does not change.
fn changed(attribute: &Attribute, value: &Value, paths: &mut Vec<String>) {
    match (attribute.kind, value) {
        (Kind::Part(_), Value::Object(part)) if part.is_empty() => {}
        _ => paths.push(attribute.wire.to_owned()),
    }
}

/// The objects of a body that has a list of them.
///
/// # Errors
/// As Octavia refuses it.
pub(super) fn many(resource: &Resource, argument: Argument, payload: &Payload) -> Result<Vec<Attributes>, Refusal> {
    let body = parse(argument, payload)?;
    let refuse = |bad| refuse(resource, argument, payload, bad);
    let Value::Object(mut body) = body else { return Err(refuse(Bad::not_an_object(argument.name, &body))) };
    let items = body.remove(argument.wrapper);
    if let Some(unknown) = body.keys().next() {
        return Err(refuse(Bad::unknown(unknown)));
    }
    match items {
        Some(Value::Array(items)) => {
            let read = items.into_iter().map(|item| Ok(Attributes(whole(resource, argument.wrapper, item)?)));
            read.collect::<Result<_, Bad>>().map_err(refuse)
        }
        None => Err(refuse(Bad::missing(argument.wrapper))),
        Some(Value::Null) => Err(refuse(Bad::Null(argument.wrapper.to_owned()))),
        Some(other) => Err(refuse(Bad::not_a_list(&other))),
    }
}

fn parse(argument: Argument, payload: &Payload) -> Result<Value, Refusal> {
    if payload.bytes().is_empty() {
        return Err(Refusal::faulty(format!("Missing argument: \"{}\"", argument.name)));
    }
    serde_json::from_slice(payload.bytes()).map_err(|_| Refusal::faulty("Request is not in valid JSON format"))
}

fn unwrap(argument: Argument, body: Value) -> Result<Map<String, Value>, Bad> {
    let Value::Object(mut body) = body else { return Err(Bad::not_an_object(argument.name, &body)) };
    let inner = body.remove(argument.wrapper);
    if let Some(unknown) = body.keys().next() {
        return Err(Bad::unknown(unknown));
    }
    match inner {
        Some(Value::Object(map)) => Ok(map),
        None | Some(Value::Null) => Err(Bad::missing(argument.wrapper)),
        Some(other) => Err(Bad::not_an_object(argument.wrapper, &other)),
    }
}

/// The words for what was found; a value that could not be converted is shown with all that is around it.
fn refuse(resource: &Resource, argument: Argument, payload: &Payload, bad: Bad) -> Refusal {
    match bad {
        Bad::Field { field, reason, .. } if resource.has_secrets() => Refusal::of_value(&field, NOT_SAID, &reason),
        Bad::Whole(_) if resource.has_secrets() => {
            Refusal::of_value(argument.name, NOT_SAID, "Something in it is of another kind")
        }
        Bad::Unknown { path, key } => {
            let inside: String = path.iter().rev().map(|name| format!(".{name}")).collect();
            Refusal::faulty(format!("Unknown attribute for argument {}{inside}: {key}", argument.name))
        }
        Bad::Field { field, value, reason } => Refusal::of_value(&field, &value, &reason),
        Bad::Whole(reason) => {
            let body = serde_json::from_slice(payload.bytes()).unwrap_or_default();
            Refusal::of_value(argument.name, &python::repr(&body), &reason)
        }
        Bad::Null(field) => Refusal::faulty(format!("None is not a valid option for {field}")),
    }
}

fn wrapped(
    resource: &Resource,
    argument: Argument,
    map: Map<String, Value>,
    verb: Verb,
) -> Result<Map<String, Value>, Bad> {
    object(resource, map, verb).map_err(|bad| bad.within(argument.wrapper))
}

/// An object by its map.
fn object(resource: &Resource, mut map: Map<String, Value>, verb: Verb) -> Result<Map<String, Value>, Bad> {
    let known = |name: &String| resource.attribute(name).is_some_and(|attribute| verb.takes(attribute));
    if let Some(unknown) = map.keys().find(|name| !known(name)) {
        return Err(Bad::unknown(unknown));
    }
    for attribute in resource.attributes {
        match map.remove(attribute.name) {
            Some(Value::Null) => {
                if let Some(value) = nothing(attribute, verb)? {
                    map.insert(attribute.name.to_owned(), value);
                }
            }
            Some(value) => {
                map.insert(attribute.name.to_owned(), settle(attribute, value)?);
            }
            None if verb.needs(attribute) => return Err(Bad::missing(attribute.name)),
            None => {}
        }
    }
    Ok(map)
}

/// What null is: false of what is true or false, else what is not there. A PUT keeps it, so as to bring the default back.
fn nothing(attribute: &Attribute, verb: Verb) -> Result<Option<Value>, Bad> {
    let needed = attribute.is_required();
    match attribute.kind {
        _ if (needed && attribute.in_put()) || attribute.is_never_null() => Err(Bad::Null(attribute.name.to_owned())),
        _ if needed => Err(Bad::missing(attribute.name)),
        Kind::Flag => Ok(Some(Value::Bool(false))),
        _ => Ok((verb == Verb::Put).then_some(Value::Null)),
    }
}

fn settle(attribute: &Attribute, value: Value) -> Result<Value, Bad> {
    match (attribute.kind, value) {
        (Kind::Part(resource), value) => part(resource, attribute.name, value).map(Value::Object),
        (Kind::Parts(resource), Value::Array(items)) => {
            let parts = items.into_iter().map(|item| part(resource, attribute.name, item).map(Value::Object));
            parts.collect::<Result<_, _>>().map(Value::Array)
        }
        (Kind::Parts(_), other) => Err(Bad::not_a_list(&other)),
        (_, value) => values::settle(attribute, value),
    }
}

/// An object in another one.
fn part(resource: &Resource, name: &str, value: Value) -> Result<Map<String, Value>, Bad> {
    match value {
        Value::Object(map) => object(resource, map, Verb::Part).map_err(|bad| bad.within(name)),
        other => Err(Bad::not_an_object(name, &other)),
    }
}

/// An object of a list of such, each as a POST of its own has it.
fn whole(resource: &Resource, name: &str, value: Value) -> Result<Map<String, Value>, Bad> {
    match value {
        Value::Object(map) => object(resource, map, Verb::Post).map_err(|bad| bad.within(name)),
        other => Err(Bad::not_an_object(name, &other)),
    }
}

#[cfg(test)]
mod tests;
