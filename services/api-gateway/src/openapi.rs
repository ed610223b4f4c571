//! The OpenAPI document, made from the routes' table and the attribute maps, so it cannot say what is not served.
//!
//! It says what an attribute may be in general. What the scheduler alone knows, as ranges and what must exist, it does
//! not say: the API's refusals do.

mod schema;

use std::sync::OnceLock;

use axum::{body::Bytes, http::StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    attributes::Resource,
    reply::{self, Reply},
    routes::table::{Does, Operation, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::new().serve("/openapi.json", Does::Tell(|| json!({ "type": "object" })), "get_openapi", show)
}

/// Written once: it is the same for everyone.
async fn show() -> Reply {
    static WRITTEN: OnceLock<Bytes> = OnceLock::new();
    let written = WRITTEN.get_or_init(|| Bytes::from(document(&crate::routes::table().operations).to_string()));
    Ok(reply::written(StatusCode::OK, written.clone()))
}

/// The document of these operations.
pub(crate) fn document(operations: &[Operation]) -> Value {
    let mut paths = Map::new();
    let mut schemas = schema::shared();
    for operation in operations {
        if let Some(resource) = operation.does.resource() {
            schema::of_resource(&mut schemas, resource, operation.does);
        }
        let path = paths.entry(operation.path).or_insert_with(|| parameters_of(operation.path));
        path[operation.does.method().to_lowercase()] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ballast",
            "summary": "Load balancing as a service, by the API of Neutron's LBaaS v1",
            "description": "Every path below /v2.0 also works with .json behind it. Lists take every attribute as a \
                filter; a repeated key means any of its values.",
            "version": "v2.0",
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") }
        },
        "servers": [{ "url": "/" }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": shared_parameters(),
            "responses": { "Refused": refused(), "Unavailable": unavailable() },
            "securitySchemes": { "token": { "type": "apiKey", "in": "header", "name": "X-Auth-Token" } }
        }
    })
}

/// What holds for every method of a path: the parameters in it.
fn parameters_of(path: &str) -> Value {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let text = json!({ "type": "string", "minLength": 1 });
    let parameters: Vec<Value> =
        names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": text })).collect();
    if parameters.is_empty() { json!({}) } else { json!({ "parameters": parameters }) }
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.action,
        "responses": {
            "4XX": { "$ref": "#/components/responses/Refused" },
            "5XX": { "$ref": "#/components/responses/Unavailable" }
        }
    });
    let (status, reply) = reply_of(operation.does);
    described["responses"][status] = reply;
    if let Some(body) = body_of(operation.does) {
        let content = json!({ "application/json": { "schema": body } });
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    let query = query_of(operation.does);
    if !query.is_empty() {
        described["parameters"] = Value::Array(query);
    }
    described
}

fn reply_of(does: Does) -> (&'static str, Value) {
    let many = |resource: &Resource| schema::wrapped_many(resource);
    let (status, schema) = match does {
        Does::List(resource) | Does::ListWhole(resource) | Does::ListAll(resource) => ("200", many(resource)),
        Does::Show(resource) | Does::Update(resource) => ("200", schema::wrapped_one(resource, "")),
        Does::ShowOrNull(resource) => {
            ("200", json!({ "oneOf": [schema::wrapped_one(resource, ""), { "type": "null" }] }))
        }
        Does::Create(resource) => ("201", schema::wrapped_one(resource, "")),
        Does::Attach(resource) => ("201", schema::attached(resource)),
        Does::Tell(schema) => ("200", schema()),
        Does::Delete => return ("204", json!({ "description": "It is gone." })),
        Does::Refuse(_) => return ("400", json!({ "$ref": "#/components/responses/Refused" })),
    };
    let content = json!({ "application/json": { "schema": schema } });
    (
        status,
        json!({ "description": if status == "201" { "It was made." } else { "As asked for." }, "content": content }),
    )
}

fn body_of(does: Does) -> Option<Value> {
    match does {
        Does::Create(resource) => Some(schema::wrapped_one(resource, "Create")),
        Does::Update(resource) => Some(schema::wrapped_one(resource, "Update")),
        Does::Attach(resource) => Some(schema::attaching(resource)),
        Does::Refuse(resource) => Some(json!({
            "type": "object", "required": [resource.one], "properties": { resource.one: { "type": "object" } }
        })),
        _ => None,
    }
}

fn query_of(does: Does) -> Vec<Value> {
    let shared = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
    let filters = |resource: &Resource| -> Vec<Value> {
        let filter = |name| {
            let schema = json!({ "type": "array", "items": { "type": "string" } });
            json!({ "name": name, "in": "query", "schema": schema })
        };
        resource.attributes.iter().map(|attribute| filter(attribute.name)).collect()
    };
    match does {
        Does::List(resource) => {
            let mut query = filters(resource);
            query.extend(["fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"].map(shared));
            query
        }
        Does::ListWhole(resource) => {
            let mut query = filters(resource);
            query.extend(["fields", "sort_key", "sort_dir"].map(shared));
            query
        }
        Does::Show(_) => vec![shared("fields")],
        _ => Vec::new(),
    }
}

fn shared_parameters() -> Value {
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
        "page_reverse": one("page_reverse", "The page before the marker instead.", &schema::flag())
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
