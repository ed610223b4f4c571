//! `?validate_only=true`: a write that is checked as if it were made, and is not; and what it would do to what serves.
//!
//! It is a part of the query, and no header: a query that is not known is refused, so neither a slip of the pen nor a
//! gateway of an older release makes a write of it.

use axum::{http::StatusCode, response::Response};
use ballast_proto::{
    driver::{Connections, Effect},
    v2::{
        Preview, PreviewAgent, PreviewFault, PreviewQuota, PreviewRejection, PreviewRequest, preview_request::Change,
    },
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Value, json};

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        attributes::Resource,
        refusal::Refusal,
        reply::{self, Entire, Reply, Shown, present},
    },
};

/// What the query calls it.
pub(crate) const NAME: &str = "validate_only";

/// Whether a write is only to be checked.
///
/// # Errors
/// 400 for what is neither yes nor no: a write would be made of a slip.
pub(super) fn is_asked(said: Option<&str>) -> Result<bool, Refusal> {
    is_asked_by(NAME, said)
}

/// The same of another key.
///
/// # Errors
/// As [`is_asked`].
pub(super) fn is_asked_by(name: &str, said: Option<&str>) -> Result<bool, Refusal> {
    match said {
        Some("true" | "True" | "1") => Ok(true),
        None | Some("false" | "False" | "0") => Ok(false),
        Some(other) => Err(Refusal::faulty(format!("{name} is \"{other}\", and not true or false"))),
    }
}

/// 200 with the object as it would be, and the plan. Without a change there is none: nothing serves by what is written.
pub(super) async fn reply<R: Shown>(
    gateway: &Gateway,
    caller: &Caller,
    object: Option<(&'static Resource, &R)>,
    change: Option<Change>,
) -> Reply {
    let plan = match change {
        Some(change) => {
            let request = caller.request(PreviewRequest { change: Some(change) });
            Some(gateway.scheduler.v2().load_balancers().preview(request).await?.into_inner())
        }
        None => None,
    };
    Ok(answer(object, plan.as_ref()))
}

fn answer<R: Shown>(object: Option<(&'static Resource, &R)>, plan: Option<&Preview>) -> Response {
    reply::json(StatusCode::OK, &Answer { object, plan: plan.map(Plan::from) })
}

struct Answer<'a, R> {
    object: Option<(&'static Resource, &'a R)>,
    plan: Option<Plan<'a>>,
}

impl<R: Shown> Serialize for Answer<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some((resource, object)) = self.object {
            map.serialize_entry(resource.one, &Entire(object))?;
        }
        map.serialize_entry("plan", &self.plan)?;
        map.end()
    }
}

#[derive(Serialize)]
struct Plan<'a> {
    effect: Option<&'static str>,
    connections: Option<&'static str>,
    steps: &'a [String],
    configuration: Option<&'a str>,
    faults: Vec<Fault<'a>>,
    reason: Option<&'a str>,
    agent: Option<Agent<'a>>,
    others: Vec<Agent<'a>>,
    rejected: Vec<Rejected<'a>>,
    more_others: u32,
    more_rejected: u32,
    quotas: Vec<Quota<'a>>,
}

#[derive(Serialize)]
struct Fault<'a> {
    id: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Agent<'a> {
    id: &'a str,
    host: &'a str,
    load_balancers: u32,
}

#[derive(Serialize)]
struct Rejected<'a> {
    id: &'a str,
    host: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Quota<'a> {
    resource: &'a str,
    used: u64,
    limit: i32,
}

impl<'a> From<&'a Preview> for Plan<'a> {
    fn from(preview: &'a Preview) -> Self {
        let fault = |fault: &'a PreviewFault| Fault { id: &fault.object_id, message: &fault.message };
        let agent =
            |agent: &'a PreviewAgent| Agent { id: &agent.id, host: &agent.host, load_balancers: agent.load_balancers };
        let rejected = |one: &'a PreviewRejection| Rejected { id: &one.id, host: &one.host, reason: &one.reason };
        let quota = |one: &'a PreviewQuota| Quota { resource: spelt(&one.resource), used: one.used, limit: one.limit };
        Self {
            effect: effect(preview.effect()),
            connections: match preview.connections() {
                Connections::Unspecified => None,
                Connections::Kept => Some("kept"),
                Connections::Drained => Some("drained"),
                Connections::Cut => Some("cut"),
            },
            steps: &preview.steps,
            configuration: present(&preview.configuration),
            faults: preview.faults.iter().map(fault).collect(),
            reason: present(&preview.reason),
            agent: preview.agent.as_ref().map(agent),
            others: preview.others.iter().map(agent).collect(),
            rejected: preview.rejected.iter().map(rejected).collect(),
            more_others: preview.more_others,
            more_rejected: preview.more_rejected,
            quotas: preview.quotas.iter().map(quota).collect(),
        }
    }
}

/// As quotas of REST call it.
fn spelt(resource: &str) -> &str {
    match resource {
        "load_balancer" => "loadbalancer",
        "health_monitor" => "healthmonitor",
        other => other,
    }
}

/// Null: it is not known.
pub(crate) const fn effect(effect: Effect) -> Option<&'static str> {
    match effect {
        Effect::Unspecified => None,
        Effect::None => Some("none"),
        Effect::Runtime => Some("runtime"),
        Effect::Reload => Some("reload"),
        Effect::Restart => Some("restart"),
        Effect::Move => Some("move"),
    }
}

/// What `plan` may be.
pub(super) fn schema() -> Value {
    let text = json!({ "type": "string" });
    let maybe = json!({ "type": ["string", "null"] });
    let number = json!({ "type": "integer" });
    let two = |one: &str, other: &str| json!({ "type": "object", "properties": { one: text, other: text } });
    let agent = json!({ "type": "object", "properties": { "id": text, "host": text, "load_balancers": number } });
    let rejected = json!({ "type": "object", "properties": { "id": text, "host": text, "reason": text } });
    let quota = json!({ "type": "object", "properties": { "resource": text, "used": number, "limit": number } });
    json!({ "type": ["object", "null"], "properties": {
        "effect": { "enum": ["none", "runtime", "reload", "restart", "move", null] },
        "connections": { "enum": ["kept", "drained", "cut", null] },
        "steps": { "type": "array", "items": text },
        "configuration": maybe,
        "faults": { "type": "array", "items": two("id", "message") },
        "reason": maybe,
        "agent": { "oneOf": [agent, { "type": "null" }] },
        "others": { "type": "array", "items": agent },
        "rejected": { "type": "array", "items": rejected },
        "more_others": number,
        "more_rejected": number,
        "quotas": { "type": "array", "items": quota }
    } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_yes_nor_no_is_refused() {
        for (said, asked) in [
            (None, Some(false)),
            (Some("true"), Some(true)),
            (Some("0"), Some(false)),
            (Some("yes"), None),
            (Some(""), None),
        ] {
            assert_eq!(is_asked(said).ok(), asked, "{said:?}");
        }
    }
}
