//! How the members of a load balancer were last seen. Octavia has nothing of that: it is a resource of its own, and its
//! objects stay as they are.

use axum::{http::StatusCode, response::Response};
use ballast_proto::{
    driver::CheckAnswer,
    v2::{LoadBalancerHealth, MemberHealth, OperatingStatus},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    kit::{
        reply::{self, present},
        spelling::spell,
    },
    v2::shown::Time,
};

#[derive(Serialize)]
struct Health<'a> {
    id: &'a str,
    members: Vec<Member<'a>>,
}

#[derive(Serialize)]
struct Member<'a> {
    id: &'a str,
    pool_id: &'a str,
    name: &'a str,
    address: &'a str,
    protocol_port: u32,
    operating_status: Option<&'static str>,
    since: Option<Time<'a>>,
    last_check: Option<Answer<'a>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    result: &'a str,
    code: Option<u32>,
    text: Option<&'a str>,
    milliseconds: u32,
}

impl<'a> From<&'a MemberHealth> for Member<'a> {
    fn from(member: &'a MemberHealth) -> Self {
        Self {
            id: &member.id,
            pool_id: &member.pool_id,
            name: &member.name,
            address: &member.address,
            protocol_port: member.protocol_port,
            operating_status: spell::<OperatingStatus>(member.operating),
            since: member.since.as_ref().map(Time),
            last_check: member.answer.as_ref().map(Answer::from),
        }
    }
}

impl<'a> From<&'a CheckAnswer> for Answer<'a> {
    fn from(answer: &'a CheckAnswer) -> Self {
        Self {
            result: &answer.result,
            code: Some(answer.code).filter(|code| *code > 0),
            text: present(&answer.text),
            milliseconds: answer.milliseconds,
        }
    }
}

/// 200 with it.
pub(super) fn reply(health: &LoadBalancerHealth) -> Response {
    let members = health.members.iter().map(Member::from).collect();
    reply::wrapped(StatusCode::OK, "health", &Health { id: &health.id, members })
}

pub(super) fn schema() -> Value {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer", "minimum": 0 }));
    let maybe = |kind: &str| json!({ "type": [kind, "null"] });
    let answer = json!({ "type": ["object", "null"], "properties": {
        "result": text, "code": maybe("integer"), "text": maybe("string"), "milliseconds": number
    } });
    let member = json!({ "type": "object", "properties": {
        "id": text, "pool_id": text, "name": text, "address": text, "protocol_port": number, "operating_status": text,
        "since": maybe("string"), "last_check": answer
    } });
    let health = json!({ "type": "object", "properties": {
        "id": text, "members": { "type": "array", "items": member }
    } });
    json!({ "type": "object", "required": ["health"], "properties": { "health": health } })
}
