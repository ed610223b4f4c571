//! `/v2.0/lb/pools/{pool}/health_monitors`: which monitors watch a pool.
//!
//! The only collection with a bulk form, and the oddest replies: Neutron shows of an association no more than its
//! `tenant_id`, and nothing at all of a new one.

use axum::{extract::State, http::StatusCode};
use ballast_proto::{
    status::{
        fault::{Code, Fault, Missing},
        from_status,
    },
    v1::{AssociateRequest, Filter, GetRequest, HealthMonitor},
};
use serde::ser::SerializeMap;
use serde_json::{Map, Value, json};

use super::health_monitors::HEALTH_MONITOR;
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        at::At,
        attributes::{Attribute, Kind, Resource},
        payload::Payload,
        query::Query,
        refusal::Refusal,
        reply::{self, Keys, Reply, Shown},
        table::{Does, Routes},
    },
};

const ASSOCIATION: Resource = Resource {
    one: "health_monitor",
    many: "health_monitors",
    links: "health_monitors_links",
    attributes: &[Attribute::required("id", Kind::Uuid), Attribute::tenant()],
};

pub(crate) fn routes() -> Routes {
    const MANY: &str = "/v2.0/lb/pools/{pool}/health_monitors";
    const ONE: &str = "/v2.0/lb/pools/{pool}/health_monitors/{monitor}";
    Routes::new()
        .serve(MANY, Does::List(&HEALTH_MONITOR), "get_pool_health_monitors", list)
        .serve(MANY, Does::Attach(&ASSOCIATION), "create_pool_health_monitor", associate)
        .serve(ONE, Does::Tell(association_schema), "get_pool_health_monitor", show)
        .serve(ONE, Does::Delete, "delete_pool_health_monitor", disassociate)
}

/// The JSON schema of [`Association`] in its wrapper.
fn association_schema() -> Value {
    let association = json!({ "type": "object", "properties": { "tenant_id": { "type": "string" } } });
    json!({ "type": "object", "required": ["health_monitor"], "properties": { "health_monitor": association } })
}

/// One, or several in the bulk form: then all or none, as far as undoing goes.
async fn associate(State(gateway): State<Gateway>, caller: Caller, At(pool): At<String>, body: Payload) -> Reply {
    let asked = Asked::read(body.post()?, &caller)?;
    let mut pools = gateway.scheduler.pools();
    for (done, monitor) in asked.monitors.iter().enumerate() {
        if let Err(status) = pools.associate_health_monitor(caller.request(pair(&pool, monitor))).await {
            for monitor in &asked.monitors[..done] {
                if let Err(status) = pools.disassociate_health_monitor(caller.request(pair(&pool, monitor))).await {
                    tracing::warn!(pool, monitor, %status, "an association of a failed bulk request stays");
                }
            }
            return Err(status.into());
        }
    }
    let empty = Map::new();
    Ok(match asked.bulk {
        true => reply::wrapped(StatusCode::CREATED, ASSOCIATION.many, &vec![empty; asked.monitors.len()]),
        false => reply::wrapped(StatusCode::CREATED, ASSOCIATION.one, &empty),
    })
}

async fn disassociate(State(gateway): State<Gateway>, caller: Caller, At(ids): At<(String, String)>) -> Reply {
    let request = caller.request(pair(&ids.0, &ids.1));
    gateway.scheduler.pools().disassociate_health_monitor(request).await?;
    Ok(reply::gone())
}

/// The monitors themselves. Neutron's own list was never implemented.
async fn list(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let mut list = query.list(&HEALTH_MONITOR)?;
    let pool = gateway.scheduler.pools().get(caller.request(GetRequest { id })).await?.into_inner();
    let associated = pool.health_monitors.into_iter().map(|association| association.monitor_id);
    let wanted = list.request.filters.iter().position(|filter| filter.field == "id");
    let wanted = wanted.map(|index| list.request.filters.remove(index).values);
    let values: Vec<_> = associated.filter(|id| wanted.as_ref().is_none_or(|ids| ids.contains(id))).collect();
    if values.is_empty() {
        return Ok(reply::many::<HealthMonitor>(&HEALTH_MONITOR, &[], &list.view));
    }
    list.request.filters.push(Filter { field: "id".to_owned(), values });
    let found = gateway.scheduler.health_monitors().list(caller.request(list.request)).await?.into_inner();
    Ok(reply::many(&HEALTH_MONITOR, &found.health_monitors, &list.view))
}

async fn show(
    State(gateway): State<Gateway>,
    caller: Caller,
    At((pool, monitor)): At<(String, String)>,
    query: Query,
) -> Reply {
    let request = caller.request(GetRequest { id: monitor.clone() });
    let found = match gateway.scheduler.health_monitors().get(request).await {
        Ok(reply) => Some(reply.into_inner()),
        Err(status) if from_status(&status).code() == Code::HealthMonitorNotFound => None,
        Err(status) => return Err(status.into()),
    };
    let found = found.filter(|found| found.pools.iter().any(|association| association.pool_id == pool));
    let found = found.ok_or_else(|| Fault::from(Missing::Association { monitor_id: monitor, pool_id: pool }))?;
    Ok(reply::one(&ASSOCIATION, &Association(&found), &query.fields()))
}

fn pair(pool: &str, monitor: &str) -> AssociateRequest {
    AssociateRequest { pool_id: pool.to_owned(), health_monitor_id: monitor.to_owned() }
}

/// What a body asks to associate.
struct Asked {
    monitors: Vec<String>,
    bulk: bool,
}

impl Asked {
    fn read(mut body: Value, caller: &Caller) -> Result<Self, Refusal> {
        let monitor = |body| Ok(ASSOCIATION.post(body, caller.project())?.text("id"));
        let Some(bulk) = body.get_mut(ASSOCIATION.many).map(Value::take) else {
            return Ok(Self { monitors: vec![monitor(body)?], bulk: false });
        };
        let items = match bulk {
            Value::Array(items) if !items.is_empty() => items,
            _ => return Err(Refusal::bad_request("Resources required")),
        };
        // An item may have the wrapper of one, or none.
        let wrap =
            |item: Value| if item.get(ASSOCIATION.one).is_some() { item } else { json!({ ASSOCIATION.one: item }) };
        let monitors = items.into_iter().map(|item| monitor(wrap(item))).collect::<Result<_, Refusal>>()?;
        Ok(Self { monitors, bulk: true })
    }
}

/// An association as its own path shows it.
struct Association<'a>(&'a HealthMonitor);

impl Shown for Association<'_> {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("tenant_id", &self.0.project_id)
    }
}
