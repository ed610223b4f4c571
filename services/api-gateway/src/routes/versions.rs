//! `/` and `/v2.0/`: which versions there are, and the core resources of this one.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::table::{Does, Routes};
use crate::{
    query::Query,
    reply::{self, Reply},
};

/// The resources that are no extension's, as (name, collection).
const CORE: &[(&str, &str)] = &[("network", "networks"), ("subnet", "subnets"), ("port", "ports")];

pub(crate) fn routes() -> Routes {
    Routes::new()
        .serve("/", Does::Tell(versions_schema), "get_versions", versions)
        .serve("/v2.0", Does::Tell(resources_schema), "get_resources", resources)
        .serve("/v2.0/", Does::Tell(resources_schema), "get_resources_of_version", resources)
}

fn links_schema() -> Value {
    let link = json!({
        "type": "object", "required": ["rel", "href"],
        "properties": { "rel": { "type": "string" }, "href": { "type": "string" } }
    });
    json!({ "type": "array", "items": link })
}

/// The JSON schema of a list of objects with two texts and links.
fn listed_schema(wrapper: &str, names: [&str; 2]) -> Value {
    let text = json!({ "type": "string" });
    let item = json!({
        "type": "object", "required": [names[0], names[1], "links"],
        "properties": { names[0]: text, names[1]: text, "links": links_schema() }
    });
    json!({ "type": "object", "required": [wrapper], "properties": { wrapper: { "type": "array", "items": item } } })
}

fn versions_schema() -> Value {
    listed_schema("versions", ["id", "status"])
}

fn resources_schema() -> Value {
    listed_schema("resources", ["name", "collection"])
}

#[derive(Serialize)]
struct Link {
    rel: &'static str,
    href: String,
}

#[derive(Serialize)]
struct Version {
    id: &'static str,
    status: &'static str,
    links: [Link; 1],
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

async fn versions(query: Query) -> Reply {
    let version = Version { id: "v2.0", status: "CURRENT", links: itself(&query, "/v2.0") };
    Ok(reply::wrapped(StatusCode::OK, "versions", &[version]))
}

async fn resources(query: Query) -> Reply {
    let core = |&(name, collection): &(&'static str, &'static str)| Core {
        name,
        collection,
        links: itself(&query, &format!("/v2.0/{collection}")),
    };
    Ok(reply::wrapped(StatusCode::OK, "resources", &CORE.iter().map(core).collect::<Vec<_>>()))
}
