//! `/v2.0/lbaas/l7policies/{l7policy_id}/rules`

use ballast_limits as limits;
use ballast_proto::{
    driver::{L7CompareType, L7RuleType},
    status::fault::Kind as Noted,
    v2::{L7Rule, Status},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    kit::{
        attributes::{Attribute, Attributes, Kind, Resource},
        refusal::Refusal,
        reply::{Entire, Keys, Shown, present},
        spelling::spell,
        table::Routes,
    },
    v2::{
        attributes as common,
        crud::{self, Noun, calls},
        place::Place,
        shown,
        spelling::{COMPARE_TYPES, RULE_TYPES},
    },
};

pub(crate) const L7_RULE: Resource = Resource {
    one: "rule",
    many: "rules",
    links: "rules_links",
    attributes: &[
        common::ID,
        Attribute::required("type", Kind::OneOf(RULE_TYPES)).mutable(),
        Attribute::required("compare_type", Kind::OneOf(COMPARE_TYPES)).mutable(),
        Attribute::optional("key", Kind::Text).up_to(limits::TEXT).mutable().or_null(),
        Attribute::required("value", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::optional("invert", Kind::Flag).mutable(),
        common::PROVISIONING_STATUS,
        common::OPERATING_STATUS,
        common::STATUS_DESCRIPTION,
        common::CREATED_AT,
        common::UPDATED_AT,
        common::PROJECT_ID,
        common::TENANT_ID,
        common::ADMIN_STATE_UP,
        common::TAGS,
    ],
};

calls! {
    L7Rule = L7Rule: l7_rules, CreateL7RuleRequest { rule, request_id }, UpdateL7RuleRequest,
    DeleteRequest { id, parent_id; etag }, rules;
    CreateL7rule, UpdateL7rule, DeleteL7rule
}

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/l7policies/{l7policy_id}/rules";
    const ITEM: &str = "/v2.0/lbaas/l7policies/{l7policy_id}/rules/{id}";
    crud::routes::<L7Rule>(ALL, ITEM)
}

impl Noun for L7Rule {
    const RESOURCE: &'static Resource = &L7_RULE;
    const ARGUMENT: &'static str = "rule_";
    const CHANGE: &'static str = "l7rule_";
    const PARENT: Option<Noted> = Some(Noted::L7Policy);

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        Ok(Self {
            admin_state_up: attributes.flag("admin_state_up"),
            tags: attributes.texts("tags"),
            r#type: attributes.spelled::<L7RuleType>("type"),
            compare_type: attributes.spelled::<L7CompareType>("compare_type"),
            key: attributes.text("key"),
            value: attributes.text("value"),
            invert: attributes.flag("invert").unwrap_or_default(),
            ..Self::default()
        })
    }

    fn at(self, place: Place, etag: String) -> Self {
        Self { id: place.id, l7policy_id: place.parent_id, status: shown::asking(etag), ..self }
    }

    fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }
}

impl Shown for L7Rule {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("type", &spell::<L7RuleType>(self.r#type))?;
        keys.put("compare_type", &spell::<L7CompareType>(self.compare_type))?;
        keys.put("key", &present(&self.key))?;
        keys.put("value", &self.value)?;
        keys.put("invert", &self.invert)?;
        shown::status(keys, self.status.as_ref())?;
        shown::project(keys, &self.project_id)?;
        keys.put("admin_state_up", &self.admin_state_up.unwrap_or_default())?;
        keys.put("tags", &self.tags)
    }
}

/// Rules as a load balancer shows them that was made with them.
pub(super) struct Whole<'a>(pub(super) &'a [L7Rule]);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Entire))
    }
}
