//! What the `openstack` command asks of other services, at the one address that it has without a catalog. Networks, subnets
//! and ports are v1's.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    caller::Caller,
    kit::{
        reply::{self, Reply},
        table::{Does, Routes},
    },
    v2::place::Place,
};

pub(crate) fn routes() -> Routes {
    let anything = || json!({ "type": "object" });
    Routes::new()
        .serve("/v2/security-groups", Does::Tell(anything), "get_security_groups", groups)
        .serve("/v2/qos/policies", Does::Tell(anything), "get_qos_policies", policies)
        .serve("/projects/{id}", Does::Tell(anything), "get_project", project)
}

fn empty(name: &str) -> Value {
    json!({ name: [] })
}

async fn groups(_: Caller) -> Reply {
    Ok(reply::json(StatusCode::OK, &empty("security_groups")))
}

async fn policies(_: Caller) -> Reply {
    Ok(reply::json(StatusCode::OK, &empty("policies")))
}

/// Projects are no objects here: each is what it is called.
async fn project(_: Caller, place: Place) -> Reply {
    Ok(reply::wrapped(StatusCode::OK, "project", &json!({ "id": place.id, "name": place.id })))
}
