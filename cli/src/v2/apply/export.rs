//! A load balancer as a file: what somebody could have said of it, and nothing else.

use serde_json::{Map, Value, json};

use super::plan::field_keys;
use crate::v2::{noun::Noun, nouns};

/// Keys that the server fills in by itself, and whose values would bind a copy.
const MADE: &[&str] = &["vip_port_id", "vip_network_id", "vip_sg_ids", "vip_qos_policy_id"];

/// A document for `apply` of a tree.
pub(in crate::v2) fn exported(tree: &Value) -> Value {
    let mut document = fields(tree, &nouns::LOAD_BALANCER);
    document.retain(|key, _| !MADE.contains(&key.as_str()));
    document.insert("project_id".to_owned(), tree["project_id"].clone());
    let pools = list(&tree["pools"]);
    let listeners = list(&tree["listeners"]).iter().map(|listener| exported_listener(listener, pools));
    put(&mut document, "listeners", listeners.collect());
    put(&mut document, "pools", pools.iter().map(exported_pool).collect());
    document.retain(|_, value| !value.is_null());
    Value::Object(document)
}

fn exported_listener(listener: &Value, pools: &[Value]) -> Value {
    let mut object = fields(listener, &nouns::LISTENER);
    name_pool(&mut object, pools, ("default_pool_id", "default_pool"));
    let policies = list(&listener["l7policies"]).iter().map(|policy| {
        let mut object = fields(policy, &nouns::L7_POLICY);
        with_id(&mut object, policy);
        // It stands within its listener.
        object.remove("listener_id");
        name_pool(&mut object, pools, ("redirect_pool_id", "redirect_pool"));
        let rules = list(&policy["rules"]).iter().map(|rule| Value::Object(fields(rule, &nouns::L7_RULE)));
        put(&mut object, "rules", rules.collect());
        Value::Object(object)
    });
    put(&mut object, "l7policies", policies.collect());
    Value::Object(object)
}

fn exported_pool(pool: &Value) -> Value {
    let mut object = fields(pool, &nouns::POOL);
    with_id(&mut object, pool);
    let members: Vec<_> =
        list(&pool["members"]).iter().map(|member| Value::Object(fields(member, &nouns::MEMBER))).collect();
    object.insert("members".to_owned(), members.into());
    if pool["healthmonitor"].is_object() {
        object.insert("healthmonitor".to_owned(), Value::Object(fields(&pool["healthmonitor"], &nouns::MONITOR)));
    }
    Value::Object(object)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn put(object: &mut Map<String, Value>, key: &str, values: Vec<Value>) {
    if !values.is_empty() {
        object.insert(key.to_owned(), values.into());
    }
}

/// What has no name is found again by its id.
fn with_id(object: &mut Map<String, Value>, from: &Value) {
    if object.get("name").is_none() {
        object.insert("id".to_owned(), from["id"].clone());
    }
}

/// A pool by its name, where it has one that is its alone.
fn name_pool(object: &mut Map<String, Value>, pools: &[Value], (id_key, key): (&str, &str)) {
    let Some(id) = object.get(id_key) else { return };
    let Some(name) = pools.iter().find(|pool| pool["id"] == *id).and_then(|pool| pool["name"].as_str()) else { return };
    if !name.is_empty() && pools.iter().filter(|pool| pool["name"] == name).count() == 1 {
        object.insert(key.to_owned(), json!({ "name": name }));
        object.remove(id_key);
    }
}

/// The fields of the noun that say something.
fn fields(object: &Value, noun: &'static Noun) -> Map<String, Value> {
    let said = field_keys(noun).filter_map(|key| {
        let value = without_nothing(&object[key]);
        (!is_nothing(&value)).then(|| (key.to_owned(), value))
    });
    said.collect()
}

fn without_nothing(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = fields.iter().filter(|(_, value)| !is_nothing(value));
            Value::Object(said.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
