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

#[test]
fn every_parameter_that_a_route_reads_is_said_of_an_operation_that_there_is() {
    let mut said = BTreeSet::new();
    let made = made();
    walk(&made, "", &mut |_, value| {
        if value["in"] == "query" {
            said.insert(value["name"].as_str().unwrap_or_default().to_owned());
        }
    });
    let routes = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/v2");
    let mut read = 0;
    for file in files(&routes) {
        let text = fs::read_to_string(&file).unwrap();
        for (begin, end) in [("query.last(\"", '"'), ("query.all(\"", '"'), ("query.only([\"", '"')] {
            for rest in text.split(begin).skip(1) {
                let name = rest.split(end).next().unwrap();
                read += 1;
                assert!(said.contains(name), "{}: {name} is in no operation", file.display());
            }
        }
    }
    assert!(read > 0);
    for (action, name, _) in API.own {
        assert!(
            crate::v2_routes().iter().any(|route| route.action == *action),
            "{name} is said of {action}, which there is not"
        );
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, plain): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let own = plain.into_iter().filter(|path| path.file_name().is_some_and(|name| name != "tests.rs"));
    own.chain(folders.iter().filter(|path| !path.ends_with("tests")).flat_map(|path| files(path))).collect()
}
