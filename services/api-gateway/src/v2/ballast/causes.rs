//! Why an object changed.

use std::time::Duration;

use ballast_proto::v2::{Cause, Origin, Settled};
use serde::Serialize;
use serde_json::{Value, json};

use super::Time;
use crate::{kit::reply::present, v2::plan};

#[derive(Serialize)]
pub(super) struct Shown<'a> {
    time: Option<Time<'a>>,
    origin: Option<&'static str>,
    user: Option<&'a str>,
    project_id: Option<&'a str>,
    host: Option<&'a str>,
    action: Option<&'a str>,
    request_id: Option<&'a str>,
    settled: Option<Ended>,
}

#[derive(Serialize)]
struct Ended {
    generation: u64,
    duration_ms: Option<f64>,
    effect: Option<&'static str>,
    failed: bool,
}

impl<'a> From<&'a Cause> for Shown<'a> {
    fn from(cause: &'a Cause) -> Self {
        Self {
            time: cause.time.as_ref().map(Time),
            origin: match cause.origin() {
                Origin::Unspecified => None,
                Origin::User => Some("user"),
                Origin::Agent => Some("agent"),
                Origin::Scheduler => Some("scheduler"),
            },
            user: present(&cause.user),
            project_id: present(&cause.project_id),
            host: present(&cause.host),
            action: present(&cause.action),
            request_id: present(&cause.request_id),
            settled: cause.settled.as_ref().map(Ended::from),
        }
    }
}

impl From<&Settled> for Ended {
    fn from(settled: &Settled) -> Self {
        let duration = settled.duration.and_then(|duration| Duration::try_from(duration).ok());
        Self {
            generation: settled.generation,
            duration_ms: duration.map(|duration| duration.as_secs_f64() * 1e3),
            effect: plan::effect(settled.effect()),
            failed: settled.failed,
        }
    }
}

pub(super) fn schema() -> Value {
    let maybe = json!({ "type": ["string", "null"] });
    let settled = json!({ "type": ["object", "null"], "properties": {
        "generation": { "type": "integer" },
        "duration_ms": { "type": ["number", "null"] },
        "effect": { "enum": ["none", "runtime", "reload", "restart", "move", null] },
        "failed": { "type": "boolean" }
    } });
    json!({ "type": "object", "properties": {
        "time": maybe, "origin": { "enum": ["user", "agent", "scheduler", null] }, "user": maybe, "project_id": maybe,
        "host": maybe, "action": maybe, "request_id": maybe, "settled": settled
    } })
}
