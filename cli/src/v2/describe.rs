//! `ballast NOUN describe`: how an object is, what is in it, which agent runs it, what was done to it, and what to do.

use std::collections::HashSet;

use ballast_explain::Kind;
use http::Method;
use serde_json::{Value, json};

use super::{
    ask::{Place, one},
    history,
    noun::Noun,
    shown::{Answer, branch, checked},
    wait,
};
use crate::{api::rest::Gateway, failure::Failure, noun::text, table};

/// The last changes that are looked at for one's own, and how many are shown.
const CHANGES: (usize, usize) = (20, 5);

/// # Errors
/// When the gateway fails.
pub(super) async fn describe(gateway: &Gateway, noun: &Noun, place: &Place, target: &str) -> Result<Answer, Failure> {
    let object = one(gateway, target, noun.collection.wrappers.0).await?;
    let whole = match noun.collection.wrappers.0 {
        "loadbalancer" => target.to_owned(),
        _ => wait::load_balancer(gateway, place, &object).await?,
    };
    let load_balancer = one(gateway, &whole, "loadbalancer").await?;
    let mut statuses = one(gateway, &format!("{whole}/status"), "statuses").await?;
    let mut health = one(gateway, &format!("{whole}/health"), "health").await?;
    let mut tree = statuses["loadbalancer"].take();
    let is_part = whole != target;
    let mut ids = HashSet::new();
    if is_part {
        tree = within(&tree, &object);
        ids_of(&tree, &mut ids);
        ids.insert(text(&object["id"]));
        if let Some(members) = health["members"].as_array_mut() {
            members.retain(|member| ids.contains(&text(&member["id"])));
        }
    }
    let mut described = json!({
        "agent": agent(gateway, &whole, &load_balancer).await?,
        "changes": changes(gateway, &whole, &ids).await?,
        "sides": sides(gateway, &load_balancer).await?,
        "loadbalancer": load_balancer, "statuses": tree, "health": health,
    });
    if is_part {
        described[noun.collection.wrappers.0] = object;
        described["of"] = noun.collection.wrappers.0.into();
    } else {
        described["stats"] = one(gateway, &format!("{whole}/stats"), "stats").await?;
    }
    Ok(Answer::Described(described))
}

/// Where its two sides are, for who may know; null: it has none.
pub(super) async fn sides(gateway: &Gateway, load_balancer: &Value) -> Result<Value, Failure> {
    if load_balancer["flavor_id"].is_null() {
        return Ok(Value::Null);
    }
    let target = format!("/ballast/v1/loadbalancers/{}/sides", text(&load_balancer["id"]));
    match gateway.ask(Method::GET, &target, None).await {
        Ok(mut body) if body["sides"]["topology"] == "ACTIVE_STANDBY" => Ok(body["sides"].take()),
        // A tenant may not ask, and a gateway that is older knows of none.
        Ok(_) | Err(Failure::Answer { status: 403 | 404, .. }) => Ok(Value::Null),
        Err(failure) => Err(failure),
    }
}

/// A line for each side, and the term.
pub(super) fn side_rows(sides: &Value) -> Vec<(&'static str, String)> {
    if !sides.is_object() {
        return Vec::new();
    }
    let rows = ["active", "standby"].map(|name| (name, side(&sides[name])));
    rows.into_iter().chain([("term", text(&sides["term"]))]).collect()
}

fn side(side: &Value) -> String {
    if side.is_null() {
        return "none: no agent can take it".to_owned();
    }
    let mut said = vec![text(&side["host"])];
    let zone = text(&side["zone"]);
    if !zone.is_empty() {
        said.push(format!("zone {zone}"));
    }
    said.push(match side["answers"].as_bool() {
        None => "has said nothing yet".to_owned(),
        Some(true) => format!("answers since term {}", text(&side["said_term"])),
        Some(false) => "does not answer".to_owned(),
    });
    match side["peer_heard"].as_bool() {
        None => {}
        Some(true) => said.push("hears the other side".to_owned()),
        Some(false) => said.push("does not hear the other side".to_owned()),
    }
    match text(&side["fault"]) {
        fault if !fault.is_empty() => said.push(format!("failed: {fault}")),
        _ if side["deployed"] == false => said.push("is not deployed yet".to_owned()),
        _ => {}
    }
    said.join(", ")
}

/// The part of the tree that is the object's. A monitor has no part of its own: it is of its pools.
fn within(tree: &Value, object: &Value) -> Value {
    let pools = object["pools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = find(tree, &object["id"]).filter(|found| found.get("type").is_none());
    own.or_else(|| pools.iter().find_map(|pool| find(tree, &pool["id"]))).cloned().unwrap_or_default()
}

fn find<'t>(tree: &'t Value, id: &Value) -> Option<&'t Value> {
    match tree {
        Value::Object(fields) if fields.get("id") == Some(id) => Some(tree),
        Value::Object(fields) => fields.values().find_map(|below| find(below, id)),
        Value::Array(objects) => objects.iter().find_map(|below| find(below, id)),
        _ => None,
    }
}

fn ids_of(tree: &Value, ids: &mut HashSet<String>) {
    match tree {
        Value::Object(fields) => {
            ids.extend(fields.get("id").map(text));
            fields.values().for_each(|below| ids_of(below, ids));
        }
        Value::Array(objects) => objects.iter().for_each(|below| ids_of(below, ids)),
        _ => {}
    }
}

/// The last changes of these objects; none named: of all of the load balancer.
async fn changes(gateway: &Gateway, whole: &str, ids: &HashSet<String>) -> Result<Value, Failure> {
    let (looked_at, shown) = CHANGES;
    let target = format!("{}?limit={looked_at}", history::revisions(whole));
    let mut body = match gateway.ask(Method::GET, &target, None).await {
        Ok(body) => body,
        // A gateway that is older keeps none.
        Err(Failure::Answer { status: 404, .. }) => return Ok(json!([])),
        Err(failure) => return Err(failure),
    };
    let mut revisions = body["revisions"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let is_own = |change: &Value| ids.is_empty() || ids.contains(&text(&change["id"]));
    for revision in &mut revisions {
        if let Some(changes) = revision["changes"].as_array_mut() {
            changes.retain(is_own);
        }
    }
    revisions.retain(|revision| ids.is_empty() || revision["changes"].as_array().is_some_and(|own| !own.is_empty()));
    revisions.truncate(shown);
    Ok(revisions.into())
}

/// Which agent runs it, for who may know: the plan of a change that changes nothing says it.
pub(super) async fn agent(gateway: &Gateway, target: &str, load_balancer: &Value) -> Result<Value, Failure> {
    let same = json!({ "loadbalancer": { "name": load_balancer["name"] } });
    match gateway.ask(Method::PUT, &format!("{target}?validate_only=true"), Some(&same)).await {
        Ok(mut answer) => Ok(answer["plan"]["agent"].take()),
        // A reader may not even ask.
        Err(Failure::Answer { status: 403, .. }) => Ok(Value::Null),
        Err(failure) => Err(failure),
    }
}

pub(super) fn page(all: &Value) -> String {
    let members = all["health"]["members"].as_array().map_or(&[][..], Vec::as_slice);
    let mut page = head(all, members);
    let mut lines = Vec::new();
    let of = all["of"].as_str().unwrap_or("load balancer");
    if all["statuses"].is_object() {
        branch(&all["statuses"], if of == "healthmonitor" { "pool" } else { of }, 0, &mut lines);
        page.push('\n');
        page.push_str(&table::table(&["OBJECT", "NAME", "PROVISIONING", "OPERATING", "ID"], &lines));
    }
    if !members.is_empty() {
        let titles = ["MEMBER", "NAME", "ADDRESS", "OPERATING", "SINCE", "LAST CHECK", "MS"];
        page.push('\n');
        page.push_str(&table::table(&titles, &members.iter().map(checked).collect::<Vec<_>>()));
    }
    if all["changes"].as_array().is_some_and(|changes| !changes.is_empty()) {
        page.push('\n');
        page.push_str(&history::page(&all["changes"]));
    }
    page
}

/// What it is, how it is, and what comes next.
fn head(all: &Value, members: &[Value]) -> String {
    let lb = &all["loadbalancer"];
    let object = all["of"].as_str().map_or(lb, |of| &all[of]);
    let (provisioning, operating) = (text(&object["provisioning_status"]), text(&object["operating_status"]));
    let statuses = [provisioning.as_str(), operating.as_str()].into_iter().filter(|status| !status.is_empty());
    let mut rows = vec![("name", text(&object["name"])), ("id", text(&object["id"]))];
    match all["of"].as_str() {
        None => rows.extend([("address", text(&lb["vip_address"])), ("provider", text(&lb["provider"]))]),
        Some(_) => {
            let own = format!(
                "{} {}, {}",
                text(&lb["name"]),
                text(&lb["provisioning_status"]),
                text(&lb["operating_status"])
            );
            rows.push(("of", own.trim().to_owned()));
        }
    }
    rows.extend([
        ("agent", if all["sides"].is_null() { text(&all["agent"]["host"]) } else { String::new() }),
        ("status", format!("{}{}", statuses.collect::<Vec<_>>().join(", "), up(members))),
        ("why", text(&object["status_description"])),
        ("waits", waits(&provisioning)),
    ]);
    rows.extend(side_rows(&all["sides"]));
    if all["stats"].is_object() {
        rows.push(("traffic", traffic(&all["stats"])));
    }
    rows.extend(tries(&provisioning, &operating).map(|word| ("try", format!("ballast explain {word}"))));
    let rows = rows.into_iter().filter(|(_, said)| !said.is_empty());
    table::rows(&rows.map(|(title, said)| vec![title.to_owned(), said]).collect::<Vec<_>>())
}

/// For whom it waits, where it does: as `ballast explain` says it.
fn waits(provisioning: &str) -> String {
    let entry = ballast_explain::of(Kind::Provisioning, provisioning).filter(|_| provisioning.starts_with("PENDING_"));
    entry.map(|entry| format!("for {}: {}", entry.next.title(), entry.at_most)).unwrap_or_default()
}

/// `: 1 of 3 members up`, of those that are checked.
pub(super) fn up(members: &[Value]) -> String {
    let with = |status: &str| members.iter().filter(|member| member["operating_status"] == status).count();
    if members.len() == with("NO_MONITOR") {
        return String::new();
    }
    format!(": {} of {} members up", with("ONLINE") + with("DRAINING") + with("NO_MONITOR"), members.len())
}

fn traffic(stats: &Value) -> String {
    let number = |key: &str| text(&stats[key]);
    format!(
        "{} connections now, {} in all, {} bytes in, {} bytes out",
        number("active_connections"),
        number("total_connections"),
        number("bytes_in"),
        number("bytes_out")
    )
}

/// What is worth to be explained.
fn tries(provisioning: &str, operating: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = [provisioning, operating].map(str::to_owned).to_vec();
    words.dedup();
    words.into_iter().filter(|word| !["ACTIVE", "ONLINE", ""].contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_how_it_is_and_what_to_try() {
        let member = json!({"id": "4", "name": "", "address": "10.0.0.11", "protocol_port": 80,
            "operating_status": "ERROR", "since": null, "last_check": {"result": "L7STS", "code": 500}});
        let all = json!({
            "agent": {"host": "h3"},
            "loadbalancer": {"id": "1", "name": "shop", "vip_address": "10.0.0.100", "provisioning_status": "ACTIVE",
                "operating_status": "ERROR", "status_description": null},
            "statuses": {"id": "1", "name": "shop", "provisioning_status": "ACTIVE", "operating_status": "ERROR"},
            "health": {"members": [member]},
            "stats": {"active_connections": 0, "total_connections": 7, "bytes_in": 1, "bytes_out": 2},
            "changes": [{"generation": 3, "cause": {"user": "alice", "time": "T3"}, "changes": [{"kind": "member",
                "name": "10.0.0.11:80", "change": "updated", "fields": {"weight": [1, 7]}}]}],
        });
        let page = page(&all);
        for line in [
            "agent    h3\n",
            "status   ACTIVE, ERROR: 0 of 1 members up\n",
            "traffic  0 connections now, 7 in all, 1 bytes in, 2 bytes out\n",
            "try      ballast explain ERROR\n",
            "L7STS 500",
            "3           T3    alice  member 10.0.0.11:80: weight 1 -> 7\n",
        ] {
            assert!(page.contains(line), "{line} is not in:\n{page}");
        }
        assert!(!page.contains("why ") && !page.contains("waits"), "{page}");
    }

    #[test]
    fn of_a_part_its_own_part_of_the_tree_is_shown() {
        let member = |id: &str| json!({"id": id, "address": "10.0.0.1", "protocol_port": 80});
        let monitor = json!({"id": "m", "name": "", "type": "HTTP"});
        let pool =
            json!({"id": "p", "name": "servers", "members": [member("1"), member("2")], "health_monitor": monitor});
        let other = json!({"id": "o", "name": "others", "members": [member("3")]});
        let tree = json!({"id": "lb", "listeners": [{"id": "l", "pools": [pool]}], "pools": [pool, other]});
        let shown = |id: &str, object: Value| {
            let found = within(&tree, &object);
            let mut ids = HashSet::new();
            ids_of(&found, &mut ids);
            assert_eq!(found["id"], id, "{found}");
            let mut ids: Vec<_> = ids.into_iter().collect();
            ids.sort();
            ids.join(" ")
        };
        assert_eq!(shown("p", json!({"id": "p"})), "1 2 m p");
        assert_eq!(shown("l", json!({"id": "l"})), "1 2 l m p");
        assert_eq!(shown("3", json!({"id": "3"})), "3");
        assert_eq!(shown("p", json!({"id": "m", "pools": [{"id": "p"}]})), "1 2 m p", "a monitor is of its pool");
        assert_eq!(within(&tree, &json!({"id": "x"})), Value::Null);
        let all = json!({"of": "pool", "pool": {"id": "p", "name": "servers", "provisioning_status": "PENDING_UPDATE",
            "operating_status": "ONLINE"}, "loadbalancer": {"name": "shop", "provisioning_status": "PENDING_UPDATE",
            "operating_status": "ONLINE"}, "statuses": pool, "health": {"members": []}, "changes": []});
        let page = page(&all);
        for line in ["of      shop PENDING_UPDATE, ONLINE\n", "waits   for ", "\npool ", "\n  member "] {
            assert!(page.contains(line), "{line} is not in:\n{page}");
        }
    }
}
