//! What a load balancer was, and going back to it.

use http::Method;
use serde_json::Value;

use super::{
    Request,
    ask::{Place, one, wanted},
    grammar::{DRY_RUN, LIMIT, TO, is_given},
    shown::Answer,
    wait::Waiting,
    write::checked,
};
use crate::{api::rest::Gateway, failure::Failure, noun::text, table};

/// The last changes of the load balancer that is named.
pub(super) async fn history(gateway: &Gateway, request: &Request, place: &Place) -> Result<Answer, Failure> {
    let target = revisions(&wanted(gateway, request.noun, place, &request.matches).await?);
    let limit = request.matches.get_one::<u32>(LIMIT).map(|limit| format!("?limit={limit}")).unwrap_or_default();
    let mut body = gateway.ask(Method::GET, &format!("{target}{limit}"), None).await?;
    match body["revisions"].take() {
        found @ Value::Array(_) => Ok(Answer::History(found)),
        _ => Err(gateway.foreign("no 'revisions' in its answer".to_owned())),
    }
}

pub(super) async fn roll_back(gateway: &Gateway, request: &Request, place: &Place) -> Result<Answer, Failure> {
    let target = wanted(gateway, request.noun, place, &request.matches).await?;
    let generation = request.matches.get_one::<u64>(TO).copied().unwrap_or_default();
    let rollback = format!("{}/{generation}/rollback", revisions(&target));
    if is_given(&request.matches, DRY_RUN) {
        return checked(gateway, Method::PUT, &rollback, None).await;
    }
    gateway.ask(Method::PUT, &rollback, None).await?;
    match Waiting::asked_for(&request.matches) {
        Some(waiting) => {
            waiting.until_active(gateway, &target).await?;
            one(gateway, &target, request.noun.collection.wrappers.0).await.map(Answer::One)
        }
        None => Ok(Answer::Done(format!("It is to be what it was at generation {generation}."))),
    }
}

/// Of the load balancer that is there.
pub(super) fn revisions(target: &str) -> String {
    let id = target.rsplit('/').next().unwrap_or_default();
    format!("/ballast/v1/loadbalancers/{id}/revisions")
}

/// A line for each object that changed.
pub(super) fn page(revisions: &Value) -> String {
    let lines: Vec<Vec<String>> = revisions.as_array().into_iter().flatten().flat_map(lines).collect();
    match lines.as_slice() {
        [] => "No changes are known.\n".to_owned(),
        lines => table::table(&["GENERATION", "WHEN", "BY", "WHAT"], lines),
    }
}

fn lines(revision: &Value) -> Vec<Vec<String>> {
    let cause = &revision["cause"];
    let by = ["user", "host", "origin"].into_iter().map(|key| text(&cause[key])).find(|by| !by.is_empty());
    let mut changes: Vec<String> = revision["changes"].as_array().into_iter().flatten().map(change).collect();
    changes.extend(revision["more_changes"].as_u64().filter(|more| *more > 0).map(|more| format!("and {more} more")));
    let said = match (changes.is_empty(), revision["generation"] == 1) {
        (false, _) => changes,
        (true, true) => vec!["made".to_owned()],
        (true, false) => vec![text(&cause["action"])],
    };
    let mut head = [text(&revision["generation"]), text(&cause["time"]), by.unwrap_or_default()];
    if revision["reachable"] == false {
        head[0].push_str(" (out of reach)");
    }
    let mut lines = Vec::new();
    for what in said {
        lines.push(head.iter_mut().map(std::mem::take).chain([what]).collect());
    }
    lines
}

/// As in `member 10.0.0.11:80: weight 1 -> 7`.
fn change(change: &Value) -> String {
    let what = format!("{} {}", text(&change["kind"]), text(&change["name"]));
    let fields = change["fields"].as_object().into_iter().flatten();
    match change["change"].as_str() {
        Some("updated") => {
            let field = |(name, sides): (&String, &Value)| format!("{name} {} -> {}", side(&sides[0]), side(&sides[1]));
            format!("{}: {}", what.trim_end(), fields.map(field).collect::<Vec<_>>().join(", "))
        }
        Some(other) => format!("{} {other}", what.trim_end()),
        None => what,
    }
}

fn side(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
        value => text(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_object_that_changed_is_a_line_under_its_revision() {
        let weight = json!({ "kind": "member", "id": "m", "name": "10.0.0.11:80", "change": "updated",
            "fields": { "backup": [false, true], "weight": [1, 7] } });
        let listener = json!({ "kind": "listener", "id": "l", "name": "", "change": "deleted", "fields": { "protocol": ["HTTP", null] } });
        let revisions = json!([
            { "generation": 3, "cause": { "time": "T3", "origin": "user", "user": "alice" }, "reachable": true,
              "changes": [weight, listener] },
            { "generation": 2, "cause": { "time": "T2", "origin": "user", "user": null, "action": "PUT /x" },
              "reachable": false, "changes": [] },
            { "generation": 1, "cause": { "time": "T1", "origin": "user", "user": null }, "reachable": true, "changes": [] },
        ]);
        let expected = "GENERATION        WHEN  BY     WHAT\n\
                        3                 T3    alice  member 10.0.0.11:80: backup false -> true, weight 1 -> 7\n\
                        \u{20}                              listener deleted\n\
                        2 (out of reach)  T2    user   PUT /x\n\
                        1                 T1    user   made\n";
        assert_eq!(page(&revisions), expected);
        assert_eq!(page(&json!([])), "No changes are known.\n");
    }
}
