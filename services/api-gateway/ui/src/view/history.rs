//! What a load balancer was: its changes, and what each object was and became.

use askama::Template;
use ballast_proto::v2::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, Pool, Revision, RevisionChange, Snapshot,
    snapshot::Object,
};

use super::{
    events::{KINDS, by},
    one::Head,
    parts::{method, monitor_type, name_or_id, persistence, protocol, short, socket},
    time::of_day,
};

/// A change.
struct Row {
    generation: u64,
    exact: String,
    time: String,
    by: String,
    changes: Vec<String>,
    /// Where one goes back to it; none: it is what it is, or cannot come back.
    back: Option<String>,
}

/// All that is known, newest first.
#[derive(Template)]
#[template(path = "history.html")]
pub(crate) struct History {
    head: Head,
    rows: Vec<Row>,
}

impl History {
    pub(crate) fn of(head: Head, revisions: &[Revision]) -> Self {
        let newest = revisions.first().map(|one| one.generation);
        let row = |one: &Revision| {
            let cause = one.cause.clone().unwrap_or_default();
            let time = cause.time.unwrap_or_default();
            let is_past = newest != Some(one.generation);
            let back = || format!("{}/history/{}/rollback", head.path(), one.generation);
            Row {
                generation: one.generation,
                exact: jiff::Timestamp::new(time.seconds, time.nanos).unwrap_or_default().to_string(),
                time: of_day(&time),
                by: by(&cause),
                changes: changes(one, &cause.action),
                back: (is_past && one.reachable).then(back),
            }
        };
        let rows = revisions.iter().map(row).collect();
        Self { head, rows }
    }
}

fn changes(revision: &Revision, action: &str) -> Vec<String> {
    match said(revision) {
        said if !said.is_empty() => said,
        _ if revision.generation == 1 => vec!["made".to_owned()],
        _ => vec![format!("{action} (what it changed is not known)")],
    }
}

fn said(revision: &Revision) -> Vec<String> {
    let more = Some(revision.more_changes).filter(|more| *more > 0).map(|more| format!("and {more} more"));
    revision.changes.iter().map(change).chain(more).collect()
}

/// What goes back to a generation undoes, newest first.
pub(crate) fn undone(revisions: &[Revision], generation: u64) -> Vec<String> {
    let newer = revisions.iter().take_while(|one| one.generation > generation);
    newer.flat_map(said).collect()
}

/// `member 10.0.0.11:80: weight 1 -> 7`
fn change(change: &RevisionChange) -> String {
    let kind = KINDS.iter().find(|(_, kind)| *kind == change.kind()).map_or("object", |(name, _)| *name);
    let object = |side: &Option<Snapshot>| side.as_ref().and_then(|side| side.object.clone());
    let (before, after) = (object(&change.before), object(&change.after));
    let name = after.as_ref().or(before.as_ref()).map_or_else(|| short(&change.id).to_owned(), name_of);
    match (before, after) {
        (Some(before), Some(after)) => {
            let sides = facts(&before).into_iter().zip(facts(&after));
            let differing = sides.filter(|((_, was), (_, is))| was != is);
            let said = |((name, was), (_, is)): (Fact, Fact)| format!("{name} {} -> {}", or_none(was), or_none(is));
            let said: Vec<String> = differing.map(said).collect();
            let said = if said.is_empty() { "changed".to_owned() } else { said.join(", ") };
            format!("{kind} {name}: {said}")
        }
        (None, _) => format!("{kind} {name}: new"),
        (_, None) => format!("{kind} {name}: gone"),
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

fn name_of(object: &Object) -> String {
    match object {
        Object::LoadBalancer(one) => name_or_id(&one.name, &one.id),
        Object::Listener(one) => name_or_id(&one.name, &one.id),
        Object::Pool(one) => name_or_id(&one.name, &one.id),
        Object::Member(one) => {
            socket(&one.address, u32::try_from(one.protocol_port.unwrap_or_default()).unwrap_or_default())
        }
        Object::HealthMonitor(one) => name_or_id(&one.name, &one.id),
        Object::L7policy(one) => name_or_id(&one.name, &one.id),
    }
}

/// A name and what it is.
type Fact = (&'static str, String);

/// The same facts of all of a kind, in the same order.
fn facts(object: &Object) -> Vec<Fact> {
    match object {
        Object::LoadBalancer(one) => of_load_balancer(one),
        Object::Listener(one) => of_listener(one),
        Object::Pool(one) => of_pool(one),
        Object::Member(one) => of_member(one),
        Object::HealthMonitor(one) => of_monitor(one),
        Object::L7policy(one) => of_policy(one),
    }
}

fn number(value: Option<i32>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn admin(up: Option<bool>) -> String {
    if up.unwrap_or(true) { "up" } else { "down" }.to_owned()
}

fn of_load_balancer(one: &LoadBalancer) -> Vec<Fact> {
    vec![
        ("name", one.name.clone()),
        ("description", one.description.clone()),
        ("admin state", admin(one.admin_state_up)),
        ("tags", one.tags.join(", ")),
    ]
}

fn of_listener(one: &Listener) -> Vec<Fact> {
    let mut headers: Vec<String> = one.insert_headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    headers.sort();
    vec![
        ("name", one.name.clone()),
        ("description", one.description.clone()),
        ("protocol", protocol(one.protocol)),
        ("port", number(one.protocol_port)),
        ("limit", number(one.connection_limit)),
        ("default pool", short(&one.default_pool_id).to_owned()),
        ("headers", headers.join(", ")),
        ("allowed", one.allowed_cidrs.join(", ")),
        ("timeout of clients", number(one.timeout_client_data)),
        ("timeout to members", number(one.timeout_member_connect)),
        ("timeout of members", number(one.timeout_member_data)),
        ("admin state", admin(one.admin_state_up)),
        ("tags", one.tags.join(", ")),
    ]
}

fn of_pool(one: &Pool) -> Vec<Fact> {
    vec![
        ("name", one.name.clone()),
        ("description", one.description.clone()),
        ("protocol", protocol(one.protocol)),
        ("method", method(one.lb_algorithm)),
        ("persistence", persistence(one.session_persistence.as_ref())),
        ("admin state", admin(one.admin_state_up)),
        ("tags", one.tags.join(", ")),
    ]
}

fn of_member(one: &Member) -> Vec<Fact> {
    vec![
        ("name", one.name.clone()),
        ("weight", number(one.weight)),
        ("backup", one.backup.to_string()),
        ("monitor address", one.monitor_address.clone()),
        ("monitor port", number(Some(one.monitor_port).filter(|port| *port > 0))),
        ("admin state", admin(one.admin_state_up)),
        ("tags", one.tags.join(", ")),
    ]
}

fn of_monitor(one: &HealthMonitor) -> Vec<Fact> {
    vec![
        ("name", one.name.clone()),
        ("type", monitor_type(one.r#type)),
        ("delay", number(one.delay)),
        ("timeout", number(one.timeout)),
        ("up after", number(one.max_retries)),
        ("down after", number(one.max_retries_down)),
        ("request", [&one.http_method, &one.url_path].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")),
        ("codes", one.expected_codes.clone().unwrap_or_default()),
        ("admin state", admin(one.admin_state_up)),
    ]
}

fn of_policy(one: &L7Policy) -> Vec<Fact> {
    let rule = |rule: &L7Rule| format!("{} {}", rule.key, rule.value).trim().to_owned();
    let target = [&one.redirect_url, &one.redirect_prefix, &one.redirect_pool_id];
    vec![
        ("name", one.name.clone()),
        ("position", number(one.position)),
        ("action", one.action().as_str_name().trim_start_matches("L7_ACTION_").to_owned()),
        ("to", target.into_iter().find(|one| !one.is_empty()).cloned().unwrap_or_default()),
        ("rules", one.rules.iter().map(rule).collect::<Vec<_>>().join("; ")),
        ("admin state", admin(one.admin_state_up)),
    ]
}

#[cfg(test)]
mod tests {
    use ballast_proto::v2::Kind;

    use super::*;

    fn member(weight: i32) -> Option<Snapshot> {
        let member = Member {
            address: "10.0.0.11".to_owned(),
            protocol_port: Some(80),
            weight: Some(weight),
            ..Member::default()
        };
        Some(Snapshot { object: Some(Object::Member(member)) })
    }

    fn revision(generation: u64, before: Option<Snapshot>, after: Option<Snapshot>) -> Revision {
        let change = RevisionChange { kind: Kind::Member.into(), id: "m".to_owned(), before, after };
        Revision { generation, changes: vec![change], ..Revision::default() }
    }

    #[test]
    fn a_change_says_what_the_object_was_and_became_and_going_back_undoes_those_behind_it() {
        let made = Revision { generation: 1, ..Revision::default() };
        let revisions =
            [revision(4, member(7), None), revision(3, member(1), member(7)), revision(2, None, member(1)), made];
        let expected = ["member 10.0.0.11:80: gone", "member 10.0.0.11:80: weight 1 -> 7", "member 10.0.0.11:80: new"];
        assert_eq!(undone(&revisions, 1), expected);
        assert_eq!(undone(&revisions, 3), expected[..1]);
        assert_eq!(changes(&revisions[3], "x"), ["made"]);
    }
}
