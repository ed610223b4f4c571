//! What has to be sent for the steps of a plan. Pure.
//!
//! Objects of one kind are made in one list, those of a parent in a list of the parent's, and the ports of servers with the
//! servers. There is no list of changes: what is sent to a collection is made.

use ballast_device::{Failure, Fields, Form, Here, Key, Request, Step};
use serde_json::{Value, json};

use crate::{kind::Kind, path};

/// What is made at the same place.
pub(crate) fn joins(batch: &[Step<Kind>], step: &Step<Kind>) -> bool {
    match (batch.first(), step) {
        (Some(Step::Make(first, _)), Step::Make(key, _)) => {
            let one_by_one = key.kind.file().is_some();
            !one_by_one && first.kind == key.kind && (key.child.is_none() || first.name == key.name)
        }
        _ => false,
    }
}

pub(crate) fn requests(batch: &[Step<Kind>], here: &Here<'_>) -> Result<Vec<Request>, Failure> {
    match batch {
        [Step::Make(key, _)] if key.kind.file().is_some() => Ok(vec![sent(key, here)?]),
        steps => Ok(of_objects(steps)),
    }
}

/// A file, as the vendor's clients send one.
fn sent(key: &Key<Kind>, here: &Here<'_>) -> Result<Request, Failure> {
    let mut object = json!({"file": key.name, "file-handle": key.name, "action": "import"});
    if matches!(key.kind, Kind::CertFile | Kind::CaFile) {
        object["certificate-type"] = json!("pem");
    }
    let file = here.files.upload(&key.name, Form::Beside)?;
    Ok(Request::post(key.kind.collection(), json!({ key.kind.wrapper(): object })).with(file))
}

fn of_objects(batch: &[Step<Kind>]) -> Vec<Request> {
    match batch {
        [Step::Make(key, fields)] => vec![made(key, json!({ key.kind.wrapper(): fields }))],
        [Step::Change(key, changes)] => {
            let body = json!({ key.kind.wrapper(): identified(key, changes.clone()) });
            vec![Request::post(path::of(key), body)]
        }
        [Step::Remove(key, _)] => match key.kind.file() {
            Some(name) => vec![Request::post("pki/delete", json!({"delete": {name: key.name}}))],
            None => vec![Request::delete(path::of(key))],
        },
        [Step::Make(key, _), ..] => {
            let list = format!("{}-list", key.kind.wrapper());
            vec![made(key, json!({ list: listed(key.kind, batch) }))]
        }
        _ => Vec::new(),
    }
}

fn made(key: &Key<Kind>, body: Value) -> Request {
    Request::post(path::collection(key), body)
}

/// All that are of this kind, with the children that are made with them.
fn listed(kind: Kind, batch: &[Step<Kind>]) -> Vec<Value> {
    let made = |step: &Step<Kind>| match step {
        Step::Make(key, fields) => Some((key.clone(), fields.clone())),
        Step::Change(..) | Step::Remove(..) => None,
    };
    let (tops, children): (Vec<_>, Vec<_>) = batch.iter().filter_map(made).partition(|(key, _)| key.kind == kind);
    let with_children = |(key, mut fields): (Key<Kind>, Fields)| {
        let inside = children.iter().filter(|(child, _)| key.has(child)).map(|(_, fields)| json!(fields));
        let inside: Vec<Value> = inside.collect();
        if let Some((list, _)) = kind.children().filter(|_| !inside.is_empty()) {
            fields.insert(list.to_owned(), Value::from(inside));
        }
        Value::Object(fields)
    };
    tops.into_iter().map(with_children).collect()
}

/// A change names what it changes, as the vendor's clients do.
fn identified(key: &Key<Kind>, mut changes: Fields) -> Fields {
    match (&key.child, key.kind.child_fields()) {
        (Some(child), Some(fields)) => {
            changes.insert(fields.name.to_owned(), json!(child.name));
            changes.extend(fields.port.map(|port| (port.to_owned(), json!(child.port))));
        }
        _ => drop(changes.insert("name".to_owned(), json!(key.name))),
    }
    changes
}

#[cfg(test)]
mod tests {
    use ballast_device::{Child, Files, fields};

    use super::*;

    fn requests(batch: &[Step<Kind>]) -> Vec<Request> {
        super::requests(batch, &Here { partition: "t1", files: Files::none() }).unwrap()
    }

    #[test]
    fn a_change_names_what_it_changes_whatever_is_in_the_name() {
        let changed = |key: Key<Kind>| identified(&key, fields(json!({"action": "enable"})));
        let port = Key::child(Kind::VirtualPort, "v", Child::at("tcp", 80_u16));
        assert_eq!(changed(port), fields(json!({"port-number": 80, "protocol": "tcp", "action": "enable"})));
        // A server of somebody else's may be called anything.
        for name in ["web+80", "80", "80+tcp", "+"] {
            let member = Key::child(Kind::Member, "g", Child::at(name, 81_u16));
            assert_eq!(changed(member), fields(json!({"name": name, "port": 81, "action": "enable"})));
            let server = Key::top(Kind::Server, name);
            assert_eq!(changed(server), fields(json!({"name": name, "action": "enable"})));
        }
    }

    #[test]
    fn what_is_made_at_one_place_is_one_list_with_the_ports_of_each_server_in_it() {
        let server = |name: &str| Step::Make(Key::top(Kind::Server, name), fields(json!({"name": name})));
        let port = |name: &str| {
            Step::Make(Key::child(Kind::ServerPort, name, Child::at("tcp", 80_u16)), fields(json!({"port-number": 80})))
        };
        let member = |group: &str, name: &str| {
            Step::Make(Key::child(Kind::Member, group, Child::at(name, 80_u16)), fields(json!({"name": name})))
        };
        assert!(joins(&[server("a")], &server("b")) && joins(&[member("g", "a")], &member("g", "b")));
        assert!(!joins(&[member("g", "a")], &member("h", "b")) && !joins(&[server("a")], &member("g", "a")));
        let removed = Step::Remove(Key::top(Kind::Server, "a"), Fields::new());
        assert!(!joins(std::slice::from_ref(&removed), &removed));
        let sent = requests(&[server("a"), server("b"), port("b")]);
        let body = json!({"server-list": [{"name": "a"}, {"name": "b", "port-list": [{"port-number": 80}]}]});
        assert_eq!(sent, [Request::post("slb/server", body)]);
        let sent = requests(&[member("g", "a"), member("g", "b")]);
        let body = json!({"member-list": [{"name": "a"}, {"name": "b"}]});
        assert_eq!(sent, [Request::post("slb/service-group/g/member", body)]);
    }
}
