//! `ballast v1 monitors`

use serde_json::Value;

use crate::noun::{Column, Kind, Noun, admin, all_fields, text};

pub(crate) const MONITORS: Noun = Noun {
    kind: Kind::Monitor,
    one: "health monitor",
    many: "health monitors",
    path: "lb/health_monitors",
    wrapper: "health_monitors",
    name: None,
    columns: &[
        Column { title: "ID", cell: |monitor| text(&monitor["id"]) },
        Column { title: "TYPE", cell: |monitor| text(&monitor["type"]) },
        Column { title: "DELAY", cell: |monitor| text(&monitor["delay"]) },
        Column { title: "TIMEOUT", cell: |monitor| text(&monitor["timeout"]) },
        Column { title: "RETRIES", cell: |monitor| text(&monitor["max_retries"]) },
        Column { title: "REQUEST", cell: request },
        Column { title: "POOLS", cell: |monitor| monitor["pools"].as_array().map_or(0, Vec::len).to_string() },
        Column { title: "ADMIN", cell: admin },
    ],
    page: all_fields,
};

/// `GET / 200`: what HTTP and HTTPS monitors ask and expect; the others ask nothing.
fn request(monitor: &Value) -> String {
    let parts = ["http_method", "url_path", "expected_codes"].map(|key| text(&monitor[key]));
    parts.join(" ").trim().to_owned()
}
