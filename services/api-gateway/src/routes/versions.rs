//! `/` and `/v2.0/`: which versions there are, and the core resources of this one.

use axum::{Router, http::StatusCode, routing::get};
use serde::Serialize;

use crate::{
    Gateway,
    query::Query,
    reply::{self, Reply},
};

/// The resources that are no extension's, as (name, collection).
const CORE: &[(&str, &str)] = &[("network", "networks"), ("subnet", "subnets")];

pub(crate) fn routes() -> Router<Gateway> {
    Router::new().route("/", get(versions)).route("/v2.0", get(resources)).route("/v2.0/", get(resources))
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
