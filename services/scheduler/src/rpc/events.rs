//! `lbaas.v1.Events`

use ballast_model::{
    check,
    fault::{Fault, Form},
    ids::LoadBalancerId,
};
use ballast_proto::{
    convert,
    v1::{
        self, Checkpoint, Deleted, Event, SnapshotDone, WatchRequest, WatchResponse, event, events_server,
        watch_response,
    },
};
use ballast_store::{EventKind, Why};
use tonic::{Request, Response, Status};

use super::{
    decode::caller,
    health_monitors, members,
    pools::to_pool,
    refuse, vips,
    watch::{Message, Outgoing, Watches, Wire},
};
use crate::app::{App, Caller, Object, Wanted};

/// As v1 says it.
pub(super) struct V1;

#[tonic::async_trait]
impl events_server::Events for Watches {
    type WatchStream = Outgoing<V1>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (caller, request) = (caller(&request), request.into_inner());
        let wanted = Wanted { kinds: kinds(&request.kinds).map_err(refuse)?, ..Wanted::default() };
        self.watch::<V1>(caller, wanted, &request.cursor)
    }
}

impl Wire for V1 {
    type Object = Object;
    type Event = Event;
    type Response = WatchResponse;

    fn event(app: &App, kind: EventKind, id: &str, object: Option<Object>) -> Result<Event, Fault> {
        encode(app, kind, id, object)
    }

    fn explained(event: Event, _: Option<LoadBalancerId>, _: &[Why], _: &Caller) -> Event {
        event
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

/// The kinds that are asked for, in the order of a snapshot.
fn kinds(asked: &[i32]) -> Result<Vec<EventKind>, Fault> {
    for number in asked {
        if !matches!(v1::Kind::try_from(*number), Ok(kind) if kind != v1::Kind::Unspecified) {
            return Err(check::malformed("kinds", &number.to_string(), Form::EventKind));
        }
    }
    let wanted =
        |kind: &EventKind| asked.is_empty() || to_kind(*kind).is_some_and(|kind| asked.contains(&i32::from(kind)));
    Ok(EventKind::V1.into_iter().filter(wanted).collect())
}

/// None: it is of v2 alone.
const fn to_kind(kind: EventKind) -> Option<v1::Kind> {
    Some(match kind {
        EventKind::Pool => v1::Kind::Pool,
        EventKind::Listener => v1::Kind::Vip,
        EventKind::Member => v1::Kind::Member,
        EventKind::HealthMonitor => v1::Kind::HealthMonitor,
        EventKind::Agent => v1::Kind::Agent,
        EventKind::Network => v1::Kind::Network,
        EventKind::Subnet => v1::Kind::Subnet,
        EventKind::LoadBalancer | EventKind::L7Policy => return None,
    })
}

fn encode(app: &App, kind: EventKind, id: &str, object: Option<Object>) -> Result<Event, Fault> {
    let object = match object {
        None => event::Object::Deleted(Deleted {}),
        Some(Object::Pool(load_balancer)) => event::Object::Pool(to_pool(&load_balancer)?),
        Some(Object::Vip(load_balancer, id)) => event::Object::Vip(vips::encode(&load_balancer, id)?),
        Some(Object::Member(load_balancer, id)) => event::Object::Member(members::encode(&load_balancer, id)?),
        Some(Object::HealthMonitor(found)) => event::Object::HealthMonitor(health_monitors::encode(&found)),
        Some(Object::Agent(agent)) => event::Object::Agent(convert::to_agent(&agent, app.liveness(&agent))),
        Some(Object::Network(network, subnets)) => event::Object::Network(convert::to_network(&network, &subnets)),
        Some(Object::Subnet(subnet)) => event::Object::Subnet(convert::to_subnet(&subnet)),
    };
    let kind = to_kind(kind).unwrap_or_default();
    Ok(Event { kind: kind.into(), id: id.to_owned(), object: Some(object) })
}
