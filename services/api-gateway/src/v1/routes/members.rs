//! `/v2.0/lb/members`

use axum::extract::State;
use ballast_limits as limits;
use ballast_proto::v1::{CreateMemberRequest, DeleteRequest, GetRequest, Member, Status, UpdateMemberRequest};
use serde::ser::SerializeMap;

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        at::At,
        attributes::{Attribute, Attributes, INTEGER, Kind, Resource},
        pages,
        payload::Payload,
        query::Query,
        reply::{self, Fields, Keys, Reply, Shown, present},
        spelling::spell,
        table::Routes,
    },
};

pub(crate) const MEMBER: Resource = Resource {
    one: "member",
    many: "members",
    links: "members_links",
    attributes: &[
        Attribute::read_only("id", Kind::Uuid),
        Attribute::tenant(),
        Attribute::required("pool_id", Kind::Uuid).mutable(),
        Attribute::required("address", Kind::Address),
        Attribute::required("protocol_port", INTEGER).within(limits::PORT),
        Attribute::optional("weight", INTEGER).within(limits::WEIGHT).mutable(),
        Attribute::optional("admin_state_up", Kind::Flag).mutable(),
        Attribute::read_only("status", Kind::Text),
        Attribute::read_only("status_description", Kind::Text).or_null(),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/lb/members/{id}";
    Routes::new()
        .list("/v2.0/lb/members", &MEMBER, list)
        .create("/v2.0/lb/members", &MEMBER, create)
        .show(ITEM, &MEMBER, show)
        .update(ITEM, &MEMBER, update)
        .delete(ITEM, &MEMBER, delete)
}

async fn create(State(gateway): State<Gateway>, caller: Caller, body: Payload) -> Reply {
    let member = decode(MEMBER.post(body.post()?, caller.project())?);
    let request = caller.request(CreateMemberRequest { member: Some(member), ..Default::default() });
    Ok(reply::created(&MEMBER, gateway.scheduler.members().create(request).await?.get_ref()))
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let fetch = move |request| {
        let (mut members, request) = (gateway.scheduler.members(), caller.request(request));
        async move {
            let found = members.list(request).await?.into_inner();
            Ok((found.members, found.next_page_token))
        }
    };
    pages::reply(&MEMBER, query.list(&MEMBER)?, fetch).await
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let member = gateway.scheduler.members().get(caller.request(GetRequest { id })).await?.into_inner();
    Ok(reply::one(&MEMBER, &member, &query.fields()))
}

async fn update(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, body: Payload) -> Reply {
    let (attributes, mask) = MEMBER.put(body.put()?)?;
    let member = Member { id, ..decode(attributes) };
    let request = caller.request(UpdateMemberRequest { member: Some(member), update_mask: Some(mask) });
    Ok(reply::one(&MEMBER, gateway.scheduler.members().update(request).await?.get_ref(), &Fields::default()))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    gateway.scheduler.members().delete(caller.request(DeleteRequest { id })).await?;
    Ok(reply::gone())
}

fn decode(mut attributes: Attributes) -> Member {
    Member {
        project_id: attributes.text("tenant_id"),
        pool_id: attributes.text("pool_id"),
        address: attributes.text("address"),
        protocol_port: attributes.integer("protocol_port"),
        weight: attributes.integer("weight"),
        admin_state_up: attributes.flag("admin_state_up"),
        ..Member::default()
    }
}

impl Shown for Member {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("tenant_id", &self.project_id)?;
        keys.put("pool_id", &self.pool_id)?;
        keys.put("address", &self.address)?;
        keys.put("protocol_port", &self.protocol_port)?;
        keys.put("weight", &self.weight)?;
        keys.put("admin_state_up", &self.admin_state_up)?;
        keys.put("status", &spell::<Status>(self.status))?;
        keys.put("status_description", &present(&self.status_description))
    }
}
