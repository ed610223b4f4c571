//! A load balancer as a command that makes it: a file of `ballast apply`, as `ballast lb get --for-apply` writes it.

use askama::Template;
use ballast_proto::v2::{L7Policy, L7Rule, Listener, Pool};
use serde_json::{Value, json};

use super::{
    one::Head,
    rest::{self, Object, said},
    same::applied,
};
use crate::pages::parts::Parts;

#[derive(Template)]
#[template(path = "copy.html")]
pub(crate) struct Copy {
    head: Head,
    command: String,
}

impl Copy {
    pub(crate) fn of(head: Head, parts: &Parts, policies: &[(L7Policy, Vec<L7Rule>)]) -> Self {
        Self { head, command: applied(&document(parts, policies)) }
    }
}

/// What somebody could have said of it, and nothing else.
fn document(parts: &Parts, policies: &[(L7Policy, Vec<L7Rule>)]) -> Object {
    let mut document = said(rest::load_balancer(&parts.load_balancer));
    with_id(&mut document, &parts.load_balancer.id);
    let pools: Vec<&Pool> = parts.pools.iter().map(|(pool, ..)| pool).collect();
    let listeners = parts.listeners.iter().map(|one| listener(one, policies, &pools)).collect();
    put(&mut document, "listeners", listeners);
    let whole = parts.pools.iter().map(|(pool, members, monitor)| {
        let whole = Pool { members: members.clone(), health_monitor: monitor.clone(), ..pool.clone() };
        let mut object = without(said(rest::pool(&whole)), &["loadbalancer_id", "listener_id"]);
        with_id(&mut object, &pool.id);
        if let Some(Value::Object(monitor)) = object.get_mut("healthmonitor") {
            monitor.remove("pool_id");
        }
        Value::Object(object)
    });
    put(&mut document, "pools", whole.collect());
    document
}

fn listener(one: &Listener, policies: &[(L7Policy, Vec<L7Rule>)], pools: &[&Pool]) -> Value {
    let mut object = without(said(rest::listener(one)), &["loadbalancer_id"]);
    name_pool(&mut object, pools, ("default_pool_id", "default_pool"));
    let own = policies.iter().filter(|(policy, _)| policy.listener_id == one.id).map(|(policy, rules)| {
        let whole = L7Policy { rules: rules.clone(), ..policy.clone() };
        let mut object = without(said(rest::policy(&whole)), &["listener_id"]);
        with_id(&mut object, &policy.id);
        name_pool(&mut object, pools, ("redirect_pool_id", "redirect_pool"));
        Value::Object(object)
    });
    put(&mut object, "l7policies", own.collect());
    Value::Object(object)
}

fn put(object: &mut Object, key: &str, values: Vec<Value>) {
    if !values.is_empty() {
        object.insert(key.to_owned(), values.into());
    }
}

fn without(mut object: Object, keys: &[&str]) -> Object {
    object.retain(|key, _| !keys.contains(&key.as_str()));
    object
}

/// What has no name is found again by its id.
fn with_id(object: &mut Object, id: &str) {
    if !object.contains_key("name") {
        object.insert("id".to_owned(), id.into());
    }
}

/// A pool by its name, where it has one that is its alone.
fn name_pool(object: &mut Object, pools: &[&Pool], (id_key, key): (&str, &str)) {
    let Some(pool) = pools.iter().find(|pool| object.get(id_key).is_some_and(|id| *id == pool.id)) else { return };
    if !pool.name.is_empty() && pools.iter().filter(|other| other.name == pool.name).count() == 1 {
        object.remove(id_key);
        object.insert(key.to_owned(), json!({ "name": pool.name }));
    }
}
