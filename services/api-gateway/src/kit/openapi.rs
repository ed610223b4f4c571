//! OpenAPI documents, made from the routes' tables and the attribute maps, so they cannot say what is not served.
//!
//! They say what an attribute may be in general. What the scheduler alone knows, as ranges and what must exist, they do
//! not say: the API's refusals do.

pub(crate) mod schema;

use serde_json::{Map, Value, json};

use super::{
    attributes::Resource,
    table::{Does, Operation},
};

/// What is one API's own in its document.
pub(crate) struct Api {
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) version: &'static str,
    /// The parameters of lists besides filters, and of those that have no pages.
    pub(crate) list: &'static [&'static str],
    pub(crate) whole: &'static [&'static str],
    /// Of writes; where there is one, `Planned` is among the responses: what a write is answered with that is only
    /// checked.
    pub(crate) writes: &'static [&'static str],
    /// Of single operations: action, name and what it is for.
    pub(crate) own: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) parameters: fn() -> Value,
    /// Among them `Flag`, `Integer` and `Links`.
    pub(crate) schemas: fn() -> Map<String, Value>,
    /// `Refused` and `Unavailable`.
    pub(crate) responses: fn() -> Value,
}

/// The document of these operations.
pub(crate) fn document(api: &Api, operations: &[Operation]) -> Value {
    let mut paths = Map::new();
    let mut schemas = (api.schemas)();
    for operation in operations {
        if let Some(resource) = operation.does.resource() {
            schema::of_resource(&mut schemas, resource, operation.does);
        }
        let path = paths.entry(operation.path).or_insert_with(|| parameters_of(operation.path));
        path[operation.does.method().to_lowercase()] = described(api, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ballast",
            "summary": api.summary,
            "description": api.description,
            "version": api.version,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") }
        },
        "servers": [{ "url": "/" }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": (api.parameters)(),
            "responses": (api.responses)(),
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

fn described(api: &Api, operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.action,
        "responses": {
            "4XX": { "$ref": "#/components/responses/Refused" },
            "5XX": { "$ref": "#/components/responses/Unavailable" }
        }
    });
    let (status, reply) = reply_of(operation.does);
    described["responses"][status] = reply;
    if status != "200" && !api.writes.is_empty() && is_write(operation.does) {
        described["responses"]["200"] = json!({ "$ref": "#/components/responses/Planned" });
    }
    if let Some(body) = body_of(operation.does) {
        let content = json!({ "application/json": { "schema": body } });
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    let mut query = query_of(api, operation.does);
    let own = api.own.iter().filter(|(action, ..)| *action == operation.action);
    query.extend(own.map(
        |(_, name, what)| json!({ "name": name, "in": "query", "description": what, "schema": { "type": "string" } }),
    ));
    if !query.is_empty() {
        described["parameters"] = Value::Array(query);
    }
    described
}

/// Whether it writes what can be only checked, too.
const fn is_write(does: Does) -> bool {
    matches!(does, Does::Create(_) | Does::Update(_) | Does::Replace(_) | Does::Delete)
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
        Does::Stream(schema) => {
            let content = json!({ "text/event-stream": { "schema": schema() } });
            return ("200", json!({ "description": "Events; the schema is that of one's data.", "content": content }));
        }
        Does::Text(what) => {
            let content = json!({ "text/plain": { "schema": { "type": "string" } } });
            return ("200", json!({ "description": what, "content": content }));
        }
        Does::UpdateLater(resource) => ("202", schema::wrapped_one(resource, "")),
        Does::Delete => return ("204", json!({ "description": "It is gone." })),
        Does::Act | Does::Replace(_) | Does::Reset => return ("202", json!({ "description": "It is done." })),
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
        Does::Update(resource) | Does::UpdateLater(resource) => Some(schema::wrapped_one(resource, "Update")),
        Does::Replace(resource) => Some(schema::wrapped_all(resource)),
        Does::Attach(resource) => Some(schema::attaching(resource)),
        Does::Refuse(resource) => Some(json!({
            "type": "object", "required": [resource.one], "properties": { resource.one: { "type": "object" } }
        })),
        _ => None,
    }
}

fn query_of(api: &Api, does: Does) -> Vec<Value> {
    let shared = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
    // An attribute that has a parameter of its own is no other filter beside it.
    let query = |resource: &Resource, shared_names: &[&str]| -> Vec<Value> {
        let filter = |name| {
            let schema = json!({ "type": "array", "items": { "type": "string" } });
            json!({ "name": name, "in": "query", "schema": schema })
        };
        let names = resource.attributes.iter().map(|attribute| attribute.name);
        let filters = names.filter(|name| !shared_names.contains(name)).map(filter);
        filters.chain(shared_names.iter().map(|name| shared(name))).collect()
    };
    match does {
        Does::List(resource) => query(resource, api.list),
        Does::ListWhole(resource) => query(resource, api.whole),
        Does::Show(_) => vec![shared("fields")],
        does if is_write(does) => api.writes.iter().map(|name| shared(name)).collect(),
        _ => Vec::new(),
    }
}
