//! `ballast watch` and `ballast events`: what changes, as it changes, until Ctrl-C.

mod follow;
mod kind;
mod since;
mod sse;

use std::time::Duration;

use ballast_service::clock::Clock;
use clap::Args;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::{
    api::{Api, rest::Gateway},
    arguments::Connection,
    complete::{self, Names},
    exit::Exit,
    failure::Failure,
    noun::text,
    output::{self, Format},
    runtime, table, v2,
};
pub(crate) use follow::{Follower, Told};
pub(crate) use kind::Kind;
use since::Since;

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// These kinds alone; none: all
    kinds: Vec<Kind>,
    /// What there is now is left out
    #[arg(long)]
    changes_only: bool,
    /// End after so many lines
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Of this load balancer, with all that is in it: its id or its name; or of an object by its id. None: of all
    #[arg(value_name = "ID-OR-NAME", add = complete::names(Names::V2(v2::LOAD_BALANCERS)))]
    of: Option<String>,
    /// First what was told since, as far back as it is known: a time ago as 1h or 2d, a time as 2026-12-01T03:05:20Z, or a
    /// cursor of -o json to go on from; none: from now
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// Of these kinds alone
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<Kind>,
    /// End after so many events
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// What comes within this time is put in order.
const GATHER: Duration = Duration::from_millis(200);
/// Of columns that are printed before it is known what comes: time, kind, name, and two words.
const WIDTHS: [usize; 6] = [24, 13, 20, 14, 10, 36];

/// # Errors
/// When the gateway cannot be asked any more.
pub(crate) fn watch(watch: &Watch, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    runtime::block_on(async {
        let api = Api::of(connection).await?;
        let mut follower = Follower::new(api.gateway()?, &watch.kinds, &[]);
        if !watch.changes_only {
            follower = follower.with_snapshot();
        }
        title(format, &["TIME", "KIND", "NAME", "PROVISIONING", "OPERATING", "ID"])?;
        let mut left = watch.count;
        while left != Some(0) {
            let Told::Change(change) = follower.next().await? else { continue };
            let line = output::one_of_many(format, &change, seen(&change))?;
            if !output::stream(format, &line)? {
                break;
            }
            left = left.map(|left| left - 1);
        }
        Ok(Exit::Done)
    })
}

/// # Errors
/// When the gateway cannot be asked any more, or there is no such object.
pub(crate) fn events(events: &Events, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    runtime::block_on(async {
        let api = Api::of(connection).await?;
        let gateway = api.gateway()?;
        let ids: Vec<String> = match &events.of {
            Some(wanted) => vec![of(gateway, wanted).await?],
            None => Vec::new(),
        };
        let mut follower = Follower::new(gateway, &events.kinds, &ids);
        if let Some(since) = &events.since {
            follower = follower.since(since.at(Clock::system().now()));
        }
        title(format, &["TIME", "KIND", "NAME", "WHO", "WHAT"])?;
        let mut left = events.count;
        while left != Some(0) {
            let changes = gathered(&mut follower, left.unwrap_or(u64::MAX)).await?;
            if !output::stream(format, &told(format, &changes)?)? {
                break;
            }
            left = left.map(|left| left.saturating_sub(changes.len() as u64));
        }
        Ok(Exit::Done)
    })
}

/// The next change, and what comes right behind it, so many at most.
async fn gathered(follower: &mut Follower<'_>, most: u64) -> Result<Vec<Value>, Failure> {
    let mut changes = Vec::new();
    while changes.is_empty() {
        if let Told::Change(change) = follower.next().await? {
            changes.push(change);
        }
    }
    let deadline = Instant::now() + GATHER;
    while (changes.len() as u64) < most {
        match timeout_at(deadline, follower.more()).await {
            Ok(Ok(Some(Told::Change(change)))) => changes.push(change),
            Ok(Ok(Some(_))) => {}
            // What ends or breaks off is begun anew by whoever asks next.
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    Ok(changes)
}

/// For people in the order of time: an object that changed often is one event, told at its last change.
fn told(format: &Format, changes: &[Value]) -> Result<String, Failure> {
    if matches!(format, Format::Table | Format::Wide) {
        let mut lines: Vec<_> = changes.iter().flat_map(caused).collect();
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        return Ok(lines.into_iter().map(|(_, line)| line).collect());
    }
    changes.iter().map(|change| output::one_of_many(format, change, String::new())).collect()
}

async fn of(gateway: &Gateway, wanted: &str) -> Result<String, Failure> {
    if crate::find::is_uuid(wanted) {
        Ok(wanted.to_ascii_lowercase())
    } else {
        v2::load_balancer(gateway, wanted).await
    }
}

fn title(format: &Format, titles: &[&str]) -> Result<(), Failure> {
    let titles: Vec<_> = titles.iter().map(|title| (*title).to_owned()).collect();
    match format {
        Format::Table | Format::Wide => output::write(format, &table::row(&titles, &WIDTHS)),
        _ => Ok(()),
    }
}

/// When it was, to the millisecond; nothing where that is not known.
fn time(cause: &Value) -> String {
    let time = text(&cause["time"]);
    match time.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{}Z", fraction.trim_end_matches('Z').get(..3).unwrap_or("000")),
        None => time.strip_suffix('Z').map(|seconds| format!("{seconds}.000Z")).unwrap_or(time),
    }
}

/// What it is called: its name, else its address, else its id.
fn name(change: &Value) -> String {
    let object = &change["object"];
    let name = text(&object["name"]);
    match (name.is_empty(), object["address"].as_str()) {
        (false, _) => name,
        (true, Some(address)) => format!("{address}:{}", text(&object["protocol_port"])),
        (true, None) => text(&change["id"]),
    }
}

/// How an object is now.
fn seen(change: &Value) -> String {
    let last = change["causes"].as_array().and_then(|causes| causes.last()).map(time).unwrap_or_default();
    let object = &change["object"];
    let gone = change["deleted"] == true;
    let provisioning = if gone { "gone".to_owned() } else { text(&object["provisioning_status"]) };
    let cells = [last, text(&change["kind"]), name(change), provisioning, text(&object["operating_status"])];
    table::row(&[&cells[..], &[text(&change["id"])]].concat(), &WIDTHS)
}

/// Why it changed, a line for each cause, with its time.
fn caused(change: &Value) -> Vec<(String, String)> {
    let none = [Value::Null];
    let causes = change["causes"].as_array().filter(|causes| !causes.is_empty()).map_or(&none[..], Vec::as_slice);
    let line = |cause: &Value| {
        let cells = [time(cause), text(&change["kind"]), name(change), who(cause), what(change, cause)];
        (time(cause), table::row(&cells, &WIDTHS))
    };
    causes.iter().map(line).collect()
}

fn who(cause: &Value) -> String {
    let named = |key: &str| cause[key].as_str().map(str::to_owned);
    match cause["origin"].as_str() {
        Some("user") => named("user").or_else(|| named("project_id")).unwrap_or_else(|| "user".to_owned()),
        Some("agent") => named("host").unwrap_or_else(|| "agent".to_owned()),
        Some(origin) => origin.to_owned(),
        None => String::new(),
    }
}

/// `deploy of generation 4: reload, 38 ms`, or what a user called.
fn what(change: &Value, cause: &Value) -> String {
    let settled = &cause["settled"];
    let action = text(&cause["action"]);
    if settled.is_null() {
        let gone = if change["deleted"] == true { "gone" } else { "" };
        return [action, gone.to_owned()].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(": ");
    }
    let effect = if settled["failed"] == true { "failed".to_owned() } else { text(&settled["effect"]) };
    let took = settled["duration_ms"].as_f64().map(|ms| format!("{ms:.0} ms")).unwrap_or_default();
    let said: Vec<_> = [effect, took].into_iter().filter(|word| !word.is_empty()).collect();
    format!("{action} of generation {}: {}", text(&settled["generation"]), said.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_a_line_for_each_of_its_causes() {
        let change = json!({"kind": "member", "id": "4", "deleted": false,
        "object": {"name": "", "address": "10.0.0.11", "protocol_port": 80},
        "causes": [
            {"time": "2026-12-01T03:05:20.123456Z", "origin": "user", "user": "alice", "action": "PUT /x"},
            {"time": "2026-12-01T03:05:20.2Z", "origin": "agent", "host": "h3", "action": "deploy",
                "settled": {"generation": 4, "duration_ms": 37.9, "effect": "reload", "failed": false}},
            {"time": null, "origin": "agent", "action": "deploy",
                "settled": {"generation": 5, "duration_ms": null, "effect": null, "failed": true}},
        ]});
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = caused(&change).iter().map(|(_, line)| plain(line)).collect();
        assert_eq!(
            lines,
            [
                "2026-12-01T03:05:20.123Z member 10.0.0.11:80 alice PUT /x",
                "2026-12-01T03:05:20.000Z member 10.0.0.11:80 h3 deploy of generation 4: reload, 38 ms",
                "member 10.0.0.11:80 agent deploy of generation 5: failed",
            ]
        );
        let gone = json!({"kind": "pool", "id": "7", "deleted": true, "object": null, "causes": []});
        assert_eq!(plain(&caused(&gone)[0].1), "pool 7 gone");
        let other =
            json!({"kind": "pool", "id": "7", "causes": [{"time": "2026-12-01T03:05:20Z", "origin": "scheduler"}]});
        let all = told(&Format::Table, &[change, other]).unwrap();
        let times: Vec<&str> = all.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
        let (early, late) = ("2026-12-01T03:05:20.000Z", "2026-12-01T03:05:20.123Z");
        assert_eq!(times, ["member", early, early, late], "what has no time is older than all that has");
        assert!(seen(&gone).contains("gone"));
    }
}
