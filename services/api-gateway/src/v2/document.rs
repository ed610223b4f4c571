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
    own: OWN,
    parameters,
    schemas,
    responses,
};

const PROJECT: &str = "Of this project alone; without it of those that the caller may see.";
const OWN: &[(&str, &str, &str)] = &[
    ("delete_loadbalancer", "cascade", "true: with all that is in it."),
    ("update_members", "additive_only", "true: members that are not named stay."),
    ("watch_events", "cursor", "Go on behind this one: the id of the last event seen. Last-Event-ID says the same."),
    ("watch_events", "kind", "Of this kind alone; may be repeated."),
    ("watch_events", "id", "Of this object alone; may be repeated."),
    ("watch_events", "project_id", PROJECT),
    ("watch_events", "snapshot", "true: first all that there is."),
    ("watch_events", "since", "What has changed since then, a time of RFC 3339."),
    ("get_stats", "id", "Of this load balancer alone; may be repeated."),
    ("get_stats", "project_id", PROJECT),
    ("get_stats", "cursor", "The page behind this one, which the one before has named."),
    ("get_stats", "limit", "As many load balancers at most."),
    ("get_loadbalancer_traffic", "span", "How far back: the last hour or the last day."),
    ("get_loadbalancer_revisions", "limit", "As many changes at most, the newest first."),
    ("rollback_loadbalancer", plan::NAME, "true: check it and do not do it."),
    ("get_secrets", "project_id", PROJECT),
    ("get_secrets", "limit", "As many at most."),
    ("get_secrets", "marker", "The page behind this one, which the one before has named."),
    ("look_at_secrets", "project_id", PROJECT),
    ("get_overview", "project_id", PROJECT),
    ("get_quotas", "project_id", PROJECT),
    ("get_quotas", "limit", "As many at most."),
    ("get_quotas", "marker", "The project of the last one seen."),
    ("get_flavor_capabilities", "name", "Of this name alone."),
    ("get_flavor_capabilities", "description", "With this description alone."),
    ("get_availability_zone_capabilities", "name", "Of this name alone."),
    ("get_availability_zone_capabilities", "description", "With this description alone."),
];

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
