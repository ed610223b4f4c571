//! Health monitors: what is checked and how often.

use ballast_abi::{DriverError, MonitorType, limits};

use super::{Check, Faults, HttpVersion, Monitor, refuse, text};

/// `forwarded`: of a pool that the kernel serves.
pub(super) fn monitor(
    asked: &ballast_abi::HealthMonitor,
    forwarded: bool,
    faults: &mut Faults,
) -> Result<Monitor, DriverError> {
    let wrong = |field: &str, why: &str| refuse("health monitor", &asked.id, field, why);
    let http = |tls| {
        Ok::<_, DriverError>(Check::Http {
            tls,
            method: text::http_method(&asked.http_method).ok_or_else(|| wrong("http_method", "must be letters"))?,
            path: text::url_path(&asked.url_path)
                .ok_or_else(|| wrong("url_path", "must be at most 255 characters of a URL's path and query"))?,
            codes: text::codes(&asked.expected_codes)
                .ok_or_else(|| wrong("expected_codes", "must be as in \"200\", \"200, 202\" or \"200-204\""))?,
            version: version(asked).map_err(|(field, why)| wrong(field, why))?,
        })
    };
    let check = match MonitorType::try_from(asked.r#type) {
        Ok(MonitorType::Ping) => Check::Ping,
        Ok(MonitorType::Tcp) => Check::Tcp,
        Ok(MonitorType::Http) => http(false)?,
        Ok(MonitorType::Https) => http(true)?,
        Ok(MonitorType::TlsHello) => Check::TlsHello,
        Ok(MonitorType::UdpConnect) if forwarded => Check::UdpConnect,
        Ok(MonitorType::Sctp) if forwarded => Check::Sctp,
        Ok(MonitorType::UdpConnect | MonitorType::Sctp) => {
            return Err(wrong("type", "is for pools of UDP and SCTP: it is not checked"));
        }
        Ok(MonitorType::Unspecified) | Err(_) => return Err(wrong("type", "is unknown")),
    };
    let mut seconds = |field: &str, value: u32| {
        let most = limits::SECONDS.most.unsigned_abs();
        if value > most {
            faults.add(&asked.id, wrong(field, &format!("is over {most}: it is {most}")));
        }
        value.clamp(1, most)
    };
    Ok(Monitor {
        id: asked.id.clone(),
        check,
        delay: seconds("delay", asked.delay),
        timeout: seconds("timeout", asked.timeout),
        max_retries: asked.max_retries.clamp(1, 10),
        rise: asked.rise.min(10),
    })
}

/// Or the field that is wrong, and why.
fn version(asked: &ballast_abi::HealthMonitor) -> Result<Option<HttpVersion>, (&'static str, &'static str)> {
    let host = Some(asked.domain_name.as_str()).filter(|name| !name.is_empty());
    if host.is_some_and(|name| !limits::host_name(name)) {
        return Err(("domain_name", "is no name of a host"));
    }
    match asked.http_version.as_str() {
        "" if host.is_none() => Ok(None),
        "" | "1.1" => Ok(Some(HttpVersion::New { host: host.map(str::to_owned) })),
        "1.0" => Ok(Some(HttpVersion::Old)),
        _ => Err(("http_version", "must be 1.0 or 1.1")),
    }
}
