//! v1's health monitor.

use ballast_model::{health_monitor::HealthMonitor, ids::PoolId, status::Progress};

use super::enums::{to_monitor_type, to_status};
use crate::v1;

/// The monitor as clients see it, with the pools that have it.
#[must_use]
pub fn to_health_monitor(monitor: &HealthMonitor, pools: &[(PoolId, Progress)]) -> v1::HealthMonitor {
    let seconds = |value: u32| Some(i32::try_from(value).unwrap_or(i32::MAX));
    let http = |text: &String| monitor.kind.is_http().then(|| text.clone());
    v1::HealthMonitor {
        id: monitor.id.to_string(),
        project_id: monitor.project_id.clone(),
        r#type: to_monitor_type(monitor.kind).into(),
        delay: seconds(monitor.delay),
        timeout: seconds(monitor.timeout),
        max_retries: seconds(monitor.max_retries),
        http_method: http(&monitor.http_method),
        url_path: http(&monitor.url_path),
        expected_codes: http(&monitor.expected_codes),
        admin_state_up: Some(monitor.admin_state_up),
        pools: pools
            .iter()
            .map(|(pool_id, progress)| {
                let (status, status_description) = to_status(progress);
                v1::MonitorStatus {
                    monitor_id: monitor.id.to_string(),
                    pool_id: pool_id.to_string(),
                    status,
                    status_description,
                }
            })
            .collect(),
    }
}
