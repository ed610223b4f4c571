//! What has to be sent for a step. Pure.
//!
//! Whether something is in service cannot be set like other attributes but is an action; a member's weight is set through
//! its group.

use ballast_device::{Failure, Fields, Form, Here, Key, Kind as _, RESERVED, Request, Step, encoded, fields};
use serde_json::{Value, json};

use crate::{
    kind::{Kind, SETTING},
    wire::DEFAULT,
};

/// What is made, or changed, of one kind.
pub(crate) fn joins(batch: &[Step<Kind>], step: &Step<Kind>) -> bool {
    match (batch.first(), step) {
        (Some(Step::Make(first, _) | Step::Change(first, _)), _) if one_by_one(first.kind) => false,
        (Some(Step::Make(first, _)), Step::Make(key, _)) | (Some(Step::Change(first, _)), Step::Change(key, _)) => {
            first.kind == key.kind
        }
        _ => false,
    }
}

/// Files, and what is said in an action.
fn one_by_one(kind: Kind) -> bool {
    matches!(kind, Kind::File | Kind::CrlFile | Kind::CertKey | Kind::Link)
}

/// What goes to the same place is one list.
pub(crate) fn requests(batch: &[Step<Kind>], here: &Here<'_>) -> Result<Vec<Request>, Failure> {
    if let [step] = batch
        && matches!(step.key().kind, Kind::File | Kind::CrlFile)
    {
        return of_file(step, here).map(|request| vec![request]);
    }
    Ok(listed(batch))
}

/// Where the files of a partition are.
pub(crate) fn directory(kind: Kind, partition: &str) -> String {
    match (kind, partition) {
        (Kind::CrlFile, DEFAULT) => "/var/netscaler/ssl".to_owned(),
        (Kind::CrlFile, name) => format!("/var/partitions/{name}/netscaler/ssl"),
        (_, DEFAULT) => "/nsconfig/ssl".to_owned(),
        (_, name) => format!("/nsconfig/partitions/{name}/ssl"),
    }
}

/// A file has another name when it has another content, so it is never changed.
fn of_file(step: &Step<Kind>, here: &Here<'_>) -> Result<Request, Failure> {
    let Key { kind, name, .. } = step.key();
    let place = directory(*kind, here.partition);
    if let Step::Remove(..) = step {
        let path = format!("{}/{}?args=filelocation:{}", path(kind.resource()), segment(name), argument(&place));
        return Ok(Request::delete(path));
    }
    let body = json!({"filename": name, "filelocation": place, "fileencoding": "BASE64"});
    let file = here.files.upload(name, Form::Inside("filecontent"))?;
    Ok(Request::post(path(kind.resource()), json!({ kind.resource(): body })).with(file))
}

fn listed(batch: &[Step<Kind>]) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    for request in batch.iter().flat_map(of_step) {
        let same = |other: &&mut Request| (other.method, &other.path) == (request.method, &request.path);
        match (requests.iter_mut().find(same).and_then(|list| list.body.as_mut()), &request.body) {
            (Some(list), Some(body)) => append(list, body.clone()),
            _ => requests.push(request),
        }
    }
    requests
}

/// Puts the object of one body to those of another.
fn append(list: &mut Value, body: Value) {
    for (wrapper, object) in fields(body) {
        let mut all = match list[&wrapper].take() {
            Value::Array(all) => all,
            one => vec![one],
        };
        all.push(object);
        list[wrapper] = Value::from(all);
    }
}

fn of_step(step: &Step<Kind>) -> Vec<Request> {
    match step {
        Step::Make(key, object) => made(key, object.clone()),
        Step::Change(key, changes) => changed(key, changes.clone()),
        Step::Remove(key, _) if key.kind == Kind::Link => {
            vec![Request::post("config/sslcertkey?action=unlink", json!({"sslcertkey": {"certkey": key.name}}))]
        }
        Step::Remove(key, found) => vec![Request::delete(removed(key, found))],
    }
}

fn made(key: &Key<Kind>, mut object: Fields) -> Vec<Request> {
    object.remove("graceful");
    let settings = settings(key, &mut object);
    let action = if key.kind == Kind::Link { "?action=link" } else { "" };
    let path = format!("{}{action}", path(key.kind.resource()));
    let made = Request::post(path, wrapped(key.kind, &object));
    std::iter::once(made).chain(settings).collect()
}

/// What is said of TLS, apart from the rest.
fn settings(key: &Key<Kind>, object: &mut Fields) -> Option<Request> {
    let (resource, name) = key.kind.settings()?;
    let all: Vec<String> = object.keys().filter(|name| name.starts_with(SETTING)).cloned().collect();
    let taken = all.iter().filter_map(|name| Some((name[SETTING.len()..].to_owned(), object.remove(name)?)));
    let mut taken: Fields = taken.collect();
    if taken.is_empty() {
        return None;
    }
    taken.insert(name.to_owned(), json!(key.name));
    Some(Request::put(path(resource), json!({ resource: taken })))
}

fn changed(key: &Key<Kind>, mut changes: Fields) -> Vec<Request> {
    if key.kind == Kind::CertKey {
        changes.insert("certkey".to_owned(), json!(key.name));
        changes.insert("nodomaincheck".to_owned(), json!(true));
        return vec![Request::post("config/sslcertkey?action=update", wrapped(key.kind, &changes))];
    }
    let mut requests: Vec<Request> = settings(key, &mut changes).into_iter().collect();
    // A member is changed through its group.
    let kind = key.kind.top();
    let identity = identity(key);
    let state = changes.remove("state");
    let graceful = changes.remove("graceful");
    // A monitor is named by its type too.
    let sent = |name: &str| key.kind == Kind::Monitor || !key.kind.fixed().contains(&name);
    changes.retain(|name, _| sent(name) && !identity.contains_key(name));
    if !changes.is_empty() {
        let mut body = identity.clone();
        body.extend(changes);
        requests.push(Request::put(path(kind.resource()), wrapped(kind, &body)));
    }
    if let Some(state) = state {
        let mut body = identity;
        let action = if state == "ENABLED" { "enable" } else { "disable" };
        if let (Some(graceful), "disable") = (graceful, action) {
            body.insert("graceful".to_owned(), graceful);
        }
        let path = format!("{}?action={action}", path(kind.resource()));
        requests.push(Request::post(path, wrapped(kind, &body)));
    }
    requests
}

/// The fields by which a change names what it changes.
fn identity(key: &Key<Kind>) -> Fields {
    match member(key) {
        Some((server, port)) => fields(json!({key.kind.key(): key.name, "servername": server, "port": port})),
        None => fields(json!({key.kind.key(): key.name})),
    }
}

/// The server and port of a member.
fn member(key: &Key<Kind>) -> Option<(&str, u32)> {
    let child = key.child.as_ref().filter(|_| key.kind == Kind::Member)?;
    Some((&child.name, child.port?))
}

fn removed(key: &Key<Kind>, found: &Fields) -> String {
    let object = format!("{}/{}", path(key.kind.resource()), segment(&key.name));
    let child = argument(key.child.as_ref().map_or("", |child| child.name.as_str()));
    match key.kind {
        Kind::Monitor => {
            let of = found.get("type").and_then(Value::as_str).unwrap_or_default();
            format!("{object}?args=type:{}", argument(of))
        }
        Kind::Member => {
            let (server, port) = member(key).unwrap_or_default();
            format!("{object}?args=servername:{},port:{port}", argument(server))
        }
        Kind::Check => format!("{object}?args=monitor_name:{child}"),
        Kind::Backend => format!("{object}?args=servicegroupname:{child}"),
        Kind::Cipher | Kind::FrontCiphers | Kind::GroupCiphers => format!("{object}?args=ciphername:{child}"),
        Kind::FrontCertificate | Kind::GroupCertificate => format!("{object}?args=certkeyname:{child}"),
        Kind::FrontName => format!("{object}?args=certkeyname:{child},snicert:true"),
        Kind::FrontAuthority | Kind::GroupAuthority => {
            let check = found.get("crlcheck").and_then(Value::as_str);
            let check = check.map(|check| format!(",crlcheck:{check}")).unwrap_or_default();
            format!("{object}?args=certkeyname:{child},ca:true{check}")
        }
        Kind::Server
        | Kind::Group
        | Kind::VirtualServer
        | Kind::File
        | Kind::CrlFile
        | Kind::CertKey
        | Kind::Link
        | Kind::Crl
        | Kind::Ciphers => object,
    }
}

fn path(resource: &str) -> String {
    format!("config/{resource}")
}

fn wrapped(kind: Kind, object: &Fields) -> Value {
    json!({ kind.resource(): object })
}

/// Encoded twice, as the device wants what stands in a path.
pub(crate) fn segment(text: &str) -> String {
    argument(&argument(text))
}

/// Encoded once, as what stands in a query.
pub(crate) fn argument(text: &str) -> String {
    encoded(text, &RESERVED)
}

#[cfg(test)]
mod tests {
    use ballast_device::{Child, Files};

    use super::*;

    fn requests(batch: &[Step<Kind>]) -> Vec<Request> {
        super::requests(batch, &Here { partition: "t1", files: Files::none() }).unwrap()
    }

    fn change(key: &Key<Kind>, changes: Value) -> Vec<(String, Value)> {
        let requests = requests(&[Step::Change(key.clone(), fields(changes))]);
        requests.into_iter().map(|one| (format!("{one}"), one.body.unwrap())).collect()
    }

    #[test]
    fn states_are_actions_and_a_members_weight_is_set_through_its_group() {
        let member = Key::child(Kind::Member, "g", Child::at("web one", 80_u16));
        let sent = change(&member, json!({"weight": 5, "state": "DISABLED", "graceful": "YES"}));
        let named = json!({"servicegroupname": "g", "servername": "web one", "port": 80});
        let with = |name: &str, value: Value| {
            let mut body = named.clone();
            body[name] = value;
            json!({ "servicegroup": body })
        };
        assert_eq!(sent[0], ("PUT config/servicegroup".to_owned(), with("weight", json!(5))));
        let disable = "POST config/servicegroup?action=disable".to_owned();
        assert_eq!(sent[1], (disable, with("graceful", json!("YES"))));
        let sent = change(&member, json!({"state": "ENABLED", "graceful": "NO"}));
        let enable = "POST config/servicegroup?action=enable".to_owned();
        assert_eq!(sent, [(enable, json!({"servicegroup": named}))]);
    }

    #[test]
    fn many_at_one_place_are_one_list_of_each_request() {
        let member = |server: &str| Key::child(Kind::Member, "g", Child::at(server, 80_u16));
        let changes = json!({"weight": 5, "state": "ENABLED"});
        let batch = ["a", "b"].map(|server| Step::Change(member(server), fields(changes.clone())));
        assert!(joins(&batch[..1], &batch[1]));
        let named = |server: &str, more: Value| {
            let mut named = json!({"servicegroupname": "g", "servername": server, "port": 80});
            for (name, value) in fields(more) {
                named[name] = value;
            }
            named
        };
        let weights = json!({"servicegroup": [named("a", json!({"weight": 5})), named("b", json!({"weight": 5}))]});
        let enable = json!({"servicegroup": [named("a", json!({})), named("b", json!({}))]});
        let expected =
            [Request::put("config/servicegroup", weights), Request::post("config/servicegroup?action=enable", enable)];
        assert_eq!(requests(&batch), expected);
        let make = Step::Make(Key::top(Kind::Server, "a"), Fields::new());
        assert!(joins(std::slice::from_ref(&make), &make) && !joins(std::slice::from_ref(&make), &batch[0]));
    }

    #[test]
    fn what_nobody_can_change_is_not_sent_with_a_change() {
        let marker = Key::top(Kind::Group, "m");
        let sent = change(&marker, json!({"servicegroupname": "m", "servicetype": "TCP", "comment": "x"}));
        let body = json!({"servicegroup": {"servicegroupname": "m", "comment": "x"}});
        assert_eq!(sent, [("PUT config/servicegroup".to_owned(), body)]);
    }

    #[test]
    fn what_goes_is_named_with_all_that_the_device_asks_for() {
        let path = |key, found| requests(&[Step::Remove(key, fields(found))]).remove(0).path;
        let monitor = path(Key::top(Kind::Monitor, "m"), json!({"type": "HTTP"}));
        assert_eq!(monitor, "config/lbmonitor/m?args=type:HTTP");
        let member = path(Key::child(Kind::Member, "g", Child::at("web one", 80_u16)), json!({}));
        assert_eq!(member, "config/servicegroup_servicegroupmember_binding/g?args=servername:web%20one,port:80");
        let check = path(Key::child(Kind::Check, "g", Child::named("m")), json!({}));
        assert_eq!(check, "config/servicegroup_lbmonitor_binding/g?args=monitor_name:m");
        assert_eq!(path(Key::top(Kind::Server, "a b/c"), json!({})), "config/server/a%2520b%252Fc");
    }
}
