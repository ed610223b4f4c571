//! Health monitors.

use ballast_model::{
    fault::Fault,
    health_monitor::{HealthMonitor, MonitorType},
};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::Deserialize;

use crate::codec::{member_of, natural};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "health_monitor")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub project_id: String,
    pub kind: String,
    pub delay: i64,
    pub timeout: i64,
    pub max_retries: i64,
    pub http_method: String,
    pub url_path: String,
    pub expected_codes: String,
    pub admin_state_up: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(monitor: &HealthMonitor) -> Self {
        Self {
            seq: NotSet,
            id: Set(monitor.id.uuid()),
            project_id: Set(monitor.project_id.clone()),
            kind: Set(monitor.kind.as_str().to_owned()),
            delay: Set(monitor.delay.into()),
            timeout: Set(monitor.timeout.into()),
            max_retries: Set(monitor.max_retries.into()),
            http_method: Set(monitor.http_method.clone()),
            url_path: Set(monitor.url_path.clone()),
            expected_codes: Set(monitor.expected_codes.clone()),
            admin_state_up: Set(monitor.admin_state_up),
        }
    }
}

impl Model {
    pub(crate) fn into_monitor(self) -> Result<HealthMonitor, Fault> {
        Ok(HealthMonitor {
            id: self.id.into(),
            project_id: self.project_id,
            kind: member_of("kind", &self.kind, MonitorType::parse)?,
            delay: natural("delay", self.delay)?,
            timeout: natural("timeout", self.timeout)?,
            max_retries: natural("max_retries", self.max_retries)?,
            http_method: self.http_method,
            url_path: self.url_path,
            expected_codes: self.expected_codes,
            admin_state_up: self.admin_state_up,
        })
    }
}
