//! The OpenAPI document of v2.

use std::sync::OnceLock;

use axum::{body::Bytes, http::StatusCode};
use serde_json::{Map, Value, json};

use super::plan;
use crate::kit::{
    openapi::{self, Api},
    reply::{self, Reply},
    table::{Does, Routes},
};

const API: Api = Api {
    summary: "Load balancing as a service, by the API of Octavia",
    description: "Every path below /v2.0/lbaas also works below /v2/lbaas, /v2 and, where Neutron has nothing of that \
        name, /v2.0; with a slash or .json behind it, too. Lists take attributes as filters; a repeated key means any of \
        its values. Every object has an ETag, which If-Match takes; a POST may have an Idempotency-Key.",
    version: "v2.30",
    list: &[
        "fields",
        "tags",
        "tags-any",
        "not-tags",
        "not-tags-any",
        "sort",
        "sort_key",
        "sort_dir",
        "limit",
        "marker",
        "page_reverse",
    ],
    whole: &["fields"],
    writes: &[plan::NAME],
    parameters,
    schemas,
    responses,
};

pub(super) fn routes() -> Routes {
    Routes::new().serve("/openapi-v2.json", Does::Tell(|| json!({ "type": "object" })), "get_openapi", show)
}

/// Written once: it is the same for everyone.
async fn show() -> Reply {
    static WRITTEN: OnceLock<Bytes> = OnceLock::new();
    let written = WRITTEN.get_or_init(|| Bytes::from(document().to_string()));
    Ok(reply::written(StatusCode::OK, written.clone()))
}

pub(crate) fn document() -> Value {
    openapi::document(&API, &super::table().operations)
}

fn parameters() -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": text });
    let one = |name: &str, description: &str, schema: &Value| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    json!({
        "fields": one("fields", "Show these attributes alone: one in each parameter.", &texts),
        "tags": one("tags", "Objects with all of these tags.", &texts),
        "tags-any": one("tags-any", "Objects with one of these tags.", &texts),
        "not-tags": one("not-tags", "Objects without one of these tags.", &texts),
        "not-tags-any": one("not-tags-any", "Objects without any of these tags.", &texts),
        "sort": one("sort", "Sort by these attributes: name or name:desc, with commas between.", &text),
        "sort_key": one("sort_key", "The same, with the directions in sort_dir.", &texts),
        "sort_dir": one("sort_dir", "The directions of sort_key: asc or desc.", &texts),
        "limit": one("limit", "As many objects at most, up to 1000.", &json!({ "type": "integer" })),
        "marker": one("marker", "The id of the last object seen: the page begins after it.", &text),
        "validate_only": one(plan::NAME, "Check the write and do not make it: 200 with the object and its plan.", &checked()),
        "page_reverse": one("page_reverse", "The page before the marker instead.", &json!({ "enum": ["true", "True", "1"] }))
    })
}

fn checked() -> Value {
    json!({ "enum": ["true", "false"] })
}

fn schemas() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    let link = json!({
        "type": "object", "required": ["rel", "href"],
        "properties": { "rel": { "enum": ["next", "previous"] }, "href": text }
    });
    let mut schemas = Map::new();
    let mut put = |name: &str, schema| schemas.insert(name.to_owned(), schema);
    put(
        "Fault",
        json!({ "type": "object", "required": ["faultcode", "faultstring", "debuginfo"], "properties": {
            "faultcode": { "enum": ["Client", "Server"] }, "faultstring": text, "debuginfo": { "type": "null" }
        } }),
    );
    put(
        "Refusal",
        json!({ "type": "object", "required": ["code", "title", "description"], "properties": {
            "code": { "type": "integer" }, "title": text, "description": text
        } }),
    );
    put("Plan", plan::schema());
    put("Links", json!({ "type": "array", "items": link }));
    put("Flag", json!({ "type": ["boolean", "integer", "string"] }));
    put("Integer", json!({ "type": ["integer", "number", "boolean", "string"] }));
    schemas
}

fn responses() -> Value {
    let content = |names: &[&str]| {
        let schemas: Vec<_> =
            names.iter().map(|name| json!({ "$ref": format!("#/components/schemas/{name}") })).collect();
        json!({ "application/json": { "schema": { "oneOf": schemas } } })
    };
    let plan = json!({ "type": "object", "required": ["plan"], "properties": {
        "plan": { "$ref": "#/components/schemas/Plan" }
    } });
    json!({
        "Planned": {
            "description": "Only checked (validate_only): the object as it would be, by its name, and what it would do.",
            "content": { "application/json": { "schema": plan } }
        },
        "Refused": { "description": "The request is at fault.", "content": content(&["Fault", "Refusal"]) },
        "Unavailable": {
            "description": "The service is at fault, or no driver of it has what is asked for.",
            "content": content(&["Fault"])
        }
    })
}

#[cfg(test)]
mod tests;
