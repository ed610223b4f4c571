//! Monitors that every device has without being told, in every partition: listed, bound by name, and nobody's to change.

use serde_json::{Value, json};

use super::{
    configuration::{Objects, below, named},
    error::{EXISTS, NOT_PERMITTED, Refused},
    rules::datagrams,
    validate::{Fields, text},
};

/// Names and types, some of them.
const BUILT_IN: [(&str, &str); 8] = [
    ("ping-default", "PING"),
    ("tcp-default", "TCP"),
    ("ping", "PING"),
    ("tcp", "TCP"),
    ("http", "HTTP"),
    ("tcp-ecv", "TCP-ECV"),
    ("http-ecv", "HTTP-ECV"),
    ("udp-ecv", "UDP-ECV"),
];

pub(super) fn built_in() -> Vec<(&'static str, Fields)> {
    let fields = |(name, of): (&'static str, &str)| {
        let fields = json!({"monitorname": name, "type": of});
        (name, fields.as_object().cloned().unwrap_or_default())
    };
    BUILT_IN.into_iter().map(fields).collect()
}

/// The type of a monitor, built in or made; none when there is none.
pub(super) fn type_of<'a>(objects: &'a Objects, name: &str) -> Option<&'a str> {
    let made = objects.get(&format!("lbmonitor/{name}")).and_then(|fields| text(fields, "type"));
    made.or_else(|| BUILT_IN.iter().find(|(built_in, _)| *built_in == name).map(|(_, of)| *of))
}

/// A monitor that is built in cannot be made again, changed or deleted.
pub(super) fn is_ours(kind: &str, name: &str, making: bool) -> Result<(), Refused> {
    if kind != "lbmonitor" || !BUILT_IN.iter().any(|(built_in, _)| *built_in == name) {
        return Ok(());
    }
    Err(Refused::about(if making { EXISTS } else { NOT_PERMITTED }, &["monitorName", name]))
}

/// The bindings of default monitors: those of the groups that have no other, as far as they are checked.
pub(super) fn default_bindings(objects: &Objects, owner: Option<&str>) -> Vec<Fields> {
    let wanted = named(objects, "servicegroup/").filter(|(name, fields)| {
        let inside = format!("servicegroup_lbmonitor_binding/{name}/");
        let bound = below(objects, &inside).next().is_some();
        owner.is_none_or(|owner| owner == *name) && !bound && text(fields, "healthmonitor") != Some("NO")
    });
    let shown = wanted.map(|(name, fields)| {
        let monitor =
            if datagrams(text(fields, "servicetype").unwrap_or_default()) { "ping-default" } else { "tcp-default" };
        [("servicegroupname", name), ("monitor_name", monitor), ("monstate", "ENABLED"), ("weight", "1")]
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .into_iter()
            .collect()
    });
    shown.collect()
}
