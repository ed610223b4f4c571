//! `GET /ballast/v1/stats`: the counters of all load balancers, and of those alone that changed since a cursor.

use axum::{extract::State, http::StatusCode};
use ballast_proto::v2::{ListStatsRequest, LoadBalancerStats, Stats};
use serde::Serialize;
use serde_json::{Value, json};

use super::only;
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        query::Query,
        refusal::Refusal,
        reply::{self, Reply},
    },
};

pub(super) async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    only(&query, &["cursor", "id", "limit", "project_id"])?;
    let request = ListStatsRequest {
        cursor: query.last("cursor").unwrap_or_default().to_owned(),
        page_size: limit(query.last("limit"))?,
        ids: query.all("id").map(str::to_owned).collect(),
        project_id: query.last("project_id").unwrap_or_default().to_owned(),
    };
    let found = gateway.scheduler.v2().overview().list_stats(caller.request(request)).await?.into_inner();
    let stats = found.stats.iter().map(Counted::from).collect();
    Ok(reply::json(StatusCode::OK, &Answer { stats, cursor: &found.cursor, more: found.more }))
}

/// 0: as many as there may be.
fn limit(said: Option<&str>) -> Result<u32, Refusal> {
    let Some(text) = said else { return Ok(0) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Refusal::faulty(format!("limit is \"{text}\", and not a number from 1 on")))
}

#[derive(Serialize)]
struct Answer<'a> {
    stats: Vec<Counted<'a>>,
    cursor: &'a str,
    more: bool,
}

#[derive(Serialize)]
struct Counted<'a> {
    id: &'a str,
    project_id: &'a str,
    bytes_in: u64,
    bytes_out: u64,
    active_connections: u64,
    total_connections: u64,
    request_errors: u64,
}

impl<'a> From<&'a LoadBalancerStats> for Counted<'a> {
    fn from(one: &'a LoadBalancerStats) -> Self {
        let Stats { bytes_in, bytes_out, active_connections, total_connections, request_errors, .. } =
            one.stats.unwrap_or_default();
        Self {
            id: &one.id,
            project_id: &one.project_id,
            bytes_in,
            bytes_out,
            active_connections,
            total_connections,
            request_errors,
        }
    }
}

pub(super) fn schema() -> Value {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer", "minimum": 0 }));
    let counted = json!({ "type": "object", "properties": {
        "id": text, "project_id": text, "bytes_in": number, "bytes_out": number, "active_connections": number,
        "total_connections": number, "request_errors": number
    } });
    json!({ "type": "object", "required": ["stats", "cursor", "more"], "properties": {
        "stats": { "type": "array", "items": counted }, "cursor": text, "more": { "type": "boolean" }
    } })
}
