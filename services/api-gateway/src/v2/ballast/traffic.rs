//! `GET /ballast/v1/loadbalancers/{id}/traffic`: what a load balancer has counted of late, in steps of time.

use axum::{extract::State, http::StatusCode};
use ballast_proto::v2::{GetTrafficRequest, Traffic, TrafficPoint, TrafficSpan};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Time, only};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        query::Query,
        refusal::Refusal,
        reply::{self, Reply},
    },
    v2::place::Place,
};

/// What may be asked for; the first is what is shown to who does not say.
const SPANS: [(&str, TrafficSpan); 2] = [("10m", TrafficSpan::TenMinutes), ("2h", TrafficSpan::TwoHours)];

pub(super) async fn show(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    only(&query, &["span"])?;
    let request = GetTrafficRequest { load_balancer_id: place.id, span: span(query.last("span"))?.into() };
    let traffic = gateway.scheduler.v2().overview().get_traffic(caller.request(request)).await?.into_inner();
    Ok(reply::wrapped(StatusCode::OK, "traffic", &Shown::from(&traffic)))
}

fn span(said: Option<&str>) -> Result<TrafficSpan, Refusal> {
    let said = said.unwrap_or(SPANS[0].0);
    let known = SPANS.iter().find(|(name, _)| *name == said).map(|(_, span)| *span);
    known.ok_or_else(|| Refusal::faulty(format!("span is \"{said}\", and not one of: 10m, 2h")))
}

#[derive(Serialize)]
struct Shown<'a> {
    known_since: Option<Time<'a>>,
    step_seconds: u32,
    begin: Option<Time<'a>>,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    bytes_in: u64,
    bytes_out: u64,
    new_connections: u64,
    active_connections: u64,
}

impl<'a> From<&'a Traffic> for Shown<'a> {
    fn from(traffic: &'a Traffic) -> Self {
        Self {
            known_since: traffic.known_since.as_ref().map(Time),
            step_seconds: traffic.step_seconds,
            begin: traffic.begin.as_ref().map(Time),
            points: traffic.points.iter().map(Point::from).collect(),
        }
    }
}

impl From<&TrafficPoint> for Point {
    fn from(point: &TrafficPoint) -> Self {
        let TrafficPoint { bytes_in, bytes_out, new_connections, active_connections } = *point;
        Self { bytes_in, bytes_out, new_connections, active_connections }
    }
}

pub(super) fn schema() -> Value {
    let (time, number) = (json!({ "type": ["string", "null"] }), json!({ "type": "integer", "minimum": 0 }));
    let point = json!({ "type": "object", "properties": {
        "bytes_in": number, "bytes_out": number, "new_connections": number, "active_connections": number
    } });
    let traffic = json!({ "type": "object", "required": ["known_since", "step_seconds", "begin", "points"], "properties": {
        "known_since": time, "step_seconds": number, "begin": time, "points": { "type": "array", "items": point }
    } });
    json!({ "type": "object", "required": ["traffic"], "properties": { "traffic": traffic } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_one_of_those_that_there_are() {
        assert_eq!(span(None).ok(), Some(TrafficSpan::TenMinutes));
        assert_eq!(span(Some("2h")).ok(), Some(TrafficSpan::TwoHours));
        assert!(span(Some("1h")).is_err() && span(Some("")).is_err());
    }
}
