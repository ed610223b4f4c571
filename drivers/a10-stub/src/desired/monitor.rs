//! A pool's monitor as the device checks it.
//!
//! The ports and addresses of a check are those of each member: the port numbers that a method has to name are nominal.

use ballast_abi::{HealthMonitor, MonitorType, Pool};
use ballast_device::Key;
use serde_json::{Value, json};

use super::Draft;
use crate::kind::Kind;

/// Seconds between two checks, and that one may take.
const LONGEST: u32 = 180;
const LONGEST_CODES: usize = 31;
const LONGEST_PATH: usize = 500;

/// The monitor's name; none when the pool has none that can be made. A service group has room for one.
pub(super) fn draw(draft: &mut Draft<'_>, pool: &Pool) -> Option<String> {
    let mut monitors: Vec<&HealthMonitor> = pool.monitors.iter().filter(|monitor| monitor.admin_state_up).collect();
    monitors.sort_by(|one, other| one.id.cmp(&other.id));
    let mut made = None;
    for monitor in monitors {
        if made.is_some() {
            draft.fault(&monitor.id, "the device checks a pool with one monitor only; another one is used");
            continue;
        }
        match method(monitor, pool.tls.is_some()) {
            Ok(method) => made = Some(want(draft, pool, monitor, &method)),
            Err(why) => draft.fault(&monitor.id, why),
        }
    }
    made
}

fn want(draft: &mut Draft<'_>, pool: &Pool, monitor: &HealthMonitor, method: &Value) -> String {
    let interval = monitor.delay.clamp(1, LONGEST);
    let [interval, timeout, retry, rise] = draft.within(
        &monitor.id,
        [
            ("a delay", monitor.delay, 1..=LONGEST),
            ("a timeout", monitor.timeout, 1..=interval),
            ("max_retries", monitor.max_retries, 1..=10),
            ("a rise", monitor.rise.max(1), 1..=10),
        ],
    );
    // Of another type it is another object: a monitor keeps its first method.
    let of_tls = if pool.tls.is_some() { "/tls" } else { "" };
    let name = draft.name('h', &format!("{}/{}/{}{of_tls}", pool.id, monitor.id, monitor.r#type));
    draft.want(
        Key::top(Kind::Monitor, &name),
        &monitor.id,
        json!({
            "name": name, "interval": interval, "timeout": timeout, "retry": retry, "up-retry": rise, "method": method,
        }),
    );
    name
}

/// Checks by HTTP speak to members as clients' requests are passed on to them.
fn method(monitor: &HealthMonitor, encrypted: bool) -> Result<Value, String> {
    match MonitorType::try_from(monitor.r#type) {
        Ok(MonitorType::Ping) => Ok(json!({"icmp": {"icmp": 1}})),
        Ok(MonitorType::Tcp) => Ok(json!({"tcp": {"method-tcp": 1, "tcp-port": 80}})),
        Ok(MonitorType::Http) if !encrypted => web(monitor, "http", ("http-port", 80)),
        Ok(MonitorType::Http | MonitorType::Https) => web(monitor, "https", ("web-port", 443)),
        Ok(MonitorType::TlsHello | MonitorType::UdpConnect | MonitorType::Sctp | MonitorType::Unspecified) | Err(_) => {
            Err("its type is unknown".to_owned())
        }
    }
}

fn web(monitor: &HealthMonitor, prefix: &str, port: (&str, u16)) -> Result<Value, String> {
    let codes: String = monitor.expected_codes.chars().filter(|letter| !letter.is_whitespace()).collect();
    let codes = if codes.is_empty() { "200".to_owned() } else { codes };
    if codes.len() > LONGEST_CODES {
        return Err(format!("the device takes {LONGEST_CODES} characters of expected codes"));
    }
    let path = if monitor.url_path.is_empty() { "/" } else { &monitor.url_path };
    if path.chars().count() > LONGEST_PATH {
        return Err(format!("the device takes {LONGEST_PATH} characters of url path"));
    }
    let method = if monitor.http_method.is_empty() { "GET" } else { &monitor.http_method };
    let method = method.to_ascii_uppercase();
    let (get, post, kind, text) = match method.as_str() {
        "GET" | "HEAD" => (json!(path), Value::Null, Value::Null, Value::Null),
        // The device posts nothing without a body.
        "POST" => (Value::Null, json!(path), json!("postdata"), json!("check=1")),
        other => return Err(format!("the device checks with GET, HEAD or POST, not with {other}")),
    };
    let field = |name: &str| format!("{prefix}-{name}");
    Ok(json!({prefix: {
        prefix: 1, port.0: port.1, field("expect"): 1, field("response-code"): codes, field("url"): 1,
        "url-type": method, "url-path": get, "post-path": post, "post-type": kind, field("postdata"): text,
    }}))
}
