//! `GET /ballast/v1/events`: what changes, as it changes, as server-sent events. It is `lbaas.v2.Events` for those who
//! have no gRPC; its cursors are the ids of events.

use std::time::Duration;

use axum::{body::Bytes, extract::State, http::HeaderMap, response::Response};
use ballast_proto::{
    status::{fault::Code, from_status},
    v2::{PositionRequest, WatchRequest, WatchResponse, watch_response::Message},
};
use serde_json::Value;
use tonic::{Status, Streaming};

use super::{
    only,
    streams::{self, End, Outbox},
    told::{self, Change, KINDS},
};
use crate::{
    Gateway,
    caller::Caller,
    kit::{query::Query, refusal::Refusal, reply::Reply},
    v2::plan,
};

/// How long nothing is sent, at most: who is between the two may close what is silent.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Keys of the query.
const KEYS: [&str; 6] = ["kind", "id", "project_id", "cursor", "snapshot", "since"];
const MOVED_ON: &str =
    "What changed before is not known any more: read again what you show, this stream goes on from now.";

pub(super) fn schema() -> Value {
    told::schema()
}

/// 200 with the stream. What is wrong with the request is said before it begins, as of any other.
pub(super) async fn stream(State(gateway): State<Gateway>, caller: Caller, query: Query, headers: HeaderMap) -> Reply {
    let (watch, from) = asked(&query, &headers)?;
    let permit = gateway.streams.admit(&caller)?;
    let source = Source { gateway, caller, watch };
    let (first, upstream, source) = source.begin(from).await?;
    Ok(respond(permit, first, upstream, source))
}

fn respond(permit: streams::Admitted, first: Vec<Bytes>, upstream: Upstream, source: Source) -> Response {
    streams::respond(permit, first, move |outbox| source.tell(upstream, outbox))
}

type Upstream = Streaming<WatchResponse>;

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Begin {
    /// After the cursor that is said.
    Cursor,
    Now,
    Time(prost_types::Timestamp),
    /// With all that there is.
    Start,
}

/// What is asked for, and from where.
fn asked(query: &Query, headers: &HeaderMap) -> Result<(WatchRequest, Begin), Refusal> {
    only(query, &KEYS)?;
    let kind = |name: &str| {
        let known = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| i32::from(*kind));
        let names = || KINDS.map(|(name, _)| name).join(", ");
        known.ok_or_else(|| Refusal::faulty(format!("kind is \"{name}\", and not one of: {}", names())))
    };
    let came_back = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let cursor = if came_back.is_empty() { query.last("cursor").unwrap_or_default() } else { came_back };
    let watch = WatchRequest {
        cursor: cursor.to_owned(),
        kinds: query.all("kind").map(kind).collect::<Result<_, _>>()?,
        ids: query.all("id").map(str::to_owned).collect(),
        project_id: query.last("project_id").unwrap_or_default().to_owned(),
    };
    let snapshot = plan::is_asked_by("snapshot", query.last("snapshot"))?;
    let since = query.last("since").map(time).transpose()?;
    let from = match (watch.cursor.is_empty(), since, snapshot) {
        (false, ..) => Begin::Cursor,
        (true, Some(_), true) => return Err(Refusal::faulty("since and snapshot are two ways to begin: say one")),
        (true, Some(since), false) => Begin::Time(since),
        (true, None, true) => Begin::Start,
        (true, None, false) => Begin::Now,
    };
    Ok((watch, from))
}

fn time(text: &str) -> Result<prost_types::Timestamp, Refusal> {
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        Refusal::faulty(format!("since is \"{text}\", and no time of RFC 3339, as 2026-12-01T03:05:20Z"))
    })?;
    Ok(prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}

/// A stream's other side.
struct Source {
    gateway: Gateway,
    caller: Caller,
    watch: WatchRequest,
}

impl Source {
    /// The scheduler's stream, and what the client is told of where it begins.
    async fn begin(mut self, from: Begin) -> Result<(Vec<Bytes>, Upstream, Self), Refusal> {
        let message = match from {
            Begin::Start => "All that there is comes first, and then what changes.",
            Begin::Now => {
                self.watch.cursor = self.position(None).await?;
                "What changes from now on."
            }
            Begin::Time(since) => {
                self.watch.cursor = self.position(Some(since)).await?;
                "What changed since this time, as far back as it is known."
            }
            Begin::Cursor => "What changed since this id.",
        };
        let first = told::first(&self.watch.cursor, "begin", message);
        match self.open().await {
            Ok(upstream) => Ok((vec![first], upstream, self)),
            Err(status) if is_expired(&status) => {
                let (expired, upstream) = self.move_on().await?;
                Ok((vec![first, expired], upstream, self))
            }
            Err(status) => Err(status.into()),
        }
    }

    /// Of now, or before what changed since a time.
    async fn position(&self, since: Option<prost_types::Timestamp>) -> Result<String, Status> {
        let request = self.caller.request(PositionRequest { since, ..PositionRequest::default() });
        Ok(self.gateway.scheduler.v2().events().position(request).await?.into_inner().cursor)
    }

    async fn open(&self) -> Result<Upstream, Status> {
        let request = self.caller.lasting(self.watch.clone());
        Ok(self.gateway.scheduler.v2().events().watch(request).await?.into_inner())
    }

    /// From now on, as what was before is not known any more.
    async fn move_on(&mut self) -> Result<(Bytes, Upstream), Status> {
        self.watch.cursor = self.position(None).await?;
        let expired = serde_json::json!({ "cursor": self.watch.cursor, "message": MOVED_ON });
        Ok((told::event(&self.watch.cursor, "expired", &expired), self.open().await?))
    }

    async fn tell(mut self, mut upstream: Upstream, outbox: Outbox) -> End {
        loop {
            let told = match tokio::time::timeout(HEARTBEAT, upstream.message()).await {
                Err(_) => outbox.send(told::heartbeat()).await,
                Ok(Ok(Some(response))) => self.tell_one(&response, &outbox).await,
                Ok(Ok(None)) => {
                    Err(End::new("scheduler_ends", "The scheduler ended the stream: go on from the last id."))
                }
                Ok(Err(status)) if is_expired(&status) => match self.move_on().await {
                    Ok((expired, anew)) => {
                        upstream = anew;
                        outbox.send(expired).await
                    }
                    Err(status) => Err(ended(&status)),
                },
                Ok(Err(status)) => Err(ended(&status)),
            };
            if let Err(end) = told {
                return end;
            }
        }
    }

    async fn tell_one(&self, response: &WatchResponse, outbox: &Outbox) -> Result<(), End> {
        let event = match &response.message {
            Some(Message::Event(event)) => told::event(&response.cursor, "change", &Change::from(event)),
            Some(Message::SnapshotDone(_)) => {
                told::event(&response.cursor, "ready", &serde_json::json!({ "cursor": response.cursor }))
            }
            Some(Message::Checkpoint(_)) | None => told::position(&response.cursor),
        };
        outbox.send(event).await
    }
}

fn is_expired(status: &Status) -> bool {
    from_status(status).code() == Code::CursorExpired
}

fn ended(status: &Status) -> End {
    let told = from_status(status);
    let reason = match told.code() {
        Code::ReaderTooSlow => "slow_reader",
        Code::Unavailable => "scheduler_ends",
        code => {
            tracing::warn!(code = code.reason(), "a stream of events ends: {}", status.message());
            "error"
        }
    };
    End::new(reason, "The scheduler ended the stream: go on from the last id.")
}

#[cfg(test)]
mod tests {
    use ballast_proto::v2::Kind;

    use super::*;

    fn read(query: &str, last: Option<&str>) -> Result<(WatchRequest, Begin), Refusal> {
        let query = Query::of(query);
        let headers = last.map(|id| ("last-event-id".parse().unwrap(), id.parse().unwrap()));
        asked(&query, &HeaderMap::from_iter(headers))
    }

    #[test]
    fn a_stream_is_asked_for_by_kinds_ids_and_where_it_was() {
        let (watch, from) = read("kind=pool&kind=member&id=x&project_id=p&cursor=c&snapshot=1", None).unwrap();
        assert_eq!(watch.kinds, [i32::from(Kind::Pool), i32::from(Kind::Member)]);
        assert_eq!((&watch.ids[..], watch.project_id.as_str()), (&["x".to_owned()][..], "p"));
        assert_eq!((watch.cursor.as_str(), from), ("c", Begin::Cursor), "who has a cursor has what was before");
        assert_eq!(read("cursor=c", Some("d")).unwrap().0.cursor, "d", "who comes back was told more since");
        let since = prost_types::Timestamp { seconds: 1_796_094_320, nanos: 500_000_000 };
        for (query, last, from) in [
            ("", None, Begin::Now),
            ("snapshot=true", None, Begin::Start),
            ("since=2026-12-01T03:05:20.5Z", None, Begin::Time(since)),
            ("since=2026-12-01T04:05:20.5%2B01:00", None, Begin::Time(since)),
            ("since=2026-12-01T03:05:20.5Z", Some("d"), Begin::Cursor),
        ] {
            assert_eq!(read(query, last).unwrap().1, from, "{query}");
        }
        for bad in ["kind=agent", "snapshot=yes", "kinds=pool", "since=1h", "since=2026-12-01T03:05:20Z&snapshot=1"] {
            assert!(read(bad, None).is_err(), "{bad}");
        }
    }
}
