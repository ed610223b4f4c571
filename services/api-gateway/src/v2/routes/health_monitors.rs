//! `/v2.0/lbaas/healthmonitors`

use ballast_limits::{self as limits, Bounds};
use ballast_proto::{
    driver::MonitorType,
    v2::{HealthMonitor, Status},
};
use serde::ser::SerializeMap;

use crate::{
    kit::{
        attributes::{Attribute, Attributes, Kind, Resource},
        refusal::Refusal,
        reply::{Entire, Keys, Shown, present},
        table::Routes,
    },
    v2::{
        attributes::{self as common, NUMBER, ids},
        crud::{self, Noun, calls},
        place::Place,
        shown::{self, Ids},
        spelling::{HTTP_METHODS, MONITOR_TYPES, monitor_type},
        values,
    },
};

/// Seconds; what is longer than checks can be is the scheduler's to say.
const SECONDS: Bounds = Bounds { least: 0, most: i32::MAX };

pub(crate) const HEALTH_MONITOR: Resource = Resource {
    one: "healthmonitor",
    many: "healthmonitors",
    links: "healthmonitors_links",
    attributes: &[
        common::ID,
        common::NAME,
        Attribute::required("type", Kind::OneOf(MONITOR_TYPES)),
        Attribute::required("delay", NUMBER).within(SECONDS).mutable(),
        Attribute::required("timeout", NUMBER).within(SECONDS).mutable(),
        Attribute::required("max_retries", NUMBER).within(limits::MAX_RETRIES).mutable(),
        Attribute::optional("max_retries_down", NUMBER).within(limits::MAX_RETRIES).mutable(),
        Attribute::optional("http_method", Kind::OneOf(HTTP_METHODS)).mutable().or_null(),
        Attribute::optional("url_path", Kind::Shape(values::url_path)).mutable().or_null(),
        Attribute::optional("expected_codes", Kind::Shape(values::codes)).mutable().or_null(),
        common::ADMIN_STATE_UP,
        common::PROJECT_ID,
        common::TENANT_ID,
        Attribute::required("pool_id", Kind::Uuid).not_within().never_shown(),
        ids("pools", "pool_ids"),
        common::PROVISIONING_STATUS,
        common::OPERATING_STATUS,
        common::STATUS_DESCRIPTION,
        common::CREATED_AT,
        common::UPDATED_AT,
        common::TAGS,
        Attribute::optional("http_version", Kind::Version).mutable().or_null(),
        Attribute::optional("domain_name", Kind::Shape(values::domain_name)).mutable().or_null(),
    ],
};

calls! {
    HealthMonitor = HealthMonitor: health_monitors, CreateHealthMonitorRequest { health_monitor, request_id },
    UpdateHealthMonitorRequest, DeleteRequest { id; etag }, health_monitors;
    CreateHealthMonitor, UpdateHealthMonitor, DeleteHealthMonitor
}

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/healthmonitors";
    const ITEM: &str = "/v2.0/lbaas/healthmonitors/{id}";
    crud::routes::<HealthMonitor>(ALL, ITEM)
}

impl Noun for HealthMonitor {
    const RESOURCE: &'static Resource = &HEALTH_MONITOR;
    const ARGUMENT: &'static str = "health_monitor_";

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        Ok(Self {
            pool_id: attributes.text("pool_id"),
            name: attributes.text("name"),
            admin_state_up: attributes.flag("admin_state_up"),
            tags: attributes.texts("tags"),
            r#type: attributes.spelled::<MonitorType>("type"),
            delay: attributes.integer("delay"),
            timeout: attributes.integer("timeout"),
            max_retries: attributes.integer("max_retries"),
            max_retries_down: attributes.integer("max_retries_down"),
            http_method: attributes.optional_text("http_method"),
            url_path: attributes.optional_text("url_path"),
            expected_codes: attributes.optional_text("expected_codes"),
            http_version: attributes.text("http_version"),
            domain_name: attributes.text("domain_name"),
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

fn show_own<M: SerializeMap>(monitor: &HealthMonitor, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
    keys.put("id", &monitor.id)?;
    keys.put("name", &monitor.name)?;
    keys.put("type", &monitor_type(monitor.r#type))?;
    keys.put("delay", &monitor.delay)?;
    keys.put("timeout", &monitor.timeout)?;
    keys.put("max_retries", &monitor.max_retries)?;
    keys.put("max_retries_down", &monitor.max_retries_down)?;
    keys.put("http_method", &monitor.http_method)?;
    keys.put("url_path", &monitor.url_path)?;
    keys.put("expected_codes", &monitor.expected_codes)?;
    keys.put("admin_state_up", &monitor.admin_state_up.unwrap_or_default())?;
    shown::project(keys, &monitor.project_id)?;
    shown::status(keys, monitor.status.as_ref())?;
    keys.put("tags", &monitor.tags)?;
    // A number: clients read no text there.
    keys.put("http_version", &monitor.http_version.parse::<f64>().ok())?;
    keys.put("domain_name", &present(&monitor.domain_name))
}

impl Shown for HealthMonitor {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        show_own(self, keys)?;
        keys.put("pools", &Ids(&self.pool_ids))
    }
}

/// One as its pool shows it that was made with it.
pub(super) struct Part<'a>(&'a HealthMonitor);

pub(super) const fn one(monitor: &HealthMonitor) -> Entire<Part<'_>> {
    Entire(Part(monitor))
}

impl Shown for Part<'_> {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        show_own(self.0, keys)
    }
}
