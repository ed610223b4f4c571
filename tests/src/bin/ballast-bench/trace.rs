//! Where the time of a bring-up goes, from the agent's log: the wall clock of its lines is that of this program.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::samples::Samples;

/// What the log says of one deploy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Deploy {
    pub(crate) begun: Timestamp,
    pub(crate) done: Timestamp,
}

/// The driver's deploys of each load balancer, in order. Its line comes when it has ended and says how long it took.
pub(crate) fn deploys(log: &str) -> BTreeMap<String, Vec<Deploy>> {
    let mut found: BTreeMap<String, Vec<Deploy>> = BTreeMap::new();
    for line in driver_lines(log) {
        let (Some(id), Some(took)) = (line["load_balancer"].as_str(), field(&line, "milliseconds")) else { continue };
        if !message(&line).starts_with("deployed ") {
            continue;
        }
        if let Some(deploy) = deploy(&line, took) {
            found.entry(id.to_owned()).or_default().push(deploy);
        }
    }
    found
}

/// The driver's steps, in milliseconds; the lines are there at level debug.
pub(crate) fn steps(log: &str) -> BTreeMap<String, Samples> {
    let mut found: BTreeMap<String, Samples> = BTreeMap::new();
    for line in driver_lines(log) {
        let Some((_, step)) = message(&line).split_once(" step=") else { continue };
        if let Some(microseconds) = field(&line, "microseconds") {
            found.entry(name_of(step)).or_default().add(microseconds / 1e3);
        }
    }
    found
}

/// A step without its arguments. Those that all drivers have are within `Host(..)`.
pub(crate) fn name_of(step: &str) -> String {
    let step = step.strip_prefix("Host(").unwrap_or(step);
    step.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn driver_lines(log: &str) -> impl Iterator<Item = Value> + '_ {
    let parsed = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(|line| line["target"] == "ballast_agent::driver")
}

fn message(line: &Value) -> &str {
    line["message"].as_str().unwrap_or_default()
}

/// A number that follows the message as `name=number`.
fn field(line: &Value, name: &str) -> Option<f64> {
    let words = message(line).split(' ');
    words.filter_map(|word| word.split_once('=')).find(|(key, _)| *key == name)?.1.parse().ok()
}

fn deploy(line: &Value, milliseconds: f64) -> Option<Deploy> {
    let done: Timestamp = line["timestamp"].as_str()?.parse().ok()?;
    let took = jiff::SignedDuration::from_secs_f64(milliseconds / 1e3);
    Some(Deploy { begun: done - took, done })
}

/// From one moment to another, in milliseconds.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"not JSON
{"timestamp":"2026-01-01T00:00:00.020000Z","message":"there is none microseconds=350 step=MakeLink","load_balancer":"a","target":"ballast_agent::driver"}
{"timestamp":"2026-01-01T00:00:00.030000Z","message":"deployed generation=2 milliseconds=12.5","load_balancer":"a","target":"ballast_agent::driver"}
{"timestamp":"2026-01-01T00:00:00.031000Z","message":"deployed","target":"ballast_agent::workers"}
"#;

    #[test]
    fn a_deploy_began_as_long_before_its_line_as_it_took() {
        let deploys = &deploys(LOG)["a"];
        assert_eq!(deploys.len(), 1);
        assert!((between(deploys[0].begun, deploys[0].done) - 12.5).abs() < 1e-6);
    }

    #[test]
    fn steps_are_named_without_their_arguments() {
        let steps = steps(LOG);
        assert_eq!(steps.keys().collect::<Vec<_>>(), ["MakeLink"]);
        assert!((steps["MakeLink"].median() - 0.35).abs() < 1e-9);
        assert_eq!(name_of("Host(Configure(Changes { mac: false }))"), "Configure");
        assert_eq!(name_of("StartHaproxy { replacing: None }"), "StartHaproxy");
    }
}
