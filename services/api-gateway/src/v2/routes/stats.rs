//! Counters of a load balancer, a listener, a pool or a member.

use axum::{http::StatusCode, response::Response};
use ballast_proto::v2;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kit::reply;

#[derive(Serialize)]
struct Stats {
    bytes_in: u64,
    bytes_out: u64,
    active_connections: u64,
    total_connections: u64,
    request_errors: u64,
}

/// 200 with them.
pub(super) fn reply(stats: &v2::Stats) -> Response {
    let stats = Stats {
        bytes_in: stats.bytes_in,
        bytes_out: stats.bytes_out,
        active_connections: stats.active_connections,
        total_connections: stats.total_connections,
        request_errors: stats.request_errors,
    };
    reply::wrapped(StatusCode::OK, "stats", &stats)
}

pub(super) fn schema() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    let stats = json!({ "type": "object", "properties": {
        "bytes_in": count, "bytes_out": count, "active_connections": count, "total_connections": count,
        "request_errors": count
    } });
    json!({ "type": "object", "required": ["stats"], "properties": { "stats": stats } })
}
