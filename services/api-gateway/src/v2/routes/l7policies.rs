//! `/v2.0/lbaas/l7policies`

use ballast_limits::Bounds;
use ballast_proto::{
    driver::L7Action,
    v2::{L7Policy, Status},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{l7rules, l7rules::L7_RULE, pools, pools::POOL};
use crate::{
    kit::{
        attributes::{Attribute, Attributes, Kind, Resource},
        refusal::Refusal,
        reply::{Entire, Keys, Shown, present},
        spelling::spell,
        table::Routes,
    },
    v2::{
        attributes::{self as common, NUMBER},
        crud::{self, Noun, calls},
        place::Place,
        shown::{self, Ids},
        spelling::L7_ACTIONS,
        values,
    },
};

pub(crate) const L7_POLICY: Resource = Resource {
    one: "l7policy",
    many: "l7policies",
    links: "l7policies_links",
    attributes: &[
        common::ID,
        common::NAME,
        common::DESCRIPTION,
        common::PROVISIONING_STATUS,
        common::OPERATING_STATUS,
        common::STATUS_DESCRIPTION,
        common::ADMIN_STATE_UP,
        common::PROJECT_ID,
        common::TENANT_ID,
        Attribute::required("action", Kind::OneOf(L7_ACTIONS)).mutable(),
        Attribute::required("listener_id", Kind::Uuid).not_within(),
        Attribute::optional("redirect_pool_id", Kind::Uuid).not_within().mutable().or_null(),
        Attribute::optional("redirect_pool", Kind::Part(&POOL)).never_shown(),
        Attribute::optional("redirect_url", Kind::Shape(values::url)).mutable().or_null(),
        Attribute::optional("redirect_prefix", Kind::Shape(values::url)).mutable().or_null(),
        Attribute::optional("redirect_http_code", Kind::IntegerOneOf(&[301, 302, 303, 307, 308])).mutable().or_null(),
        Attribute::optional("position", NUMBER).within(Bounds { least: 1, most: i32::MAX }).mutable(),
        Attribute::optional("rules", Kind::Parts(&L7_RULE)).called("rule_ids").like(common::ids_schema),
        common::CREATED_AT,
        common::UPDATED_AT,
        common::TAGS,
    ],
};

calls! {
    L7Policy = L7Policy: l7_policies, CreateL7PolicyRequest { l7policy, request_id }, UpdateL7PolicyRequest,
    DeleteRequest { id; etag }, l7policies;
    CreateL7policy, UpdateL7policy, DeleteL7policy
}

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/l7policies";
    const ITEM: &str = "/v2.0/lbaas/l7policies/{id}";
    crud::routes::<L7Policy>(ALL, ITEM)
}

impl Noun for L7Policy {
    const RESOURCE: &'static Resource = &L7_POLICY;
    const ARGUMENT: &'static str = "l7policy_";

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        Ok(Self {
            listener_id: attributes.text("listener_id"),
            name: attributes.text("name"),
            description: attributes.text("description"),
            admin_state_up: attributes.flag("admin_state_up"),
            tags: attributes.texts("tags"),
            action: attributes.spelled::<L7Action>("action"),
            redirect_pool_id: attributes.text("redirect_pool_id"),
            redirect_url: attributes.text("redirect_url"),
            redirect_prefix: attributes.text("redirect_prefix"),
            redirect_http_code: attributes.integer("redirect_http_code"),
            position: attributes.integer("position"),
            rules: attributes.parts("rules").into_iter().map(Noun::decode).collect::<Result<_, _>>()?,
            redirect_pool: attributes.part("redirect_pool").map(Noun::decode).transpose()?,
            ..Self::default()
        })
    }

    fn at(self, place: Place, etag: String) -> Self {
        Self { id: place.id, status: shown::asking(etag), ..self }
    }

    fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }
}

fn show_own<M: SerializeMap>(policy: &L7Policy, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
    keys.put("id", &policy.id)?;
    keys.put("name", &policy.name)?;
    keys.put("description", &policy.description)?;
    shown::status(keys, policy.status.as_ref())?;
    keys.put("admin_state_up", &policy.admin_state_up.unwrap_or_default())?;
    shown::project(keys, &policy.project_id)?;
    keys.put("action", &spell::<L7Action>(policy.action))?;
    keys.put("listener_id", &policy.listener_id)?;
    keys.put("redirect_pool_id", &present(&policy.redirect_pool_id))?;
    keys.put("redirect_url", &present(&policy.redirect_url))?;
    keys.put("redirect_prefix", &present(&policy.redirect_prefix))?;
    keys.put("redirect_http_code", &policy.redirect_http_code)?;
    keys.put("position", &policy.position)?;
    keys.put("tags", &policy.tags)
}

impl Shown for L7Policy {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        show_own(self, keys)?;
        keys.put("rules", &Ids(&self.rule_ids))
    }
}

/// Policies as a load balancer shows them that was made with them.
pub(super) struct Whole<'a>(pub(super) &'a [L7Policy]);

struct Part<'a>(&'a L7Policy);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|policy| Entire(Part(policy))))
    }
}

impl Shown for Part<'_> {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        show_own(self.0, keys)?;
        if let Some(pool) = &self.0.redirect_pool {
            keys.put("redirect_pool", &pools::one(pool))?;
        }
        keys.put("rules", &l7rules::Whole(&self.0.rules))
    }
}
