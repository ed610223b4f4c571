//! Who may what: every route of the gateway and every method of gRPC, for every role. What is not in the table fails.

mod as_grpc;
mod fields;
mod grpc;
mod objects;
mod table;
mod tries;

use std::collections::BTreeSet;

use ballast_api_gateway::Route;
use ballast_service::chance::Chance;
use ballast_tests::rest::Reply;
use serde_json::Value;
use uuid::Uuid;

use objects::{Whose, World, of};
use table::{Cell, TABLE, rows};

/// The callers of [`Services::with_tokens`](crate::services::Services::with_tokens), in the table's order.
const CALLERS: [&str; 3] = ["rita", "alice", "admin"];

/// A path with its placeholders filled.
fn filled(path: &str, ids: &[String]) -> String {
    let mut parts = path.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, id) in parts.zip(ids) {
        filled += id;
        filled += part.split_once('}').map_or("", |(_, rest)| rest);
    }
    filled
}

/// One call: a route, by somebody, to something.
struct Case<'a> {
    world: &'a World,
    route: &'a Route,
    caller: &'static str,
    whose: Whose,
}

impl Case<'_> {
    /// What is not as the table says.
    async fn differences(&self, expected: Cell) -> Vec<String> {
        let Route { method, path, action } = self.route;
        let ids = self.world.ids(path, self.whose).await;
        let sent = self.world.body(action, self.whose).await;
        let body = sent.as_ref().map(|(body, _)| match (*method, self.caller) {
            ("POST", "admin") => of(body.clone(), self.whose.project()),
            _ => body.clone(),
        });
        let listed = match expected {
            Cell::Status(_) => None,
            Cell::Seen | Cell::Hidden => Some(self.world.one(path, self.whose).await),
        };
        let path = filled(path, &ids);
        let reply = self.world.services.call_as(self.caller, method, &path, body.clone()).await;
        let said = format!("{method} {path} by {} of {:?}: {reply}, not {expected:?}", self.caller, self.whose);
        let mut wrong = Vec::new();
        if let Some(id) = listed {
            let is_seen = objects(&reply).any(|object| object["id"] == id.as_str());
            if reply.status != 200 || is_seen != (expected == Cell::Seen) {
                wrong.push(said);
            }
            return wrong;
        }
        if expected != Cell::Status(reply.status) || !has_its_type(&reply) {
            wrong.push(said);
        }
        if reply.status == 404 && !ids.is_empty() && !self.hides(&ids, &reply, body).await {
            wrong.push(format!("{method} {path}: the 404 of what is another's differs from that of what there is not"));
        }
        if let Some(difference) = self.effect(&path, &reply, sent).await {
            wrong.push(format!("{method} {path} by {}: {difference}", self.caller));
        }
        wrong
    }

    /// Whether nothing tells this 404 from that of what there is not.
    async fn hides(&self, ids: &[String], reply: &Reply, body: Option<Value>) -> bool {
        let nothing: Vec<String> = ids.iter().map(|_| Chance::system().id::<Uuid>().to_string()).collect();
        let path = filled(self.route.path, &nothing);
        let other = self.world.services.call_as(self.caller, self.route.method, &path, body).await;
        let mut text = other.body.to_string();
        for (nothing, id) in nothing.iter().zip(ids) {
            text = text.replace(nothing, id);
        }
        (other.status, text) == (reply.status, reply.body.to_string())
    }

    /// What a refused change did after all, or an accepted one did not.
    async fn effect(&self, path: &str, reply: &Reply, sent: Option<(Value, &str)>) -> Option<&'static str> {
        let (method, done) = (self.route.method, reply.status < 300);
        if path.contains("/quotas/") || !matches!(method, "PUT" | "DELETE") {
            return None;
        }
        let now = self.world.services.call_as("admin", "GET", path, None).await;
        match sent {
            Some((body, attribute)) => {
                let wanted = body.as_object().and_then(|body| body.values().next()).map(|object| &object[attribute]);
                let changed = Some(&now.object()[attribute]) == wanted;
                (changed != done).then_some("what was refused was changed, or what was accepted was not")
            }
            None => ((now.status == 404) != done).then_some("what was refused is gone, or what was accepted is not"),
        }
    }
}

/// The objects of a list.
fn objects(reply: &Reply) -> impl Iterator<Item = &Value> {
    let list = reply.body.as_object().and_then(|body| body.values().find_map(Value::as_array));
    list.into_iter().flatten()
}

/// Refusals have Neutron's type for them.
fn has_its_type(reply: &Reply) -> bool {
    let (kind, message) = reply.error();
    match reply.status {
        403 => matches!(kind, "PolicyNotAuthorized" | "AdminRequired" | "NotAuthorized") && !message.is_empty(),
        404 => kind.ends_with("NotFound"),
        _ => true,
    }
}

#[test]
fn the_policy_knows_every_route_and_no_other() {
    let served: BTreeSet<String> = ballast_api_gateway::routes().into_iter().map(|route| route.action).collect();
    let known: BTreeSet<String> = rows(TABLE).map(|row| row.name.to_owned()).collect();
    let unknown: Vec<_> = served.difference(&known).collect();
    assert!(unknown.is_empty(), "say in the policy's table who may do {unknown:?}");
    let gone: Vec<_> = known.difference(&served).collect();
    assert!(gone.is_empty(), "{gone:?} in the policy's table are not served");
}

#[tokio::test]
async fn every_route_answers_every_role_as_the_policy_says() {
    let world = World::make().await;
    let routes = ballast_api_gateway::routes();
    let mut wrong = Vec::new();
    for row in rows(TABLE) {
        let route = routes.iter().find(|route| route.action == row.name).expect("a served route");
        let path =
            filled(route.path, &[Chance::system().id::<Uuid>().to_string(), Chance::system().id::<Uuid>().to_string()]);
        for token in ["", "nobody's"] {
            let reply = world.services.call_as(token, route.method, &path, None).await;
            if reply.status != row.nobody {
                wrong.push(format!("{} {path} by nobody: {reply}, not {}", route.method, row.nobody));
            }
        }
        for (whose, cells) in Whose::ALL.into_iter().zip(row.cells) {
            for (caller, expected) in CALLERS.into_iter().zip(cells) {
                let Some(expected) = expected else { continue };
                let case = Case { world: &world, route, caller, whose };
                wrong.extend(case.differences(expected).await);
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
