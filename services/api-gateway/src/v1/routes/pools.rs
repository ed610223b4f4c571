//! `/v2.0/lb/pools`

use axum::{extract::State, http::StatusCode, response::Response};
use ballast_limits as limits;
use ballast_proto::{
    driver::{LbMethod, Protocol},
    status::fault::{Fault, Missing},
    v1::{CreatePoolRequest, DeleteRequest, GetRequest, MonitorStatus, Pool, Status, UpdatePoolRequest},
};
use serde::{Serialize, ser::SerializeMap};
use serde_json::{Value, json};

use super::{agents::AGENT, health_monitors::associations_schema};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        at::At,
        attributes::{Attribute, Attributes, Kind, Resource},
        pages,
        payload::Payload,
        query::Query,
        refusal::Refusal,
        reply::{self, Fields, Keys, Reply, Shown, present},
        spelling::spell,
        table::{Does, Routes},
    },
    v1::spelling::{LB_METHODS, PROTOCOLS},
};

pub(crate) const POOL: Resource = Resource {
    one: "pool",
    many: "pools",
    links: "pools_links",
    attributes: &[
        Attribute::read_only("id", Kind::Uuid),
        Attribute::tenant(),
        Attribute::read_only("vip_id", Kind::Uuid).or_null(),
        Attribute::optional("name", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::optional("description", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::required("subnet_id", Kind::Uuid),
        Attribute::required("protocol", Kind::OneOf(PROTOCOLS)),
        Attribute::optional("provider", Kind::Text).or_null(),
        Attribute::required("lb_method", Kind::OneOf(LB_METHODS)).mutable(),
        Attribute::read_only("members", Kind::UuidList),
        // Neutron checks it and makes nothing of it: monitors are associated by the sub-resource.
        Attribute::optional("health_monitors", Kind::UuidList).mutable().ignored(),
        Attribute::read_only("health_monitors_status", Kind::Text).like(|| associations_schema("monitor_id")),
        Attribute::optional("admin_state_up", Kind::Flag).mutable(),
        Attribute::read_only("status", Kind::Text),
        Attribute::read_only("status_description", Kind::Text).or_null(),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/lb/pools/{id}";
    Routes::new()
        .list("/v2.0/lb/pools", &POOL, list)
        .create("/v2.0/lb/pools", &POOL, create)
        .show(ITEM, &POOL, show)
        .update(ITEM, &POOL, update)
        .delete(ITEM, &POOL, delete)
        .serve("/v2.0/lb/pools/{id}/stats", Does::Tell(stats_schema), "get_pool_stats", stats)
        .serve("/v2.0/lb/pools/{id}/loadbalancer-agent", Does::ShowOrNull(&AGENT), "get_loadbalancer-agent", agent)
}

/// The field of the message that holds a key.
fn wire(key: &str) -> Option<&str> {
    match key {
        "members" => Some("member_ids"),
        "health_monitors_status" => Some("health_monitors"),
        key => POOL.attribute(key).map(|attribute| attribute.wire),
    }
}

async fn create(State(gateway): State<Gateway>, caller: Caller, body: Payload) -> Reply {
    let attributes = POOL.post(body.post()?, caller.project())?;
    named_provider(&attributes)?;
    let pool = decode(attributes);
    let request = caller.request(CreatePoolRequest { pool: Some(pool), ..Default::default() });
    Ok(reply::created(&POOL, gateway.scheduler.pools().create(request).await?.get_ref()))
}

/// On the wire an empty name asks for the default provider. Neutron looks for a provider of that name.
fn named_provider(attributes: &Attributes) -> Result<(), Refusal> {
    if attributes.value("provider").and_then(Value::as_str) == Some("") {
        return Err(Fault::from(Missing::Provider { provider: String::new() }).into());
    }
    Ok(())
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let mut list = query.list(&POOL)?;
    list.request.read_mask = list.view.fields.mask(wire);
    let fetch = move |request| {
        let (mut pools, request) = (gateway.scheduler.pools(), caller.request(request));
        async move {
            let found = pools.list(request).await?.into_inner();
            Ok((found.pools, found.next_page_token))
        }
    };
    pages::reply(&POOL, list, fetch).await
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let pool = gateway.scheduler.pools().get(caller.request(GetRequest { id })).await?.into_inner();
    Ok(reply::one(&POOL, &pool, &query.fields()))
}

async fn update(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, body: Payload) -> Reply {
    let (attributes, mask) = POOL.put(body.put()?)?;
    let pool = Pool { id, ..decode(attributes) };
    let request = caller.request(UpdatePoolRequest { pool: Some(pool), update_mask: Some(mask) });
    Ok(reply::one(&POOL, gateway.scheduler.pools().update(request).await?.get_ref(), &Fields::default()))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    gateway.scheduler.pools().delete(caller.request(DeleteRequest { id })).await?;
    Ok(reply::gone())
}

async fn stats(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    let stats = gateway.scheduler.pools().stats(caller.request(GetRequest { id })).await?.into_inner();
    let stats = Stats {
        bytes_in: stats.bytes_in,
        bytes_out: stats.bytes_out,
        active_connections: stats.active_connections,
        total_connections: stats.total_connections,
    };
    Ok(reply::wrapped(StatusCode::OK, "stats", &stats))
}

async fn agent(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    let reply = gateway.scheduler.pools().get_agent(caller.request(GetRequest { id })).await?.into_inner();
    Ok(match reply.agent {
        Some(agent) => reply::one(&AGENT, &agent, &Fields::default()),
        None => null(),
    })
}

/// A pool that no agent hosts, or that does not exist, has no wrapper either.
fn null() -> Response {
    reply::json(StatusCode::OK, &())
}

/// The JSON schema of [`Stats`] in its wrapper.
fn stats_schema() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    let stats = json!({
        "type": "object",
        "required": ["bytes_in", "bytes_out", "active_connections", "total_connections"],
        "properties": {
            "bytes_in": count, "bytes_out": count, "active_connections": count, "total_connections": count
        }
    });
    json!({ "type": "object", "required": ["stats"], "properties": { "stats": stats } })
}

#[derive(Serialize)]
struct Stats {
    bytes_in: u64,
    bytes_out: u64,
    active_connections: u64,
    total_connections: u64,
}

fn decode(mut attributes: Attributes) -> Pool {
    Pool {
        project_id: attributes.text("tenant_id"),
        name: attributes.text("name"),
        description: attributes.text("description"),
        subnet_id: attributes.text("subnet_id"),
        protocol: attributes.spelled::<Protocol>("protocol"),
        lb_method: attributes.spelled::<LbMethod>("lb_method"),
        provider: attributes.text("provider"),
        admin_state_up: attributes.flag("admin_state_up"),
        ..Pool::default()
    }
}

impl Shown for Pool {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("tenant_id", &self.project_id)?;
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)?;
        keys.put("subnet_id", &self.subnet_id)?;
        keys.put("protocol", &spell::<Protocol>(self.protocol))?;
        keys.put("lb_method", &spell::<LbMethod>(self.lb_method))?;
        keys.put("provider", &present(&self.provider))?;
        keys.put("vip_id", &present(&self.vip_id))?;
        keys.put("members", &self.member_ids)?;
        keys.make("health_monitors", || {
            self.health_monitors.iter().map(|monitor| monitor.monitor_id.as_str()).collect::<Vec<_>>()
        })?;
        keys.make("health_monitors_status", || {
            self.health_monitors.iter().map(MonitorShown::from).collect::<Vec<_>>()
        })?;
        keys.put("admin_state_up", &self.admin_state_up)?;
        keys.put("status", &spell::<Status>(self.status))?;
        keys.put("status_description", &present(&self.status_description))
    }
}

/// An association as its pool shows it.
#[derive(Serialize)]
struct MonitorShown<'a> {
    monitor_id: &'a str,
    status: Option<&'static str>,
    status_description: Option<&'a str>,
}

impl<'a> From<&'a MonitorStatus> for MonitorShown<'a> {
    fn from(association: &'a MonitorStatus) -> Self {
        Self {
            monitor_id: &association.monitor_id,
            status: spell::<Status>(association.status),
            status_description: present(&association.status_description),
        }
    }
}
