//! The status tree of a load balancer.

use axum::{http::StatusCode, response::Response};
use ballast_proto::v2::{
    ListenerStatuses, MemberStatuses, MonitorStatuses, OperatingStatus, PoolStatuses, ProvisioningStatus, StatusTree,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use crate::{
    kit::{reply, spelling::spell},
    v2::spelling::monitor_type,
};

/// A message as it is written here.
struct As<'a, T>(&'a T);

/// Messages as they are written here.
struct All<'a, T>(&'a [T]);

impl<T> Serialize for All<'_, T>
where
    for<'a> As<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(As))
    }
}

/// What all have.
fn head<M: SerializeMap>(map: &mut M, id: &str, name: &str, provisioning: i32, operating: i32) -> Result<(), M::Error> {
    map.serialize_entry("id", id)?;
    map.serialize_entry("name", name)?;
    map.serialize_entry("provisioning_status", &spell::<ProvisioningStatus>(provisioning))?;
    map.serialize_entry("operating_status", &spell::<OperatingStatus>(operating))
}

impl Serialize for As<'_, StatusTree> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, &self.0.id, &self.0.name, self.0.provisioning, self.0.operating)?;
        map.serialize_entry("listeners", &All(&self.0.listeners))?;
        map.end()
    }
}

impl Serialize for As<'_, ListenerStatuses> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, &self.0.id, &self.0.name, self.0.provisioning, self.0.operating)?;
        map.serialize_entry("pools", &All(&self.0.pools))?;
        map.end()
    }
}

impl Serialize for As<'_, PoolStatuses> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, &self.0.id, &self.0.name, self.0.provisioning, self.0.operating)?;
        if let Some(monitor) = &self.0.health_monitor {
            map.serialize_entry("health_monitor", &As(monitor))?;
        }
        map.serialize_entry("members", &All(&self.0.members))?;
        map.end()
    }
}

impl Serialize for As<'_, MonitorStatuses> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, &self.0.id, &self.0.name, self.0.provisioning, self.0.operating)?;
        map.serialize_entry("type", &monitor_type(self.0.r#type))?;
        map.end()
    }
}

impl Serialize for As<'_, MemberStatuses> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, &self.0.id, &self.0.name, self.0.provisioning, self.0.operating)?;
        map.serialize_entry("address", &self.0.address)?;
        map.serialize_entry("protocol_port", &self.0.protocol_port)?;
        map.end()
    }
}

#[derive(Serialize)]
struct Statuses<'a> {
    loadbalancer: As<'a, StatusTree>,
}

/// 200 with the tree.
pub(super) fn reply(tree: &StatusTree) -> Response {
    reply::wrapped(StatusCode::OK, "statuses", &Statuses { loadbalancer: As(tree) })
}

pub(super) fn schema() -> Value {
    let text = json!({ "type": "string" });
    let member = json!({ "type": "object", "properties": {
        "id": text, "name": text, "operating_status": text, "provisioning_status": text, "address": text,
        "protocol_port": { "type": "integer" }
    } });
    let monitor = json!({ "type": "object", "properties": {
        "id": text, "name": text, "operating_status": text, "provisioning_status": text, "type": text
    } });
    let pool = json!({ "type": "object", "properties": {
        "id": text, "name": text, "operating_status": text, "provisioning_status": text, "health_monitor": monitor,
        "members": { "type": "array", "items": member }
    } });
    let listener = json!({ "type": "object", "properties": {
        "id": text, "name": text, "operating_status": text, "provisioning_status": text,
        "pools": { "type": "array", "items": pool }
    } });
    let tree = json!({ "type": "object", "properties": {
        "id": text, "name": text, "operating_status": text, "provisioning_status": text,
        "listeners": { "type": "array", "items": listener }
    } });
    json!({ "type": "object", "required": ["statuses"], "properties": {
        "statuses": { "type": "object", "required": ["loadbalancer"], "properties": { "loadbalancer": tree } }
    } })
}
