//! The OpenAPI document of v1.

use std::sync::OnceLock;

use axum::{body::Bytes, http::StatusCode};
use serde_json::{Map, Value, json};

use crate::kit::{
    openapi::{self, Api},
    reply::{self, Reply},
    table::{Does, Routes},
};

const API: Api = Api {
    summary: "Load balancing as a service, by the API of Neutron's LBaaS v1",
    description: "Every path below /v2.0 also works with .json behind it. Lists take every attribute as a \
                filter; a repeated key means any of its values.",
    version: "v2.0",
    list: &["fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"],
    whole: &["fields", "sort_key", "sort_dir"],
    writes: &[],
    own: &[(
        "delete_agent",
        "force",
        "true: also an agent that has load balancers, or some that it has not confirmed to have removed.",
    )],
    parameters,
    schemas,
    responses,
};

pub(super) fn routes() -> Routes {
    Routes::new().serve("/openapi.json", Does::Tell(|| json!({ "type": "object" })), "get_openapi", show)
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

fn responses() -> Value {
    json!({ "Refused": refused(), "Unavailable": unavailable() })
}

/// A boolean as requests may have it.
fn flag() -> Value {
    json!({ "enum": [true, false, "True", "False", "true", "false", "1", "0", 1, 0] })
}

/// Schemas that several resources need.
fn schemas() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    let error = json!({
        "type": "object", "required": ["type", "message", "detail"],
        "properties": { "type": text, "message": text, "detail": text }
    });
    let link = json!({
        "type": "object", "required": ["rel", "href"],
        "properties": { "rel": { "enum": ["next", "previous"] }, "href": text }
    });
    let mut schemas = Map::new();
    let mut put = |name: &str, schema| schemas.insert(name.to_owned(), schema);
    put(
        "NeutronError",
        json!({ "type": "object", "required": ["NeutronError"], "properties": { "NeutronError": error } }),
    );
    put("Links", json!({ "type": "array", "items": link }));
    put("Flag", flag());
    put("Integer", json!({ "type": ["integer", "string"], "pattern": "^ *[+-]?[0-9]+ *$" }));
    schemas
}

fn parameters() -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": text });
    let one = |name: &str, description: &str, schema: &Value| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    let ways = json!({ "type": "array", "items": { "enum": ["asc", "desc"] } });
    let limit = json!({ "type": "integer", "minimum": 0 });
    json!({
        "fields": one("fields", "Show these attributes alone.", &texts),
        "sort_key": one("sort_key", "Sort by these attributes; each needs its sort_dir.", &texts),
        "sort_dir": one("sort_dir", "The directions of the sort keys, in their order.", &ways),
        "limit": one("limit", "As many objects at most; 0: all.", &limit),
        "marker": one("marker", "The id of the last object seen: the page begins after it.", &text),
        "page_reverse": one("page_reverse", "The page before the marker instead.", &flag())
    })
}

fn refused() -> Value {
    let error = json!({ "$ref": "#/components/schemas/NeutronError" });
    json!({
        "description": "The request is at fault. A path or a method that is not there is answered in plain text.",
        "content": {
            "application/json": { "schema": error },
            "text/plain": { "schema": { "type": "string" } }
        }
    })
}

fn unavailable() -> Value {
    let error = json!({ "$ref": "#/components/schemas/NeutronError" });
    json!({
        "description": "The service is at fault, or not all of it runs.",
        "content": { "application/json": { "schema": error } }
    })
}

#[cfg(test)]
mod tests;
