//! Server-sent events: how each is written.

use axum::body::Bytes;
use ballast_proto::v2::{Event, Kind, event};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::causes;
use crate::kit::reply::{Entire, present};

/// What a stream begins with: who is cut off comes again after so many milliseconds.
const RETRY: &str = "retry: 1000\n";

/// One with a name, and the position behind it; an empty one is none.
pub(super) fn event<D: Serialize>(cursor: &str, name: &str, data: &D) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    // Our cursors and names have no line breaks, and JSON that is not made pretty has none.
    let id = if cursor.is_empty() { String::new() } else { format!("id: {cursor}\n") };
    Bytes::from(format!("{id}event: {name}\ndata: {data}\n\n"))
}

/// The first one of a stream: it says from where the stream goes on.
pub(super) fn first(cursor: &str, name: &str, message: &str) -> Bytes {
    let said = event(cursor, name, &json!({ "cursor": cursor, "message": message }));
    Bytes::from([RETRY.as_bytes(), &said].concat())
}

/// A position, and nothing that a client's program sees.
pub(super) fn position(cursor: &str) -> Bytes {
    Bytes::from(format!("id: {cursor}\n\n"))
}

/// Nothing, so that who is between does not take it for dead.
pub(super) const fn heartbeat() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// The last one.
pub(super) fn end(reason: &str, message: &str) -> Bytes {
    event("", "end", &json!({ "message": message, "reason": reason }))
}

/// An object that changed.
#[derive(Serialize)]
pub(super) struct Change<'a> {
    kind: Option<&'static str>,
    id: &'a str,
    loadbalancer_id: Option<&'a str>,
    deleted: bool,
    object: Option<Object<'a>>,
    causes: Vec<causes::Shown<'a>>,
}

/// As `GET` has it.
struct Object<'a>(&'a event::Object);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            event::Object::LoadBalancer(object) => Entire(object).serialize(serializer),
            event::Object::Listener(object) => Entire(object).serialize(serializer),
            event::Object::Pool(object) => Entire(object).serialize(serializer),
            event::Object::Member(object) => Entire(object).serialize(serializer),
            event::Object::HealthMonitor(object) => Entire(object).serialize(serializer),
            event::Object::L7policy(object) => Entire(object).serialize(serializer),
            event::Object::Deleted(_) => serializer.serialize_none(),
        }
    }
}

impl<'a> From<&'a Event> for Change<'a> {
    fn from(event: &'a Event) -> Self {
        let object = event.object.as_ref().filter(|object| !matches!(object, event::Object::Deleted(_)));
        Self {
            kind: name_of(event.kind()),
            id: &event.id,
            loadbalancer_id: present(&event.load_balancer_id),
            deleted: object.is_none(),
            object: object.map(Object),
            causes: event.causes.iter().map(causes::Shown::from).collect(),
        }
    }
}

/// Kinds, as REST calls one object of each.
pub(super) const KINDS: [(&str, Kind); 6] = [
    ("loadbalancer", Kind::LoadBalancer),
    ("listener", Kind::Listener),
    ("pool", Kind::Pool),
    ("member", Kind::Member),
    ("healthmonitor", Kind::HealthMonitor),
    ("l7policy", Kind::L7policy),
];

pub(super) fn name_of(kind: Kind) -> Option<&'static str> {
    KINDS.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name)
}

/// Of a change's data.
pub(super) fn schema() -> Value {
    let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": ["kind", "id", "deleted", "object", "causes"], "properties": {
        "kind": { "enum": names },
        "id": { "type": "string" },
        "loadbalancer_id": { "type": ["string", "null"] },
        "deleted": { "type": "boolean" },
        "object": { "type": ["object", "null"] },
        "causes": { "type": "array", "items": causes::schema() }
    } })
}

#[cfg(test)]
mod tests {
    use ballast_proto::v2::{Deleted, Listener};

    use super::*;

    #[test]
    fn an_event_is_a_block_of_lines_with_its_position() {
        let gone = Event {
            kind: Kind::Member.into(),
            id: "m".to_owned(),
            load_balancer_id: "l".to_owned(),
            object: Some(event::Object::Deleted(Deleted {})),
            ..Event::default()
        };
        let expected = "id: c.1\nevent: change\ndata: {\"kind\":\"member\",\"id\":\"m\",\"loadbalancer_id\":\"l\",\
                        \"deleted\":true,\"object\":null,\"causes\":[]}\n\n";
        assert_eq!(event("c.1", "change", &Change::from(&gone)), expected);
        assert_eq!(end("slow", "m"), "event: end\ndata: {\"message\":\"m\",\"reason\":\"slow\"}\n\n");
    }

    #[test]
    fn a_name_with_line_breaks_ends_no_line() {
        let listener = Listener { name: "a\nevent: end\r\n\u{2028}".to_owned(), ..Listener::default() };
        let event = Event { object: Some(event::Object::Listener(listener)), ..Event::default() };
        let told = super::event("c", "change", &Change::from(&event));
        let lines: Vec<&[u8]> = told.split(|byte| *byte == b'\n' || *byte == b'\r').collect();
        assert_eq!(lines.len(), 5, "{told:?}");
    }
}
