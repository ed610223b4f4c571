//! `GET /ballast/v1/schedulers`: which schedulers serve the database, and which one leads. For admins.

use axum::{extract::State, http::StatusCode};
use ballast_proto::v2::{ListSchedulersRequest, Scheduler};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Time, only};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        query::Query,
        reply::{self, Reply},
    },
};

pub(super) async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    only(&query, &[])?;
    let request = caller.request(ListSchedulersRequest {});
    let found = gateway.scheduler.v2().overview().list_schedulers(request).await?.into_inner();
    let shown: Vec<_> = found.schedulers.iter().map(Shown::from).collect();
    Ok(reply::wrapped(StatusCode::OK, "schedulers", &shown))
}

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    /// None: it advertises none.
    address: Option<&'a str>,
    version: Option<&'a str>,
    heartbeat_at: Option<Time<'a>>,
    started_at: Option<Time<'a>>,
    leads: bool,
    answers: bool,
}

impl<'a> From<&'a Scheduler> for Shown<'a> {
    fn from(one: &'a Scheduler) -> Self {
        let said = |text: &'a str| (!text.is_empty()).then_some(text);
        Self {
            id: &one.id,
            address: said(&one.address),
            version: said(&one.version),
            heartbeat_at: one.heartbeat_at.as_ref().map(Time),
            started_at: one.started_at.as_ref().map(Time),
            leads: one.leads,
            answers: one.answers,
        }
    }
}

pub(super) fn schema() -> Value {
    let (text, flag) = (json!({ "type": "string" }), json!({ "type": "boolean" }));
    let (maybe, time) =
        (json!({ "type": ["string", "null"] }), json!({ "type": ["string", "null"], "format": "date-time" }));
    let one = json!({ "type": "object", "properties": {
        "id": text, "address": maybe, "version": maybe, "heartbeat_at": time, "started_at": time, "leads": flag, "answers": flag
    } });
    json!({ "type": "object", "required": ["schedulers"], "properties": {
        "schedulers": { "type": "array", "items": one }
    } })
}
