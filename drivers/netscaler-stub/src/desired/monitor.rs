//! A pool's monitors as the device checks them: all of them must succeed.

use ballast_abi::{HealthMonitor, MonitorType, Pool};
use ballast_device::{Child, Fields, Key, fields};
use serde_json::{Value, json};

use super::Draft;
use crate::kind::Kind;

/// Seconds between two checks.
const LONGEST: u32 = 20_939;
const MOST_CODES: usize = 16;
const LONGEST_REQUEST: usize = 255;

/// Whether the pool is checked.
pub(super) fn draw(draft: &mut Draft<'_>, pool: &Pool, group: &str) -> bool {
    let mut checked = false;
    for monitor in pool.monitors.iter().filter(|monitor| monitor.admin_state_up) {
        match probe(monitor, pool.tls.is_some()) {
            Ok(probe) => {
                want(draft, pool, group, monitor, probe);
                checked = true;
            }
            Err(why) => draft.fault(&monitor.id, why),
        }
    }
    checked
}

fn want(draft: &mut Draft<'_>, pool: &Pool, group: &str, monitor: &HealthMonitor, probe: Fields) {
    let asked = [
        ("a delay", monitor.delay, 1..=LONGEST),
        ("max_retries", monitor.max_retries, 1..=127),
        ("a rise", monitor.rise.max(1), 1..=32),
    ];
    let [interval, retries, rise] = draft.within(&monitor.id, asked);
    let (timeout, unit) = response_time(monitor.timeout.max(1), interval);
    if (timeout, unit) != (monitor.timeout, "SEC") {
        let has = if unit == "SEC" { format!("{timeout} s") } else { format!("{timeout} ms") };
        let asked = monitor.timeout;
        let why = format!("the device ends a check before the next one begins: the timeout is {has}, not {asked} s");
        draft.fault(&monitor.id, why);
    }
    // Of another type it is another object: a monitor keeps its first one.
    let name = draft.name('h', &format!("{}/{}/{}", pool.id, monitor.id, monitor.r#type));
    let mut object = fields(json!({
        "monitorname": name, "interval": interval, "units3": "SEC", "resptimeout": timeout, "units4": unit,
        "downtime": interval, "units2": "SEC", "retries": retries, "successretries": rise,
    }));
    object.extend(probe);
    draft.want(Key::top(Kind::Monitor, &name), &monitor.id, Value::Object(object));
    let bound = json!({"servicegroupname": group, "monitor_name": name});
    draft.want(Key::child(Kind::Check, group, Child::named(&name)), &monitor.id, bound);
}

/// A check must be over before the next one begins.
fn response_time(timeout: u32, interval: u32) -> (u32, &'static str) {
    match (timeout, interval) {
        (timeout, interval) if timeout < interval => (timeout, "SEC"),
        (_, 2..) => (interval - 1, "SEC"),
        _ => (900, "MSEC"),
    }
}

/// Checks by TCP and HTTP speak to members as clients' requests are passed on to them.
fn probe(monitor: &HealthMonitor, encrypted: bool) -> Result<Fields, String> {
    match MonitorType::try_from(monitor.r#type) {
        Ok(MonitorType::Ping) => Ok(fields(json!({"type": "PING"}))),
        Ok(MonitorType::Tcp) if !encrypted => Ok(fields(json!({"type": "TCP", "secure": "NO"}))),
        Ok(MonitorType::Http) if !encrypted => web(monitor, "NO"),
        Ok(MonitorType::Http | MonitorType::Https) => web(monitor, "YES"),
        Ok(MonitorType::Tcp | MonitorType::TlsHello) => Ok(fields(json!({"type": "TCP", "secure": "YES"}))),
        Ok(MonitorType::UdpConnect | MonitorType::Sctp | MonitorType::Unspecified) | Err(_) => {
            Err("its type is unknown".to_owned())
        }
    }
}

fn web(monitor: &HealthMonitor, secure: &str) -> Result<Fields, String> {
    let codes: String = monitor.expected_codes.chars().filter(|letter| !letter.is_whitespace()).collect();
    let codes: Vec<&str> = codes.split(',').filter(|code| !code.is_empty()).collect();
    let codes = if codes.is_empty() { vec!["200"] } else { codes };
    if codes.len() > MOST_CODES {
        return Err(format!("the device takes {MOST_CODES} codes or ranges of codes"));
    }
    let path = if monitor.url_path.is_empty() { "/" } else { &monitor.url_path };
    let method = if monitor.http_method.is_empty() { "GET" } else { &monitor.http_method };
    let method = method.to_ascii_uppercase();
    let request = format!("{method} {path}");
    // Its words are the line that the device sends.
    if !path.bytes().chain(method.bytes()).all(|byte| byte.is_ascii_graphic()) {
        return Err("the device checks paths of visible ASCII characters only: encode others".to_owned());
    }
    if request.len() > LONGEST_REQUEST {
        return Err(format!("the device takes {LONGEST_REQUEST} characters of method and url path"));
    }
    Ok(fields(json!({"type": "HTTP", "secure": secure, "httprequest": request, "respcode": codes})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_always_over_before_the_next_one() {
        assert_eq!(response_time(3, 5), (3, "SEC"));
        assert_eq!(response_time(5, 5), (4, "SEC"));
        assert_eq!(response_time(1, 1), (900, "MSEC"));
        assert_eq!(response_time(9, 2), (1, "SEC"));
    }
}
