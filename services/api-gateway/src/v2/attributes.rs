//! Attributes that several resources have.

use ballast_limits::{self as limits, Bounds};
use serde_json::{Value, json};

use crate::kit::attributes::{Attribute, Kind};

pub(super) const ID: Attribute = Attribute::read_only("id", Kind::Uuid);
pub(super) const NAME: Attribute = Attribute::optional("name", Kind::Text).up_to(limits::TEXT).mutable();
pub(super) const DESCRIPTION: Attribute = Attribute::optional("description", Kind::Text).up_to(limits::TEXT).mutable();
pub(super) const ADMIN_STATE_UP: Attribute = Attribute::optional("admin_state_up", Kind::Flag).mutable();
pub(super) const TAGS: Attribute = Attribute::optional("tags", Kind::Texts).up_to(limits::TEXT).mutable();

pub(super) const PROVISIONING_STATUS: Attribute =
    Attribute::read_only("provisioning_status", Kind::Text).called("status.provisioning");
pub(super) const OPERATING_STATUS: Attribute =
    Attribute::read_only("operating_status", Kind::Text).called("status.operating");
pub(super) const STATUS_DESCRIPTION: Attribute =
    Attribute::read_only("status_description", Kind::Text).called("status.description").or_null().no_filter();
pub(super) const CREATED_AT: Attribute = Attribute::read_only("created_at", Kind::Text).called("status.created_at");
pub(super) const UPDATED_AT: Attribute =
    Attribute::read_only("updated_at", Kind::Text).called("status.updated_at").or_null();

/// Of what belongs to the load balancer's project, whatever is said.
pub(super) const PROJECT_ID: Attribute = Attribute::optional("project_id", Kind::Text).not_within().ignored();
pub(super) const TENANT_ID: Attribute =
    Attribute::optional("tenant_id", Kind::Text).called("project_id").not_within().ignored().no_filter();

/// A list of ids in a reply.
pub(super) const fn ids(name: &'static str, wire: &'static str) -> Attribute {
    Attribute::read_only(name, Kind::UuidList).called(wire).like(ids_schema).no_filter()
}

pub(super) fn ids_schema() -> Value {
    let id = json!({ "type": "object", "properties": { "id": { "type": "string", "format": "uuid" } } });
    json!({ "type": "array", "items": id })
}

/// A reference to a secret.
pub(super) const fn secret(name: &'static str, wire: &'static str) -> Attribute {
    Attribute::optional(name, Kind::Text).called(wire).up_to(limits::TEXT).mutable().or_null()
}

pub(super) const fn texts(name: &'static str, wire: &'static str) -> Attribute {
    Attribute::optional(name, Kind::Texts).called(wire).up_to(limits::TEXT).mutable().or_null()
}

/// Any integer that the wire carries.
pub(super) const NUMBER: Kind = Kind::Integer { least: i32::MIN };
pub(super) const PORT: Bounds = Bounds { least: 1, most: 65_535 };
pub(super) const NATURAL: Bounds = Bounds { least: 0, most: i32::MAX };

pub(super) fn texts_schema() -> Value {
    json!({ "type": ["array", "null"], "items": { "type": "string" } })
}
