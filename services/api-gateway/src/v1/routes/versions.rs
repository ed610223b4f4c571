//! `/v2.0/`: the core resources of Neutron's API.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kit::{
    query::Query,
    reply::{self, Reply},
    table::{Does, Routes},
};

/// The resources that are no extension's, as (name, collection).
const CORE: &[(&str, &str)] = &[("network", "networks"), ("subnet", "subnets"), ("port", "ports")];

pub(crate) fn routes() -> Routes {
    Routes::new().serve("/v2.0", Does::Tell(resources_schema), "get_resources", resources).serve(
        "/v2.0/",
        Does::Tell(resources_schema),
        "get_resources_of_version",
        resources,
    )
}

fn links_schema() -> Value {
    let link = json!({
        "type": "object", "required": ["rel", "href"],
        "properties": { "rel": { "type": "string" }, "href": { "type": "string" } }
    });
    json!({ "type": "array", "items": link })
}

fn resources_schema() -> Value {
    let text = json!({ "type": "string" });
    let item = json!({
        "type": "object", "required": ["name", "collection", "links"],
        "properties": { "name": text, "collection": text, "links": links_schema() }
    });
    json!({ "type": "object", "required": ["resources"], "properties": { "resources": { "type": "array", "items": item } } })
}

#[derive(Serialize)]
struct Link {
    rel: &'static str,
    href: String,
}

#[derive(Serialize)]
struct Core {
    name: &'static str,
    collection: &'static str,
    links: [Link; 1],
}

fn itself(query: &Query, path: &str) -> [Link; 1] {
    [Link { rel: "self", href: format!("{}{path}", query.origin()) }]
}

async fn resources(query: Query) -> Reply {
    let core = |&(name, collection): &(&'static str, &'static str)| Core {
        name,
        collection,
        links: itself(&query, &format!("/v2.0/{collection}")),
    };
    Ok(reply::wrapped(StatusCode::OK, "resources", &CORE.iter().map(core).collect::<Vec<_>>()))
}
