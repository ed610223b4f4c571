//! JSON schemas of resources, from their attribute maps.

use serde_json::{Map, Value, json};

use crate::kit::{
    attributes::{Attribute, Kind, Limit, Resource},
    table::Does,
};

/// Adds the schemas that an operation needs of its resource.
pub(super) fn of_resource(schemas: &mut Map<String, Value>, resource: &Resource, does: Does) {
    let mut put = |suffix: &str, schema| schemas.insert(named(resource, suffix), schema);
    match does {
        Does::Attach(_) | Does::Refuse(_) | Does::Replace(_) => return,
        Does::Create(_) => put("Create", taken(resource, Attribute::in_post, Attribute::is_required)),
        Does::Update(_) | Does::UpdateLater(_) => put("Update", taken(resource, Attribute::in_put, |_| false)),
        _ => None,
    };
    put("", shown(resource));
}

/// `HealthMonitorCreate`
fn named(resource: &Resource, suffix: &str) -> String {
    let words = resource.one.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect::<String>() + suffix
}

fn reference(resource: &Resource, suffix: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", named(resource, suffix)) })
}

pub(super) fn wrapped_one(resource: &Resource, suffix: &str) -> Value {
    let one = reference(resource, suffix);
    json!({ "type": "object", "required": [resource.one], "properties": { resource.one: one } })
}

pub(super) fn wrapped_many(resource: &Resource) -> Value {
    json!({
        "type": "object", "required": [resource.many],
        "properties": {
            resource.many: { "type": "array", "items": reference(resource, "") },
            resource.links: { "$ref": "#/components/schemas/Links" }
        }
    })
}

/// A body that has all objects of a collection.
pub(super) fn wrapped_all(resource: &Resource) -> Value {
    let all = json!({ "type": "array", "items": reference(resource, "Create") });
    json!({ "type": "object", "required": [resource.many], "properties": { resource.many: all } })
}

/// One of a resource with a bulk form, or several.
pub(super) fn attaching(resource: &Resource) -> Value {
    let one = taken(resource, Attribute::in_post, Attribute::is_required);
    either(resource, &one, &json!({ "type": "array", "minItems": 1, "items": one }))
}

/// The reply to [`attaching`].
pub(super) fn attached(resource: &Resource) -> Value {
    let empty = json!({ "type": "object", "maxProperties": 0 });
    either(resource, &empty, &json!({ "type": "array", "items": empty }))
}

fn either(resource: &Resource, one: &Value, many: &Value) -> Value {
    json!({ "oneOf": [
        { "type": "object", "required": [resource.one], "properties": { resource.one: one } },
        { "type": "object", "required": [resource.many], "properties": { resource.many: many } }
    ] })
}

/// What a body may have.
fn taken(resource: &Resource, takes: fn(&Attribute) -> bool, needs: fn(&Attribute) -> bool) -> Value {
    let attributes = || resource.attributes.iter().filter(|attribute| takes(attribute));
    let properties: Map<String, Value> =
        attributes().map(|attribute| (attribute.name.to_owned(), asked(attribute))).collect();
    let required: Vec<_> = attributes().filter(|attribute| needs(attribute)).map(|attribute| attribute.name).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// What a reply has, unless `fields` leaves it out.
fn shown(resource: &Resource) -> Value {
    let attributes = resource.attributes.iter().filter(|attribute| attribute.is_shown());
    let properties: Map<String, Value> = attributes.map(|one| (one.name.to_owned(), answered(one))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// What an object may have that is made as a part of another one.
fn as_part(resource: &Resource) -> Value {
    taken(resource, Attribute::in_part, Attribute::is_required_in_part)
}

fn asked(attribute: &Attribute) -> Value {
    let mut schema = taken_as(attribute);
    match attribute.limit {
        // A number, or its digits as a text.
        Some(Limit::Number(bounds)) => {
            schema = json!({ "allOf": [schema], "minimum": bounds.least, "maximum": bounds.most });
        }
        Some(Limit::Longest(longest)) => schema["maxLength"] = json!(longest),
        None => {}
    }
    schema
}

fn taken_as(attribute: &Attribute) -> Value {
    match attribute.kind {
        Kind::Flag => json!({ "$ref": "#/components/schemas/Flag" }),
        Kind::Integer { .. } => json!({ "$ref": "#/components/schemas/Integer" }),
        Kind::IntegerOneOf(numbers) => {
            let texts = numbers.iter().map(ToString::to_string).map(Value::from);
            json!({ "enum": numbers.iter().copied().map(Value::from).chain(texts).collect::<Vec<_>>() })
        }
        Kind::AddressOrNone => json!({ "type": ["string", "null"] }),
        _ => answered(attribute),
    }
}

fn answered(attribute: &Attribute) -> Value {
    if let Some(schema) = attribute.schema {
        return schema();
    }
    let mut schema = match attribute.kind {
        Kind::Text | Kind::Secret | Kind::Address | Kind::AddressOrNone => json!({ "type": "string" }),
        Kind::Uuid => json!({ "type": "string", "format": "uuid" }),
        Kind::UuidList => json!({ "type": "array", "items": { "type": "string", "format": "uuid" } }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Integer { .. } => json!({ "type": "integer" }),
        Kind::OneOf(names) => json!({ "type": "string", "enum": names }),
        Kind::IntegerOneOf(numbers) => json!({ "type": "integer", "enum": numbers }),
        Kind::Constant(constant) => json!({ "type": "string", "const": constant }),
        Kind::False => json!({ "type": "boolean", "const": false }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Version => json!({ "type": "number", "enum": [1.0, 1.1] }),
        Kind::Part(part) => as_part(part),
        Kind::Parts(part) => json!({ "type": "array", "items": as_part(part) }),
        Kind::Shape(_) => json!({}),
    };
    if attribute.may_be_null()
        && let Some(kind) = schema.get("type").cloned()
    {
        schema["type"] = json!([kind, "null"]);
    }
    schema
}
