//! Values against the schema: unknown names, types, ranges, lengths, exclusions, and what cannot be changed.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use serde_json::{Map, Value};

use super::{
    assumptions::Exclusive,
    error::Refused,
    schema::{Field, Form},
};

pub(crate) type Fields = Map<String, Value>;

/// Checks a body's fields one by one and makes flags numbers; `null` stays, to be cleared. `defaults`: it counts as the
/// field's default.
pub(crate) fn checked(fields: &BTreeMap<String, Field>, body: &Fields, defaults: bool) -> Result<Fields, Refused> {
    let mut out = Fields::new();
    for (name, value) in body {
        let field = fields.get(name).ok_or_else(|| Refused::unknown_field(name))?;
        let null = value.is_null();
        out.insert(name.clone(), if null { Value::Null } else { self::value(name, field, value, defaults)? });
    }
    let counts = |field: &Field, value: &Value| match (value, &field.default) {
        (Value::Null, Some(default)) if defaults => is_set(field, default),
        (value, _) => is_set(field, value),
    };
    for (name, value) in out.iter().filter(|(name, value)| counts(&fields[*name], value)) {
        let rival = fields[name].not.iter().find(|rival| {
            let rival = rival.as_str();
            out.get(rival).is_some_and(|value| fields.get(rival).is_some_and(|field| counts(field, value)))
        });
        if let Some(rival) = rival {
            return Err(Refused::value(format!("{name} {value} cannot be set together with {rival}")));
        }
    }
    Ok(out)
}

/// A flag that is off excludes nothing.
fn is_set(field: &Field, value: &Value) -> bool {
    let off = field.form == Form::Flag && value.as_u64() == Some(0);
    !value.is_null() && !off
}

fn value(name: &str, field: &Field, value: &Value, defaults: bool) -> Result<Value, Refused> {
    let refused = || Refused::value(format!("{name}: {value} is not a valid value"));
    let within = |number: u64| field.min.is_none_or(|min| number >= min) && field.max.is_none_or(|max| number <= max);
    let text = value.as_str();
    let sound = match field.form {
        Form::Number => value.as_u64().is_some_and(within),
        Form::Flag => {
            let on = value.as_bool().or_else(|| value.as_u64().filter(|flag| *flag < 2).map(|flag| flag == 1));
            return on.map(|on| Value::from(u8::from(on))).ok_or_else(refused);
        }
        Form::Enum => text.is_some_and(|text| field.values.iter().any(|allowed| allowed == text)),
        Form::Ipv4 => text.is_some_and(|text| text.parse::<Ipv4Addr>().is_ok()),
        Form::Ipv6 => text.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok()),
        Form::String => text.is_some_and(|text| {
            within(text.chars().count() as u64) && !text.contains('/') || slashes(name, text, field)
        }),
        Form::List if field.fields.is_empty() => value.is_array(),
        Form::List => {
            let list = value.as_array().filter(|list| !list.is_empty()).ok_or_else(refused)?;
            let inner = list.iter().map(|one| checked(&field.fields, one.as_object().ok_or_else(refused)?, defaults));
            return inner.map(|one| one.map(|one| Value::Object(without_nulls(one)))).collect();
        }
        Form::Object => {
            let inner = value.as_object().ok_or_else(refused)?;
            return checked(&field.fields, inner, defaults).map(Value::Object);
        }
        Form::Any => true,
    };
    if sound { Ok(value.clone()) } else { Err(refused()) }
}

/// Slashes are fine anywhere but in what becomes part of a URL.
fn slashes(name: &str, text: &str, field: &Field) -> bool {
    let length = text.chars().count() as u64;
    name != "name" && field.min.is_none_or(|min| length >= min) && field.max.is_none_or(|max| length <= max)
}

/// `old` changed by `new`: `null` clears, objects merge, and what excludes an older value does as `exclusive` says, unless
/// that one is cleared, too.
pub(crate) fn merged(
    fields: &BTreeMap<String, Field>,
    old: &Fields,
    new: &Fields,
    exclusive: Exclusive,
) -> Result<Fields, Refused> {
    let mut out = old.clone();
    for (name, value) in new {
        let field = &fields[name];
        if field.fixed && old.get(name).is_some_and(|old| old != value) {
            return Err(Refused::unsupported(format!("{name} cannot be modified")));
        }
        for rival in field.not.iter().filter(|rival| is_set(field, value) && !new.contains_key(*rival)) {
            let (Some(of), Some(stands)) = (fields.get(rival), old.get(rival)) else { continue };
            match exclusive {
                _ if !is_set(of, stands) => {}
                Exclusive::Refuses => {
                    return Err(Refused::value(format!("{name} cannot be set together with {rival}")));
                }
                Exclusive::KeepsBoth if of.default.as_ref() != Some(stands) => {}
                Exclusive::KeepsBoth | Exclusive::Replaces => drop(out.remove(rival)),
            }
        }
        match (old.get(name), value) {
            (_, Value::Null) => drop(out.remove(name)),
            (Some(Value::Object(old)), Value::Object(new)) => {
                out.insert(name.clone(), Value::Object(merged(&field.fields, old, new, exclusive)?));
            }
            (_, value) => drop(out.insert(name.clone(), value.clone())),
        }
    }
    Ok(out)
}

/// Without the fields that are `null`, at any depth.
pub(crate) fn without_nulls(fields: Fields) -> Fields {
    let stripped = |value| match value {
        Value::Object(inner) => Value::Object(without_nulls(inner)),
        other => other,
    };
    fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, stripped(value))).collect()
}

/// What a read shows: defaults filled in, except where an excluding field is set.
pub(crate) fn with_defaults(fields: &BTreeMap<String, Field>, set: &Fields) -> Fields {
    let mut out = Fields::new();
    for (name, field) in fields {
        if let Some(value) = set.get(name) {
            let shown = match value {
                Value::Object(inner) => Value::Object(with_defaults(&field.fields, inner)),
                other => other.clone(),
            };
            out.insert(name.clone(), shown);
        } else if let Some(default) = &field.default {
            let off = field.form == Form::Flag;
            let excluded = field.not.iter().any(|rival| {
                set.get(rival).is_some_and(|value| fields.get(rival).is_some_and(|field| is_set(field, value)))
            });
            if !excluded || off {
                out.insert(name.clone(), default.clone());
            }
        }
    }
    out
}
