//! What a partition holds now.

use ballast_abi::Health;
use ballast_device::{Child, Failure, Fields, Key, Listed, Objects, Reading, Session, Totals, fields};
use serde_json::Value;

use crate::{
    kind::{ChildFields, Kind},
    wire::Axapi,
};

/// The objects of one kind, with their children.
pub(crate) fn read(session: &Session<'_, Axapi>, kind: Kind) -> Result<Objects<Kind>, Failure> {
    let mut objects = Objects::new();
    for mut found in list(session, kind)? {
        let inside = kind.children().and_then(|(list, child)| Some((child, found.remove(list)?)));
        let named = if kind.file().is_some() { "file" } else { "name" };
        let Some(name) = found.get(named).and_then(Value::as_str).map(str::to_owned) else { continue };
        if let Some((child, Value::Array(all))) = inside {
            for one in all.into_iter().map(fields) {
                if let Some(key) = child_key(child, &one) {
                    objects.insert(Key::child(child, &name, key), one);
                }
            }
        }
        objects.insert(Key::top(kind, name), found);
    }
    Ok(objects)
}

/// Nothing at all, and "not found", are an empty list: the session was just used.
fn list(session: &Session<'_, Axapi>, kind: Kind) -> Result<Vec<Fields>, Failure> {
    let (collection, wrapper) = (kind.collection(), kind.wrapper());
    let path = if kind.file().is_some() { format!("{collection}/oper") } else { collection.to_owned() };
    let reply = match session.read(&path) {
        Err(failure) if failure.is_not_found() => return Ok(Vec::new()),
        reply => reply?,
    };
    let found = match kind.file() {
        // Files are no configuration.
        Some(_) => reply.get(wrapper).map(|files| &files["oper"]["file-list"]),
        None => reply.get(format!("{wrapper}-list")),
    };
    let found = found.and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(found.into_iter().map(fields).collect())
}

fn child_key(kind: Kind, object: &Fields) -> Option<Child> {
    let ChildFields { name, port } = kind.child_fields()?;
    let name = object.get(name)?.as_str()?;
    let Some(port) = port else { return Some(Child::named(name)) };
    let port = object.get(port)?.as_u64().and_then(|port| u32::try_from(port).ok())?;
    Some(Child::at(name, port))
}

/// From `slb/virtual-server/NAME/port/stats`.
pub(crate) fn reading(reply: &Value) -> Reading {
    let ports = reply["port-list"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = |name: &str| ports.iter().filter_map(|port| port["stats"][name].as_u64()).sum();
    Reading {
        totals: Totals {
            bytes_in: sum("total_fwd_bytes"),
            bytes_out: sum("total_rev_bytes"),
            connections: sum("total_conn"),
        },
        active: sum("curr_conn"),
    }
}

/// `groups`: from `slb/service-group/oper`.
pub(crate) fn health(groups: &Value, listed: &Listed) -> Option<Health> {
    let groups = groups["service-group-list"].as_array()?;
    let group = groups.iter().find(|group| group["name"] == *listed.group)?;
    let of_member = |member: &&Value| member["name"] == *listed.server && member["port"] == listed.port;
    let member = group["member-list"].as_array()?.iter().find(of_member)?;
    match member["oper"]["state"].as_str()? {
        "UP" | "DIS-UP" => Some(Health::Up),
        // In maintenance by its own answer: it gets nothing new.
        "DOWN" | "DIS-DOWN" | "MAINTENANCE" | "DIS-MAINTENANCE" => Some(Health::Down),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ballast_rehearsal::samples::listed;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ports_of_a_load_balancer_are_added() {
        let port = |connections: u64| json!({"stats": {"total_conn": connections, "curr_conn": 1}});
        let reading_of = reading(&json!({"port-list": [port(3), port(4)]}));
        assert_eq!((reading_of.totals.connections, reading_of.active), (7, 2));
        assert_eq!(reading(&Value::Null), Reading::default());
    }

    #[test]
    fn a_member_is_found_by_its_server_and_port() {
        let state = |state: &str| {
            json!({"service-group-list": [{"name": "g", "member-list": [
                {"name": "s", "port": 81, "oper": {"state": "UP"}}, {"name": "s", "port": 80, "oper": {"state": state}}
            ]}]})
        };
        assert_eq!(health(&state("DOWN"), &listed()), Some(Health::Down));
        assert_eq!(health(&state("DIS-UP"), &listed()), Some(Health::Up));
        assert_eq!(health(&state("DIS-DAMP"), &listed()), None);
    }
}
