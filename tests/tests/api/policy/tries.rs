//! The rules of [`fields`](super::fields), tried: over REST, and over gRPC with the same requests.

use std::collections::BTreeSet;

use ballast_api_gateway::Route;
use serde_json::{Value, json};
use tonic::Code;

use super::{
    as_grpc,
    fields::{Row, Try, leaf, rows},
    filled, grpc,
    objects::{Whose, World, of},
};

/// Fields that gRPC's message has not, with what it would be there.
const REST_ONLY: [&str; 1] = ["create_pool_health_monitor.tenant_id: AssociateRequest.project_id"];

/// A request that puts something into a field.
struct Asked {
    ids: Vec<String>,
    body: Value,
}

impl Asked {
    async fn of(world: &World, route: &Route, field: &str, tried: &Try) -> Self {
        let Try { who, whose, value, .. } = *tried;
        // An id of another's is put into what is the caller's own; an address into a network of another's.
        let base = if value == "id" && !field.contains("fixed_ips") { Whose::Own } else { whose };
        let base = if value == "project" { Whose::Own } else { base };
        let (mut body, _) = world.body(&route.action, base).await.unwrap();
        let ids = world.ids(route.path, base).await;
        let put = match value {
            "project" => json!(whose.project()),
            "id" => json!(world.id_of(leaf(field), whose).await),
            value => world.value(value),
        };
        // An association is of no project.
        if who == "admin" && route.method == "POST" && ids.is_empty() {
            body = of(body, base.project());
        }
        set(body.as_object_mut().unwrap().values_mut().next().unwrap(), field, put);
        Self { ids, body }
    }
}

/// Puts a value into a field of an object, or of the only object of a list in it.
fn set(object: &mut Value, field: &str, value: Value) {
    match (field.split_once('.'), field) {
        (Some((list, inner)), _) => object[list] = json!([{inner: value}]),
        (None, "allocation_pools") => object[field] = json!([{"start": value, "end": value}]),
        (None, "host_routes") => object[field] = json!([{"destination": "198.51.100.0/24", "nexthop": value}]),
        (None, "dns_nameservers") => object[field] = json!([value]),
        (None, _) => object[field] = value,
    }
}

/// Tries all rows; what `answer` finds different of each.
async fn differences(world: &World, mut answer: impl AsyncFnMut(&Route, &Row, &Try, Asked) -> Option<String>) {
    let routes = ballast_api_gateway::routes();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for row in rows() {
        let (action, field) = row.field.split_once('.').unwrap();
        let route = routes.iter().find(|route| route.action == action).expect("a served route");
        for one in &row.tries {
            tried += 1;
            let asked = Asked::of(world, route, field, one).await;
            let sent = asked.body.clone();
            if let Some(said) = answer(route, &row, one, asked).await {
                let Try { who, whose, value, status } = one;
                wrong.push(format!("{} by {who}, {whose:?} {value}: {sent}: {said}, not {status}", row.field));
            }
        }
    }
    assert!(tried > 80, "{tried}");
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_field_takes_what_its_rule_says_and_nothing_else() {
    let world = World::make().await;
    differences(&world, async |route, _, tried, Asked { ids, body }| {
        let path = filled(route.path, &ids);
        let reply = world.services.call_as(tried.who, route.method, &path, Some(body)).await;
        (reply.status != tried.status).then(|| reply.to_string())
    })
    .await;
}

/// What gRPC says where REST answers with a status.
fn code(status: u16) -> Code {
    match status {
        200 | 201 => Code::Ok,
        400 => Code::InvalidArgument,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        other => panic!("which code is {other}?"),
    }
}

#[tokio::test]
async fn every_field_takes_over_grpc_what_it_takes_over_rest() {
    let world = World::make().await;
    let channel = grpc::by_tcp(&world.services).await;
    let mut without = BTreeSet::new();
    differences(&world, async |route, row, tried, Asked { ids, body }| {
        let call = match as_grpc::call(&route.action, &ids, &body) {
            Ok(call) => call,
            Err(missing) => {
                without.insert(format!("{}: {missing}", row.field));
                return None;
            }
        };
        let said = grpc::call(&channel, &call.method, call.request, &[("x-auth-token", tried.who)]).await;
        let found = said.as_ref().map_or_else(tonic::Status::code, |()| Code::Ok);
        (found != code(tried.status)).then(|| format!("{}: {said:?}", call.method))
    })
    .await;
    assert_eq!(without, REST_ONLY.map(str::to_owned).into(), "fields of REST that gRPC has not");
}
