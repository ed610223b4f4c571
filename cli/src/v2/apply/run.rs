//! Plans, asked of the gateway and taken.

use std::path::Path;

use http::Method;
use serde_json::{Map, Value};

use super::{
    file, plan,
    steps::{Action, Effect, Plan, Step},
    tree::tree,
};
use crate::{
    api::rest::Gateway,
    failure::Failure,
    output,
    v2::{field::Kind, find, noun::Noun, nouns},
};

/// What each document of a file would change, and what that does to what serves. Nothing is written.
///
/// # Errors
/// When the file is none, or something of it is refused.
pub(super) async fn plans(gateway: &Gateway, path: &Path) -> Result<Vec<Plan>, Failure> {
    let mut plans = Vec::new();
    for mut document in file::read(path)? {
        let name = file::label(&document);
        let refuse = |why: String| Failure::Unreadable { path: path.to_owned(), why: format!("{name}: {why}") };
        references(gateway, &mut document).await?;
        let id = known(gateway, &document).await?;
        let steps = match &id {
            None => plan::creation(&document).map_err(refuse)?,
            Some(id) => plan::changes(&document, &tree(gateway, id).await?).map_err(refuse)?,
        };
        let mut effects = Vec::new();
        for step in &steps {
            effects.push(effect(gateway, step).await?);
        }
        plans.push(Plan { name, id, steps, effects });
    }
    Ok(plans)
}

/// Where a load balancer is.
pub(super) fn target(id: &str) -> String {
    find::item(&find::path(&nouns::LOAD_BALANCERS, None), id)
}

/// The id of the load balancer that a document means; none: there is none yet.
async fn known(gateway: &Gateway, document: &Map<String, Value>) -> Result<Option<String>, Failure> {
    let text = |key: &str| document.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(id) = text("id") {
        let collection = &nouns::LOAD_BALANCERS;
        return find::key(gateway, collection, &find::path(collection, None), id).await.map(Some);
    }
    let name = text("name").unwrap_or_default();
    let collection = &nouns::LOAD_BALANCERS;
    let mut filters = vec![("name".to_owned(), name.to_owned())];
    filters.extend(file::project(document).map(|project| ("project_id".to_owned(), project.to_owned())));
    let mut found = find::all(gateway, collection, &find::path(collection, None), &filters).await?;
    found.retain(|one| {
        one["name"] == name && file::project(document).is_none_or(|project| one["project_id"] == project)
    });
    let ids: Vec<_> = found.iter().filter_map(|one| one["id"].as_str()).collect();
    match ids[..] {
        [] => Ok(None),
        [id] => Ok(Some(id.to_owned())),
        _ => Err(Failure::Ambiguous {
            count: ids.len(),
            nouns: collection.many,
            wanted: crate::find::plain(name),
            ids: ids.join(", "),
        }),
    }
}

/// Names of subnets, networks and flavors become ids.
async fn references(gateway: &Gateway, document: &mut Map<String, Value>) -> Result<(), Failure> {
    resolved(gateway, document, &nouns::LOAD_BALANCER).await?;
    for pool in document.get_mut("pools").and_then(Value::as_array_mut).into_iter().flatten() {
        // Not by `pool["members"]`, which makes them null where there are none.
        let members = pool.get_mut("members").and_then(Value::as_array_mut);
        for member in members.into_iter().flatten().filter_map(Value::as_object_mut) {
            resolved(gateway, member, &nouns::MEMBER).await?;
        }
    }
    Ok(())
}

async fn resolved(gateway: &Gateway, object: &mut Map<String, Value>, noun: &'static Noun) -> Result<(), Failure> {
    for field in noun.fields {
        let (Kind::Reference(of), Some(Value::String(wanted))) = (field.kind, object.get(field.key)) else { continue };
        if !crate::find::is_uuid(wanted) && !wanted.is_empty() {
            let id = find::key(gateway, of, &find::path(of, None), wanted).await?;
            object.insert(field.key.to_owned(), id.into());
        }
    }
    Ok(())
}

/// What the step would do, and whether it would be taken at all.
async fn effect(gateway: &Gateway, step: &Step) -> Result<Effect, Failure> {
    if !step.late.is_empty() {
        return Ok(Effect::AfterOthers);
    }
    let body = Some(&step.body).filter(|body| !body.is_null());
    let mut answer = gateway.ask(step.method.clone(), &format!("{}?validate_only=true", step.path), body).await?;
    Ok(Effect::Said(answer["plan"].take()))
}

/// Takes the steps: the id of the load balancer.
///
/// # Errors
/// When one is refused; the steps before it stay taken, and that is said.
pub(super) async fn take(gateway: &Gateway, plan: &Plan) -> Result<String, Failure> {
    let mut made: Vec<String> = Vec::new();
    let mut id = plan.id.clone();
    for (at, step) in plan.steps.iter().enumerate() {
        let answer = send(gateway, step, &made).await.inspect_err(|_| {
            if at > 0 {
                output::say(&format!("ballast: {}: {at} of {} changes were made", plan.name, plan.steps.len()));
            }
        })?;
        let new = answer[step.kind]["id"].as_str().unwrap_or_default().to_owned();
        if step.kind == "loadbalancer" && step.action == Action::Add {
            id = Some(new.clone());
        }
        made.push(new);
    }
    Ok(id.unwrap_or_default())
}

async fn send(gateway: &Gateway, step: &Step, made: &[String]) -> Result<Value, Failure> {
    let mut body = step.body.clone();
    for (key, before) in &step.late {
        body[step.kind][*key] = made.get(*before).cloned().into();
    }
    let body = Some(&body).filter(|_| step.method != Method::DELETE);
    gateway.ask(step.method.clone(), &step.path, body).await
}
