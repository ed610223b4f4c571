//! Who names whom: references that must exist, and objects that cannot go while they are named.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    configuration::Objects,
    error::Refused,
    schema::{Field, Kind, Schema},
    validate::Fields,
};

/// Kinds that exist on every device without being made.
const BUILT_IN: &str = "default";

/// What these fields name: the kind and the name, at any depth.
fn named<'a>(fields: &'a BTreeMap<String, Field>, set: &'a Fields, names: &mut Vec<(&'a str, &'a str)>) {
    for (name, value) in set {
        let Some(field) = fields.get(name) else { continue };
        match value {
            Value::String(target) => names.extend(field.names.as_deref().map(|kind| (kind, target.as_str()))),
            Value::Object(inner) => named(&field.fields, inner, names),
            Value::Array(list) => {
                list.iter().filter_map(Value::as_object).for_each(|one| named(&field.fields, one, names));
            }
            _ => {}
        }
    }
}

/// Every object that these fields name must exist in the partition.
pub(crate) fn resolved(schema: &Schema, kind: &Kind, fields: &Fields, objects: &Objects) -> Result<(), Refused> {
    let mut names = Vec::new();
    named(&kind.fields, fields, &mut names);
    for (of, target) in names {
        let known = schema.objects.contains_key(of) && objects.contains_key(&format!("{of}/{target}"));
        if !known && target != BUILT_IN {
            let object = of.rsplit('/').next().unwrap_or(of);
            return Err(Refused::not_found(object));
        }
    }
    Ok(())
}

/// An object that names this one, but for memberships: those go with their server.
pub(crate) fn user_of(schema: &Schema, kind: &str, key: &str, objects: &Objects) -> Option<String> {
    if kind == "slb/server" {
        return None;
    }
    objects.iter().find_map(|(path, fields)| {
        let user = schema.objects.get(&kind_of(path))?;
        let mut names = Vec::new();
        named(&user.fields, fields, &mut names);
        names.contains(&(kind, key)).then(|| path.clone())
    })
}

/// Takes it out of all objects that name it.
pub(crate) fn forget(schema: &Schema, kind: &str, key: &str, objects: &mut Objects) {
    for (path, fields) in objects.iter_mut() {
        let Some(user) = schema.objects.get(&kind_of(path)) else { continue };
        if kind != "slb/server" {
            fields.retain(|name, value| {
                let names = user.fields.get(name).is_some_and(|field| field.names.as_deref() == Some(kind));
                !names || value != key
            });
        }
    }
}

/// The kind of the object at a path: `slb/server/s1/port/80+tcp` is a `slb/server/port`.
pub(crate) fn kind_of(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').collect();
    let root = match segments.as_slice() {
        ["slb", "template", "persist", ..] => 4,
        ["slb", "template", ..] => 3,
        _ => 2,
    };
    let child = segments.get(root + 1).map(|child| format!("/{child}")).unwrap_or_default();
    format!("{}{child}", segments[..root.min(segments.len())].join("/"))
}
