//! `/v2.0/lbaas/quotas`: how many objects a project may have. An item's id is the project's.

use axum::{extract::State, http::StatusCode};
use ballast_limits::Bounds;
use ballast_proto::v2::{ListQuotasRequest, Quota, QuotaRequest, UpdateQuotaRequest};
use serde::ser::SerializeMap;

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        attributes::{Attribute, Attributes, Kind, Resource},
        links::{Link, Page},
        payload::Payload,
        query::{Query, View},
        refusal::Refusal,
        reply::{self, Fields, Keys, Object, Reply, Shown},
        table::{Does, Routes},
    },
    v2::{
        attributes::NUMBER,
        body::{self, Argument},
        crud,
        place::Place,
    },
};

const fn limit(name: &'static str, wire: &'static str) -> Attribute {
    Attribute::optional(name, NUMBER)
        .called(wire)
        .within(Bounds { least: -1, most: 2_000_000_000 })
        .mutable()
        .no_filter()
}

/// Some have two names: the last clients use the older ones.
const QUOTA: Resource = Resource {
    one: "quota",
    many: "quotas",
    links: "quotas_links",
    attributes: &[
        Attribute::read_only("project_id", Kind::Text),
        Attribute::read_only("tenant_id", Kind::Text),
        limit("loadbalancer", "load_balancer"),
        limit("load_balancer", "load_balancer"),
        limit("listener", "listener"),
        limit("member", "member"),
        limit("pool", "pool"),
        limit("healthmonitor", "health_monitor"),
        limit("health_monitor", "health_monitor"),
        limit("l7policy", "l7policy"),
        limit("l7rule", "l7rule"),
    ],
};

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/quotas";
    const ITEM: &str = "/v2.0/lbaas/quotas/{id}";
    Routes::new()
        .serve(ALL, Does::ListAll(&QUOTA), "get_quotas", list)
        .show(ITEM, &QUOTA, show)
        .serve("/v2.0/lbaas/quotas/defaults", Does::Show(&QUOTA), "get_quota_defaults", defaults)
        .serve("/v2.0/lbaas/quotas/{id}/default", Does::Show(&QUOTA), "get_quota_default", defaults)
        .serve(ITEM, Does::UpdateLater(&QUOTA), "update_quota", update)
        .serve(ITEM, Does::Reset, "delete_quota", delete)
        .unlisted(ALL, axum::routing::put(crud::without_id))
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let known = ["project_id", "limit", "marker", "fields", "page_reverse", "sort", "sort_key", "sort_dir"];
    if query.pairs.iter().any(|(key, _)| !known.contains(&key.as_str())) {
        return Err(Refusal::faulty("One or more arguments are either duplicate or invalid"));
    }
    let project_id = query.last("project_id").unwrap_or_default().to_owned();
    let request = caller.request(ListQuotasRequest { project_id });
    let found = gateway.scheduler.v2().quotas().list(request).await?.into_inner();
    // `fields` is not looked at, and there is no id to go on from.
    let page = Page {
        name: QUOTA.links,
        url: String::new(),
        query: Vec::new(),
        limit: usize::MAX,
        reverse: false,
        links: |_, _| Vec::<Link>::new(),
    };
    Ok(reply::many(&QUOTA, &found.quotas, &View { fields: Fields::default(), page: Some(page) }))
}

async fn show(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    let request = caller.request(QuotaRequest { project_id: place.id });
    let quota = gateway.scheduler.v2().quotas().get(request).await?.into_inner();
    Ok(reply::one(&QUOTA, &quota, &query.shown()))
}

async fn defaults(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    let request = caller.request(QuotaRequest { project_id: place.id });
    let quota = gateway.scheduler.v2().quotas().get_default(request).await?.into_inner();
    Ok(reply::one(&QUOTA, &quota, &query.shown()))
}

/// 202, though it holds from now on.
async fn update(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query, payload: Payload) -> Reply {
    query.only([])?;
    let (attributes, mut mask) = body::put(&QUOTA, Argument { name: "quotas", wrapper: QUOTA.one }, &payload)?;
    mask.paths.dedup();
    let quota = Quota { project_id: place.id, ..decode(&attributes) };
    let request = caller.request(UpdateQuotaRequest { quota: Some(quota), update_mask: Some(mask) });
    let quota = gateway.scheduler.v2().quotas().update(request).await?.into_inner();
    Ok(reply::wrapped(StatusCode::ACCEPTED, QUOTA.one, &Object { object: &quota, fields: &Fields::default() }))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    query.only([])?;
    gateway.scheduler.v2().quotas().delete(caller.request(QuotaRequest { project_id: place.id })).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

fn decode(attributes: &Attributes) -> Quota {
    let either = |new: &str, old: &str| attributes.integer(new).or_else(|| attributes.integer(old));
    Quota {
        project_id: String::new(),
        load_balancer: either("loadbalancer", "load_balancer"),
        listener: attributes.integer("listener"),
        pool: attributes.integer("pool"),
        member: attributes.integer("member"),
        health_monitor: either("healthmonitor", "health_monitor"),
        l7policy: attributes.integer("l7policy"),
        l7rule: attributes.integer("l7rule"),
    }
}

impl Shown for Quota {
    fn id(&self) -> &str {
        &self.project_id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("project_id", &self.project_id)?;
        keys.put("tenant_id", &self.project_id)?;
        keys.put("loadbalancer", &self.load_balancer)?;
        keys.put("load_balancer", &self.load_balancer)?;
        keys.put("listener", &self.listener)?;
        keys.put("member", &self.member)?;
        keys.put("pool", &self.pool)?;
        keys.put("healthmonitor", &self.health_monitor)?;
        keys.put("health_monitor", &self.health_monitor)?;
        keys.put("l7policy", &self.l7policy)?;
        keys.put("l7rule", &self.l7rule)
    }
}
