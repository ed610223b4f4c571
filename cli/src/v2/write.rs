//! The verbs that change something.

use std::time::Instant;

use http::Method;
use serde_json::{Value, json};

use super::{
    Request,
    ask::{Place, one, unwrapped, wanted, wrapped},
    body::body,
    describe,
    find::item,
    grammar::{CASCADE, DRY_RUN, is_given},
    shown::Answer,
    wait::{self, Waiting},
    whole,
};
use crate::{api::rest::Gateway, failure::Failure};

pub(super) async fn create(gateway: &Gateway, request: &Request, place: &Place) -> Result<Answer, Failure> {
    let noun = request.noun;
    let object = body(gateway, noun, &request.matches).await?;
    if is_given(&request.matches, DRY_RUN) {
        return checked(gateway, Method::POST, &place.path, Some(&wrapped(noun, &object))).await;
    }
    let begun = Instant::now();
    let answer = gateway.ask(Method::POST, &place.path, Some(&wrapped(noun, &object))).await?;
    let made = unwrapped(gateway, answer, noun.collection.wrappers.0)?;
    let key = made[noun.collection.key].as_str().unwrap_or_default().to_owned();
    let target = item(&place.path, &key);
    match settled(gateway, request, place, &target, made).await? {
        Answer::One(object) if whole::is_asked_for(&request.matches) && Waiting::is_asked_for(&request.matches) => {
            let line = whole::serving(gateway, &target, &object, begun.elapsed()).await?;
            Ok(Answer::Serving(object, line))
        }
        answer => Ok(answer),
    }
}

pub(super) async fn set(gateway: &Gateway, request: &Request, place: &Place) -> Result<Answer, Failure> {
    let noun = request.noun;
    let object = body(gateway, noun, &request.matches).await?;
    if object == json!({}) {
        let options: Vec<_> = noun.fields.iter().filter(|field| field.when.is_set()).collect();
        let options: Vec<_> = options.iter().map(|field| format!("--{}", field.option)).collect();
        return Err(Failure::Nothing { options: options.join(", ") });
    }
    let target = wanted(gateway, noun, place, &request.matches).await?;
    if is_given(&request.matches, DRY_RUN) {
        return checked(gateway, Method::PUT, &target, Some(&wrapped(noun, &object))).await;
    }
    let answer = gateway.ask(Method::PUT, &target, Some(&wrapped(noun, &object))).await?;
    let changed = unwrapped(gateway, answer, noun.collection.wrappers.0)?;
    settled(gateway, request, place, &target, changed).await
}

/// What would come of a write that is not made.
pub(super) async fn checked(
    gateway: &Gateway,
    method: Method,
    target: &str,
    body: Option<&Value>,
) -> Result<Answer, Failure> {
    let mark = if target.contains('?') { '&' } else { '?' };
    gateway.ask(method, &format!("{target}{mark}validate_only=true"), body).await.map(Answer::Planned)
}

/// The object; where it was asked for, as it is when its load balancer is ACTIVE with it.
async fn settled(
    gateway: &Gateway,
    request: &Request,
    place: &Place,
    target: &str,
    object: Value,
) -> Result<Answer, Failure> {
    let Some(waiting) = Waiting::asked_for(&request.matches) else { return Ok(Answer::One(object)) };
    waiting.until_active(gateway, &wait::load_balancer(gateway, place, &object).await?).await?;
    let object = one(gateway, target, request.noun.collection.wrappers.0).await?;
    waiting.must_not_be_error(request.noun.collection.one, &object)?;
    Ok(Answer::One(object))
}

pub(super) async fn delete(gateway: &Gateway, request: &Request, place: &Place) -> Result<Answer, Failure> {
    let noun = request.noun;
    let target = wanted(gateway, noun, place, &request.matches).await?;
    let query = if is_given(&request.matches, CASCADE) { "?cascade=true" } else { "" };
    if is_given(&request.matches, DRY_RUN) {
        return checked(gateway, Method::DELETE, &format!("{target}{query}"), None).await;
    }
    let waiting = Waiting::asked_for(&request.matches);
    let is_whole = noun.collection.wrappers.0 == "loadbalancer";
    // Whose it was cannot be asked afterwards.
    let load_balancer = match &waiting {
        Some(_) if !is_whole => {
            let object = one(gateway, &target, noun.collection.wrappers.0).await?;
            Some(wait::load_balancer(gateway, place, &object).await?)
        }
        _ => None,
    };
    gateway.ask(Method::DELETE, &format!("{target}{query}"), None).await?;
    match (waiting, load_balancer) {
        (Some(waiting), Some(load_balancer)) => waiting.until_active(gateway, &load_balancer).await?,
        (Some(waiting), None) => waiting.until_gone(gateway, &target).await?,
        (None, _) => {}
    }
    Ok(Answer::Done(format!("Deleted the {}.", noun.collection.one)))
}

pub(super) async fn failover(gateway: &Gateway, request: &Request, place: &Place) -> Result<Answer, Failure> {
    let target = wanted(gateway, request.noun, place, &request.matches).await?;
    if is_given(&request.matches, DRY_RUN) {
        let load_balancer = one(gateway, &target, request.noun.collection.wrappers.0).await?;
        let agent = describe::agent(gateway, &target, &load_balancer).await?;
        let reason = "whether another agent can take it is known when it moves";
        return Ok(Answer::Planned(json!({ "plan": { "effect": "move", "agent": agent, "reason": reason } })));
    }
    gateway.ask(Method::PUT, &format!("{target}/failover"), None).await?;
    match Waiting::asked_for(&request.matches) {
        Some(waiting) => {
            waiting.until_active(gateway, &target).await?;
            one(gateway, &target, request.noun.collection.wrappers.0).await.map(Answer::One)
        }
        None => Ok(Answer::Done("It is being moved: `ballast load-balancers show` says when it is ACTIVE.".to_owned())),
    }
}
