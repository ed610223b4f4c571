//! What a partition holds now: its objects, and who they belong to.

use std::{collections::BTreeMap, net::IpAddr};

use serde_json::{Value, json};

use crate::{
    axapi::session::Session,
    failure::Failure,
    names,
    object::{Fields, Key, Kind, Objects, fields},
};

/// Reads a whole partition.
pub(crate) fn observe(session: &Session<'_>) -> Result<Objects, Failure> {
    let mut objects = Objects::new();
    for (kind, children) in Kind::TOP {
        for mut found in list(session, kind)? {
            let inside = children.and_then(|(list, child)| Some((child, found.remove(list)?)));
            let Some(name) = found.get("name").and_then(Value::as_str).map(str::to_owned) else { continue };
            if let Some((child, Value::Array(all))) = inside {
                for one in all.into_iter().map(fields) {
                    if let Some(key) = child_key(child, &one) {
                        objects.insert(Key::child(child, &name, key), one);
                    }
                }
            }
            objects.insert(Key::top(kind, name), found);
        }
    }
    Ok(objects)
}

/// The objects of one kind. Nothing at all, and "not found", are an empty list: the session was just used.
fn list(session: &Session<'_>, kind: Kind) -> Result<Vec<Fields>, Failure> {
    let reply = match session.read(kind.collection()) {
        Err(failure) if failure.is_not_found() => return Ok(Vec::new()),
        reply => reply?,
    };
    let found = reply.get(format!("{}-list", kind.wrapper())).and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(found.into_iter().map(fields).collect())
}

fn child_key(kind: Kind, object: &Fields) -> Option<String> {
    let part = |name: &&str| match object.get(*name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let parts: Option<Vec<String>> = kind.keys().iter().map(part).collect();
    parts.map(|parts| parts.join("+"))
}

/// The names of the servers by their address: an address can be of one server only, whoever made it.
pub(crate) fn servers(objects: &Objects) -> BTreeMap<IpAddr, String> {
    let servers = objects.iter().filter(|(key, _)| key.kind == Kind::Server);
    let address = |object: &Fields| {
        ["host", "server-ipv6-addr"].iter().find_map(|name| object.get(*name)?.as_str()?.parse::<IpAddr>().ok())
    };
    servers.filter_map(|(key, object)| Some((address(object)?, key.name.clone()))).collect()
}

/// What a marker says: the load balancer's id, and the generation of its last deploy; 0: none was completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) id: String,
    pub(crate) generation: u64,
}

const PATH: &str = "/ballast/";

impl Marker {
    /// A health monitor that nothing is checked with: the only object of this device that exists by itself and has room
    /// for a text. Its path is `/ballast/<id>/<generation>`.
    pub(crate) fn object(&self, owner: &str) -> (Key, Fields) {
        let name = names::marker(owner);
        let path = format!("{PATH}{}/{}", self.id, self.generation);
        let http = json!({"http": 1, "http-url": 1, "url-type": "GET", "url-path": path});
        (Key::top(Kind::Monitor, &name), fields(json!({"name": name, "method": {"http": http}})))
    }

    fn read(object: &Fields) -> Option<Self> {
        let path = object.get("method")?["http"]["url-path"].as_str()?;
        let (id, generation) = path.strip_prefix(PATH)?.split_once('/')?;
        Some(Self { id: id.to_owned(), generation: generation.parse().ok()? })
    }

    /// All markers of a partition.
    pub(crate) fn all(objects: &Objects) -> Vec<Self> {
        let markers = objects.iter().filter(|(key, _)| key.kind == Kind::Monitor && names::is_marker(&key.name));
        let own = |marker: &Self, key: &Key| key.name == names::marker(&names::owner(&marker.id));
        markers.filter_map(|(key, object)| Self::read(object).filter(|marker| own(marker, key))).collect()
    }

    /// The one of this owner.
    pub(crate) fn of(owner: &str, objects: &Objects) -> Option<Self> {
        Self::read(objects.get(&Key::top(Kind::Monitor, names::marker(owner)))?)
    }
}

/// The markers alone, with one request.
pub(crate) fn markers(session: &Session<'_>) -> Result<Vec<Marker>, Failure> {
    let named = |object: Fields| {
        let name = object.get("name")?.as_str()?.to_owned();
        Some((Key::top(Kind::Monitor, name), object))
    };
    Ok(Marker::all(&list(session, Kind::Monitor)?.into_iter().filter_map(named).collect()))
}
