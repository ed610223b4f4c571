//! Objects as REST takes them.

use ballast_proto::{
    driver::ClientAuthentication,
    v2::{
        HealthMonitor, L7Policy, L7Rule, Listener, ListenerTls, LoadBalancer, Member, Pool, PoolTls,
        SessionPersistence, Vip,
    },
};
use prost_types::FieldMask;
use serde_json::{Map, Value, json};

use super::{choices, parts};

/// An object of REST.
pub(crate) type Object = Map<String, Value>;

/// What says something: defaults are left out.
pub(crate) fn said(mut object: Object) -> Object {
    object.retain(|key, value| match key.as_str() {
        "admin_state_up" => *value == json!(false),
        "client_authentication" => *value != json!("NONE"),
        _ => !is_nothing(value),
    });
    object
}

/// What a change names.
pub(crate) fn named(mut object: Object, mask: Option<&FieldMask>) -> Object {
    let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    object.retain(|key, _| paths.iter().any(|path| key_of(path) == *key));
    object
}

/// What of TLS is within something for the scheduler, and beside all else for REST.
fn key_of(path: &str) -> String {
    match path.strip_prefix("tls.") {
        Some(own @ ("enabled" | "ciphers" | "versions")) => format!("tls_{own}"),
        Some(own) => own.to_owned(),
        None => path.to_owned(),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is_set) => !is_set,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Object {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A reference, which is null where there is none.
fn maybe(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn common(name: &str, description: &str, is_up: Option<bool>, tags: &[String]) -> Object {
    object([
        ("name", name.into()),
        ("description", description.into()),
        ("admin_state_up", is_up.unwrap_or(true).into()),
        ("tags", tags.into()),
    ])
}

/// Without what is in it.
pub(crate) fn load_balancer(one: &LoadBalancer) -> Object {
    let mut fields = common(&one.name, &one.description, one.admin_state_up, &one.tags);
    let vip = one.vip.clone().unwrap_or_default();
    let more =
        |vip: &Vip| json!(said(object([("subnet_id", maybe(&vip.subnet_id)), ("ip_address", maybe(&vip.address))])));
    fields.extend(object([
        ("project_id", maybe(&one.project_id)),
        ("provider", maybe(&one.provider)),
        ("flavor_id", maybe(&one.flavor_id)),
        ("availability_zone", maybe(&one.availability_zone)),
        ("vip_subnet_id", maybe(&vip.subnet_id)),
        ("vip_address", maybe(&vip.address)),
        ("additional_vips", one.additional_vips.iter().map(more).collect()),
    ]));
    fields
}

/// Without its policies, and its pool by its id.
pub(crate) fn listener(one: &Listener) -> Object {
    let mut fields = common(&one.name, &one.description, one.admin_state_up, &one.tags);
    fields.extend(object([
        ("loadbalancer_id", maybe(&one.load_balancer_id)),
        ("protocol", parts::protocol(one.protocol).into()),
        ("protocol_port", one.protocol_port.into()),
        ("connection_limit", one.connection_limit.into()),
        ("default_pool_id", maybe(&one.default_pool_id)),
        ("allowed_cidrs", one.allowed_cidrs.as_slice().into()),
        ("timeout_client_data", one.timeout_client_data.into()),
        ("timeout_member_connect", one.timeout_member_connect.into()),
        ("timeout_member_data", one.timeout_member_data.into()),
        ("timeout_tcp_inspect", one.timeout_tcp_inspect.into()),
        ("insert_headers", json!(one.insert_headers)),
    ]));
    fields.extend(one.tls.as_ref().map(listener_tls).unwrap_or_default());
    fields
}

fn listener_tls(tls: &ListenerTls) -> Object {
    let clients = match tls.client_authentication() {
        ClientAuthentication::Optional => "OPTIONAL",
        ClientAuthentication::Mandatory => "MANDATORY",
        ClientAuthentication::Unspecified | ClientAuthentication::None => "NONE",
    };
    object([
        ("default_tls_container_ref", maybe(&tls.default_tls_container_ref)),
        ("sni_container_refs", tls.sni_container_refs.as_slice().into()),
        ("client_authentication", clients.into()),
        ("client_ca_tls_container_ref", maybe(&tls.client_ca_tls_container_ref)),
        ("client_crl_container_ref", maybe(&tls.client_crl_container_ref)),
        ("tls_ciphers", maybe(&tls.ciphers)),
        ("tls_versions", tls.versions.as_slice().into()),
        ("alpn_protocols", tls.alpn_protocols.as_slice().into()),
        ("hsts_max_age", tls.hsts_max_age.into()),
        ("hsts_include_subdomains", tls.hsts_include_subdomains.into()),
        ("hsts_preload", tls.hsts_preload.into()),
    ])
}

/// With its members and its monitor, where the message has them.
pub(crate) fn pool(one: &Pool) -> Object {
    let mut fields = common(&one.name, &one.description, one.admin_state_up, &one.tags);
    let owner = if one.listener_id.is_empty() { one.load_balancer_id.as_str() } else { "" };
    let members = one.members.iter().map(|one| Value::Object(said(member(one))));
    fields.extend(object([
        ("loadbalancer_id", maybe(owner)),
        ("listener_id", maybe(&one.listener_id)),
        ("protocol", parts::protocol(one.protocol).into()),
        ("lb_algorithm", choices::method(one.lb_algorithm()).into()),
        ("session_persistence", one.session_persistence.as_ref().map(persistence).into()),
        ("members", members.collect()),
        ("healthmonitor", one.health_monitor.as_ref().map(|one| said(monitor(one))).into()),
    ]));
    fields.extend(one.tls.as_ref().map(pool_tls).unwrap_or_default());
    fields
}

fn persistence(one: &SessionPersistence) -> Object {
    said(object([
        ("type", choices::persistence(one.r#type()).into()),
        ("cookie_name", maybe(&one.cookie_name)),
        ("persistence_timeout", one.persistence_timeout.into()),
        ("persistence_granularity", maybe(&one.persistence_granularity)),
    ]))
}

fn pool_tls(tls: &PoolTls) -> Object {
    object([
        ("tls_enabled", tls.enabled.into()),
        ("tls_container_ref", maybe(&tls.tls_container_ref)),
        ("ca_tls_container_ref", maybe(&tls.ca_tls_container_ref)),
        ("crl_container_ref", maybe(&tls.crl_container_ref)),
        ("tls_ciphers", maybe(&tls.ciphers)),
        ("tls_versions", tls.versions.as_slice().into()),
        ("alpn_protocols", tls.alpn_protocols.as_slice().into()),
    ])
}

pub(crate) fn member(one: &Member) -> Object {
    let mut fields = common(&one.name, "", one.admin_state_up, &one.tags);
    fields.extend(object([
        ("address", maybe(&one.address)),
        ("protocol_port", one.protocol_port.into()),
        ("weight", one.weight.into()),
        ("backup", one.backup.into()),
        ("subnet_id", maybe(&one.subnet_id)),
        ("monitor_address", maybe(&one.monitor_address)),
        ("monitor_port", Some(one.monitor_port).filter(|port| *port != 0).into()),
    ]));
    fields
}

pub(crate) fn monitor(one: &HealthMonitor) -> Object {
    let mut fields = common(&one.name, "", one.admin_state_up, &one.tags);
    fields.extend(object([
        ("pool_id", maybe(&one.pool_id)),
        ("type", choices::monitor(one.r#type()).into()),
        ("delay", one.delay.into()),
        ("timeout", one.timeout.into()),
        ("max_retries", one.max_retries.into()),
        ("max_retries_down", one.max_retries_down.into()),
        ("http_method", one.http_method.clone().into()),
        ("url_path", one.url_path.clone().into()),
        ("expected_codes", one.expected_codes.clone().into()),
        ("http_version", one.http_version.parse::<f64>().ok().into()),
        ("domain_name", maybe(&one.domain_name)),
    ]));
    fields
}

/// With its rules, where the message has them.
pub(crate) fn policy(one: &L7Policy) -> Object {
    let mut fields = common(&one.name, &one.description, one.admin_state_up, &one.tags);
    let rules = one.rules.iter().map(|one| Value::Object(said(rule(one))));
    fields.extend(object([
        ("listener_id", maybe(&one.listener_id)),
        ("action", choices::action(one.action()).into()),
        ("redirect_pool_id", maybe(&one.redirect_pool_id)),
        ("redirect_url", maybe(&one.redirect_url)),
        ("redirect_prefix", maybe(&one.redirect_prefix)),
        ("redirect_http_code", one.redirect_http_code.into()),
        ("position", one.position.into()),
        ("rules", rules.collect()),
    ]));
    fields
}

pub(crate) fn rule(one: &L7Rule) -> Object {
    object([
        ("type", choices::rule_type(one.r#type()).into()),
        ("compare_type", choices::compare_type(one.compare_type()).into()),
        ("key", maybe(&one.key)),
        ("value", one.value.as_str().into()),
        ("invert", one.invert.into()),
        ("admin_state_up", one.admin_state_up.unwrap_or(true).into()),
        ("tags", one.tags.as_slice().into()),
    ])
}
