//! The file: from text to load balancers as a POST takes them.

use std::{fs, io::Read as _, path::Path};

use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// The documents of a file.
///
/// # Errors
/// When it cannot be read, or one is no load balancer.
pub(super) fn read(path: &Path) -> Result<Vec<Map<String, Value>>, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|error| Failure::File { path: path.to_owned(), error })?;
    documents(&text).map_err(|why| Failure::Unreadable { path: path.to_owned(), why })
}

fn documents(text: &str) -> Result<Vec<Map<String, Value>>, String> {
    let read: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        // What comes after the first line draws the place.
        let said = error.to_string();
        format!("this is no YAML: {}", crate::find::plain(said.lines().next().unwrap_or_default()))
    })?;
    let mut documents = Vec::new();
    for value in read {
        match value {
            Value::Null => {}
            Value::Array(values) => documents.extend(values),
            other => documents.push(other),
        }
    }
    let documents: Vec<_> = documents.into_iter().map(document).collect::<Result<_, _>>()?;
    for (at, one) in documents.iter().enumerate() {
        let is_same = |other: &Map<String, Value>| {
            other.get("id") == one.get("id") && other.get("name") == one.get("name") && project(other) == project(one)
        };
        if documents[..at].iter().any(is_same) {
            return Err(format!("{} is there twice", label(one)));
        }
    }
    if documents.is_empty() { Err("there is nothing in it".to_owned()) } else { Ok(documents) }
}

/// The project that a document names.
pub(super) fn project(document: &Map<String, Value>) -> Option<&str> {
    ["project_id", "tenant_id"].into_iter().find_map(|key| document.get(key)?.as_str())
}

/// What it is called, for people.
pub(super) fn label(document: &Map<String, Value>) -> String {
    let text = |key: &str| document.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    crate::find::plain(text("name").or_else(|| text("id")).unwrap_or("a load balancer"))
}

fn document(value: Value) -> Result<Map<String, Value>, String> {
    let Value::Object(mut document) = value else { return Err("a document is no load balancer".to_owned()) };
    if document.len() == 1
        && let Some(inner) = document.remove("loadbalancer")
    {
        let Value::Object(inner) = inner else { return Err("'loadbalancer' is no object".to_owned()) };
        document = inner;
    }
    if ["id", "name"].iter().all(|key| document.get(*key).and_then(Value::as_str).is_none_or(str::is_empty)) {
        return Err("a load balancer has neither a name nor an id: it could not be found again".to_owned());
    }
    let mut pools = list(&mut document, "pools")?;
    let mut listeners = list(&mut document, "listeners")?;
    for listener in &mut listeners {
        pool_reference(listener, "default_pool", "default_pool_id", &mut pools)?;
        if let Some(Value::Array(policies)) = listener.get_mut("l7policies") {
            for policy in policies.iter_mut().filter_map(Value::as_object_mut) {
                pool_reference(policy, "redirect_pool", "redirect_pool_id", &mut pools)?;
            }
        }
    }
    for (key, objects) in [("pools", pools), ("listeners", listeners)] {
        if !objects.is_empty() {
            document.insert(key.to_owned(), objects.into_iter().map(Value::Object).collect());
        }
    }
    Ok(document)
}

/// The objects of a list, taken out.
fn list(document: &mut Map<String, Value>, key: &str) -> Result<Vec<Map<String, Value>>, String> {
    let refuse = || format!("'{key}' is no list of objects");
    match document.remove(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => {
            let object = |value| if let Value::Object(object) = value { Ok(object) } else { Err(refuse()) };
            values.into_iter().map(object).collect()
        }
        Some(_) => Err(refuse()),
    }
}

/// A pool that is named, by its name: as a text, an object with the name, or the pool itself.
fn pool_reference(
    object: &mut Map<String, Value>,
    key: &str,
    id_key: &str,
    pools: &mut Vec<Map<String, Value>>,
) -> Result<(), String> {
    // What is no id there is a name.
    if let Some(Value::String(text)) = object.get(id_key)
        && !crate::find::is_uuid(text)
    {
        let name = object.remove(id_key).unwrap_or_default();
        object.insert(key.to_owned(), name);
    }
    let name = match object.remove(key) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(name)) => name,
        Some(Value::Object(pool)) => {
            let name = pool.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            if pool.len() > 1 {
                pools.push(pool);
            }
            name
        }
        Some(_) => String::new(),
    };
    if name.is_empty() {
        return Err(format!("'{key}' does not name a pool"));
    }
    object.insert(key.to_owned(), json!({ "name": name }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        documents(text).unwrap().into_iter().map(Value::Object).collect()
    }

    #[test]
    fn documents_are_yaml_or_json_with_a_wrapper_or_without() {
        let expected = json!([{"name": "a"}, {"name": "b"}]);
        for text in [
            "name: a\n---\nname: b\n",
            "- name: a\n- name: b\n",
            "loadbalancer:\n  name: a\n---\n{\"loadbalancer\": {\"name\": \"b\"}}\n",
            "[{\"name\": \"a\"}, {\"name\": \"b\"}]",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn pools_are_named_in_each_way_and_stand_beside_listeners() {
        let pool = json!({"name": "p", "protocol": "HTTP"});
        for listener in [
            json!({"protocol_port": 1, "default_pool": pool}),
            json!({"protocol_port": 1, "default_pool": "p"}),
            json!({"protocol_port": 1, "default_pool_id": "p"}),
            json!({"protocol_port": 1, "default_pool": {"name": "p"}}),
        ] {
            let whole = listener["default_pool"].get("protocol").is_some();
            let pools = if whole { json!([]) } else { json!([pool]) };
            let text = json!({"name": "a", "listeners": [listener], "pools": pools}).to_string();
            let listener = json!({"protocol_port": 1, "default_pool": {"name": "p"}});
            assert_eq!(read(&text), json!([{"name": "a", "pools": [pool], "listeners": [listener]}]), "{text}");
        }
    }

    #[test]
    fn what_is_no_load_balancer_is_refused() {
        for (text, why) in [
            ("", "nothing in it"),
            ("# empty\n", "nothing in it"),
            ("1", "no load balancer"),
            ("vip_address: 10.0.0.1", "neither a name nor an id"),
            ("name: a\n---\nname: a\n", "a is there twice"),
            ("name: a\nlisteners: 5\n", "'listeners' is no list"),
            ("name: a\nlisteners: [{default_pool: {protocol: TCP}}]\n", "does not name a pool"),
            ("name: [", "no YAML"),
        ] {
            assert!(documents(text).unwrap_err().contains(why), "{text}: {:?}", documents(text));
        }
        assert_eq!(documents("name: a\nproject_id: x\n---\nname: a\nproject_id: y\n").unwrap().len(), 2);
    }
}
