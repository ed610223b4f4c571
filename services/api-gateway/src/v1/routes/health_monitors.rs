//! `/v2.0/lb/health_monitors`

use axum::extract::State;
use ballast_limits as limits;
use ballast_proto::{
    driver::MonitorType,
    v1::{
        CreateHealthMonitorRequest, DeleteRequest, GetRequest, HealthMonitor, MonitorStatus, Status,
        UpdateHealthMonitorRequest,
    },
};
use serde::{Serialize, ser::SerializeMap};
use serde_json::{Value, json};

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
    v1::spelling::MONITOR_TYPES,
};

pub(crate) const HEALTH_MONITOR: Resource = Resource {
    one: "health_monitor",
    many: "health_monitors",
    links: "health_monitors_links",
    attributes: &[
        Attribute::read_only("id", Kind::Uuid),
        Attribute::tenant(),
        Attribute::required("type", Kind::OneOf(MONITOR_TYPES)),
        Attribute::required("delay", INTEGER).within(limits::SECONDS).mutable(),
        Attribute::required("timeout", INTEGER).within(limits::SECONDS).mutable(),
        Attribute::required("max_retries", INTEGER).within(limits::MAX_RETRIES).mutable(),
        Attribute::optional("http_method", Kind::Text).up_to(limits::HTTP_METHOD).mutable(),
        Attribute::optional("url_path", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::optional("expected_codes", Kind::Shape(expected_codes))
            .like(|| json!({ "type": "string" }))
            .up_to(limits::EXPECTED_CODES)
            .mutable(),
        Attribute::optional("admin_state_up", Kind::Flag).mutable(),
        // Known, so read-only rather than unknown, but never shown.
        Attribute::read_only("status", Kind::Text).never_shown(),
        Attribute::read_only("status_description", Kind::Text).never_shown(),
        Attribute::read_only("pools", Kind::Text).like(|| associations_schema("pool_id")),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/lb/health_monitors/{id}";
    Routes::new()
        .list("/v2.0/lb/health_monitors", &HEALTH_MONITOR, list)
        .create("/v2.0/lb/health_monitors", &HEALTH_MONITOR, create)
        .show(ITEM, &HEALTH_MONITOR, show)
        .update(ITEM, &HEALTH_MONITOR, update)
        .delete(ITEM, &HEALTH_MONITOR, delete)
}

async fn create(State(gateway): State<Gateway>, caller: Caller, body: Payload) -> Reply {
    let monitor = decode(HEALTH_MONITOR.post(body.post()?, caller.project())?);
    let request = caller.request(CreateHealthMonitorRequest { health_monitor: Some(monitor), ..Default::default() });
    let made = gateway.scheduler.health_monitors().create(request).await?.into_inner();
    Ok(reply::created(&HEALTH_MONITOR, &made))
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let fetch = move |request| {
        let (mut monitors, request) = (gateway.scheduler.health_monitors(), caller.request(request));
        async move {
            let found = monitors.list(request).await?.into_inner();
            Ok((found.health_monitors, found.next_page_token))
        }
    };
    pages::reply(&HEALTH_MONITOR, query.list(&HEALTH_MONITOR)?, fetch).await
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let monitor = gateway.scheduler.health_monitors().get(caller.request(GetRequest { id })).await?.into_inner();
    Ok(reply::one(&HEALTH_MONITOR, &monitor, &query.fields()))
}

async fn update(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, body: Payload) -> Reply {
    let (attributes, mask) = HEALTH_MONITOR.put(body.put()?)?;
    let monitor = HealthMonitor { id, ..decode(attributes) };
    let request = UpdateHealthMonitorRequest { health_monitor: Some(monitor), update_mask: Some(mask) };
    let changed = gateway.scheduler.health_monitors().update(caller.request(request)).await?.into_inner();
    Ok(reply::one(&HEALTH_MONITOR, &changed, &Fields::default()))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    gateway.scheduler.health_monitors().delete(caller.request(DeleteRequest { id })).await?;
    Ok(reply::gone())
}

/// Codes are matched by a pattern, so another type is no valid input rather than no string.
fn expected_codes(value: &Value) -> Result<(), String> {
    let refusal = || format!("'{}' is not a valid input", crate::v1::python::text(value));
    value.is_string().then_some(()).ok_or_else(refusal)
}

/// The JSON schema of associations, each with the id of the other side.
pub(super) fn associations_schema(other: &str) -> Value {
    let association = json!({
        "type": "object", "required": [other, "status", "status_description"],
        "properties": {
            other: { "type": "string", "format": "uuid" },
            "status": { "type": "string" },
            "status_description": { "type": ["string", "null"] }
        }
    });
    json!({ "type": "array", "items": association })
}

fn decode(mut attributes: Attributes) -> HealthMonitor {
    HealthMonitor {
        project_id: attributes.text("tenant_id"),
        r#type: attributes.spelled::<MonitorType>("type"),
        delay: attributes.integer("delay"),
        timeout: attributes.integer("timeout"),
        max_retries: attributes.integer("max_retries"),
        http_method: attributes.optional_text("http_method"),
        url_path: attributes.optional_text("url_path"),
        expected_codes: attributes.optional_text("expected_codes"),
        admin_state_up: attributes.flag("admin_state_up"),
        ..HealthMonitor::default()
    }
}

impl Shown for HealthMonitor {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("tenant_id", &self.project_id)?;
        keys.put("type", &spell::<MonitorType>(self.r#type))?;
        keys.put("delay", &self.delay)?;
        keys.put("timeout", &self.timeout)?;
        keys.put("max_retries", &self.max_retries)?;
        if matches!(self.r#type(), MonitorType::Http | MonitorType::Https) {
            keys.put("http_method", &self.http_method)?;
            keys.put("url_path", &self.url_path)?;
            keys.put("expected_codes", &self.expected_codes)?;
        }
        keys.put("admin_state_up", &self.admin_state_up)?;
        keys.make("pools", || self.pools.iter().map(PoolShown::from).collect::<Vec<_>>())
    }
}

/// An association as its monitor shows it.
#[derive(Serialize)]
struct PoolShown<'a> {
    pool_id: &'a str,
    status: Option<&'static str>,
    status_description: Option<&'a str>,
}

impl<'a> From<&'a MonitorStatus> for PoolShown<'a> {
    fn from(association: &'a MonitorStatus) -> Self {
        Self {
            pool_id: &association.pool_id,
            status: spell::<Status>(association.status),
            status_description: present(&association.status_description),
        }
    }
}
