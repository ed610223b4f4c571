//! Health monitors.

use ballast_model::{
    fault::Fault,
    health_monitor::{HealthMonitor, HttpVersion, MonitorType},
};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::Deserialize;

use crate::codec::{labels, member_of, natural, tags};

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
    pub name: String,
    pub rise: i64,
    pub http_version: Option<String>,
    pub domain_name: Option<String>,
    pub tags: String,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    /// LBaaS v1 does not show it.
    pub beyond_v1: bool,
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
            name: Set(monitor.name.clone()),
            rise: Set(monitor.rise.into()),
            http_version: Set(monitor.http_version.map(|version| version.as_str().to_owned())),
            domain_name: Set(monitor.domain_name.clone()),
            tags: Set(tags(&monitor.labels)),
            created_at: Set(monitor.labels.created_at.0),
            updated_at: Set(monitor.labels.updated_at.map(|time| time.0)),
            beyond_v1: NotSet,
        }
    }
}

impl Model {
    pub(crate) fn into_monitor(self) -> Result<HealthMonitor, Fault> {
        let http_version = self.http_version.map(|text| member_of("http_version", &text, HttpVersion::parse));
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
            name: self.name,
            rise: natural("rise", self.rise)?,
            http_version: http_version.transpose()?,
            domain_name: self.domain_name,
            labels: labels(&self.tags, self.created_at, self.updated_at)?,
        })
    }
}
