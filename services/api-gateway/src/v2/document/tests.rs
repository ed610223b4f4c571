use std::{collections::BTreeSet, fs, path::Path};

use super::*;

fn made() -> Value {
    document()
}

/// Every value in the document with the keys that lead to it.
fn walk(value: &Value, place: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(place, value);
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| walk(value, &format!("{place}/{key}"), visit)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| walk(value, &format!("{place}/{at}"), visit));
        }
        _ => {}
    }
}

#[test]
fn the_document_is_the_one_that_was_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi-v2.json");
    let mut made = made();
    made.sort_all_objects();
    if std::env::var_os("BALLAST_WRITE_SNAPSHOTS").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    let checked_in: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    assert!(
        made == checked_in,
        "docs/openapi-v2.json is not what the code makes: run \
         `BALLAST_WRITE_SNAPSHOTS=1 cargo test -p ballast-api-gateway document`, and check in what changed if it is meant"
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
    let mut made = made();
    made.sort_all_objects();
    let mut used = BTreeSet::new();
    walk(&made, "", &mut |place, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{place}: {reference} is elsewhere"));
            assert!(made.pointer(pointer).is_some(), "{place}: there is no {reference}");
            used.insert(pointer.to_owned());
        }
    });
    for kind in ["schemas", "parameters", "responses"] {
        for name in made["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("/components/{kind}/{name}")), "nothing refers to {kind} {name}");
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_its_path_parameters() {
    let mut names = BTreeSet::new();
    for (path, item) in made()["paths"].as_object().unwrap() {
        let said = item["parameters"].as_array().map_or(0, Vec::len);
        assert_eq!(path.matches('{').count(), said, "{path}");
        for (method, operation) in item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{method} {path}: {name} is taken");
        }
    }
}

#[test]
fn every_route_is_in_it() {
    let mut made = made();
    made.sort_all_objects();
    for route in crate::v2_routes() {
        let operation = &made["paths"][route.path][route.method.to_lowercase()];
        assert_eq!(operation["operationId"], route.action, "{} {}", route.method, route.path);
    }
}
