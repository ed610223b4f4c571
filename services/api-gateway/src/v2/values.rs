//! One attribute's value: its conversion, then its check, with Octavia's texts.

mod forms;

use std::net::IpAddr;

use ballast_limits::Bounds;
use serde_json::Value;
use uuid::Uuid;

pub(super) use self::forms::{
    cidrs, ciphers, codes, cookie_name, domain_name, granularity, texts_by_name, url, url_path,
};
use super::python;
use crate::kit::{
    attributes::{Attribute, Kind, Limit},
    number,
};

/// What is wrong with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// No attribute has this name; the path leads there from the inside out.
    Unknown { path: Vec<String>, key: String },
    /// A value is not of its kind.
    Field { field: String, value: String, reason: String },
    /// A value cannot be converted: Octavia shows the whole body.
    Whole(String),
    /// What may not be null is.
    Null(String),
}

impl Bad {
    pub(super) fn unknown(key: &str) -> Self {
        Self::Unknown { path: Vec::new(), key: key.to_owned() }
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::field(field, &Value::Null, "Mandatory field missing.")
    }

    pub(super) fn not_an_object(field: &str, value: &Value) -> Self {
        Self::field(field, value, "Value should be an object")
    }

    pub(super) fn not_a_list(value: &Value) -> Self {
        Self::Whole(format!("Value not a valid list: {}", python::text(value)))
    }

    fn field(field: &str, value: &Value, reason: impl Into<String>) -> Self {
        Self::Field { field: field.to_owned(), value: python::text(value), reason: reason.into() }
    }

    /// The same, seen from around an object of this name.
    pub(super) fn within(mut self, name: &str) -> Self {
        if let Self::Unknown { path, .. } = &mut self {
            path.push(name.to_owned());
        }
        self
    }
}

/// The value as the endpoints read it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn settle(attribute: &Attribute, value: Value) -> Result<Value, Bad> {
    let name = attribute.name;
    match attribute.kind {
        Kind::Flag => flag(&value).map(Value::Bool),
        Kind::Integer { least } => bounded(attribute, least, &value).map(Value::from),
        Kind::IntegerOneOf(numbers) => one_number(name, numbers, &value),
        Kind::Texts => texts(attribute, value),
        Kind::UuidList => uuids(name, value),
        Kind::Uuid => uuid(name, &value).map(Value::String),
        Kind::Version => version(&value).ok_or_else(|| one_of(name, &value, &["1.0", "1.1"])),
        Kind::OneOf(names) if !value.as_str().is_some_and(|text| names.contains(&text)) => {
            Err(one_of(name, &value, names))
        }
        Kind::Shape(check) => check(&value).map_err(|reason| Bad::field(name, &value, reason)).map(|()| value),
        Kind::Address => address(name, &value).map(|()| value),
        _ => text(attribute, &value).map(|()| value),
    }
}

fn one_of(name: &str, value: &Value, names: &[&str]) -> Bad {
    Bad::field(name, value, format!("Value should be one of: {}", names.join(", ")))
}

fn one_number(name: &str, numbers: &[i32], value: &Value) -> Result<Value, Bad> {
    let number = number::integer(value).ok_or_else(|| Bad::Whole(no_integer(value)))?;
    let known = numbers.iter().copied().find(|known| i128::from(*known) == number);
    known.map(Value::from).ok_or_else(|| {
        let names: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        Bad::field(name, value, format!("Value should be one of: {}", names.join(", ")))
    })
}

fn text(attribute: &Attribute, value: &Value) -> Result<(), Bad> {
    let Value::String(text) = value else { return Err(Bad::field(attribute.name, value, "Value should be string")) };
    match attribute.limit {
        Some(Limit::Longest(most)) if text.chars().count() > most => {
            let reason = format!("Value should have a maximum character requirement of {most}");
            Err(Bad::field(attribute.name, value, reason))
        }
        _ => Ok(()),
    }
}

fn address(name: &str, value: &Value) -> Result<(), Bad> {
    let good = value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok());
    good.then_some(()).ok_or_else(|| Bad::field(name, value, "Value should be IPv4 or IPv6 format"))
}

/// Texts without those that were there before.
fn texts(attribute: &Attribute, value: Value) -> Result<Value, Bad> {
    let Value::Array(items) = value else { return Err(Bad::not_a_list(&value)) };
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        text(attribute, &item)?;
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    Ok(Value::Array(kept))
}

fn uuids(name: &str, value: Value) -> Result<Value, Bad> {
    let Value::Array(items) = value else { return Err(Bad::not_a_list(&value)) };
    items.iter().map(|item| uuid(name, item).map(Value::String)).collect::<Result<_, _>>().map(Value::Array)
}

/// Dashes may be missing, and are there from then on.
fn uuid(name: &str, value: &Value) -> Result<String, Bad> {
    let text = value.as_str().filter(|text| matches!(text.len(), 32 | 36));
    let read = text.and_then(|text| Uuid::try_parse(text).ok());
    read.map(|uuid| uuid.hyphenated().to_string()).ok_or_else(|| Bad::field(name, value, "Value should be UUID format"))
}

/// 1.0 and 1.1, as numbers or as texts.
fn version(value: &Value) -> Option<Value> {
    let text = match value {
        Value::Number(number) => format!("{:.1}", number.as_f64().filter(|number| *number == 1.0 || *number == 1.1)?),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    matches!(text.as_str(), "1.0" | "1.1").then_some(Value::String(text))
}

/// A boolean: JSON's own, a whole number, or one of some texts.
///
/// # Errors
/// What is wrong with it.
pub(super) fn flag(value: &Value) -> Result<bool, Bad> {
    let found = match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_i64().map(|number| number != 0).or_else(|| number.as_u64().map(|_| true)),
        Value::String(text) => match text.as_str() {
            "true" | "yes" | "on" | "t" | "y" | "1" => Some(true),
            "false" | "no" | "off" | "f" | "n" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    };
    found.ok_or_else(|| Bad::Whole(format!("Value not an unambiguous boolean: {}", python::text(value))))
}

/// An integer within what the map says.
fn bounded(attribute: &Attribute, least: i32, value: &Value) -> Result<i64, Bad> {
    let number = number::integer(value).ok_or_else(|| Bad::Whole(no_integer(value)))?;
    let bounds = match attribute.limit {
        Some(Limit::Number(Bounds { least, most })) => (least, most),
        _ => (least, i32::MAX),
    };
    if number < i128::from(bounds.0) {
        return Err(Bad::field(attribute.name, value, format!("Value should be greater or equal to {}", bounds.0)));
    }
    match i64::try_from(number) {
        Ok(number) if number <= i64::from(bounds.1) => Ok(number),
        _ => Err(Bad::field(attribute.name, value, format!("Value should be lower or equal to {}", bounds.1))),
    }
}

fn no_integer(value: &Value) -> String {
    match value {
        Value::String(text) => format!("invalid literal for int() with base 10: {}", python::quoted(text)),
        other => format!("Value not a valid integer: {}", python::text(other)),
    }
}
