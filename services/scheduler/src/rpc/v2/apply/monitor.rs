//! Health monitors.

use ballast_model::{
    check,
    fault::{Checking, Fault},
    health_monitor::{HealthMonitor, HttpVersion, MonitorType},
    ids::MonitorId,
    labels::Labels,
};
use ballast_proto::v2;

use super::{
    super::{
        super::decode::{Mask, required},
        enums::monitor_type,
    },
    Fields, optional_text,
};

/// What of a monitor can change.
pub(in super::super) const MONITOR: [&str; 12] = [
    "name",
    "admin_state_up",
    "tags",
    "delay",
    "timeout",
    "max_retries",
    "max_retries_down",
    "http_method",
    "url_path",
    "expected_codes",
    "http_version",
    "domain_name",
];

/// Octavia's, of UDP-CONNECT.
const LEAST_DELAY: u32 = 3;

/// What the fields say of the monitor.
pub(in super::super) fn monitor(
    fields: &Fields<'_>,
    sent: &v2::HealthMonitor,
    target: &mut HealthMonitor,
) -> Result<(), Fault> {
    fields.text("name", &sent.name, &mut target.name)?;
    fields.flag("admin_state_up", sent.admin_state_up, true, &mut target.admin_state_up);
    fields.tags(&sent.tags, &mut target.labels)?;
    if fields.has("delay", sent.delay.is_some()) {
        target.delay = check::seconds("delay", required("delay", sent.delay)?)?;
    }
    if fields.has("timeout", sent.timeout.is_some()) {
        target.timeout = check::seconds("timeout", required("timeout", sent.timeout)?)?;
    }
    if fields.has("max_retries", sent.max_retries.is_some()) {
        let retries = required("max_retries", sent.max_retries)?;
        target.rise = check::retries("max_retries", retries)?;
    }
    if fields.has("max_retries_down", sent.max_retries_down.is_some()) {
        let retries = sent.max_retries_down.unwrap_or(3);
        target.max_retries = check::retries("max_retries_down", retries)?;
    }
    http(fields, sent, target)?;
    check_whole(target)
}

fn http(fields: &Fields<'_>, sent: &v2::HealthMonitor, target: &mut HealthMonitor) -> Result<(), Fault> {
    let not_for_type = |field: &str| {
        let monitor_type = target.kind.as_str().to_owned();
        Fault::from(Checking::FieldNotForType { field: field.to_owned(), monitor_type })
    };
    for (field, sent) in
        [("http_method", &sent.http_method), ("url_path", &sent.url_path), ("expected_codes", &sent.expected_codes)]
    {
        if sent.is_some() && !target.kind.is_http() {
            return Err(not_for_type(field));
        }
    }
    if fields.has("http_method", sent.http_method.is_some()) {
        target.http_method = check::http_method("http_method", sent.http_method.as_deref().unwrap_or("GET"))?;
    }
    if fields.has("url_path", sent.url_path.is_some()) {
        target.url_path = check::url_path("url_path", sent.url_path.as_deref().unwrap_or("/"))?;
    }
    if fields.has("expected_codes", sent.expected_codes.is_some()) {
        target.expected_codes =
            check::expected_codes("expected_codes", sent.expected_codes.as_deref().unwrap_or("200"))?;
    }
    if fields.has("http_version", !sent.http_version.is_empty()) {
        target.http_version =
            match sent.http_version.as_str() {
                "" => None,
                text => Some(HttpVersion::parse(text).ok_or_else(|| {
                    check::not_one_of("http_version", text, HttpVersion::ALL.map(HttpVersion::as_str))
                })?),
            };
    }
    if fields.has("domain_name", !sent.domain_name.is_empty()) {
        target.domain_name = optional_text("domain_name", &sent.domain_name, check::MAX_TEXT)?;
    }
    Ok(())
}

fn check_whole(monitor: &HealthMonitor) -> Result<(), Fault> {
    if let Some(name) = &monitor.domain_name {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if !name.bytes().all(fits) {
            return Err(check::not_valid("domain_name", name));
        }
        match monitor.http_version {
            None => return Err(Checking::VersionMissing.into()),
            Some(HttpVersion::V1_0) => return Err(Checking::VersionTooOld.into()),
            Some(HttpVersion::V1_1) => {}
        }
    }
    if monitor.kind == MonitorType::UdpConnect && monitor.delay < LEAST_DELAY {
        return Err(Checking::DelayTooShort { delay: monitor.delay, least: LEAST_DELAY }.into());
    }
    Ok(())
}

/// A new monitor of this project.
pub(in super::super) fn new_monitor(
    id: MonitorId,
    project_id: &str,
    sent: &v2::HealthMonitor,
) -> Result<HealthMonitor, Fault> {
    let mut made = HealthMonitor {
        id,
        project_id: project_id.to_owned(),
        kind: monitor_type(sent.r#type)?,
        delay: 0,
        timeout: 0,
        max_retries: 3,
        rise: 1,
        http_method: "GET".to_owned(),
        url_path: "/".to_owned(),
        expected_codes: "200".to_owned(),
        name: String::new(),
        http_version: None,
        domain_name: None,
        admin_state_up: true,
        labels: Labels::default(),
    };
    monitor(&Fields(&Mask::all(&MONITOR)), sent, &mut made)?;
    Ok(made)
}
