//! What load balancers are made of, as several pages show it.

use std::collections::HashMap;

use askama::Template;
use ballast_proto::{
    driver::{CheckAnswer, LbMethod, MonitorType, PersistenceType, Protocol},
    v2::{HealthMonitor, LoadBalancer, MemberHealth, OperatingStatus, Pool, SessionPersistence},
};

use super::{badge::Badge, time::Moment};

/// A name and an id behind it: what has no name is called by its id.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"{% if let Some(path) = path %}<a href="{{ path }}"><bdi>{{ name }}</bdi></a>{% else %}<bdi>{{ name }}</bdi>{% endif %}"#
)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) path: Option<String>,
}

/// The first digits of an id, which are enough to tell a few apart.
pub(crate) fn short(id: &str) -> &str {
    id.split('-').next().unwrap_or_default()
}

/// A name, or of what has none the beginning of its id.
pub(crate) fn name_or_id(name: &str, id: &str) -> String {
    if name.is_empty() { short(id).to_owned() } else { name.to_owned() }
}

pub(crate) fn path_of(load_balancer_id: &str) -> String {
    format!("/ui/load-balancers/{load_balancer_id}")
}

impl Named {
    pub(crate) fn load_balancer(one: &LoadBalancer) -> Self {
        Self { name: name_or_id(&one.name, &one.id), path: Some(path_of(&one.id)) }
    }
}

/// `10.0.0.1:80`, `[2001:db8::1]:80`
pub(crate) fn socket(address: &str, port: u32) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// As REST spells it: what the wire calls `PROTOCOL_HTTP` is `HTTP`.
fn spelt(wire: &str, prefix: &str) -> String {
    wire.strip_prefix(prefix).unwrap_or(wire).to_owned()
}

pub(crate) fn protocol(value: i32) -> String {
    Protocol::try_from(value).map_or_else(|_| "?".to_owned(), |one| spelt(one.as_str_name(), "PROTOCOL_"))
}

pub(crate) fn method(value: i32) -> String {
    let text = LbMethod::try_from(value).map_or_else(|_| "?".to_owned(), |one| spelt(one.as_str_name(), "LB_METHOD_"));
    text.to_lowercase().replace('_', " ")
}

pub(crate) fn monitor_type(value: i32) -> String {
    MonitorType::try_from(value).map_or_else(|_| "?".to_owned(), |one| spelt(one.as_str_name(), "MONITOR_TYPE_"))
}

/// `by source ip`; nothing where there is none.
pub(crate) fn persistence(one: Option<&SessionPersistence>) -> String {
    let Some(one) = one.filter(|one| one.r#type != 0) else { return String::new() };
    let name = spelt(PersistenceType::try_from(one.r#type).unwrap_or_default().as_str_name(), "PERSISTENCE_TYPE_");
    let name = name.to_lowercase().replace('_', " ");
    if one.cookie_name.is_empty() { format!("kept by {name}") } else { format!("kept by {name} {}", one.cookie_name) }
}

/// What a monitor does, in a line: `HTTP GET /health -> 200, every 5 s, down after 3`
pub(crate) fn monitor_line(one: &HealthMonitor) -> String {
    let kind = monitor_type(one.r#type);
    let is_http = matches!(one.r#type(), MonitorType::Http | MonitorType::Https);
    let request = match is_http {
        true => format!(
            " {} {} -> {}",
            one.http_method.as_deref().unwrap_or("GET"),
            one.url_path.as_deref().unwrap_or("/"),
            one.expected_codes.as_deref().unwrap_or("200")
        ),
        false => String::new(),
    };
    let (delay, down) = (one.delay.unwrap_or_default(), one.max_retries_down.unwrap_or(3));
    format!("{kind}{request}, every {delay} s, down after {down} failed")
}

/// How a check ended, in a line: `500, L7STS, 2 ms`
pub(crate) fn answer_line(answer: &CheckAnswer) -> String {
    let mut parts = Vec::new();
    if answer.code > 0 {
        parts.push(format!("got {}", answer.code));
    }
    if !answer.text.is_empty() {
        parts.push(answer.text.clone());
    }
    if parts.is_empty() || answer.code == 0 && !answer.result.ends_with("OK") {
        parts.push(answer.result.clone());
    }
    parts.push(format!("{} ms", answer.milliseconds));
    parts.join(", ")
}

/// How a member fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) id: String,
    pub(crate) socket: String,
    pub(crate) badge: Badge,
    pub(crate) since: Option<Moment>,
    pub(crate) check: String,
}

impl Health {
    pub(crate) fn of(one: &MemberHealth, now: jiff::Timestamp) -> Self {
        Self {
            id: one.id.clone(),
            socket: socket(&one.address, one.protocol_port),
            badge: Badge::operating(one.operating()),
            since: Moment::maybe(one.since.as_ref(), now),
            check: one.answer.as_ref().map(answer_line).unwrap_or_default(),
        }
    }
}

/// Whether a member answers to nobody.
pub(crate) fn is_down(one: &MemberHealth) -> bool {
    one.operating() == OperatingStatus::Error
}

/// Names of pools by their ids.
pub(crate) fn names(pools: &[Pool]) -> HashMap<&str, String> {
    pools.iter().map(|pool| (pool.id.as_str(), name_or_id(&pool.name, &pool.id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_what_it_got() {
        let line = |result: &str, code, text: &str| {
            let (result, text) = (result.to_owned(), text.to_owned());
            answer_line(&CheckAnswer { result, code, text, milliseconds: 2 })
        };
        assert_eq!(line("L7STS", 500, ""), "got 500, 2 ms");
        assert_eq!(line("L7OK", 200, "OK"), "got 200, OK, 2 ms");
        assert_eq!(line("L4CON", 0, "Connection refused"), "Connection refused, L4CON, 2 ms");
        assert_eq!(line("L4OK", 0, ""), "L4OK, 2 ms");
    }

    #[test]
    fn what_has_no_name_is_called_by_its_id() {
        assert_eq!(name_or_id("", "6a6f4de5-4d2f-4c5a"), "6a6f4de5");
        assert_eq!(name_or_id("web", "6a6f4de5-4d2f-4c5a"), "web");
        assert_eq!(socket("2001:db8::1", 80), "[2001:db8::1]:80");
    }
}
