//! `/` and the paths above the resources: which versions there are. Clients look at them for what the server can do.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kit::{
    query::Query,
    reply::{self, Reply},
    table::{Does, Routes},
};

/// When each came, from v2.0 on: at midnight, where nothing is said.
const UPDATED: [&str; 31] = [
    "2016-12-11",
    "2018-04-20",
    "2018-07-31",
    "2018-12-18",
    "2018-12-19",
    "2019-01-21",
    "2019-01-25",
    "2018-01-25T12",
    "2019-02-12",
    "2019-03-04",
    "2019-03-05",
    "2019-06-24",
    "2019-09-11",
    "2019-09-13",
    "2019-11-10",
    "2020-03-10",
    "2020-03-15",
    "2020-04-29",
    "2020-04-29T01",
    "2020-05-12",
    "2020-08-02",
    "2020-09-03",
    "2020-09-04",
    "2020-09-07",
    "2020-10-15",
    "2021-10-02",
    "2022-08-29",
    "2023-05-05",
    "2023-11-08",
    "2024-10-15",
    "2025-02-26",
];

pub(crate) fn routes() -> Routes {
    let mut routes = Routes::new().serve("/", Does::Tell(schema), "get_versions", versions);
    for (path, action) in
        [("/v2", "get_version"), ("/v2.0/lbaas", "get_version_of_lbaas"), ("/v2.0/octavia", "get_version_of_octavia")]
    {
        routes = routes.serve(path, Does::Tell(|| json!({ "const": "v2" })), action, version);
    }
    routes
}

fn schema() -> Value {
    let text = json!({ "type": "string" });
    let link = json!({ "type": "object", "properties": { "rel": text, "href": text } });
    let version = json!({ "type": "object", "properties": {
        "id": text, "status": { "enum": ["SUPPORTED", "CURRENT"] }, "updated": text,
        "links": { "type": "array", "items": link }
    } });
    json!({ "type": "object", "required": ["versions"], "properties": {
        "versions": { "type": "array", "items": version }
    } })
}

#[derive(Serialize)]
struct Version<'a> {
    id: String,
    status: &'static str,
    updated: String,
    links: [Link<'a>; 1],
}

#[derive(Serialize)]
struct Link<'a> {
    href: &'a str,
    rel: &'static str,
}

/// All in ascending order: who wants to know what there is looks at the last one.
async fn versions(query: Query) -> Reply {
    let href = format!("{}/v2", query.origin());
    let version = |(at, updated): (usize, &&str)| Version {
        id: format!("v2.{at}"),
        status: if at + 1 == UPDATED.len() { "CURRENT" } else { "SUPPORTED" },
        updated: if updated.contains('T') { format!("{updated}:00:00Z") } else { format!("{updated}T00:00:00Z") },
        links: [Link { href: &href, rel: "self" }],
    };
    let versions: Vec<_> = UPDATED.iter().enumerate().map(version).collect();
    Ok(reply::wrapped(StatusCode::OK, "versions", &versions))
}

async fn version() -> Reply {
    Ok(reply::json(StatusCode::OK, &"v2"))
}
