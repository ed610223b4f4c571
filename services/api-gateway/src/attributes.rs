//! Attribute maps: what a resource's body may, must and cannot carry, as tables, and the reading of bodies by them.
//!
//! A body passes the same stages in the same order for each resource, because which of its faults is reported depends
//! on the order: wrapper, project, unknown attributes, presence, then each value.

use ballast_limits::Bounds;
use prost_types::FieldMask;
use serde_json::{Map, Value};

use ballast_proto::status::fault::Fault;

use crate::{
    error::Refusal,
    python,
    spelling::{self, Spelled},
    values,
};

/// A resource of the API.
pub(crate) struct Resource {
    /// The wrapper of one: `pool`.
    pub(crate) one: &'static str,
    /// The wrapper of many, and the key of the links between pages: `pools`.
    pub(crate) many: &'static str,
    pub(crate) attributes: &'static [Attribute],
}

/// What an attribute's value must be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Uuid,
    /// Null is an empty list, a lone value a list of one.
    UuidList,
    Flag,
    /// At least this, and of 32 bits.
    Integer {
        least: i32,
    },
    OneOf(&'static [&'static str]),
    IntegerOneOf(&'static [i32]),
    /// Text; its syntax is the scheduler's to check.
    Address,
    /// The same, or null.
    AddressOrNone,
    /// The same for every object, so the scheduler does not know it.
    Constant(&'static str),
    /// A boolean that can only be false.
    False,
    /// Checked by a function that returns Neutron's reason.
    Shape(fn(&Value) -> Result<(), String>),
}

/// Any integer that the wire carries.
pub(crate) const INTEGER: Kind = Kind::Integer { least: i32::MIN };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Post {
    Refused,
    Optional,
    Required,
}

/// One attribute of a resource.
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    /// The scheduler's name of it.
    pub(crate) wire: &'static str,
    pub(crate) kind: Kind,
    post: Post,
    put: bool,
    stored: bool,
    shown: Shown,
    /// Its JSON schema, where the kind does not say enough.
    pub(crate) schema: Option<fn() -> Value>,
    /// What the scheduler takes of its kind; for the document.
    pub(crate) limit: Option<Limit>,
}

/// How much a request can ask for.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    Number(Bounds),
    Longest(usize),
}

/// How replies have an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Always,
    OrNull,
    Never,
}

impl Attribute {
    const fn new(name: &'static str, kind: Kind, post: Post) -> Self {
        Self { name, wire: name, kind, post, put: false, stored: true, shown: Shown::Always, schema: None, limit: None }
    }

    /// Shown, never taken.
    pub(crate) const fn read_only(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind, Post::Refused)
    }

    pub(crate) const fn optional(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind, Post::Optional)
    }

    pub(crate) const fn required(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind, Post::Required)
    }

    /// Can be changed by PUT.
    pub(crate) const fn mutable(mut self) -> Self {
        self.put = true;
        self
    }

    /// Has another name on the wire.
    pub(crate) const fn called(mut self, wire: &'static str) -> Self {
        self.wire = wire;
        self
    }

    /// Taken and checked, then ignored.
    pub(crate) const fn ignored(mut self) -> Self {
        self.stored = false;
        self
    }

    /// Null in replies where there is none.
    pub(crate) const fn or_null(mut self) -> Self {
        self.shown = Shown::OrNull;
        self
    }

    /// Known, but in no reply.
    pub(crate) const fn never_shown(mut self) -> Self {
        self.shown = Shown::Never;
        self
    }

    /// Has this JSON schema, in requests and in replies.
    pub(crate) const fn like(mut self, schema: fn() -> Value) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Taken within these bounds.
    pub(crate) const fn within(mut self, bounds: Bounds) -> Self {
        self.limit = Some(Limit::Number(bounds));
        self
    }

    /// Taken up to this length.
    pub(crate) const fn up_to(mut self, longest: usize) -> Self {
        self.limit = Some(Limit::Longest(longest));
        self
    }

    pub(crate) fn in_post(&self) -> bool {
        self.post != Post::Refused
    }

    pub(crate) fn is_required(&self) -> bool {
        self.post == Post::Required
    }

    pub(crate) const fn in_put(&self) -> bool {
        self.put
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.shown != Shown::Never
    }

    pub(crate) fn may_be_null(&self) -> bool {
        self.shown == Shown::OrNull
    }

    /// `tenant_id`, as most resources have it.
    pub(crate) const fn tenant() -> Self {
        Self::optional("tenant_id", Kind::Text).called("project_id")
    }
}

impl Resource {
    /// The attribute of this name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

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
        if let Some(fixed) = present().find(|attribute| !attribute.put) {
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

/// Attributes that were read by a resource's table, so each is of its kind.
#[derive(Debug)]
pub(crate) struct Attributes(Map<String, Value>);

impl Attributes {
    /// The text, which is then gone from here; none when it is null or absent.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The text, or an empty one: what the wire takes for absent.
    pub(crate) fn text(&mut self, name: &str) -> String {
        self.optional_text(name).unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i32> {
        self.0.get(name)?.as_i64()?.try_into().ok()
    }

    /// A number whose kind has no negative ones; 0 when it is absent.
    pub(crate) fn natural(&self, name: &str) -> u32 {
        self.0.get(name).and_then(Value::as_u64).and_then(|number| number.try_into().ok()).unwrap_or_default()
    }

    pub(crate) fn spelled<E: Spelled>(&self, name: &str) -> i32 {
        self.0.get(name).and_then(Value::as_str).map_or(0, spelling::parse::<E>)
    }

    /// The value as it was sent; none when it is absent.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests;
