//! `/v2.0/quotas`: how many objects a tenant may have. An item's id is the tenant's.

use axum::{extract::State, http::StatusCode};
use ballast_proto::v1::{ListQuotasRequest, Quota, QuotaRequest, UpdateQuotaRequest};
use serde::ser::SerializeMap;
use serde_json::{Value, json};

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        at::At,
        attributes::{Attribute, Attributes, Kind, Resource},
        payload::Payload,
        query::{Query, View},
        refusal::Refusal,
        reply::{self, Fields, Keys, Reply, Shown},
        table::{Does, Routes},
    },
};

const LIMIT: Kind = Kind::Integer { least: -1 };

const QUOTA: Resource = Resource {
    one: "quota",
    many: "quotas",
    links: "quotas_links",
    attributes: &[
        Attribute::optional("network", LIMIT).mutable(),
        Attribute::optional("subnet", LIMIT).mutable(),
        Attribute::optional("port", LIMIT).mutable(),
        Attribute::optional("vip", LIMIT).mutable(),
        Attribute::optional("pool", LIMIT).mutable(),
        Attribute::optional("member", LIMIT).mutable(),
        Attribute::optional("health_monitor", LIMIT).mutable(),
        // What the last client sends for its option --health-monitor.
        Attribute::optional("healthmonitor", LIMIT).mutable().never_shown().called("health_monitor"),
    ],
};

/// In a list each says whose it is.
const TENANTS_QUOTA: Resource = Resource {
    one: "tenants_quota",
    many: "quotas",
    links: "quotas_links",
    attributes: &[
        Attribute::read_only("tenant_id", Kind::Text),
        Attribute::read_only("network", LIMIT),
        Attribute::read_only("subnet", LIMIT),
        Attribute::read_only("port", LIMIT),
        Attribute::read_only("vip", LIMIT),
        Attribute::read_only("pool", LIMIT),
        Attribute::read_only("member", LIMIT),
        Attribute::read_only("health_monitor", LIMIT),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/quotas/{id}";
    Routes::new()
        .serve("/v2.0/quotas", Does::ListAll(&TENANTS_QUOTA), "get_quotas", list)
        .serve("/v2.0/quotas", Does::Refuse(&QUOTA), "create_quota", create)
        .serve("/v2.0/quotas/tenant", Does::Tell(tenant_schema), "get_quota_tenant", tenant)
        .show(ITEM, &QUOTA, show)
        .update(ITEM, &QUOTA, update)
        .delete(ITEM, &QUOTA, delete)
        .serve("/v2.0/quotas/{id}/default", Does::Show(&QUOTA), "get_quota_default", default)
}

async fn create(_: Caller) -> Reply {
    Err(Refusal::Http {
        status: StatusCode::NOT_IMPLEMENTED,
        kind: "HTTPNotImplemented",
        message: "POST requests are not supported on this resource.".to_owned(),
    })
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let found = gateway.scheduler.quotas().list(caller.request(ListQuotasRequest {})).await?.into_inner();
    let quotas: Vec<_> = found.quotas.into_iter().map(TenantsQuota).collect();
    Ok(reply::many(&TENANTS_QUOTA, &quotas, &View { fields: query.fields(), page: None }))
}

/// Whose quota the client would see without naming a tenant.
async fn tenant(caller: Caller) -> Reply {
    match caller.project().filter(|project| !project.is_empty()) {
        Some(project) => Ok(reply::wrapped(StatusCode::OK, "tenant", &json!({ "tenant_id": project }))),
        None => Err(Refusal::Http {
            status: StatusCode::BAD_REQUEST,
            kind: "QuotaMissingTenant",
            message: "Tenant-id was missing from Quota request".to_owned(),
        }),
    }
}

fn tenant_schema() -> Value {
    let tenant =
        json!({ "type": "object", "required": ["tenant_id"], "properties": { "tenant_id": { "type": "string" } } });
    json!({ "type": "object", "required": ["tenant"], "properties": { "tenant": tenant } })
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(project_id): At<String>, query: Query) -> Reply {
    let quota = gateway.scheduler.quotas().get(caller.request(QuotaRequest { project_id })).await?.into_inner();
    Ok(reply::one(&QUOTA, &quota, &query.fields()))
}

async fn default(State(gateway): State<Gateway>, caller: Caller, At(project_id): At<String>, query: Query) -> Reply {
    let request = caller.request(QuotaRequest { project_id });
    let quota = gateway.scheduler.quotas().get_default(request).await?.into_inner();
    Ok(reply::one(&QUOTA, &quota, &query.fields()))
}

async fn update(State(gateway): State<Gateway>, caller: Caller, At(project_id): At<String>, body: Payload) -> Reply {
    let (attributes, _) = QUOTA.put(body.put()?)?;
    let quota = Quota { project_id, ..decode(&attributes) };
    let request = caller.request(UpdateQuotaRequest { quota: Some(quota) });
    Ok(reply::one(&QUOTA, gateway.scheduler.quotas().update(request).await?.get_ref(), &Fields::default()))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, At(project_id): At<String>) -> Reply {
    gateway.scheduler.quotas().delete(caller.request(QuotaRequest { project_id })).await?;
    Ok(reply::gone())
}

fn decode(attributes: &Attributes) -> Quota {
    Quota {
        network: attributes.integer("network"),
        subnet: attributes.integer("subnet"),
        port: attributes.integer("port"),
        vip: attributes.integer("vip"),
        pool: attributes.integer("pool"),
        member: attributes.integer("member"),
        health_monitor: attributes.integer("health_monitor").or_else(|| attributes.integer("healthmonitor")),
        ..Quota::default()
    }
}

impl Shown for Quota {
    fn id(&self) -> &str {
        &self.project_id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("network", &self.network)?;
        keys.put("subnet", &self.subnet)?;
        keys.put("port", &self.port)?;
        keys.put("vip", &self.vip)?;
        keys.put("pool", &self.pool)?;
        keys.put("member", &self.member)?;
        keys.put("health_monitor", &self.health_monitor)
    }
}

struct TenantsQuota(Quota);

impl Shown for TenantsQuota {
    fn id(&self) -> &str {
        self.0.id()
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("tenant_id", &self.0.project_id)?;
        self.0.show(keys)
    }
}
