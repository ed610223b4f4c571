//! What would be changed, or was.

use serde_json::{Value, json};

use super::steps::{Action, Effect, Plan, Step};
use crate::{noun::text, output::Print, table};

pub(super) struct Report<'p>(pub(super) &'p [Plan]);

impl Report<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|plan| plan.steps.is_empty())
    }

    /// What was done, a line for each load balancer.
    pub(super) fn done(&self) -> String {
        let lines = self.0.iter().map(|plan| {
            let word = match (plan.steps.is_empty(), &plan.id) {
                (true, _) => "is as it shall be",
                (false, None) => "is made",
                (false, Some(_)) => "is changed",
            };
            format!("lb/{} {word}.\n", plan.name)
        });
        lines.collect()
    }

    fn summary(&self) -> String {
        let count =
            |action: Action| self.0.iter().flat_map(|plan| &plan.steps).map(|step| count(step, action)).sum::<usize>();
        let [add, change, remove] = [Action::Add, Action::Change, Action::Remove].map(count);
        format!("{change} to change, {add} to add, {remove} to remove\n")
    }
}

/// A step is one object; that of the members of a pool is as many as differ.
fn count(step: &Step, action: Action) -> usize {
    if step.kind == "members" {
        return step.differences.iter().filter(|line| line.starts_with(action.sign())).count();
    }
    usize::from(step.action == action)
}

impl Print for Report<'_> {
    fn table(&self, _wide: bool) -> String {
        let mut rows = Vec::new();
        for plan in self.0.iter().filter(|plan| !plan.steps.is_empty()) {
            let sign = if plan.id.is_none() { '+' } else { '~' };
            rows.push(vec![format!("{sign} lb/{}", plan.name)]);
            for (step, effect) in plan.steps.iter().zip(&plan.effects) {
                rows.extend(lines(plan, step, &said(effect)));
            }
        }
        table::rows(&rows) + &self.summary()
    }

    fn value(&self) -> Option<Value> {
        Some(self.0.iter().map(value).collect())
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().filter(|plan| !plan.steps.is_empty()).map(|plan| plan.name.clone()).collect()
    }
}

/// A step in lines; its effect stands at the first.
fn lines(plan: &Plan, step: &Step, effect: &str) -> Vec<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    if step.kind != "loadbalancer" {
        lines.push(format!("    {} {} {}", step.action.sign(), step.kind, step.name));
    }
    let indent = if step.kind == "loadbalancer" { "    " } else { "        " };
    lines.extend(step.differences.iter().map(|line| format!("{indent}{line}")));
    if lines.is_empty() {
        lines.push(format!("{indent}{}", plan.name));
    }
    let mut rows: Vec<Vec<String>> = lines.into_iter().map(|line| vec![line]).collect();
    if let Some(first) = rows.first_mut() {
        first.push(effect.to_owned());
    }
    rows
}

/// An effect in words.
fn said(effect: &Effect) -> String {
    let Effect::Said(plan) = effect else { return "known once the others are made".to_owned() };
    let connections = match plan["connections"].as_str() {
        Some("kept") => ", connections stay",
        Some("drained") => ", connections finish on the old process",
        Some("cut") => ", connections are cut",
        _ => "",
    };
    let what = match plan["effect"].as_str() {
        Some("none") => return "nothing that serves is touched".to_owned(),
        Some("runtime") => "at run time".to_owned(),
        Some("reload") => "reload".to_owned(),
        Some("restart") => "restart".to_owned(),
        Some("move") => "moves to another agent".to_owned(),
        Some(other) => crate::find::plain(other),
        None if plan.is_null() => return String::new(),
        None => return format!("not known: {}", text(&plan["reason"])),
    };
    format!("{what}{connections}")
}

fn value(plan: &Plan) -> Value {
    let steps = plan.steps.iter().zip(&plan.effects).map(|(step, effect)| {
        let plan = match effect {
            Effect::Said(plan) => plan.clone(),
            Effect::AfterOthers => Value::Null,
        };
        let Step { action, kind, name, differences, .. } = step;
        json!({ "action": action.name(), "kind": kind, "name": name, "differences": differences, "plan": plan })
    });
    json!({ "name": plan.name, "id": plan.id, "steps": steps.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn step(action: Action, kind: &'static str, name: &str, differences: &[&str]) -> Step {
        let differences = differences.iter().map(|&line| line.to_owned()).collect();
        let (method, path, body) = (Method::PUT, String::new(), Value::Null);
        Step { action, kind, name: name.to_owned(), method, path, body, late: Vec::new(), differences }
    }

    #[test]
    fn a_difference_is_told_with_what_it_does_to_what_serves() {
        let plan = Plan {
            name: "shop".to_owned(),
            id: Some("1".to_owned()),
            steps: vec![
                step(Action::Change, "members", "of servers", &["+ 10.0.0.13:80 weight 1", "- 10.0.0.12:80"]),
                step(Action::Change, "pool", "servers", &["lb_algorithm: ROUND_ROBIN -> SOURCE_IP"]),
                step(Action::Add, "listener", "TCP/443", &[]),
            ],
            effects: vec![
                Effect::Said(json!({"effect": "runtime", "connections": "kept"})),
                Effect::Said(json!({"effect": "reload", "connections": "drained"})),
                Effect::AfterOthers,
            ],
        };
        let expected = "\
~ lb/shop
    ~ members of servers                        at run time, connections stay
        + 10.0.0.13:80 weight 1
        - 10.0.0.12:80
    ~ pool servers                              reload, connections finish on the old process
        lb_algorithm: ROUND_ROBIN -> SOURCE_IP
    + listener TCP/443                          known once the others are made
1 to change, 2 to add, 1 to remove
";
        let plans = [plan];
        assert_eq!(Report(&plans).table(false), expected);
        assert!(!Report(&plans).is_empty());
        assert_eq!(Report(&[]).table(false), "0 to change, 0 to add, 0 to remove\n");
    }
}
