//! `/v2.0/lbaas/pools/{pool_id}/members`

use axum::{extract::State, http::StatusCode};
use ballast_limits as limits;
use ballast_proto::{
    status::fault::Kind as Noted,
    v2::{GetRequest, Member, ReplaceMembersRequest, Status, preview_request::Change},
};
use prost_types::FieldMask;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::stats;
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        attributes::{Attribute, Attributes, Kind, Resource},
        payload::Payload,
        refusal::Refusal,
        reply::{self, Entire, Keys, Reply, Shown, present},
        table::{Does, Routes},
    },
    v2::{
        attributes::{self as common, NUMBER},
        body::{self, Argument},
        crud::{self, Noun, calls},
        place::{Asked, Place},
        plan, shown,
    },
};

pub(crate) const MEMBER: Resource = Resource {
    one: "member",
    many: "members",
    links: "members_links",
    attributes: &[
        common::ID,
        common::NAME,
        common::OPERATING_STATUS,
        common::PROVISIONING_STATUS,
        common::STATUS_DESCRIPTION,
        common::ADMIN_STATE_UP,
        Attribute::required("address", Kind::Address),
        Attribute::required("protocol_port", NUMBER).within(common::PORT),
        Attribute::optional("weight", NUMBER).within(limits::WEIGHT).mutable(),
        Attribute::optional("backup", Kind::Flag).mutable(),
        Attribute::optional("subnet_id", Kind::Uuid).or_null(),
        common::PROJECT_ID,
        common::TENANT_ID,
        common::CREATED_AT,
        common::UPDATED_AT,
        Attribute::optional("monitor_address", Kind::Address).mutable().or_null(),
        Attribute::optional("monitor_port", NUMBER).within(common::PORT).mutable().or_null(),
        common::TAGS,
        Attribute::read_only("vnic_type", Kind::Constant("normal")).no_filter(),
        // What a flavor would have to allow.
        Attribute::optional("request_sriov", Kind::Flag).ignored().never_shown().no_filter(),
    ],
};

calls! {
    Member = Member: members, CreateMemberRequest { member, request_id }, UpdateMemberRequest,
    DeleteRequest { id, parent_id; etag }, members;
    CreateMember, UpdateMember, DeleteMember
}

const ALL: &str = "/v2.0/lbaas/pools/{pool_id}/members";

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/lbaas/pools/{pool_id}/members/{id}";
    let routes = crud::routes::<Member>(ALL, ITEM).serve(ALL, Does::Replace(&MEMBER), "update_members", replace);
    let stats = "/v2.0/lbaas/pools/{pool_id}/members/{id}/stats";
    routes.serve(stats, Does::Tell(stats::schema), "get_member_stats", show_stats)
}

async fn show_stats(State(gateway): State<Gateway>, caller: Caller, place: Place) -> Reply {
    let request = caller.request(GetRequest { id: place.id, parent_id: place.parent_id });
    let stats = gateway.scheduler.v2().members().stats(request).await;
    let stats = stats.map_err(|status| Refusal::from(status).below(&Noted::Pool))?;
    Ok(stats::reply(stats.get_ref()))
}

/// 202 with nothing: the members are these from now on.
async fn replace(State(gateway): State<Gateway>, asked: Asked, payload: Payload) -> Reply {
    let Asked { caller, place, terms, query } = asked;
    let [additive_only, validate_only] = query.only(["additive_only", plan::NAME])?;
    let validate_only = plan::is_asked(validate_only)?;
    let additive_only =
        additive_only.is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on"));
    let sent = body::many(&MEMBER, Argument { name: "members_", wrapper: MEMBER.many }, &payload)?;
    let given = sent.iter().map(given).collect();
    let members = sent.into_iter().map(Member::decode).collect::<Result<_, _>>()?;
    let request = ReplaceMembersRequest {
        pool_id: place.parent_id,
        members,
        additive_only,
        etag: terms.etag,
        given,
        validate_only,
    };
    let planned = validate_only.then(|| Change::ReplaceMembers(request.clone()));
    let answer = gateway.scheduler.v2().members().replace(caller.request(request)).await;
    answer.map_err(|status| Refusal::from(status).below(&Noted::Pool))?;
    if validate_only {
        return plan::reply::<Member>(&gateway, &caller, None, planned).await;
    }
    Ok(reply::empty(StatusCode::ACCEPTED))
}

/// Which fields a member of a batch sets: one that is there keeps the others.
fn given(attributes: &Attributes) -> FieldMask {
    let given = MEMBER.attributes.iter().filter(|attribute| attribute.stored && attributes.has(attribute.name));
    FieldMask { paths: given.map(|attribute| attribute.wire.to_owned()).collect() }
}

impl Noun for Member {
    const RESOURCE: &'static Resource = &MEMBER;
    const ARGUMENT: &'static str = "member_";
    const PARENT: Option<Noted> = Some(Noted::Pool);
    const IS_REPLACED: bool = true;

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        if attributes.flag("request_sriov") == Some(true) {
            let message = "Validation failure: The load balancer flavor does not allow SR-IOV member ports.";
            return Err(Refusal::faulty(message));
        }
        Ok(Self {
            name: attributes.text("name"),
            admin_state_up: attributes.flag("admin_state_up"),
            tags: attributes.texts("tags"),
            address: attributes.text("address"),
            protocol_port: attributes.integer("protocol_port"),
            weight: attributes.integer("weight"),
            backup: attributes.flag("backup").unwrap_or_default(),
            subnet_id: attributes.text("subnet_id"),
            monitor_address: attributes.text("monitor_address"),
            monitor_port: attributes.integer("monitor_port").unwrap_or_default(),
            ..Self::default()
        })
    }

    fn at(self, place: Place, etag: String) -> Self {
        Self { id: place.id, pool_id: place.parent_id, status: shown::asking(etag), ..self }
    }

    fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }
}

impl Shown for Member {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("name", &self.name)?;
        shown::status(keys, self.status.as_ref())?;
        keys.put("admin_state_up", &self.admin_state_up.unwrap_or_default())?;
        keys.put("address", &self.address)?;
        keys.put("protocol_port", &self.protocol_port)?;
        keys.put("weight", &self.weight)?;
        keys.put("backup", &self.backup)?;
        keys.put("subnet_id", &present(&self.subnet_id))?;
        shown::project(keys, &self.project_id)?;
        keys.put("monitor_address", &present(&self.monitor_address))?;
        keys.put("monitor_port", &(self.monitor_port != 0).then_some(self.monitor_port))?;
        keys.put("tags", &self.tags)?;
        keys.put("vnic_type", "normal")
    }
}

/// Members as a pool shows them that was made with them.
pub(super) struct Whole<'a>(pub(super) &'a [Member]);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Entire))
    }
}
