//! Bodies of v1, read by attribute maps with Neutron's words.
//!
//! A body passes the same stages in the same order for each resource, because which of its faults is reported depends
//! on the order: wrapper, project, unknown attributes, presence, then each value.

use axum::http::StatusCode;
use ballast_proto::status::fault::Fault;
use prost_types::FieldMask;
use serde_json::{Map, Value};

use super::{python, values};
use crate::kit::{
    attributes::{Attributes, Post, Resource},
    payload::Payload,
    refusal::Refusal,
};

/// The largest body, in bytes.
pub(super) const LIMIT: usize = 1 << 20;

impl Payload {
    /// The JSON of a POST.
    ///
    /// # Errors
    /// When it is not JSON, or nothing.
    pub(crate) fn post(&self) -> Result<Value, Refusal> {
        let required = || Refusal::bad_request("Resource body required");
        if self.bytes().is_empty() {
            return Err(required());
        }
        Some(self.parse()?).filter(|body| !is_nothing(body)).ok_or_else(required)
    }

    /// The JSON of a PUT.
    ///
    /// # Errors
    /// When it is not a JSON object, or one without anything in it.
    pub(crate) fn put(&self) -> Result<Value, Refusal> {
        let body = if self.bytes().is_empty() { Value::Null } else { self.parse()? };
        match &body {
            Value::Object(map) if map.is_empty() => Err(Refusal::bad_request("Resource body required")),
            Value::Object(_) => Ok(body),
            _ => Err(Refusal::bad_part("body", &format!("Invalid format: {}", String::from_utf8_lossy(self.bytes())))),
        }
    }

    fn parse(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(self.bytes()).map_err(|_| Refusal::Http {
            status: StatusCode::BAD_REQUEST,
            kind: "MalformedRequestBody",
            message: "Malformed request body: Cannot understand JSON".to_owned(),
        })
    }
}

/// What is false in Python.
fn is_nothing(body: &Value) -> bool {
    match body {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

impl Resource {
    /// The attributes of a POST's body. `project` is the caller's, used when the body names none.
    ///
    /// # Errors
    /// As Neutron refuses it.
    pub(crate) fn post(&self, body: Value, project: Option<&str>) -> Result<Attributes, Refusal> {
        let mut map = self.unwrap(body)?;
        populate_tenant(&mut map, project)?;
        self.refuse_unknown(&map)?;
        for attribute in self.attributes {
            match (attribute.post, map.contains_key(attribute.name)) {
                (Post::Required, false) => return Err(Fault::missing_field(attribute.name).into()),
                (Post::Refused, true) => {
                    return Err(Refusal::bad_request(format!("Attribute '{}' not allowed in POST", attribute.name)));
                }
                _ => {}
            }
        }
        self.settle(map)
    }

    /// The attributes of a PUT's body, and which of the scheduler's fields they change.
    ///
    /// # Errors
    /// As Neutron refuses it.
    pub(crate) fn put(&self, body: Value) -> Result<(Attributes, FieldMask), Refusal> {
        let map = self.unwrap(body)?;
        self.refuse_unknown(&map)?;
        let present = || self.attributes.iter().filter(|attribute| map.contains_key(attribute.name));
        if let Some(fixed) = present().find(|attribute| !attribute.in_put()) {
            return Err(Fault::immutable_field(fixed.name).into());
        }
        let stored = present().filter(|attribute| attribute.stored);
        let mask = FieldMask { paths: stored.map(|attribute| attribute.wire.to_owned()).collect() };
        Ok((self.settle(map)?, mask))
    }

    /// The object inside the wrapper.
    fn unwrap(&self, body: Value) -> Result<Map<String, Value>, Refusal> {
        let Value::Object(mut body) = body else {
            return Err(Refusal::bad_part("body", &format!("Invalid format: {}", python::text(&body))));
        };
        if body.contains_key(self.many) {
            return Err(Refusal::bad_request("Bulk operation not supported"));
        }
        match body.remove(self.one) {
            Some(Value::Object(map)) => Ok(map),
            None | Some(Value::Null) => {
                Err(Refusal::bad_request(format!("Unable to find '{}' in request body", self.one)))
            }
            Some(other) => Err(Refusal::invalid(self.one, &format!("'{}' is not a dictionary", python::text(&other)))),
        }
    }

    fn refuse_unknown(&self, map: &Map<String, Value>) -> Result<(), Refusal> {
        let unknown: Vec<_> = map.keys().map(String::as_str).filter(|name| self.attribute(name).is_none()).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Refusal::bad_request(format!("Unrecognized attribute(s) '{}'", unknown.join(", "))))
    }

    fn settle(&self, mut map: Map<String, Value>) -> Result<Attributes, Refusal> {
        for attribute in self.attributes {
            if let Some(value) = map.get_mut(attribute.name) {
                *value = values::settle(attribute.kind, attribute.name, value.take())?;
            }
        }
        Ok(Attributes(map))
    }
}

/// A create belongs to the body's project, else to the caller's. Neutron adds it before it looks for unknown
/// attributes, so a resource without `tenant_id` refuses every POST.
fn populate_tenant(map: &mut Map<String, Value>, project: Option<&str>) -> Result<(), Refusal> {
    if map.contains_key("tenant_id") {
        return Ok(());
    }
    match project {
        Some(project) if !project.is_empty() => {
            map.insert("tenant_id".to_owned(), Value::from(project));
            Ok(())
        }
        _ => Err(Refusal::bad_request("Running without keystone AuthN requires  that tenant_id is specified")),
    }
}

#[cfg(test)]
mod payloads;
#[cfg(test)]
mod tests;
