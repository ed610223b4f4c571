//! What a command prints.

use serde_json::{Map, Value};

use super::{describe, history, noun::Noun, of_late};
use crate::{
    noun,
    output::{self, Print},
    table,
};

/// What came of a command.
pub(super) enum Answer {
    Many(&'static Noun, Vec<Value>),
    One(Value),
    /// A load balancer that was made with all that is in it, and the line that says so.
    Serving(Value, String),
    /// The tree of a load balancer.
    Tree(Value),
    /// How the members of a load balancer are.
    Health(Value),
    /// What was changed of a load balancer.
    History(Value),
    /// What it counted of late.
    OfLate(Value),
    /// A load balancer with all that is known of it.
    Described(Value),
    /// A file for `apply`.
    File(Value),
    /// What a write would do that was only checked; of several, each.
    Planned(Value),
    /// Nothing but that it is done.
    Done(String),
}

impl Print for Answer {
    fn table(&self, wide: bool) -> String {
        match self {
            Self::Many(noun, objects) if objects.is_empty() => format!("No {}.\n", noun.collection.many),
            Self::Many(noun, objects) => noun::columns(noun.columns, objects, wide),
            Self::One(object) => noun::fields(&with_plain_ids(object), &["tenant_id"]),
            Self::Tree(tree) => {
                let mut lines = Vec::new();
                branch(tree, "load balancer", 0, &mut lines);
                table::table(&["OBJECT", "NAME", "PROVISIONING", "OPERATING", "ID"], &lines)
            }
            Self::Health(health) => {
                let members = health["members"].as_array().map_or(&[][..], Vec::as_slice);
                match members {
                    [] => "No members.\n".to_owned(),
                    members => {
                        let titles = ["MEMBER", "NAME", "ADDRESS", "OPERATING", "SINCE", "LAST CHECK", "MS"];
                        table::table(&titles, &members.iter().map(checked).collect::<Vec<_>>())
                    }
                }
            }
            Self::History(revisions) => history::page(revisions),
            Self::OfLate(traffic) => of_late::page(traffic),
            Self::Described(all) => describe::page(all),
            Self::File(file) => output::yaml(file).unwrap_or_else(|_| format!("{file:#}\n")),
            Self::Serving(_, line) => line.clone(),
            Self::Planned(Value::Array(answers)) => answers.iter().map(planned).collect::<Vec<_>>().join("\n"),
            Self::Planned(answer) => planned(answer),
            Self::Done(text) => format!("{text}\n"),
        }
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Many(_, objects) => Some(objects.clone().into()),
            Self::One(value)
            | Self::Serving(value, _)
            | Self::Tree(value)
            | Self::Health(value)
            | Self::History(value)
            | Self::OfLate(value)
            | Self::Described(value)
            | Self::File(value)
            | Self::Planned(value) => Some(value.clone()),
            Self::Done(_) => None,
        }
    }
}

/// The plan of a write, a word a line.
fn planned(answer: &Value) -> String {
    let plan = &answer["plan"];
    if plan.is_null() {
        return "It would be taken; nothing that serves depends on it.\n".to_owned();
    }
    let or_unknown = |value: &Value| if value.is_null() { "not known".to_owned() } else { noun::text(value) };
    let line = |title: &str, said: String| vec![title.to_owned(), said];
    let mut lines =
        vec![line("effect", or_unknown(&plan["effect"])), line("connections", or_unknown(&plan["connections"]))];
    for (key, value) in [("agent", &plan["agent"]["host"]), ("reason", &plan["reason"])] {
        if !value.is_null() {
            lines.push(line(key, noun::text(value)));
        }
    }
    let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
    lines.extend(each(&plan["steps"]).iter().map(|step| line("step", noun::text(step))));
    lines.extend(
        each(&plan["faults"])
            .iter()
            .map(|fault| line("fault", format!("{}: {}", noun::text(&fault["id"]), noun::text(&fault["message"])))),
    );
    table::rows(&lines)
}

/// `[{"id": ..}]` as the ids alone.
fn with_plain_ids(object: &Value) -> Value {
    let plain = |value: &Value| match value {
        Value::Array(values) => {
            Value::Array(values.iter().map(|one| if only_id(one) { one["id"].clone() } else { one.clone() }).collect())
        }
        _ => value.clone(),
    };
    let fields = object.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), plain(value)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn only_id(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.len() == 1 && object.contains_key("id"))
}

/// A member with the answer of its last check, as in `L7STS 503 Service Unavailable`.
pub(super) fn checked(member: &Value) -> Vec<String> {
    let text = |key: &str| noun::text(&member[key]);
    let said = |key: &str| noun::text(&member["last_check"][key]);
    let answer = ["result", "code", "text"].map(said).into_iter().filter(|word| !word.is_empty());
    let address = format!("{}:{}", text("address"), text("protocol_port"));
    let answer = answer.collect::<Vec<_>>().join(" ");
    vec![text("id"), text("name"), address, text("operating_status"), text("since"), answer, said("milliseconds")]
}

/// What is below what, and what it is called.
const BELOW: &[(&str, &str)] =
    &[("listeners", "listener"), ("pools", "pool"), ("health_monitor", "health monitor"), ("members", "member")];

/// A line for this object and for each that is below it, further to the right.
pub(super) fn branch(object: &Value, what: &str, depth: usize, lines: &mut Vec<Vec<String>>) {
    let text = |key: &str| noun::text(&object[key]);
    let name = match what {
        "member" => format!("{} {}:{}", text("name"), text("address"), text("protocol_port")).trim().to_owned(),
        "health monitor" => format!("{} {}", text("name"), text("type")).trim().to_owned(),
        _ => text("name"),
    };
    let what = format!("{}{what}", "  ".repeat(depth));
    lines.push(vec![what, name, text("provisioning_status"), text("operating_status"), text("id")]);
    for (key, what) in BELOW {
        match &object[*key] {
            Value::Array(below) => below.iter().for_each(|one| branch(one, what, depth + 1, lines)),
            one @ Value::Object(_) => branch(one, what, depth + 1, lines),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tree_is_shown_with_what_is_below_further_to_the_right() {
        let member = json!({"id": "4", "name": "", "address": "192.0.2.1", "protocol_port": 80,
            "provisioning_status": "ACTIVE", "operating_status": "ERROR"});
        let pool = json!({"id": "3", "name": "web", "members": [member], "health_monitor": {"id": "5", "name": "",
            "type": "HTTP"}});
        let tree = Answer::Tree(json!({"id": "1", "name": "lb", "provisioning_status": "ACTIVE",
            "operating_status": "DEGRADED", "listeners": [{"id": "2", "name": "front", "pools": [pool]}]}));
        let expected = "OBJECT                NAME          PROVISIONING  OPERATING  ID\n\
                        load balancer         lb            ACTIVE        DEGRADED   1\n\
                        \x20 listener            front                                  2\n\
                        \x20   pool              web                                    3\n\
                        \x20     health monitor  HTTP                                   5\n\
                        \x20     member          192.0.2.1:80  ACTIVE        ERROR      4\n";
        assert_eq!(tree.table(false), expected);
    }

    #[test]
    fn members_are_shown_with_the_answers_of_their_last_checks() {
        let checked = json!({"id": "1", "name": "a", "address": "192.0.2.1", "protocol_port": 80,
            "operating_status": "ERROR", "since": "2026-12-01T03:05:20",
            "last_check": {"result": "L7STS", "code": 503, "text": "Busy", "milliseconds": 7}});
        let other = json!({"id": "2", "name": "", "address": "192.0.2.2", "protocol_port": 80,
            "operating_status": "NO_MONITOR", "since": null, "last_check": null});
        let expected = "MEMBER  NAME  ADDRESS       OPERATING   SINCE                LAST CHECK      MS\n\
                        1       a     192.0.2.1:80  ERROR       2026-12-01T03:05:20  L7STS 503 Busy  7\n\
                        2             192.0.2.2:80  NO_MONITOR\n";
        assert_eq!(Answer::Health(json!({"members": [checked, other]})).table(false), expected);
        assert_eq!(Answer::Health(json!({"members": []})).table(false), "No members.\n");
    }

    #[test]
    fn of_others_that_belong_to_it_ids_are_shown() {
        let shown = Answer::One(json!({"id": "1", "listeners": [{"id": "a"}], "tenant_id": "p", "project_id": "p"}));
        assert_eq!(shown.table(false), "id          1\nlisteners   a\nproject_id  p\n");
    }
}
