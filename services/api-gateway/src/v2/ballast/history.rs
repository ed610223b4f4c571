//! `/ballast/v1/loadbalancers/{id}/revisions`: what a load balancer was, and going back to it.

use axum::{extract::State, http::StatusCode};
use ballast_proto::v2::{
    Kind, ListRevisionsRequest, LoadBalancer, Revision, RevisionChange, RollBackRequest, Snapshot,
    preview_request::Change, snapshot,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{causes, only, told};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        query::Query,
        refusal::Refusal,
        reply::{self, Entire, Reply},
    },
    v2::{
        crud::Noun as _,
        place::{Asked, Place},
        plan,
    },
};

/// What a client cannot ask for, or what says of others that are shown themselves.
const NOT_WANTED: [&str; 12] = [
    "provisioning_status",
    "operating_status",
    "status_description",
    "created_at",
    "updated_at",
    "tenant_id",
    "members",
    "healthmonitor_id",
    "l7policies",
    "listeners",
    "loadbalancers",
    "pools",
];

pub(super) async fn list(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    only(&query, &["limit"])?;
    let request = ListRevisionsRequest { load_balancer_id: place.id, limit: limit(query.last("limit"))? };
    let found = gateway.scheduler.v2().history().list(caller.request(request)).await?.into_inner();
    let revisions: Vec<Known<'_>> = found.revisions.iter().map(Known::from).collect();
    Ok(reply::wrapped(StatusCode::OK, "revisions", &revisions))
}

/// 202 with nothing, or what it would do.
pub(super) async fn roll_back(State(gateway): State<Gateway>, asked: Asked) -> Reply {
    let Asked { caller, place, terms, query } = asked;
    let [validate_only] = query.only([plan::NAME])?;
    let validate_only = plan::is_asked(validate_only)?;
    let generation = place.id.parse();
    let generation =
        generation.map_err(|_| Refusal::faulty(format!("\"{}\" is no generation: a number from 1 on", place.id)))?;
    let request = RollBackRequest { load_balancer_id: place.parent_id, generation, etag: terms.etag, validate_only };
    let planned = validate_only.then(|| Change::RollBack(request.clone()));
    let changed = gateway.scheduler.v2().history().roll_back(caller.request(request)).await?.into_inner();
    match planned {
        Some(_) => plan::reply(&gateway, &caller, Some((LoadBalancer::RESOURCE, &changed)), planned).await,
        None => Ok(reply::empty(StatusCode::ACCEPTED)),
    }
}

fn limit(said: Option<&str>) -> Result<u32, Refusal> {
    let Some(text) = said else { return Ok(0) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Refusal::faulty(format!("limit is \"{text}\", and not a number from 1 on")))
}

#[derive(Serialize)]
struct Known<'a> {
    generation: u64,
    cause: Option<causes::Shown<'a>>,
    changes: Vec<Changed<'a>>,
    more_changes: u32,
    reachable: bool,
}

impl<'a> From<&'a Revision> for Known<'a> {
    fn from(revision: &'a Revision) -> Self {
        let Revision { generation, cause, changes, reachable, more_changes } = revision;
        Self {
            generation: *generation,
            cause: cause.as_ref().map(causes::Shown::from),
            changes: changes.iter().map(Changed::from).collect(),
            more_changes: *more_changes,
            reachable: *reachable,
        }
    }
}

/// An object that came, went, or became another one.
#[derive(Serialize)]
struct Changed<'a> {
    kind: Option<&'static str>,
    id: &'a str,
    name: String,
    change: &'static str,
    /// What it was and became, of fields that differ; null on the side where it was not.
    fields: Map<String, Value>,
}

impl<'a> From<&'a RevisionChange> for Changed<'a> {
    fn from(change: &'a RevisionChange) -> Self {
        let (before, after) = (shown(change.before.as_ref()), shown(change.after.as_ref()));
        let named = |of: &Option<Map<String, Value>>| of.as_ref().and_then(|one| name(change.kind(), one));
        let name = named(&after).or_else(|| named(&before)).unwrap_or_default();
        let change_of = match (&before, &after) {
            (None, _) => "created",
            (_, None) => "deleted",
            _ => "updated",
        };
        let fields = differing(before.unwrap_or_default(), after.unwrap_or_default());
        Self { kind: told::name_of(change.kind()), id: &change.id, name, change: change_of, fields }
    }
}

fn shown(side: Option<&Snapshot>) -> Option<Map<String, Value>> {
    let written = match side?.object.as_ref()? {
        snapshot::Object::LoadBalancer(object) => serde_json::to_value(Entire(object)),
        snapshot::Object::Listener(object) => serde_json::to_value(Entire(object)),
        snapshot::Object::Pool(object) => serde_json::to_value(Entire(object)),
        snapshot::Object::Member(object) => serde_json::to_value(Entire(object)),
        snapshot::Object::HealthMonitor(object) => serde_json::to_value(Entire(object)),
        snapshot::Object::L7policy(object) => serde_json::to_value(Entire(object)),
    };
    match written {
        Ok(Value::Object(keys)) => Some(keys),
        Ok(_) | Err(_) => None,
    }
}

/// Members mostly have none: where they are says more.
fn name(kind: Kind, object: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| object.get(key)?.as_str().filter(|text| !text.is_empty());
    if let Some(name) = text("name") {
        return Some(name.to_owned());
    }
    (kind == Kind::Member).then(|| {
        let (address, port) = (text("address").unwrap_or_default(), &object["protocol_port"]);
        if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    })
}

/// `[was, is]` by field.
fn differing(mut before: Map<String, Value>, after: Map<String, Value>) -> Map<String, Value> {
    let mut fields = Map::new();
    let is_wanted = |name: &String| name != "id" && !NOT_WANTED.contains(&name.as_str());
    for (name, is) in after.into_iter().filter(|(name, _)| is_wanted(name)) {
        let was = before.remove(&name).unwrap_or_default();
        if was != is {
            fields.insert(name, json!([was, is]));
        }
    }
    for (name, was) in before.into_iter().filter(|(name, was)| is_wanted(name) && !was.is_null()) {
        fields.entry(name).or_insert_with(|| json!([was, null]));
    }
    fields
}

pub(super) fn schema() -> Value {
    let text = json!({ "type": "string" });
    let fields = json!({ "type": "object", "additionalProperties": { "type": "array", "minItems": 2, "maxItems": 2 } });
    let change = json!({ "type": "object", "required": ["kind", "id", "name", "change", "fields"], "properties": {
        "kind": { "enum": told::KINDS.map(|(name, _)| name) }, "id": text, "name": text,
        "change": { "enum": ["created", "updated", "deleted"] }, "fields": fields
    } });
    let revision = json!({ "type": "object", "required": ["generation", "cause", "changes", "reachable"], "properties": {
        "generation": { "type": "integer", "minimum": 1 }, "cause": causes::schema(),
        "changes": { "type": "array", "items": change }, "more_changes": { "type": "integer", "minimum": 0 },
        "reachable": { "type": "boolean" }
    } });
    json!({ "type": "object", "required": ["revisions"], "properties": {
        "revisions": { "type": "array", "items": revision }
    } })
}

#[cfg(test)]
mod tests {
    use ballast_proto::v2::Member;

    use super::*;

    fn member(weight: i32) -> Snapshot {
        let member = Member {
            id: "m".to_owned(),
            address: "fd00::1".to_owned(),
            protocol_port: Some(80),
            weight: Some(weight),
            ..Member::default()
        };
        Snapshot { object: Some(snapshot::Object::Member(member)) }
    }

    fn told(before: Option<Snapshot>, after: Option<Snapshot>) -> (String, &'static str, Value) {
        let change = RevisionChange { kind: Kind::Member.into(), id: "m".to_owned(), before, after };
        let Changed { name, change, fields, .. } = Changed::from(&change);
        (name, change, Value::Object(fields))
    }

    #[test]
    fn of_an_object_that_became_another_one_the_fields_that_differ_are_shown() {
        let (name, change, fields) = told(Some(member(1)), Some(member(7)));
        assert_eq!((name.as_str(), change, fields), ("[fd00::1]:80", "updated", json!({ "weight": [1, 7] })));
    }

    #[test]
    fn of_one_that_came_or_went_all_that_it_is_is_shown_beside_nothing() {
        let (_, change, fields) = told(None, Some(member(7)));
        assert_eq!((change, &fields["weight"], &fields["id"]), ("created", &json!([null, 7]), &Value::Null));
        let (name, change, fields) = told(Some(member(7)), None);
        assert_eq!((name.as_str(), change, &fields["address"]), ("[fd00::1]:80", "deleted", &json!(["fd00::1", null])));
    }
}
