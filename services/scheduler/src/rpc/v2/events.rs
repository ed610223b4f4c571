//! `lbaas.v2.Events`

use ballast_model::{
    Uuid, check,
    fault::{Fault, Form},
    ids::LoadBalancerId,
    load_balancer::{member_not_found, policy_not_found},
    time::Timestamp,
};
use ballast_proto::{
    convert,
    v2::{
        self, Checkpoint, Deleted, Event, PositionRequest, PositionResponse, SnapshotDone, WatchRequest, WatchResponse,
        event, events_server, watch_response,
    },
};
use ballast_store::{EventKind, Why};
use tonic::{Request, Response, Status};

use super::super::{
    answer,
    decode::caller,
    refuse,
    watch::{Message, Outgoing, Watches, Wire, cursor},
};
use super::causes::to_cause;
use crate::app::{App, Caller, ObjectOfV2, Wanted};

/// How many changes a position may be before the last one.
const FURTHEST_BACK: u32 = 1_000;

/// As v2 says it.
pub(crate) struct V2;

#[tonic::async_trait]
impl events_server::Events for Watches {
    type WatchStream = Outgoing<V2>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (caller, request) = (caller(&request), request.into_inner());
        let wanted = wanted(&caller, &request).map_err(refuse)?;
        self.watch::<V2>(caller, wanted, &request.cursor)
    }

    async fn position(&self, request: Request<PositionRequest>) -> Result<Response<PositionResponse>, Status> {
        answer(async {
            let PositionRequest { back, since } = request.into_inner();
            let position = match since {
                Some(since) => self.app.before_events_since(time(since)).await?,
                None => self.app.before_last_events(back.min(FURTHEST_BACK).into()).await?,
            };
            Ok(PositionResponse { cursor: cursor(&self.app, position) })
        })
        .await
    }
}

fn time(time: prost_types::Timestamp) -> Timestamp {
    Timestamp(time.seconds.saturating_mul(1_000_000).saturating_add((time.nanos / 1_000).into()))
}

impl Wire for V2 {
    type Object = ObjectOfV2;
    type Event = Event;
    type Response = WatchResponse;

    fn event(_: &App, kind: EventKind, id: &str, object: Option<ObjectOfV2>) -> Result<Event, Fault> {
        let object = object.as_ref().map_or(Ok(event::Object::Deleted(Deleted {})), encode)?;
        Ok(Event {
            kind: to_kind(kind).unwrap_or_default().into(),
            id: id.to_owned(),
            object: Some(object),
            causes: Vec::new(),
            load_balancer_id: String::new(),
        })
    }

    fn explained(event: Event, owner: Option<LoadBalancerId>, why: &[Why], caller: &Caller) -> Event {
        let load_balancer_id = owner.map(|id| id.to_string()).unwrap_or_default();
        Event { causes: why.iter().map(|why| to_cause(why, caller)).collect(), load_balancer_id, ..event }
    }

    fn response(cursor: String, message: Message<Event>) -> WatchResponse {
        let message = match message {
            Message::Event(event) => watch_response::Message::Event(event),
            Message::SnapshotDone => watch_response::Message::SnapshotDone(SnapshotDone {}),
            Message::Checkpoint => watch_response::Message::Checkpoint(Checkpoint {}),
        };
        WatchResponse { cursor, message: Some(message) }
    }
}

fn wanted(caller: &Caller, request: &WatchRequest) -> Result<Wanted, Fault> {
    let project_id = Some(request.project_id.clone()).filter(|id| !id.is_empty());
    if let Some(project_id) = &project_id {
        caller.must_own(project_id)?;
    }
    let id = |id: &String| id.parse::<Uuid>().map_err(|_| check::malformed("ids", id, Form::Uuid));
    let ids = request.ids.iter().map(id).collect::<Result<_, _>>()?;
    Ok(Wanted { kinds: kinds(&request.kinds)?, ids, project_id })
}

/// The kinds that are asked for, in the order of a snapshot.
fn kinds(asked: &[i32]) -> Result<Vec<EventKind>, Fault> {
    for number in asked {
        if !matches!(v2::Kind::try_from(*number), Ok(kind) if kind != v2::Kind::Unspecified) {
            return Err(check::malformed("kinds", &number.to_string(), Form::EventKind));
        }
    }
    let wanted =
        |kind: &EventKind| asked.is_empty() || to_kind(*kind).is_some_and(|kind| asked.contains(&i32::from(kind)));
    Ok(EventKind::V2.into_iter().filter(wanted).collect())
}

/// None: it is of v1 alone.
const fn to_kind(kind: EventKind) -> Option<v2::Kind> {
    Some(match kind {
        EventKind::LoadBalancer => v2::Kind::LoadBalancer,
        EventKind::Listener => v2::Kind::Listener,
        EventKind::Pool => v2::Kind::Pool,
        EventKind::Member => v2::Kind::Member,
        EventKind::HealthMonitor => v2::Kind::HealthMonitor,
        EventKind::L7Policy => v2::Kind::L7policy,
        EventKind::Agent | EventKind::Network | EventKind::Subnet => return None,
    })
}

pub(super) fn encode(object: &ObjectOfV2) -> Result<event::Object, Fault> {
    Ok(match object {
        ObjectOfV2::LoadBalancer(seen) => {
            event::Object::LoadBalancer(convert::to_v2_load_balancer(&seen.load_balancer, seen.is_run))
        }
        ObjectOfV2::Listener(seen, id) => {
            let listener = seen.load_balancer.listener(*id)?;
            event::Object::Listener(convert::to_v2_listener(&seen.load_balancer, listener, seen.is_run))
        }
        ObjectOfV2::Pool(seen, id) => {
            let pool = seen.load_balancer.pool(*id)?;
            event::Object::Pool(convert::to_v2_pool(&seen.load_balancer, pool, seen.is_run))
        }
        ObjectOfV2::Member(seen, pool_id, id) => {
            let pool = seen.load_balancer.pool(*pool_id)?;
            let member = pool.members.iter().find(|member| member.id == *id).ok_or_else(|| member_not_found(*id))?;
            event::Object::Member(convert::to_v2_member(&seen.load_balancer, pool, member, seen.is_run))
        }
        ObjectOfV2::HealthMonitor(found) => {
            event::Object::HealthMonitor(convert::to_v2_health_monitor(&found.monitor, &found.pools))
        }
        ObjectOfV2::L7Policy(seen, id) => {
            let (listener, policy) = seen.load_balancer.policy(*id).map_err(|_| policy_not_found(*id))?;
            let rules = policy.rules.iter().map(|rule| convert::to_v2_l7rule(policy, rule)).collect();
            event::Object::L7policy(v2::L7Policy { rules, ..convert::to_v2_l7policy(listener, policy) })
        }
    })
}
