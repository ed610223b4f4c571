//! Policies of a listener, and their rules.

use http::Method;
use serde_json::Value;

use super::{Object, Planner, fields::Fields, known, label, list, objects};
use crate::{
    noun::text,
    v2::{
        apply::{
            same::same,
            steps::{Action, Step},
        },
        find, nouns,
    },
};

/// The listener of a policy.
pub(super) enum OfListener<'t> {
    There(&'t Value),
    /// By this step.
    Made(usize),
}

impl Planner<'_> {
    /// A policy is known by its name.
    pub(super) fn policy(
        &mut self,
        listener: &str,
        policy: &Object,
        of_listener: &OfListener<'_>,
    ) -> Result<(), String> {
        let name = label(policy, "policy");
        let of = format!("policy {name} of listener {listener}");
        if !policy.contains_key("id") && policy.get("name").is_none_or(|name| text(name).is_empty()) {
            return Err(format!("a policy of listener {listener} has no name: it could not be found again"));
        }
        let others = ["id", "redirect_pool", "rules"];
        let mut object = policy.clone();
        let (pool, late) = self.pool_of(&of, &mut object, ("redirect_pool", "redirect_pool_id"))?;
        let policies = match of_listener {
            OfListener::There(found) => list(&found["l7policies"]),
            OfListener::Made(_) => &[],
        };
        let path = find::path(&nouns::L7_POLICIES, None);
        let Some(found) = known(&of, policy, policies, |found| same(&policy["name"], &found["name"]))? else {
            Fields::check(&of, &object, &nouns::L7_POLICY, &others)?;
            let mut late = late;
            match of_listener {
                OfListener::There(found) => drop(object.insert("listener_id".to_owned(), found["id"].clone())),
                OfListener::Made(step) => late.push(("listener_id", *step)),
            }
            self.add(("l7policy", name), path, object, (late, Vec::new()));
            return Ok(());
        };
        let path = find::item(&path, &text(&found["id"]));
        let mut fields = Fields::of(&of, &object, found, (&nouns::L7_POLICY, &others))?;
        fields.names_pool("redirect_pool_id", pool, late);
        self.change("l7policy", name.clone(), path.clone(), fields);
        if let Some(rules) = policy.get("rules") {
            self.rules(&name, &path, rules, list(&found["rules"]))?;
        }
        Ok(())
    }

    /// The rules are the list's. They have no name: one that differs is made, and the other one removed.
    fn rules(&mut self, policy: &str, path: &str, wanted: &Value, found: &[Value]) -> Result<(), String> {
        let (of, below) = (format!("rule of policy {policy}"), find::path(&nouns::L7_RULES, Some(path)));
        let mut left: Vec<&Value> = found.iter().collect();
        for rule in objects(Some(wanted)) {
            Fields::check(&of, rule, &nouns::L7_RULE, &["id"])?;
            let is = |found: &&Value| rule.iter().all(|(key, value)| same(value, &found[key]));
            match left.iter().position(is) {
                Some(at) => drop(left.remove(at)),
                None => self.add(("rule", rule_label(rule, policy)), below.clone(), rule.clone(), Default::default()),
            }
        }
        for rule in left {
            self.steps.push(Step {
                action: Action::Remove,
                kind: "rule",
                name: rule.as_object().map(|rule| rule_label(rule, policy)).unwrap_or_default(),
                method: Method::DELETE,
                path: find::item(&below, &text(&rule["id"])),
                body: Value::Null,
                late: Vec::new(),
                differences: Vec::new(),
            });
        }
        Ok(())
    }
}

fn rule_label(rule: &Object, policy: &str) -> String {
    let said = ["type", "key", "compare_type", "value"].map(|key| rule.get(key).map(text).unwrap_or_default());
    let said: Vec<_> = said.into_iter().filter(|word| !word.is_empty()).collect();
    format!("{} of {policy}", said.join(" "))
}
