//! `ballast monitors`

use serde_json::Value;

use super::pools;
use crate::{
    noun::{admin, text},
    v2::{
        field::{ADMIN, Field, Kind, NAME, TAG},
        noun::{Collection, Column, Filter, Noun, Verb},
    },
};

pub(in crate::v2) const COLLECTION: Collection = Collection {
    path: "lbaas/healthmonitors",
    wrappers: ("healthmonitor", "healthmonitors"),
    key: "id",
    is_named: true,
    one: "health monitor",
    many: "health monitors",
};

pub(in crate::v2) const NOUN: Noun = Noun {
    command: "monitors",
    alias: None,
    about: "Health monitors: how the members of a pool are checked",
    collection: &COLLECTION,
    parent: None,
    verbs: Verb::DESCRIBED,
    fields: &[
        Field::needed("pool", "pool_id", Kind::Reference(&pools::COLLECTION), "Whose members it checks"),
        Field::needed(
            "type",
            "type",
            Kind::Text,
            "HTTP, HTTPS, PING, TCP, TLS-HELLO, UDP-CONNECT or SCTP, as far as its provider can",
        ),
        Field::needed_or_set("delay", "delay", Kind::Number, "Seconds between checks"),
        Field::needed_or_set("timeout", "timeout", Kind::Number, "Seconds that a check may take"),
        Field::needed_or_set("retries", "max_retries", Kind::Number, "Checks that pass until a member serves"),
        Field::always("retries-down", "max_retries_down", Kind::Number, "Checks that fail until it does not; 3"),
        NAME,
        Field::always("method", "http_method", Kind::Text, "For HTTP and HTTPS: the request's method; GET"),
        Field::always("path", "url_path", Kind::Text, "For HTTP and HTTPS: the request's path; /"),
        Field::always("codes", "expected_codes", Kind::Text, "For HTTP and HTTPS: 200, 200,204 or 200-204; 200"),
        Field::always("http-version", "http_version", Kind::Text, "For HTTP and HTTPS: 1.0 or 1.1"),
        Field::always("domain-name", "domain_name", Kind::Text, "For HTTP 1.1: the header Host"),
        ADMIN,
        TAG,
    ],
    filters: &[Filter { option: "type", key: "type", of: None }],
    columns: &[
        Column { title: "ID", cell: |monitor| text(&monitor["id"]) },
        Column { title: "NAME", cell: |monitor| text(&monitor["name"]) },
        Column { title: "TYPE", cell: |monitor| text(&monitor["type"]) },
        Column { title: "DELAY", cell: |monitor| text(&monitor["delay"]) },
        Column { title: "TIMEOUT", cell: |monitor| text(&monitor["timeout"]) },
        Column { title: "RETRIES", cell: |monitor| text(&monitor["max_retries"]) },
        Column { title: "REQUEST", cell: request },
        Column { title: "POOLS", cell: pools },
        Column { title: "ADMIN", cell: admin },
        Column { title: "PROVISIONING", cell: |monitor| text(&monitor["provisioning_status"]) },
    ],
    below: &[],
    is_deployed: true,
};

/// `GET / 200`: what HTTP and HTTPS monitors ask and expect; the others ask nothing.
fn request(monitor: &Value) -> String {
    let parts = ["http_method", "url_path", "expected_codes"].map(|key| text(&monitor[key]));
    parts.join(" ").trim().to_owned()
}

fn pools(monitor: &Value) -> String {
    let pools = monitor["pools"].as_array().map(Vec::as_slice).unwrap_or_default();
    pools.iter().map(|pool| text(&pool["id"])).collect::<Vec<_>>().join(", ")
}
