//! `GET /ballast/v1/loadbalancers/{id}/sides`: on which agents a load balancer is, and which of them answers.

use axum::{extract::State, http::StatusCode};
use ballast_proto::v2::{GetRequest, LoadBalancerSide, LoadBalancerSides};
use serde::Serialize;
use serde_json::{Value, json};

use super::only;
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        query::Query,
        reply::{self, Reply},
    },
    v2::place::Place,
};

pub(super) async fn show(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    only(&query, &[])?;
    let request = caller.request(GetRequest { id: place.id, ..GetRequest::default() });
    let sides = gateway.scheduler.v2().load_balancers().sides(request).await?.into_inner();
    Ok(reply::wrapped(StatusCode::OK, "sides", &Shown::from(&sides)))
}

#[derive(Serialize)]
struct Shown<'a> {
    topology: &'a str,
    /// Of one that has a standby, or is to have one.
    term: Option<u64>,
    active: Option<Side<'a>>,
    standby: Option<Side<'a>>,
}

#[derive(Serialize)]
struct Side<'a> {
    agent_id: &'a str,
    host: &'a str,
    zone: &'a str,
    /// From here on of one that has a standby, or is to have one.
    #[serde(flatten)]
    own: Option<Own<'a>>,
}

#[derive(Serialize)]
struct Own<'a> {
    number: u32,
    port_id: &'a str,
    addresses: &'a [String],
    deployed: bool,
    fault: Option<&'a str>,
    /// What it said last; null: nothing yet.
    answers: Option<bool>,
    peer_heard: Option<bool>,
    said_term: Option<u64>,
}

impl<'a> From<&'a LoadBalancerSides> for Shown<'a> {
    fn from(sides: &'a LoadBalancerSides) -> Self {
        let find = |active: bool| sides.sides.iter().find(|side| side.active == active).map(Side::from);
        let term = (sides.term > 0).then_some(sides.term);
        Self { topology: &sides.topology, term, active: find(true), standby: find(false) }
    }
}

impl<'a> From<&'a LoadBalancerSide> for Side<'a> {
    fn from(side: &'a LoadBalancerSide) -> Self {
        let has_said = side.said_term > 0;
        let own = (side.number > 0).then(|| Own {
            number: side.number,
            port_id: &side.port_id,
            addresses: &side.addresses,
            deployed: side.deployed,
            fault: (!side.fault.is_empty()).then_some(&side.fault),
            answers: has_said.then_some(side.answers),
            peer_heard: has_said.then_some(side.peer_heard),
            said_term: has_said.then_some(side.said_term),
        });
        Self { agent_id: &side.agent_id, host: &side.host, zone: &side.zone, own }
    }
}

pub(super) fn schema() -> Value {
    let (text, number, flag) = (
        json!({ "type": "string" }),
        json!({ "type": ["integer", "null"], "minimum": 0 }),
        json!({ "type": ["boolean", "null"] }),
    );
    let side = json!({ "type": ["object", "null"], "required": ["agent_id", "host", "zone"], "properties": {
        "agent_id": text, "host": text, "zone": text, "number": { "type": "integer" }, "port_id": text,
        "addresses": { "type": "array", "items": text }, "deployed": { "type": "boolean" },
        "fault": { "type": ["string", "null"] }, "answers": flag, "peer_heard": flag, "said_term": number
    } });
    let topology = json!({ "type": "string", "enum": ["SINGLE", "ACTIVE_STANDBY"] });
    let sides = json!({ "type": "object", "required": ["topology", "term", "active", "standby"], "properties": {
        "topology": topology, "term": number, "active": side, "standby": side
    } });
    json!({ "type": "object", "required": ["sides"], "properties": { "sides": sides } })
}
