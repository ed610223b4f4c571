//! What changed, when, and by whom.

use askama::Template;
use ballast_proto::{
    driver::Effect,
    v2::{Cause, Event, Kind, Origin, event::Object},
};

use super::{
    one::Head,
    parts::{name_or_id, path_of, short, socket},
    time::of_day,
};

/// Kinds of objects, by what the address calls them.
pub(crate) const KINDS: [(&str, Kind); 6] = [
    ("loadbalancer", Kind::LoadBalancer),
    ("listener", Kind::Listener),
    ("pool", Kind::Pool),
    ("member", Kind::Member),
    ("healthmonitor", Kind::HealthMonitor),
    ("l7policy", Kind::L7policy),
];

/// A change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The same for the same change, however often it is told.
    key: String,
    exact: String,
    time: String,
    /// The load balancer that it is in.
    path: Option<String>,
    kind: &'static str,
    name: String,
    what: String,
    by: String,
    is_failure: bool,
}

/// Those of an event, one for each cause, newest last.
pub(crate) fn rows(event: &Event) -> Vec<Row> {
    let kind = KINDS.iter().find(|(_, kind)| *kind == event.kind()).map_or("object", |(name, _)| *name);
    let name = name_of(event);
    let is_gone = matches!(event.object, Some(Object::Deleted(_)) | None);
    let owner = match event.kind() {
        Kind::LoadBalancer => &event.id,
        _ => &event.load_balancer_id,
    };
    let is_own_gone = is_gone && event.kind() == Kind::LoadBalancer;
    let path = (!owner.is_empty() && !is_own_gone).then(|| path_of(owner));
    let last = event.causes.len().saturating_sub(1);
    let row = |(index, cause): (usize, &Cause)| {
        let time = cause.time.unwrap_or_default();
        Row {
            key: format!("{}-{}-{}-{}", event.id, time.seconds, time.nanos, cause.action),
            exact: jiff::Timestamp::new(time.seconds, time.nanos).unwrap_or_default().to_string(),
            time: if cause.time.is_some() { of_day(&time) } else { "not known".to_owned() },
            path: path.clone(),
            kind,
            name: name.clone(),
            what: what(cause, is_gone && index == last),
            by: by(cause),
            is_failure: cause.settled.as_ref().is_some_and(|settled| settled.failed),
        }
    };
    event.causes.iter().enumerate().map(row).collect()
}

fn name_of(event: &Event) -> String {
    match &event.object {
        Some(Object::LoadBalancer(one)) => name_or_id(&one.name, &one.id),
        Some(Object::Listener(one)) => name_or_id(&one.name, &one.id),
        Some(Object::Pool(one)) => name_or_id(&one.name, &one.id),
        Some(Object::Member(one)) => {
            let port = u32::try_from(one.protocol_port.unwrap_or_default()).unwrap_or_default();
            socket(&one.address, port)
        }
        Some(Object::HealthMonitor(one)) => name_or_id(&one.name, &one.id),
        Some(Object::L7policy(one)) => name_or_id(&one.name, &one.id),
        Some(Object::Deleted(_)) | None => short(&event.id).to_owned(),
    }
}

/// `deployed, generation 17, 0.9 ms, reload`
fn what(cause: &Cause, is_gone: bool) -> String {
    let Some(settled) = &cause.settled else {
        let gone = if is_gone { ", gone" } else { "" };
        return match cause.origin() {
            Origin::Agent if cause.action == "observe" => format!("was seen to fare otherwise{gone}"),
            Origin::Unspecified => format!("changed{gone}"),
            _ => format!("{}{gone}", cause.action),
        };
    };
    let mut parts = vec![if settled.failed { "not deployed" } else { "deployed" }.to_owned()];
    parts.push(format!("generation {}", settled.generation));
    if let Some(duration) = settled.duration.and_then(|duration| std::time::Duration::try_from(duration).ok()) {
        parts.push(format!("{:.1} ms", duration.as_secs_f64() * 1e3));
    }
    let effect = match settled.effect() {
        Effect::Unspecified => "",
        Effect::None => "nothing to do",
        Effect::Runtime => "at run time",
        Effect::Reload => "by a reload",
        Effect::Restart => "by a restart",
        Effect::Move => "by a move",
    };
    if !effect.is_empty() {
        parts.push(effect.to_owned());
    }
    parts.join(", ")
}

pub(super) fn by(cause: &Cause) -> String {
    match cause.origin() {
        Origin::Agent if cause.host.is_empty() => "its agent".to_owned(),
        Origin::Agent => format!("agent {}", cause.host),
        Origin::Scheduler => "the scheduler".to_owned(),
        Origin::User if cause.user.is_empty() => join(["a user", &cause.request_id]),
        Origin::User => join([&cause.user, &cause.request_id]),
        Origin::Unspecified => String::new(),
    }
}

fn join(parts: [&str; 2]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A table of them, newest first.
#[derive(Template)]
#[template(path = "events_table.html")]
pub(crate) struct Table {
    rows: Vec<Row>,
}

/// How many are shown.
const MOST: usize = 200;

impl Table {
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut rows: Vec<_> = events.iter().flat_map(rows).collect();
        rows.sort_by(|a, b| (&b.time, &b.key).cmp(&(&a.time, &a.key)));
        rows.dedup();
        rows.truncate(MOST);
        Self { rows }
    }
}

/// Of all that are seen.
#[derive(Template)]
#[template(path = "events.html")]
pub(crate) struct Events {
    pub(crate) table: Table,
    pub(crate) kind: String,
    pub(crate) object: String,
}

impl Events {
    fn kinds() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(name, _)| *name)
    }
}

/// Of one load balancer.
#[derive(Template)]
#[template(path = "events_of_one.html")]
pub(crate) struct EventsOfOne {
    pub(crate) head: Head,
    pub(crate) table: Table,
}
