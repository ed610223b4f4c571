//! What a load balancer has counted of late, in steps of time.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{noun::text, table};

const TITLES: [&str; 5] = ["SINCE", "IN B/s", "OUT B/s", "NEW", "OPEN"];

/// A line for each step, the newest last; and from when on it is known, where that is not long ago.
pub(super) fn page(traffic: &Value) -> String {
    let Some(since) = traffic["known_since"].as_str() else {
        return "Nothing is known here: its agent has its session with another scheduler, or this one has just begun.\n"
            .to_owned();
    };
    let step = traffic["step_seconds"].as_u64().filter(|step| *step > 0).unwrap_or(1);
    let begin: Option<Timestamp> = traffic["begin"].as_str().and_then(|begin| begin.parse().ok());
    let lines: Vec<Vec<String>> = traffic["points"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(0..)
        .map(|(point, at)| line(point, when(begin, at, step), step))
        .collect();
    match lines.as_slice() {
        [] => format!("Nothing yet: it is known since {since}, and each step takes {step} seconds.\n"),
        lines => table::table(&TITLES, lines),
    }
}

fn when(begin: Option<Timestamp>, at: u64, step: u64) -> String {
    let passed = SignedDuration::from_secs(i64::try_from(at.saturating_mul(step)).unwrap_or_default());
    let time = begin.and_then(|begin| begin.checked_add(passed).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn line(point: &Value, when: String, step: u64) -> Vec<String> {
    let rate = |key: &str| (point[key].as_u64().unwrap_or_default() / step).to_string();
    vec![when, rate("bytes_in"), rate("bytes_out"), text(&point["new_connections"]), text(&point["active_connections"])]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_step_is_a_line_and_what_is_not_known_is_said() {
        let point = |bytes_in: u64| json!({ "bytes_in": bytes_in, "bytes_out": 99, "new_connections": 3, "active_connections": 2 });
        let traffic = json!({ "known_since": "2026-12-01T03:05:20Z", "step_seconds": 10, "begin": "2026-12-01T03:05:20Z",
                              "points": [point(10_000), point(0)] });
        let expected = "SINCE                 IN B/s  OUT B/s  NEW  OPEN\n\
                        2026-12-01T03:05:20Z  1000    9        3    2\n\
                        2026-12-01T03:05:30Z  0       9        3    2\n";
        assert_eq!(page(&traffic), expected);
        let none = json!({ "known_since": "2026-12-01T03:05:20Z", "step_seconds": 60, "points": [] });
        assert!(page(&none).contains("known since 2026-12-01T03:05:20Z"));
        assert!(page(&json!({ "known_since": null })).contains("another scheduler"));
    }
}
